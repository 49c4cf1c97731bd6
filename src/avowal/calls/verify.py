"""Verify the DKIM signatures of a message in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from avowal.calls.arguments import (
    Chunks,
    Source,
    ZoneData,
    limited,
    moment,
    opened,
    read_header,
    refuse_other_settings,
    resolver_of,
)
from avowal.canonical import Octets
from avowal.dkim import rules as rules_module
from avowal.dkim.acceptance import Keys
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.dkim.verifications import Verifications
from avowal.dkim.verifier import Verifier
from avowal.limits import DEFAULT, Limits
from avowal.line_ends import LineEnds
from avowal.lookup import AsyncResolver, Resolver, arun
from avowal.message import Header

if TYPE_CHECKING:
    from avowal.examine.findings import Receiver, Want


def verify(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Verifications:
    r"""Verify all DKIM signatures of a message; an empty tuple says it carries none.

    The tuple is neither true nor false (TruthError), nor is a verdict: ask for ``.passed``.

    With `Rules.read_domainkeys` (the archive rules) DomainKeys' are among them.  Of a header
    beyond a limit nothing is verified: one verdict says `too-large`.

    `source` is the message's octets, a binary file open for reading, or a path.
    `resolver` defaults to the system's DNS servers; a mapping of names to records serves
    as one.  `now` is the time of receipt in Unix seconds, by default the present.
    `line_ends` "auto" and "stored" read the message as it would be sent: CRLF, a bare LF and
    a bare CR end a line, however mixed; "wire" hashes the octets as they are.

    No octets and no answers make it raise; an unreadable file raises OSError.

    >>> from avowal.testing import Zone
    >>> verify(b"From: a@example.com\r\n\r\nHello\r\n", Zone({}))
    ()
    """
    refuse_other_settings(rules, limits)
    asked, now = resolver_of(resolver), moment(now)
    if isinstance(source, bytes):
        return _verdicts(source, asked, line_ends, now=now, rules=rules, limits=limits)
    with opened(source) as chunks:
        return _verdicts(chunks, asked, line_ends, now=now, rules=rules, limits=limits)


def _verdicts(
    chunks: bytes | Chunks,
    resolver: Resolver,
    line_ends: LineEnds,
    *,
    now: int,
    rules: Rules,
    limits: Limits,
) -> Verifications:
    header, body = read_header(chunks, line_ends=line_ends, limits=limits)
    return Verifications(verified(header, body, resolver, now=now, rules=rules, limits=limits))


async def averify(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Verifications:
    """Do what `verify` does, waiting for DNS without blocking."""
    refuse_other_settings(rules, limits)
    asked: AsyncResolver = resolver_of(resolver)
    now = moment(now)
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        if rules.read_domainkeys:
            from avowal.calls.examine import aexamine  # noqa: PLC0415 - archives only

            receiver, want = _archivist(rules, limits)
            found = await aexamine(header, body, receiver, want, asked, now=now)
            return Verifications(found.signatures)
        verifier = Verifier(header, now=now, rules=rules, limits=limits)
        keys = await arun(verifier.keys(), limited(asked, limits))
        return Verifications(_ended(verifier, body, keys))


def verified(
    header: Header,
    body: Iterable[Octets],
    resolver: Resolver,
    *,
    now: int | None,
    rules: Rules,
    limits: Limits = DEFAULT,
) -> tuple[Verification, ...]:
    """Verify the signatures of a message whose header is read, within the limits for DNS.

    Raises nothing of its own.
    """
    if rules.read_domainkeys:
        from avowal.calls.examine import examine  # noqa: PLC0415 - archives only

        receiver, want = _archivist(rules, limits)
        return examine(header, body, receiver, want, resolver, now=now).signatures
    verifier = Verifier(header, now=now, rules=rules, limits=limits)
    keys = verifier.keys_from(resolver, most=limits.dns_questions, seconds=limits.dns_seconds)
    return _ended(verifier, body, keys)


def _archivist(rules: Rules, limits: Limits) -> tuple[Receiver, Want]:
    from avowal.examine.findings import Receiver, Want  # noqa: PLC0415 - archives only

    return Receiver(rules=rules, limits=limits), Want.DKIM | Want.DOMAINKEYS


def _ended(verifier: Verifier, body: Iterable[Octets], keys: Keys) -> tuple[Verification, ...]:
    for chunk in body:
        if not verifier.feed(chunk):
            break
    return verifier.finish(keys)
