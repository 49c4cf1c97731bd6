"""Author Domain Signing Practices (RFC 5617, Historic): read on request, never published.

Every author domain is looked up on its own (§3), and the strictest result is the message's.
A domain for which `authorized` says that a third party signed (RFC 6541 §6) needs no test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from avowal.lookup import Answer, Outcome, Question, Steps, together
from avowal.mailbox import Authors
from avowal.names import DomainName
from avowal.policy.asking import Memory, failed, failure_text
from avowal.policy.caps import DEFAULT, Caps
from avowal.policy.evidence import SignatureResult
from avowal.policy.existence import Existence
from avowal.policy.trace import Notes, Trace, printable
from avowal.policy.words import ALL, DISCARDABLE, UNKNOWN, WordRecord

PREFIX = "_adsp._domainkey"
WORDS = frozenset({UNKNOWN, ALL, DISCARDABLE})
MEANINGS = {
    UNKNOWN: "the domain may sign some or all of its mail",
    ALL: "the domain signs all its mail",
    DISCARDABLE: "the domain signs all its mail and asks to throw other mail away",
}


class Result(str, Enum):
    """The words of method dkim-adsp (RFC 5617 §5.4), from the mildest to the strictest."""

    PASS = "pass"  # noqa: S105 - a verdict
    NONE = "none"
    UNKNOWN = "unknown"
    PERMERROR = "permerror"
    FAIL = "fail"
    NXDOMAIN = "nxdomain"
    TEMPERROR = "temperror"
    DISCARD = "discard"

    def __str__(self) -> str:
        return self.value

    @property
    def severity(self) -> int:
        """0 for the mildest; temperror stands below the one it cannot become worse than."""
        return _ORDER.index(self)


_ORDER = tuple(Result)
_OF_PRACTICES = {UNKNOWN: Result.UNKNOWN, ALL: Result.FAIL, DISCARDABLE: Result.DISCARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainResult:
    """The result for one author domain; `record` is None where none was found or needed."""

    domain: DomainName
    result: Result
    record: WordRecord | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adsp:
    """The result for a message; `decisive` is None when no author domain could be read."""

    result: Result
    decisive: DomainResult | None = None
    domains: tuple[DomainResult, ...] = ()
    trace: Trace = ()


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    authorized: Iterable[DomainName] = (),
    existence: Existence = Existence.NO_NAME,
    caps: Caps = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Adsp]:
    """Evaluate a message.  Raises nothing, whatever the octets and the answers.

    `authorized` holds the author domains for which ATPS passed; `existence` NO_HOST also
    takes a domain without MX, A and AAAA as one that sends no mail (§4.3, a SHOULD).
    """
    signed = {s.domain.ascii for s in signatures if s.passed}  # §2.7: d= equals the domain
    signed |= {domain.ascii for domain in authorized}
    notes = Notes("adsp")
    shared = Memory() if memory is None else memory
    results: tuple[DomainResult, ...] = yield from together(
        *(
            _one(shared, domain, domain.ascii in signed, existence, notes, caps=caps)
            for domain in authors.domains
        )
    )
    decisive = max(results, key=lambda r: r.result.severity, default=None)
    result = Result.PERMERROR if decisive is None else decisive.result
    if not authors.complete and result.severity < Result.PERMERROR.severity:
        result = Result.PERMERROR  # what cannot be read must not be the way around
    notes.add("concluded", result.value, "" if decisive is None else decisive.domain.ascii)
    return Adsp(result=result, decisive=decisive, domains=results, trace=notes.steps)


def _one(
    memory: Memory,
    domain: DomainName,
    signed: bool,  # noqa: FBT001 - of a pair that stays in this file
    existence: Existence,
    notes: Notes,
    *,
    caps: Caps,
) -> Steps[DomainResult]:
    if signed:
        notes.add("skipped", f"{PREFIX}.{domain.ascii}", "an author domain signature is valid")
        return DomainResult(domain=domain, result=Result.PASS, why="signed by the author domain")
    exchange, text = yield from memory.ask(
        Question(domain.ascii, "MX"), Question(f"{PREFIX}.{domain.ascii}")
    )
    scope = _scope(exchange, domain, notes)
    if scope is None and existence is Existence.NO_HOST and exchange.outcome is Outcome.NO_DATA:
        hosts = yield from memory.ask(Question(domain.ascii, "A"), Question(domain.ascii, "AAAA"))
        if not any(answer.outcome is Outcome.FOUND for answer in hosts):
            broken = [answer for answer in hosts if failed(answer)]
            scope = _unknown(broken[0], domain.ascii, notes) if broken else _out(domain, notes)
    if scope is not None:
        return DomainResult(domain=domain, result=scope[0], why=scope[1])
    return _judged(text, domain, notes, caps)


def _scope(answer: Answer, domain: DomainName, notes: Notes) -> tuple[Result, str] | None:
    """Step 1 of §4.3; None when the domain is within the scope of ADSP."""
    if failed(answer):
        return _unknown(answer, f"{domain.ascii} MX", notes)
    return _out(domain, notes) if answer.outcome is Outcome.NO_NAME else None


def _judged(answer: Answer, domain: DomainName, notes: Notes, caps: Caps) -> DomainResult:
    """Step 2 of §4.3."""
    name = f"{PREFIX}.{domain.ascii}"
    if failed(answer):
        result, why = _unknown(answer, name, notes)
        return DomainResult(domain=domain, result=result, why=why)
    read = [WordRecord.parse(octets, WORDS, caps=caps) for octets in answer.records]
    kept = [record for record in read if record is not None]  # §4.1: others are as absent
    if len(kept) > 1:
        notes.add("discarded", name, f"{len(kept)} records at one name")
        return DomainResult(domain=domain, result=Result.PERMERROR, why="several records")
    if not kept:
        notes.add("absent", name)
        return DomainResult(domain=domain, result=Result.NONE, why="no record")
    (record,) = kept
    notes.add("found", name, printable(record.octets))
    if record.problem is not None:
        notes.add("discarded", f"dkim= of {name}", record.problem)
    result = _OF_PRACTICES[record.practices]
    why = f"dkim={record.practices} and no author domain signature"
    notes.add("chose", f"dkim={record.practices} of {name}", why)
    if result in {Result.FAIL, Result.DISCARD}:
        notes.add("would-change", f"d={domain.ascii}", "a valid author domain signature")
    return DomainResult(domain=domain, result=result, record=record, why=why)


def _unknown(answer: Answer, name: str, notes: Notes) -> tuple[Result, str]:
    notes.add("failed", name, failure_text(answer))
    return Result.TEMPERROR, f"{name}: {failure_text(answer)}"


def _out(domain: DomainName, notes: Notes) -> tuple[Result, str]:
    notes.add("absent", domain.ascii, "the domain does not exist for mail")
    return Result.NXDOMAIN, "the domain does not exist for mail"
