"""One message examined for a person: everything that avowal knows about it, as a report.

Runs in a thread of its own: it asks DNS and searches for what changed, within limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Final, NamedTuple

from msgspec import structs

from avowal.calls.arguments import read_header
from avowal.calls.examine import examine
from avowal.calls.receipt import RECEIVED, received_at
from avowal.calls.verdict import accepted
from avowal.diagnose.causes import advice
from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.registry import REGISTRY
from avowal.diagnose.remarks import remarks
from avowal.dkim.rules import PROFILES
from avowal.dkim.verification import Verification
from avowal.errors import UsageError
from avowal.examine.findings import Findings, Receiver, Want
from avowal.examine.judgement_rows import judge
from avowal.lookup import Resolver
from avowal.message import Message
from avowal.policy.assessment import Choice, Handling, PolicyGeneration
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.spf import SpfRequest
from avowal.reputation.display import display
from avowal.text import printable
from avowal.web import hops, ladder, verdicts
from avowal.web.envelope import SaidEnvelope, envelope_of, request_of
from avowal.web.heading import field_line
from avowal.web.limits import SEEN_LINE, SEEN_SIGNATURES
from avowal.web.paste import Arrived, losses
from avowal.web.report import Fact, Hop, Ladder, Report, Said, State
from avowal.web.undo import undo

WANT: Final = Want.DKIM | Want.DOMAINKEYS | Want.ARC | Want.POLICIES


@lru_cache(maxsize=1)
def receiver() -> Receiver:
    """Return who asks for every generation of policies; DMARC of 2015 needs a suffix list."""
    generations = list(PolicyGeneration)
    try:
        public_suffix_list()
    except UsageError:
        generations.remove(PolicyGeneration.DMARC_2015)
    choice = Choice(
        generations=tuple(generations),
        deciding=(PolicyGeneration.DMARC_2026,),
        handling=Handling.FULL,
    )
    return Receiver(choice=choice, historic=PROFILES["archive"])


class Given(NamedTuple):
    """A message as it was given: its octets, what to call it, and whether it was pasted.

    `at` is when it is judged, in Unix seconds, RECEIVED for when its topmost Received field
    says it came, None for now.  `envelope` is what is said of the connection it came over.
    """

    octets: bytes
    name: str = ""
    pasted: bool = False
    at: int | None = None
    envelope: SaidEnvelope = SaidEnvelope()


class _Known(NamedTuple):
    message: Message
    request: SpfRequest | None
    findings: Findings
    explanations: tuple[Explanation, ...]


def analysed(
    given: Given, resolver: Resolver, *, now: int, search: float, version: str = ""
) -> Report:
    """Return the report of a message.

    `now` counts where the message does not say at what time it is to be judged,
    `search` are the seconds that are spent on finding out what changed, `version` is avowal's.
    Raises UsageError for what is no message, and for a connection that is none.
    """
    started = time.perf_counter()
    header, body = read_header(given.octets)
    if not any(header.names):
        raise UsageError("this is no message: its first lines are no header fields")
    if given.at is not None:
        now = received_at(header, otherwise=now) if given.at == RECEIVED else given.at
    message = Message(header, b"".join(map(bytes, body)))
    request = request_of(given.envelope, header, now=now)
    findings = examine(
        header, (message.body,), receiver(), WANT, resolver, now=now, envelope=request
    )
    explainer = Explainer(deadline=_deadline(search))
    explanations = explainer.explain(message, findings.dkim[:SEEN_SIGNATURES])
    known = _Known(message, request, findings, explanations)
    report = _report(given, known, now=now, version=version)
    return structs.replace(report, seconds=round(time.perf_counter() - started, 3))


def _deadline(seconds: float) -> Callable[[], Callable[[], bool]]:
    def begin() -> Callable[[], bool]:
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    return begin


def _report(given: Given, known: _Known, *, now: int, version: str) -> Report:
    message, findings = known.message, known.findings
    header = message.header
    line = partial(field_line, header, octets=4 * SEEN_LINE, most=SEEN_LINE)
    judged = judge(header, findings, accepted((), False, (), None, ()), now=now)
    ladders = tuple(_ladders(known))
    way, left = hops.path(header, tuple(_signed(known, ladders)))
    told = dict.fromkeys(item for one in known.explanations for item in advice(one))
    shown = len(findings.dkim) + len(findings.domainkeys)
    return Report(
        avowal=version,
        name=printable(given.name, most=200),
        subject=line(b"subject"),
        date=line(b"date"),
        author_line=line(b"from"),
        octets=len(given.octets),
        fields=len(header),
        examined=hops.moment(now),
        losses=losses(Arrived(given.octets, header, message.body, given.pasted)),
        beyond="" if header.beyond is None else "the header goes beyond a limit",
        verdict=structs.replace(
            verdicts.verdict(judged, display(header, findings.dkim), spf=findings.spf is not None),
            story=_story(ladders),
        ),
        hops=_changed(way, ladders, _sealed_at(known)),
        hops_left=left,
        ladders=ladders,
        ladders_left=shown - len(ladders),
        envelope=envelope_of(known.request, findings.spf),
        chain=verdicts.chain(findings.arc),
        generations=verdicts.generations(findings.policies),
        dnssec=verdicts.protection(findings.policies),
        advice=tuple(Said(who=item.party.value, text=item.text) for item in told),
        questions=len(findings.answers),
    )


# -- signatures --------------------------------------------------------------------------


def _ladders(known: _Known) -> Iterator[Ladder]:
    for one in known.explanations:
        yield _ladder(known, one.verification, one)
    left = SEEN_SIGNATURES - len(known.explanations)
    for verdict in known.findings.domainkeys[:left]:
        yield _ladder(known, verdict, None)


def _ladder(known: _Known, verdict: Verification, one: Explanation | None) -> Ladder:
    read, reason = verdict.signature is not None, verdict.reason
    explained = one is not None and one.explained and not one.passed
    return Ladder(
        kind="DKIM-Signature" if one is not None else "DomainKey-Signature",
        domain=printable(verdict.domain or "") if read else "",
        selector=printable(verdict.selector or "") if read else "",
        state=ladder.state_of(verdict),
        result=verdict.result.value,
        sentence="the signature verifies" if reason is None else reason.sentence,
        detail=printable(verdict.detail or "", most=SEEN_LINE),
        clause="RFC 6376 §6.1.3" if reason is None else reason.source,
        explained=explained,
        known=() if one is None else tuple(_known(one)),
        steps=() if one is None else tuple(_steps(one)),
        notes=() if one is None else tuple(remarks(one)),
        rungs=() if one is None else ladder.rungs(known.message, verdict, known.findings.answers),
        undo=None if one is None else undo(one, known.message),
        hop=hops.hop_of(known.message.header, verdict.place),
        warnings=tuple(caution.sentence for caution in verdict.warnings),
    )


def _known(one: Explanation) -> Iterator[Said]:
    if one.passed:
        return
    source = f" (key: {one.key_source})" if one.key_source not in {None, "DNS"} else ""
    yield Said(who="key", text=f"{one.key.sentence}{source}")
    yield Said(who="header", text=one.header.sentence)
    yield Said(who="body", text=one.body.sentence)


def _steps(one: Explanation) -> Iterator[Said]:
    for name in (*one.header_steps, *one.body_steps):
        step = REGISTRY[name]
        yield Said(who=step.by, text=step.sentence)


def _story(ladders: Sequence[Ladder]) -> str:
    """Say in a sentence what became of the first signature that was broken, if it is proven."""
    for one in ladders:
        if not one.explained or not one.steps:
            continue
        what = "; ".join(dict.fromkeys(said.text for said in one.steps))
        return f"the signature of {one.domain} was good before this happened on the way: {what}."
    return ""


# -- the path ----------------------------------------------------------------------------


def _signed(known: _Known, ladders: Sequence[Ladder]) -> Iterator[hops.Signed]:
    verdicts_shown = (*known.findings.dkim[:SEEN_SIGNATURES], *known.findings.domainkeys)
    for verdict, told in zip(verdicts_shown, ladders, strict=False):
        name = told.domain or "a domain that cannot be read"
        yield hops.Signed(verdict.place, Fact(name=name, value=_now(told.state)))
    arc = known.findings.arc
    for arc_set in () if arc is None else arc.chain.sets:
        fact = Fact(name=printable(arc_set.seal.domain.ascii), value=f"i={arc_set.instance}")
        yield hops.Signed(arc_set.seal.place, fact, seal=True)


def _now(state: State) -> str:
    return {"good": "still verifies", "bad": "verifies no more"}.get(state, "not counted")


def _changed(
    way: tuple[Hop, ...], ladders: Sequence[Ladder], sealed: int | None
) -> tuple[Hop, ...]:
    """Mark where a proven change came in: behind a signature that broke, before one that holds.

    `sealed` is the host whose ARC-Message-Signature covers the message as it is now.
    """
    broken = [one.hop for one in ladders if one.explained and one.steps]
    if not broken:
        return way
    first = max(broken)
    holding = [one.hop for one in ladders if one.state == "good" and one.hop > first]
    if sealed is not None and sealed > first:
        holding.append(sealed)
    last = min(holding, default=len(way) - 1)
    suspects = [hop.number for hop in way if first < hop.number <= last]
    lists = [number for number in suspects if way[number].list_host]
    if len(suspects) == 1:
        said = dict.fromkeys(suspects, "the changes were made here")
    elif lists:
        said = dict.fromkeys(lists, "the changes were made here, most likely: it is a list")
    else:
        said = dict.fromkeys(suspects, "the changes were made here, or at another host so marked")
    return tuple(structs.replace(hop, changed=said.get(hop.number, "")) for hop in way)


def _sealed_at(known: _Known) -> int | None:
    arc = known.findings.arc
    if arc is None or not arc.message_signatures or not arc.message_signatures[0].passed:
        return None
    return hops.hop_of(known.message.header, arc.message_signatures[0].place)
