"""Author Domain Signing Practices (RFC 5617, Historic): read on request.

Every author domain is looked up on its own (§3), and the strictest result is the message's.
A domain for which `authorized` says that a third party signed (RFC 6541 §6) needs no test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Question, Steps, together
from avowal.mailbox import Authors
from avowal.members import refuse_single
from avowal.names import DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.existence import Existence
from avowal.policy.memory import Memory, failed, failure_text
from avowal.policy.practice_record import ALL, DISCARDABLE, UNKNOWN, WordRecord
from avowal.policy.trace import Notes, Trace, excerpt

PREFIX = "_adsp._domainkey"
WORDS = frozenset({UNKNOWN, ALL, DISCARDABLE})
MEANINGS = {
    UNKNOWN: "the domain may sign some or all of its mail",
    ALL: "the domain signs all its mail",
    DISCARDABLE: "the domain signs all its mail and asks to throw other mail away",
}


class AdspResult(StrEnum):
    """The words of method dkim-adsp (RFC 5617 §5.4), from the mildest to the strictest."""

    PASS = "pass"  # noqa: S105 - a verdict
    NONE = "none"
    UNKNOWN = "unknown"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"
    FAIL = "fail"
    NXDOMAIN = "nxdomain"
    DISCARD = "discard"

    @property
    def severity(self) -> int:
        """0 for the mildest; not knowing asks for nothing and lifts no wish that is known."""
        return _ORDER.index(self)


_ORDER = tuple(AdspResult)
_OF_PRACTICES = {UNKNOWN: AdspResult.UNKNOWN, ALL: AdspResult.FAIL, DISCARDABLE: AdspResult.DISCARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainResult:
    """The result for one author domain; `record` is None where none was found or needed."""

    domain: DomainName
    result: AdspResult
    record: WordRecord | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adsp:
    """The result for a message; `decisive` is None when no author domain could be read.

    `beyond` says that there are more authors than were asked for.
    """

    result: AdspResult
    decisive: DomainResult | None = None
    domains: tuple[DomainResult, ...] = ()
    beyond: bool = False
    trace: Trace = ()

    @property
    def unknown(self) -> bool:
        """Whether the practices of some author could not be had for now."""
        return any(one.result is AdspResult.TEMPERROR for one in self.domains)


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    authorized: Iterable[DomainName] = (),
    existence: Existence = Existence.NO_NAME,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Adsp]:
    """Evaluate a message.  No octets and no answers make it raise.

    `authorized` holds the author domains for which ATPS passed; `existence` NO_HOST also
    takes a domain without MX, A and AAAA as one that sends no mail (§4.3, a SHOULD).
    """
    refuse_single("authorized", authorized, DomainName)
    signed = {s.domain.ascii for s in signatures if s.passed}  # §2.7: d= equals the domain
    signed |= {domain.ascii for domain in authorized}
    notes = Notes("adsp")
    shared = Memory() if memory is None else memory
    asking = [
        _Author(memory=shared, domain=domain, existence=existence, limits=limits, notes=notes)
        for domain in authors.domains
    ]
    results: tuple[DomainResult, ...] = yield from together(
        *(one.signed() if one.domain.ascii in signed else one.unsigned() for one in asking)
    )
    decisive = max(results, key=lambda r: r.result.severity, default=None)
    result = AdspResult.PERMERROR if decisive is None else decisive.result
    if not authors.complete and result.severity < AdspResult.PERMERROR.severity:
        result = AdspResult.PERMERROR  # what cannot be read must not be the way around
    notes.add("concluded", result.value, "" if decisive is None else decisive.domain.ascii)
    return Adsp(
        result=result,
        decisive=decisive,
        domains=results,
        beyond=authors.too_many,
        trace=notes.steps,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    """One author domain under evaluation."""

    memory: Memory
    domain: DomainName
    existence: Existence
    limits: Limits
    notes: Notes

    @property
    def name(self) -> str:
        return f"{PREFIX}.{self.domain.ascii}"

    def signed(self) -> Steps[DomainResult]:
        yield from ()
        self.notes.add("skipped", self.name, "an author domain signature is valid")
        return self._concluded(AdspResult.PASS, "signed by the author domain")

    def unsigned(self) -> Steps[DomainResult]:
        """The procedure of §4.3, its two steps in one round."""
        exchange, text = yield from self.memory.ask(
            Question(self.domain.ascii, "MX"), Question(self.name)
        )
        outside = yield from self._out_of_scope(exchange)
        return self._judged(text) if outside is None else outside

    def _out_of_scope(self, exchange: Answer) -> Steps[DomainResult | None]:
        """Step 1: the domain has to exist."""
        if failed(exchange):
            return self._unknown(f"{self.domain.ascii} MX", exchange)
        if exchange.outcome is Outcome.NO_NAME:
            return self._no_mail()
        if exchange.outcome is Outcome.FOUND or self.existence is Existence.NO_NAME:
            return None
        questions = (Question(self.domain.ascii, "A"), Question(self.domain.ascii, "AAAA"))
        hosts = yield from self.memory.ask(*questions)
        if any(answer.outcome is Outcome.FOUND for answer in hosts):
            return None
        broken = next((answer for answer in hosts if failed(answer)), None)
        return self._no_mail() if broken is None else self._unknown(self.domain.ascii, broken)

    def _judged(self, answer: Answer) -> DomainResult:
        """Step 2: one valid record."""
        if failed(answer):
            return self._unknown(self.name, answer)
        read = [WordRecord.parse(octets, WORDS, limits=self.limits) for octets in answer.records]
        kept = [record for record in read if record is not None]  # §4.1: others are as absent
        if len(kept) > 1:
            self.notes.add("discarded", self.name, f"{len(kept)} records at one name")
            return self._concluded(AdspResult.PERMERROR, "several records")
        if not kept:
            self.notes.add("absent", self.name)
            return self._concluded(AdspResult.NONE, "no record")
        (record,) = kept
        self.notes.add("found", self.name, excerpt(record.octets))
        if record.problem is not None:
            self.notes.add("discarded", f"dkim= of {self.name}", record.problem)
        result = _OF_PRACTICES[record.practices]
        why = f"dkim={record.practices} and no author domain signature"
        self.notes.add("chose", f"dkim={record.practices} of {self.name}", why)
        if result in {AdspResult.FAIL, AdspResult.DISCARD}:
            subject = f"d={self.domain.ascii}"
            self.notes.add("would-change", subject, "a valid author domain signature")
        return self._concluded(result, why, record)

    def _unknown(self, name: str, answer: Answer) -> DomainResult:
        self.notes.add("failed", name, failure_text(answer))
        return self._concluded(AdspResult.TEMPERROR, f"{name}: {failure_text(answer)}")

    def _no_mail(self) -> DomainResult:
        self.notes.add("absent", self.domain.ascii, "the domain does not exist for mail")
        return self._concluded(AdspResult.NXDOMAIN, "the domain does not exist for mail")

    def _concluded(
        self, result: AdspResult, why: str, record: WordRecord | None = None
    ) -> DomainResult:
        return DomainResult(domain=self.domain, result=result, record=record, why=why)
