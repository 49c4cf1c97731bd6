"""The DKIM signatures of a message, as the operator's configuration takes them.

The verdicts are the examination's, by the rules of `verifying`; here stands whose signatures
count, how a verdict is reported, and which class of results an action may follow from; and of
mail that is signed again on its way (RFC 6377 §5.7, §5.8), when it is not, and which signatures
ours take the place of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from avowal.dkim.reasons import Caution, Reason, Result
from avowal.dkim.results import reported_results
from avowal.dkim.signature import FIELD_NAME
from avowal.dkim.signer import refuse_malformed
from avowal.dkim.verification import Verification
from avowal.errors import IntentError
from avowal.flow.actions import Deletion
from avowal.flow.classes import CLASS_OF, ResultClass, heaviest
from avowal.flow.context import Conclusion, Context
from avowal.flow.plan import Plan
from avowal.flow.record import Checked
from avowal.flow.treatment import Treatment
from avowal.lists.resign import superseded
from avowal.names import DomainName


class SiteVerdict(NamedTuple):
    """One signature: the verdict, the result we report, and whether a pass counts here.

    `why` says what the site's configuration changed; `class_` is what an action may follow
    from, None for a pass and for keys in test mode (RFC 6376 §3.6.1 t=y).
    """

    verification: Verification
    result: Result
    counts: bool
    class_: ResultClass | None
    why: str | None = None


def judged(context: Context, verdicts: Sequence[Verification]) -> tuple[SiteVerdict, ...]:
    """Apply the site's configuration to every verdict."""
    return tuple([_judge(context, verification) for verification in verdicts])


def conclusion(context: Context, judgements: Sequence[SiteVerdict]) -> Conclusion:
    """Return the results of the signatures, and what may be acted upon."""
    class_, why = _class_of(context, judgements)
    options = context.plan.configuration.results
    results = reported_results(
        [(one.verification, one.result, one.why) for one in judgements],
        signature_prefix=options.signature_prefix,
        warnings=options.warnings,
    )
    return Conclusion(results=results, class_=class_, why=why)


def spent(context: Context, judgements: Sequence[SiteVerdict]) -> Iterator[Deletion]:
    """Yield the signatures that go once one of them passed (`verifying.remove_signatures`)."""
    if any(one.counts for one in judgements) and not context.treatment.sign:
        places = context.header.positions.get(FIELD_NAME, ())
        for number, place in enumerate(places, 1):
            yield Deletion(context.header.names[place], number)


def withheld(plan: Plan, treatment: Treatment, judgements: Sequence[SiteVerdict]) -> str | None:
    """Why a message that was to be signed again is not: it did not verify."""
    incoming = treatment.resign and not treatment.outgoing
    if not incoming or plan.configuration.signing.resign_unverified:
        return None
    return None if any(one.counts for one in judgements) else "no signature of it passes"


def replaced(context: Context, judgements: Sequence[SiteVerdict]) -> frozenset[int]:
    """Return the places of the signatures that ours takes the place of."""
    plan, treatment = context.plan, context.treatment
    if not treatment.resign or withheld(plan, treatment, judgements) is not None:
        return frozenset()
    (match,) = treatment.matches
    own = [
        (key.domain or match.author.domain, DomainName.parse(key.entry.selector.encode()))
        for key in match.keys
    ]
    verdicts = [one.verification for one in judgements]
    return superseded(context.header, match.rule.removal, own, verdicts)


def checked(judgement: SiteVerdict) -> Checked:
    """Return what the log says of a signature."""
    one = judgement.verification
    evidence = one.evidence
    return Checked(
        domain=one.domain,
        selector=one.selector,
        algorithm=one.algorithm,
        result=str(judgement.result),
        reason=None if one.reason is None else str(one.reason),
        detail=judgement.why or one.detail,
        key_bits=None if evidence is None else evidence.key_bits,
    )


def _judge(context: Context, verification: Verification) -> SiteVerdict:
    reason = verification.reason
    if reason is not None:
        testing = Caution.TESTING in verification.warnings
        class_ = None if testing else CLASS_OF[reason]
        return SiteVerdict(verification, _reported(context, verification), False, class_)
    if not _trusted(context, verification):
        return SiteVerdict(verification, Result.PASS, False, ResultClass.NO_SIGNATURE)
    return SiteVerdict(verification, Result.PASS, True, None)


def _reported(context: Context, verification: Verification) -> Result:
    """Return the word of a failure, as the site wants it told."""
    configuration, result = context.plan.configuration, verification.result
    unprotected = configuration.verifying.unprotected_key
    if verification.reason is Reason.KEY_UNPROTECTED and unprotected == "neutral":
        return Result.NEUTRAL
    if result is Result.NEUTRAL:
        return Result(configuration.results.syntax_result)
    return result


def _trusted(context: Context, verification: Verification) -> bool:
    """Whether a passing signature is the author's, or of a signer that is trusted for others."""
    table = context.plan.addresses.trusted_signers
    signature = verification.signature
    if table.empty or signature is None:
        return True
    return _by_author(context, signature.domain) or bool(table.find(b"", signature.domain))


def _by_author(context: Context, signer: DomainName) -> bool:
    authors = context.treatment.authorship.authors
    return any(author.domain.is_within(signer) for author in authors)


def _class_of(
    context: Context, judgements: Sequence[SiteVerdict]
) -> tuple[ResultClass | None, str]:
    """Return what may be acted upon, and what to say of it beyond the class."""
    malformed = _malformed(context)
    if malformed is not None:
        return ResultClass.MALFORMED, malformed
    counting = [one for one in judgements if one.counts]
    required = _unsigned_author(context, counting)
    if required is not None:
        pending = any(one.class_ is ResultClass.DNS_ERROR for one in judgements)
        class_ = ResultClass.DNS_ERROR if pending else ResultClass.UNSIGNED_AUTHOR
        return class_, required
    if counting:
        return None, ""
    if not judgements:
        return ResultClass.NO_SIGNATURE, ""  # the class says it all
    worst = heaviest({one.class_ for one in judgements if one.class_ is not None})
    if worst is None:
        return None, ""
    first = next(one for one in judgements if one.class_ is worst)
    domain, explanation = first.verification.domain, first.verification.explanation
    return worst, first.why or (explanation if domain is None else f"d={domain}: {explanation}")


def _malformed(context: Context) -> str | None:
    """Look at the form of the header only where something follows from it."""
    if context.plan.actions[ResultClass.MALFORMED] == "accept":
        return None
    try:
        refuse_malformed(context.header)
    except IntentError as error:
        return str(error)
    return None


def _unsigned_author(context: Context, counting: Sequence[SiteVerdict]) -> str | None:
    """Name an author domain that must sign, and has not."""
    table, authors = context.plan.addresses.must_be_signed, context.treatment.authorship.authors
    if not authors and "*" in context.plan.configuration.verifying.must_be_signed:
        return "it names no author whose domain could have signed it"
    for author in () if table.empty else authors:
        if not table.find(*author):
            continue
        signers = [one.verification.signature for one in counting]
        if not any(s is not None and author.domain.is_within(s.domain) for s in signers):
            return f"mail from {author.domain} must be signed by it"
    return None
