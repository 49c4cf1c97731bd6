"""To whom reports about a domain go, asked when they are about to leave (RFC 9990 §3.5, §4).

Failure reports go to the addresses of ruf= by the same rules (RFC 9991 §4).

Addresses are those of the record as it stands now: whoever took his wish back gets nothing.
The cost of a hostile record is bounded: so many addresses (`Limits.report_uris`), so many
questions, so many seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Resolver, Steps, run
from avowal.names import DomainName
from avowal.policy.dmarc.destinations import Consent, Kind, destinations
from avowal.policy.dmarc.discovery import Explorer
from avowal.policy.memory import Failed

MOST_QUESTIONS = 200
"""About one domain: its record, and a walk of eight names and a consent per address."""
_ROUND_SECONDS = 10.0  # for the answers of one round; there are three


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address that is willing; `size_limit` in octets, where its URI had one (RFC 7489)."""

    address: str
    size_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Who gets the reports about a domain.

    `unknown` says why it is not known for now; `declined` why addresses get nothing.
    """

    willing: tuple[Recipient, ...] = ()
    declined: tuple[tuple[str, str], ...] = ()
    unknown: str | None = None


def recipients(
    domain: DomainName, *, kind: Kind = "rua", limits: Limits = DEFAULT
) -> Steps[Recipients]:
    """Find who wants reports about a policy domain, and may have them.  Raises nothing."""
    explorer = Explorer(limits=limits)
    own = yield from explorer.own(domain)
    if isinstance(own, Failed):
        return Recipients(unknown=f"{own.name}: {own.why}")
    if len(own) != 1:
        return Recipients()
    record = own[0]
    if kind == "ruf" and record.psd == "y":  # RFC 9991 §2
        return Recipients()
    wanted = record.rua if kind == "rua" else record.ruf
    found = yield from destinations(
        domain, wanted, kind=kind, limits=limits, memory=explorer.memory
    )
    willing: dict[str, Recipient] = {}
    declined: list[tuple[str, str]] = []
    unknown = None
    for one in found:
        if one.consent is Consent.UNKNOWN:
            unknown = f"{one.name}: {one.consent.sentence}"
        elif not one.uris:
            declined.append((one.uri.uri, one.consent.sentence))
        for uri in one.uris:
            if uri.address is not None and (address := _writable(str(uri.address))):
                willing.setdefault(address.lower(), Recipient(address, uri.size_limit))
    return Recipients(willing=tuple(willing.values()), declined=tuple(declined), unknown=unknown)


def asked(
    domain: str, resolver: Resolver, *, kind: Kind = "rua", limits: Limits = DEFAULT
) -> Recipients:
    """Ask a resolver for the same, within bounds.  Raises nothing."""
    try:
        name = DomainName.parse(domain.encode())
    except SyntaxFault as fault:
        return Recipients(declined=((domain, str(fault)),))
    return run(
        recipients(name, kind=kind, limits=limits),
        resolver,
        most=MOST_QUESTIONS,
        seconds=_ROUND_SECONDS,
    )


def _writable(address: str) -> str | None:
    """Return an address that may stand in a command of SMTP and in To, None for another.

    Only plain ones: nothing of a stranger's record may end a line or a mailbox.
    """
    plain = all("!" <= c <= "~" and c not in '<>(),;:\\"[]' for c in address)
    return address if plain and address.count("@") == 1 else None
