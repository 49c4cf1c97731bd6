"""Authenticate a message in one line: every mechanism over its raw octets, in one pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from avowal.calls.arguments import (
    Source,
    ZoneData,
    moment,
    opened,
    read_header,
    refuse_other_settings,
    resolver_of,
)
from avowal.calls.connection import Address, Client, Connection, TrustedHost
from avowal.calls.examine import examining
from avowal.dkim import rules as rules_module
from avowal.dkim.rules import Rules
from avowal.dns.drivers import Call, acomplete, complete
from avowal.errors import UsageError
from avowal.examine.authentication import Authentication
from avowal.examine.findings import Receiver, Want
from avowal.limits import DEFAULT, Limits
from avowal.line_ends import LineEnds
from avowal.lookup import AsyncResolver, Resolver
from avowal.members import refuse_single
from avowal.policy.assessment import Choice, PolicyGeneration

CURRENT: Final = ("2026",)
WANT: Final = Want.DKIM | Want.ARC | Want.POLICIES
RECEIVER: Final = Receiver()
"""What `avowal.verdict` looks at: DKIM, ARC, and DMARC as RFC 9989 has it."""


class Asked(NamedTuple):
    """What an authentication looks at, and by which rules."""

    receiver: Receiver
    want: Want


def authenticate(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    client: Client | None = None,
    mail_from: Address | None = None,
    helo: Address | None = None,
    trusted: TrustedHost | None = None,
    policies: Collection[str] = CURRENT,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Authentication:
    r"""Return what DKIM, ARC, SPF and the author's policies say about a message.

    SPF is checked for `client` (an IP address) with `mail_from`, the reverse-path without
    angle brackets (empty for a bounce), and `helo`.  Who did not see the connection leaves
    them out, or names the own host that did: `TrustedHost` says when that may be done.

    `policies` are the generations to ask for: "2026" is DMARC (RFC 9989); on request "2015"
    (RFC 7489, with the extra psl), "adsp", "2007", "2005" and "domainkeys", which also reads
    DomainKey-Signature fields.  The rest is as of `avowal.verify`; of a header beyond a limit
    nothing passes.

    No octets and no answers make it raise; UsageError for what is no message or argument,
    OSError for a file.

    >>> found = authenticate(b"From: a@example.com\r\n\r\nHello\r\n", {})
    >>> found.results_field("mx.example.org").split(b";")[1].strip()
    b'dkim=none (no signature)'
    """
    at = moment(now)
    connection = Connection(client, mail_from, helo, trusted, now=at)
    call = _call(source, connection, asked(policies, rules, limits), line_ends, now=at)
    return complete(call, resolver_of(resolver))


async def aauthenticate(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    client: Client | None = None,
    mail_from: Address | None = None,
    helo: Address | None = None,
    trusted: TrustedHost | None = None,
    policies: Collection[str] = CURRENT,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> Authentication:
    """Do what `authenticate` does, waiting for DNS without blocking."""
    at = moment(now)
    connection = Connection(client, mail_from, helo, trusted, now=at)
    call = _call(source, connection, asked(policies, rules, limits), line_ends, now=at)
    return await acomplete(call, resolver_of(resolver))


def _call(
    source: Source, connection: Connection, asked: Asked, line_ends: LineEnds, *, now: int
) -> Call[Authentication]:
    limits = asked.receiver.limits
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        envelope = connection.envelope(header, limits)
        found = yield from examining(
            header, body, asked.receiver, asked.want, now=now, envelope=envelope
        )
    return Authentication(header=header, findings=found, client=connection.client_text)


def asked(policies: Collection[str], rules: Rules, limits: Limits) -> Asked:
    """Read the arguments of a call.  Raises UsageError."""
    refuse_other_settings(rules, limits)
    refuse_single("policies", policies)
    try:
        generations = tuple(dict.fromkeys(map(PolicyGeneration, policies)))
    except ValueError:
        known = ", ".join(generation.value for generation in PolicyGeneration)
        raise UsageError(f"policies: {policies!r} has one that is none of {known}") from None
    want, historic = WANT, None
    if rules.read_domainkeys:
        want |= Want.DOMAINKEYS
    if PolicyGeneration.DOMAINKEYS in generations:  # judged as in its time
        want |= Want.DOMAINKEYS
        historic = rules_module.ARCHIVE
    choice = Choice(generations=generations)
    receiver = Receiver(rules=rules, historic=historic, limits=limits, choice=choice)
    return Asked(receiver, want)
