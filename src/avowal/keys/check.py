"""Whether the key record in DNS publishes the private key at hand (RFC 5863 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.key import KeyRecord, KeyRecordFault, read_record
from avowal.dkim.query import dns_txt
from avowal.keys.records import PublishesKey
from avowal.keys.slips import EXPOSED, exposed, slip
from avowal.lookup import Answer, Outcome, Steps
from avowal.names import DomainName, Selector, key_name

OTHER_KEY = "another public key is published"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCheck:
    """What was found: `problem` says in words what is wrong, None when the key is published.

    `records` are those at the name, as they stand there; `temporary` says that DNS gave
    no answer, so that nothing is known.  `remarks` are no faults, but worth knowing.
    """

    name: str
    problem: str | None = None
    temporary: bool = False
    records: tuple[bytes, ...] = ()
    remarks: tuple[str, ...] = ()


def check(key: PublishesKey, selector: Selector, domain: DomainName) -> Steps[KeyCheck]:
    """Look up the record and compare it with the key's public half."""
    answer = yield from dns_txt(selector, domain)
    name = key_name(selector, domain)
    if answer.outcome is Outcome.FAILED:
        why = "no answer" if answer.failure is None else answer.failure.value
        return KeyCheck(name=name, problem=f"DNS: {why}", temporary=True)
    if not answer.records:
        return KeyCheck(name=name, problem=f"no record: {answer.outcome.value}")
    problems = [_problem_or_slip(key, octets) for octets in answer.records]
    problem = None if None in problems else problems[0]
    return KeyCheck(
        name=name,
        problem=EXPOSED if any(map(exposed, answer.records)) else problem,
        records=answer.records,
        remarks=tuple(_remarks(answer)),
    )


def _problem_or_slip(key: PublishesKey, octets: bytes) -> str | None:
    """Return what is wrong with a record, the slip behind it where there is a usual one."""
    problem = _problem(key, octets)
    return problem if problem is None else slip(octets) or problem


def _problem(key: PublishesKey, octets: bytes) -> str | None:
    record = read_record(octets)
    if isinstance(record, KeyRecordFault):
        return f"not a key record: {record}"
    if record.revoked:
        return "the key is revoked: p= is empty"
    algorithm = ALGORITHMS[key.algorithm]
    unusable = record.problem_for(algorithm, "email")
    if unusable is not None:
        return f"{unusable.sentence} ({unusable.source})"
    try:
        published = record.public_key(algorithm)
    except ValueError as fault:
        return f"p= holds no key: {fault}"
    if published.handle != algorithm.load_public(key.public_octets).handle:
        return OTHER_KEY
    return None


def _remarks(answer: Answer) -> list[str]:
    remarks = []
    if len(answer.records) > 1:
        remarks.append("several records at one name: verifiers may take any (RFC 6376 §3.6.2.2)")
    records = [
        record for octets in answer.records if isinstance(record := read_record(octets), KeyRecord)
    ]
    if any(record.testing for record in records):
        remarks.append("t=y: verifiers treat what it signs as unsigned (RFC 6376 §3.6.1)")
    if any(record.line_breaks for record in records):
        remarks.append("line breaks stand in the record: strict verifiers refuse it (§2.8)")
    if any(record.forbids_subdomains for record in records):
        remarks.append("t=s: i= must not be in a subdomain of d= (RFC 6376 §3.6.1)")
    return remarks
