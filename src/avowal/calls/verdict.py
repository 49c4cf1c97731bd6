"""The answer every program needs in one line: is this mail really from whom it says?"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from avowal.calls.arguments import Source, ZoneData, moment
from avowal.calls.authenticate import aauthenticate, authenticate
from avowal.calls.connection import Address, Client, TrustedHost
from avowal.dkim import rules as rules_module
from avowal.dkim.rules import Rules
from avowal.examine.acceptance import Acceptance
from avowal.examine.judgement import Judgement
from avowal.examine.judgement_rows import judge
from avowal.limits import DEFAULT, Limits
from avowal.line_ends import LineEnds
from avowal.lookup import AsyncResolver, Resolver
from avowal.policy.dmarc.suffixes import is_known_suffix

_NONE: Final[tuple[str, ...]] = ()


def verdict(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    client: Client | None = None,
    mail_from: Address | None = None,
    helo: Address | None = None,
    trusted: TrustedHost | None = None,
    accept_trusted_arc: Collection[str] = _NONE,
    accept_spf: bool = False,
    accept_unsigned: Collection[str] = _NONE,
    max_age: int | None = None,
    recipients: Collection[str] = _NONE,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Judgement:
    r"""Say whether the domain that a message shows as its author's vouches for it.

    The answer is AUTHENTIC where that domain signed the whole body, and From, Subject, Date
    and the MIME fields; NOT_AUTHENTIC where nothing of the domain passes and its policy asks
    to quarantine or reject; CANNOT_TELL otherwise.  `Judgement` says what may be concluded.

    `accept_trusted_arc` are sealers whose ARC chains are believed, `accept_spf` accepts the
    connection alone, `accept_unsigned` are fields that need not be signed (Subject, Date and
    the MIME fields).  `max_age` is in seconds; what SPF vouches for has no age.  `recipients`,
    the addresses the message came to, help to name replays.  The rest is as of `authenticate`.

    No octets and no answers make it raise; UsageError for what is no message or argument,
    OSError for a file.

    >>> str(verdict(b"From: a@example.com\r\n\r\nHello\r\n", {}).answer)
    'cannot-tell'
    """
    at = moment(now)
    accepting = accepted(accept_trusted_arc, accept_spf, accept_unsigned, max_age, recipients)
    found = authenticate(
        source, resolver, client=client, mail_from=mail_from, helo=helo, trusted=trusted,
        now=at, rules=rules, limits=limits, line_ends=line_ends,
    )  # fmt: skip
    return judge(found.header, found.findings, accepting, now=at)


async def averdict(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    client: Client | None = None,
    mail_from: Address | None = None,
    helo: Address | None = None,
    trusted: TrustedHost | None = None,
    accept_trusted_arc: Collection[str] = _NONE,
    accept_spf: bool = False,
    accept_unsigned: Collection[str] = _NONE,
    max_age: int | None = None,
    recipients: Collection[str] = _NONE,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Judgement:
    """Do what `verdict` does, waiting for DNS without blocking."""
    at = moment(now)
    accepting = accepted(accept_trusted_arc, accept_spf, accept_unsigned, max_age, recipients)
    found = await aauthenticate(
        source, resolver, client=client, mail_from=mail_from, helo=helo, trusted=trusted,
        now=at, rules=rules, limits=limits, line_ends=line_ends,
    )  # fmt: skip
    return judge(found.header, found.findings, accepting, now=at)


def accepted(
    sealers: Collection[str],
    spf: bool,  # noqa: FBT001 - handed through
    unsigned: Collection[str],
    max_age: int | None,
    recipients: Collection[str],
) -> Acceptance:
    """Return what a call accepts; public suffixes are told by the installed list."""
    return Acceptance.of(
        accept_trusted_arc=sealers,
        accept_spf=spf,
        accept_unsigned=unsigned,
        max_age=max_age,
        recipients=recipients,
        is_suffix=is_known_suffix,
    )
