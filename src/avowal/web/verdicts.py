"""The verdict, the policies and the chain of a message as the report tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from avowal.arc.reasons import ChainStatus
from avowal.arc.verdict import ChainVerification
from avowal.dkim.reasons import Reason
from avowal.dkim.verification import Verification
from avowal.examine.judgement import Authenticity, Judgement
from avowal.policy.assessment import Assessment, GenerationVerdict, PolicyGeneration
from avowal.policy.practices import Standing
from avowal.policy.protection import sentence
from avowal.reputation.display import Display, advice
from avowal.text import lasting, printable
from avowal.web.limits import SEEN_LINE, SEEN_NOTES
from avowal.web.report import ArcInstance, Chain, Generation, State, Verdict
from avowal.web.usual import USUAL_FIELDS

_ANSWERS: Mapping[Authenticity, State] = MappingProxyType(
    {
        Authenticity.AUTHENTIC: "good",
        Authenticity.CANNOT_TELL: "open",
        Authenticity.NOT_AUTHENTIC: "bad",
    }
)
_STANDINGS: Mapping[Standing, State] = MappingProxyType(
    {
        Standing.ACCEPT: "good",
        Standing.NEUTRAL: "plain",
        Standing.SUSPICIOUS: "bad",
        Standing.PERMERROR: "bad",
        Standing.TEMPERROR: "open",
    }
)
# What calls itself so in the trace of each generation.
_MECHANISMS: Mapping[PolicyGeneration, str] = MappingProxyType(
    {
        PolicyGeneration.DOMAINKEYS: "domainkeys",
        PolicyGeneration.SSP_2005: "ssp",
        PolicyGeneration.SSP_2007: "ssp2007",
        PolicyGeneration.ADSP: "adsp",
        PolicyGeneration.DMARC_2015: "dmarc-7489",
        PolicyGeneration.DMARC_2026: "dmarc",
    }
)
_TITLES: Mapping[PolicyGeneration, str] = MappingProxyType(
    {
        PolicyGeneration.DOMAINKEYS: "DomainKeys",
        PolicyGeneration.SSP_2005: "SSP of 2005",
        PolicyGeneration.SSP_2007: "SSP of 2007",
        PolicyGeneration.ADSP: "ADSP",
        PolicyGeneration.DMARC_2015: "DMARC of 2015",
        PolicyGeneration.DMARC_2026: "DMARC of 2026",
    }
)
_SAID = "that the connection was as you said it was: a message holds no proof of it"
_CONNECTION = "SPF was not checked: it is about the connection, which is over"
_OF_ALL = (
    "that the text is honest, or that whoever is quoted in it said so",
    _CONNECTION,
)
_NOT_SAID: Mapping[Authenticity, tuple[str, ...]] = MappingProxyType(
    {
        Authenticity.AUTHENTIC: (
            "which person wrote it: the domain vouches, and anybody it lets write may have",
            "that it was meant for you, or is new: a true message can be sent again to anybody",
            *_OF_ALL,
        ),
        Authenticity.CANNOT_TELL: (
            "that it is forged: lists and forwarders break signatures of honest mail",
            "that it is honest: act on it as if nobody had signed it",
            _CONNECTION,
        ),
        Authenticity.NOT_AUTHENTIC: (
            "who wrote it, or that the domain it shows had any part in it",
            "that the author did not write it: a list may have broken what a strict domain signed",
            _CONNECTION,
        ),
    }
)


def verdict(judged: Judgement, shown: Display, *, spf: bool = False) -> Verdict:
    """Return the verdict for whoever reads the message; `spf` tells that it was checked."""
    hints = [hint.sentence for hint in judged.hints]
    cautions = [caution.sentence for caution in judged.warnings]
    problems = tuple(f"From: {problem.sentence}" for problem in judged.problems)
    names = [note for note in shown.notes if note not in problems]
    return Verdict(
        state=_ANSWERS[judged.answer],
        answer=judged.answer.value,
        sentence=judged.ground.sentence,
        domain=printable(judged.domain or ""),
        author=printable(", ".join(judged.authors[:10])),
        shown_as=printable(judged.display_name),
        row=judged.row,
        show=advice(shown, judged).sentence,
        covered=tuple(name for name in judged.covered if name.encode() in USUAL_FIELDS),
        age="" if judged.age is None else lasting(judged.age),
        not_said=tuple(
            _SAID if spf and one is _CONNECTION else one for one in _NOT_SAID[judged.answer]
        ),
        notes=(*hints, *cautions),
        problems=problems,
        misleading=tuple(_misleading(names)),
    )


def _misleading(notes: Sequence[str]) -> Iterator[str]:
    """Yield what is odd about the names in From, so many."""
    for note in notes[:SEEN_NOTES]:
        yield printable(note, most=SEEN_LINE)
    if len(notes) > SEEN_NOTES:
        yield f"and {len(notes) - SEEN_NOTES} more like these"


def generations(assessment: Assessment | None) -> tuple[Generation, ...]:
    """Return what each generation says, the one in force first."""
    if assessment is None:
        return ()
    return tuple(_generation(one, assessment) for one in reversed(assessment.verdicts))


def _generation(one: GenerationVerdict, assessment: Assessment) -> Generation:
    mechanism = _MECHANISMS[one.generation]
    steps = [step for step in assessment.trace if step.mechanism == mechanism]
    return Generation(
        name=one.generation.value,
        title=_TITLES[one.generation],
        word=one.word,
        state=_STANDINGS[one.standing],
        asks=one.asks.value,
        why=printable(one.why, most=SEEN_LINE),
        clause=one.clause,
        trace=tuple(
            printable(f"{step.action} {step.subject}: {step.detail}".rstrip(": "), most=SEEN_LINE)
            for step in steps
        ),
    )


def protection(assessment: Assessment | None) -> str:
    """Say for which of the answers that policies were read from DNSSEC vouched; "" for none."""
    return "" if assessment is None else sentence(assessment)


def chain(found: ChainVerification | None) -> Chain | None:
    """Return the ARC chain, None where there is none."""
    if found is None or found.status is ChainStatus.NONE:
        return None
    reason = found.reason
    return Chain(
        state="good" if found.passed else "bad",
        sentence="the chain validates" if reason is None else reason.sentence,
        detail=printable(found.detail or ""),
        clause="RFC 8617 §5.2" if reason is None else reason.source,
        instances=tuple(_instances(found)),
    )


def _instances(found: ChainVerification) -> Iterator[ArcInstance]:
    signatures = {one.place: one for one in found.message_signatures}
    seals = {one.seal.instance: one for one in found.seals}
    for arc_set in found.chain.sets:
        number = arc_set.instance
        seal, signature = seals.get(number), signatures.get(arc_set.signature.place)
        results = arc_set.results.field.value
        older = number < found.chain.highest
        yield ArcInstance(
            instance=number,
            domain=printable(arc_set.seal.domain.ascii),
            seal="open" if seal is None else "good" if seal.reason is None else "bad",
            seal_sentence=_sentence(None if seal is None else seal.reason, "the seal verifies"),
            signature=_signature_state(signature, older=older),
            signature_sentence=_sentence(
                None if signature is None else signature.reason, "covers the message as it is"
            ),
            status=arc_set.seal.status.value,
            results=printable(b" ".join(results.split()), most=SEEN_LINE),
        )


def _signature_state(signature: Verification | None, *, older: bool) -> State:
    if signature is None:
        return "open"
    if signature.passed:
        return "good"
    return "plain" if older else "bad"  # an older one breaks with every lawful change


def _sentence(reason: Reason | None, otherwise: str) -> str:
    return otherwise if reason is None else reason.sentence
