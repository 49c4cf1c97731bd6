"""The DKIM signatures of a message, verified and judged by what the operator configured.

The verdict on each signature is `dkim.verifier`'s; here stands what a site wants beyond:
whose signatures count, how much of a body must be covered, keys without DNSSEC, and which
class of results an action may follow from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from avowal.canonical import Octets
from avowal.dkim.legacy import ArchiveVerifier
from avowal.dkim.reasons import Caution, Result
from avowal.dkim.results import told
from avowal.dkim.signature import Signature
from avowal.dkim.signer import refuse_malformed
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.errors import IntentError
from avowal.flow.classes import CLASS_OF, ResultClass, heaviest
from avowal.flow.mechanism import Context, Finding, Findings, Work
from avowal.lookup import Steps
from avowal.names import DomainName


class Judgement(NamedTuple):
    """One signature: the verdict, the result we report, and whether a pass counts here.

    `why` says what the site's configuration changed; `class_` is what an action may follow
    from, None for a pass and for keys in test mode (RFC 6376 §3.6.1 t=y).
    """

    verification: Verification
    result: Result
    counts: bool
    class_: ResultClass | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class DkimVerifying:
    """The mechanism `dkim`; the value of its finding is a tuple of `Judgement`."""

    name: str = "dkim"

    def begin(self, context: Context, /) -> Work | None:
        """Start verifying where the message is to be verified."""
        return DkimWork(context) if context.treatment.verify else None


class DkimWork:
    """The signatures of one message on their way to be judged."""

    __slots__ = ("_context", "_verifier", "wants_body")

    def __init__(self, context: Context) -> None:
        plan = context.plan
        rules, limits = plan.verification_rules, plan.limits
        self._context = context
        self._verifier: Verifier | ArchiveVerifier
        if rules.read_domainkeys:
            self._verifier = ArchiveVerifier(
                context.header, now=context.now, rules=rules, limits=limits
            )
            self.wants_body = self._verifier.wants_body
        else:
            self._verifier = Verifier(
                context.header, now=context.now, rules=rules, limits=limits, hasher=context.hasher
            )
            self.wants_body = False

    @property
    def signatures(self) -> tuple[Signature, ...] | None:
        """Those that may come to pass; None where older forms may as well."""
        return self._verifier.signatures if isinstance(self._verifier, Verifier) else None

    def questions(self) -> Steps[Any]:
        return self._verifier.keys()

    def feed(self, chunk: Octets, /) -> bool:
        return self._verifier.feed(chunk)

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        if answers is None:
            answers = {} if isinstance(self._verifier, Verifier) else ({}, {})
        judgements = tuple(judge(self._context, one) for one in self._verifier.finish(answers))
        class_, why = _class_of(self._context, judgements)
        options = self._context.plan.configuration.results
        results = told(
            [(one.verification, one.result, one.why) for one in judgements],
            signature_prefix=options.signature_prefix,
            warnings=options.warnings,
        )
        return Finding(value=judgements, results=results, class_=class_, why=why)


def judge(context: Context, verification: Verification) -> Judgement:
    """Apply the site's configuration to one verdict."""
    reason = verification.reason
    if reason is not None:
        testing = Caution.TESTING in verification.warnings
        class_ = None if testing else CLASS_OF[reason]
        result = verification.result
        if result is Result.NEUTRAL:
            result = Result(context.plan.configuration.results.syntax_result)
        return Judgement(verification, result, False, class_)
    unprotected = context.plan.configuration.verifying.unprotected_key
    evidence = verification.evidence
    if unprotected != "accept" and not (evidence is not None and evidence.secure):
        result = Result.NEUTRAL if unprotected == "neutral" else Result.POLICY
        why = "the key is not protected by DNSSEC"
        return Judgement(verification, result, False, ResultClass.POLICY, why)
    short = _too_little_signed(context, verification)
    if short is not None:
        return Judgement(verification, Result.POLICY, False, ResultClass.POLICY, short)
    if not _trusted(context, verification):
        return Judgement(verification, Result.PASS, False, ResultClass.NO_SIGNATURE)
    return Judgement(verification, Result.PASS, True, None)


def _too_little_signed(context: Context, verification: Verification) -> str | None:
    """Compare l= with what must be covered of the canonical body."""
    wanted = context.plan.configuration.verifying
    signature, evidence = verification.signature, verification.evidence
    if signature is None or signature.body_length is None or evidence is None:
        return None
    signed, whole = signature.body_length, evidence.body_octets or 0
    if wanted.min_signed_octets is not None and signed < min(wanted.min_signed_octets, whole):
        return f"only {signed} octets of the body are signed"
    if wanted.min_signed_percent is not None and signed * 100 < wanted.min_signed_percent * whole:
        return f"only {signed * 100 // whole} % of the body are signed"
    if wanted.max_unsigned_octets is not None and whole - signed > wanted.max_unsigned_octets:
        return f"{whole - signed} octets of the body are not signed"
    return None


def _trusted(context: Context, verification: Verification) -> bool:
    """Whether a passing signature is the author's, or of a signer that is trusted for others."""
    table = context.plan.addresses.trusted_signers
    signature = verification.signature
    if not len(table) or signature is None:
        return True
    return _by_author(context, signature.domain) or bool(table.find(b"", signature.domain))


def _by_author(context: Context, signer: DomainName) -> bool:
    authors = context.treatment.authorship.authors
    return any(author.domain.is_within(signer) for author in authors)


def _class_of(context: Context, judgements: Sequence[Judgement]) -> tuple[ResultClass | None, str]:
    """Return what may be acted upon, and what to say of it beyond the class."""
    excess = context.header.excess(context.plan.limits)
    malformed = None if excess is not None else _malformed(context)
    if malformed is not None:
        return ResultClass.MALFORMED, malformed
    counting = [one for one in judgements if one.counts]
    required = _unsigned_author(context, counting)
    if excess is not None:  # `decide` weighs what else may be wrong with it
        return (
            (ResultClass.SECURITY, str(excess))
            if required is None
            else (ResultClass.UNSIGNED_AUTHOR, required)
        )
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
    explanation = f"d={first.verification.domain}: {first.verification.explanation}"
    return worst, first.why or explanation


def _malformed(context: Context) -> str | None:
    """Look at the form of the header only where something follows from it."""
    if context.plan.actions[ResultClass.MALFORMED] == "accept":
        return None
    try:
        refuse_malformed(context.header)
    except IntentError as error:
        return str(error)
    return None


def _unsigned_author(context: Context, counting: Sequence[Judgement]) -> str | None:
    """Name an author domain that must sign, and has not."""
    table = context.plan.addresses.must_be_signed
    for author in context.treatment.authorship.authors if len(table) else ():
        if not table.find(*author):
            continue
        signers = [one.verification.signature for one in counting]
        if not any(s is not None and author.domain.is_within(s.domain) for s in signers):
            return f"mail from {author.domain} must be signed by it"
    return None
