"""Verify the DKIM signatures of a message in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from avowal.calls.resolver import ZoneData, limited, moment
from avowal.calls.source import Chunks, Source, opened, read_header
from avowal.canonical import Octets
from avowal.dkim import rules as rules_module
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.limits import DEFAULT, Limits
from avowal.lookup import AsyncResolver, Resolver, arun, run
from avowal.message import LineEnds

if TYPE_CHECKING:
    from avowal.dkim.legacy import ArchiveVerifier

    AnyVerifier: TypeAlias = Verifier | ArchiveVerifier


def verify(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> tuple[Verification, ...]:
    r"""Verify all DKIM signatures of a message; an empty tuple says it carries none.

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
    with opened(source) as chunks:
        verifier, body = _begun(chunks, now, rules, limits, line_ends)
        keys = run(verifier.keys(), limited(resolver, limits))
        return _ended(verifier, body, keys)


async def averify(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> tuple[Verification, ...]:
    """Do what `verify` does, waiting for DNS without blocking."""
    with opened(source) as chunks:
        verifier, body = _begun(chunks, now, rules, limits, line_ends)
        keys = await arun(verifier.keys(), limited(resolver, limits))
        return _ended(verifier, body, keys)


def _begun(
    chunks: bytes | Chunks, now: int | None, rules: Rules, limits: Limits, line_ends: LineEnds
) -> tuple[AnyVerifier, Iterable[Octets]]:
    header, body = read_header(chunks, line_ends=line_ends, limits=limits)
    if rules.read_domainkeys:
        from avowal.dkim.legacy import ArchiveVerifier  # noqa: PLC0415 - archives only

        return ArchiveVerifier(header, now=moment(now), rules=rules, limits=limits), body
    return Verifier(header, now=moment(now), rules=rules, limits=limits), body


def _ended(verifier: AnyVerifier, body: Iterable[Octets], keys: Any) -> tuple[Verification, ...]:
    if verifier.wants_body:
        for chunk in body:
            if not verifier.feed(chunk):
                break
    return verifier.finish(keys)
