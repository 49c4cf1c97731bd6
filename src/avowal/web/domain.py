"""What a domain publishes, for a page: its policies in words, what is wrong, its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from avowal.crypto.algorithms import of_key_type
from avowal.crypto.publickey import PublicKeyFault
from avowal.dkim.key import KeyRecord, KeyRecordFault, read_record
from avowal.errors import UsageError
from avowal.lookup import Answer, Outcome, Question, Resolver, run
from avowal.names import DomainName, NameFault, Selector, domain_name, key_name
from avowal.policy.explanation import Statement, described
from avowal.policy.lint import LintFinding, lint
from avowal.policy.survey import survey
from avowal.text import printable
from avowal.web.limits import SEEN_LINE
from avowal.web.report import State

MOST_SELECTORS = 10
"""Selectors that are asked for at once."""


class KeyView(NamedTuple):
    """One selector: what stands there, in words, and how it stands."""

    selector: str
    name: str
    state: State
    sentence: str
    notes: tuple[str, ...] = ()
    record: str = ""


class DomainView(NamedTuple):
    """Everything about a domain that a page shows."""

    domain: str
    exists: bool
    organizational: str
    exchanges: tuple[str, ...]
    statements: tuple[Statement, ...]
    findings: tuple[LintFinding, ...]
    keys: tuple[KeyView, ...]
    silent: tuple[str, ...]


def looked_at(written: str, selectors: Sequence[str], resolver: Resolver) -> DomainView:
    """Ask for everything a domain publishes.  Raises UsageError for what is no name."""
    domain = _name(written)
    found = run(survey(domain), resolver)
    organization = None if found.walk is None else found.walk.organizational_domain
    return DomainView(
        domain=domain.ascii,
        exists=found.exists,
        organizational=str(organization or ""),
        exchanges=tuple(printable(one, most=200) for one in found.exchanges or ()),
        statements=described(found),
        findings=run(lint(found), resolver),
        keys=(*_keys(domain, selectors, resolver), *_unasked(selectors)),
        silent=tuple(failure.name for failure in found.failures),
    )


def _name(written: str) -> DomainName:
    try:
        return DomainName.parse(written.strip().removesuffix(".").encode("utf-8", "replace"))
    except NameFault as fault:
        raise UsageError(f"{printable(written, most=80)} is no domain name: {fault.why}") from None


def _keys(domain: DomainName, selectors: Sequence[str], resolver: Resolver) -> Iterator[KeyView]:
    for written in selectors[:MOST_SELECTORS]:
        try:
            selector: Selector = domain_name(written.encode("utf-8", "replace"))
        except ValueError as fault:
            shown = printable(written, most=80)
            yield KeyView(shown, "", "bad", f"this is no selector: {printable(str(fault))}")
            continue
        name = key_name(selector, domain)
        (answer,) = resolver.resolve((Question(name),))
        yield _key(printable(written, most=80), name, answer)


def _unasked(selectors: Sequence[str]) -> tuple[KeyView, ...]:
    left = len(selectors) - MOST_SELECTORS
    if left <= 0:
        return ()
    said = f"not asked for: so many selectors at once are {MOST_SELECTORS}"
    return (KeyView(f"{left} more", "", "open", said),)


def _key(selector: str, name: str, answer: Answer) -> KeyView:
    if answer.outcome is Outcome.FAILED:
        why = "no answer" if answer.failure is None else answer.failure.value
        return KeyView(selector, name, "open", f"DNS does not tell for now: {why}")
    if not answer.records:
        return KeyView(selector, name, "bad", f"no key stands there: {answer.outcome.value}")
    octets = answer.records[0]
    record = read_record(octets)
    shown = printable(octets, most=SEEN_LINE)
    if isinstance(record, KeyRecordFault):
        return KeyView(selector, name, "bad", f"this is no key record: {record}", record=shown)
    notes = list(_notes(record, answer))
    if record.revoked:
        sentence = "the key is revoked: nothing that it signed counts any more"
        return KeyView(selector, name, "bad", sentence, tuple(notes), shown)
    sentence, state = _sentence(record)
    return KeyView(selector, name, state, sentence, tuple(notes), shown)


def _sentence(record: KeyRecord) -> tuple[str, State]:
    algorithm = of_key_type(record.key_type)
    if algorithm is None:
        return "the kind of key is not known", "bad"
    try:
        key = record.public_key(algorithm)
    except PublicKeyFault as fault:
        return f"p= holds no key: {fault.why}", "bad"
    small = algorithm.sized and key.bits < 2048
    text = f"a key for {algorithm.name}, {key.bits} bits"
    return (f"{text}: make one of 2048 (RFC 8301 §3.2)", "open") if small else (text, "good")


def _notes(record: KeyRecord, answer: Answer) -> Iterator[str]:
    if record.testing:
        yield "t=y: receivers treat what it signs as unsigned"
    if record.forbids_subdomains:
        yield "t=s: not for subdomains"
    if not record.serves("email"):
        yield "s= does not name email: it is for another service"
    if record.hashes is not None and "sha256" not in record.hashes:
        yield "h= does not name sha256: no signature of today can use it"
    if record.line_breaks:
        yield "a line break stands in it: strict receivers refuse it"
    if len(answer.records) > 1:
        yield f"{len(answer.records)} records stand there: receivers may take any"
