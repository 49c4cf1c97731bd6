"""Who may receive a domain's reports (RFC 9990 §4, RFC 7489 §7.1).

An address outside the organization has to agree: its domain publishes a record at
``<policy-domain>._report._dmarc.<destination>``, which may name another address at the same
host.  Without it nothing is sent: reports would be a weapon against strangers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Steps, together
from avowal.names import DomainName
from avowal.policy.dmarc.discovery import Explorer, Walk, records_at
from avowal.policy.dmarc.record import DmarcRecord
from avowal.policy.dmarc.uris import ReportUri
from avowal.policy.memory import Memory, failed

Kind = Literal["rua", "ruf"]


class Consent(Word):
    """Whether a destination takes the reports."""

    OWN = "own", "within the organization of the policy domain"
    GIVEN = "given", "the destination has published its consent"
    REFUSED = "refused", "the destination has published no consent"
    FOREIGN = "foreign", "the destination names an address at another host"
    UNKNOWN = "unknown", "DNS gave no answer"
    UNUSABLE = "unusable", "no mailto: address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One address of a record: may it be used, and which one to use instead.

    `uris` are the addresses to send to, empty unless consent is own or given; `name` is
    where consent is published, None for the own organization.
    """

    uri: ReportUri
    consent: Consent
    name: str | None = None
    uris: tuple[ReportUri, ...] = ()


def consent_name(policy_domain: DomainName, destination: DomainName) -> str:
    """Return where a destination agrees to receive a domain's reports."""
    return f"{policy_domain.ascii}._report._dmarc.{destination.ascii}"


def destinations(
    policy_domain: DomainName,
    uris: Iterable[ReportUri],
    *,
    kind: Kind = "rua",
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[tuple[Destination, ...]]:
    """Check each address of rua= or ruf=.  Raises nothing."""
    explorer = Explorer(limits=limits, memory=memory)
    kept = tuple(uris)[: limits.report_uris]
    hosts = {uri.domain.ascii: uri.domain for uri in kept if uri.domain is not None}
    policy, *walks = yield from together(
        explorer.walk(policy_domain), *(explorer.walk(host) for host in hosts.values())
    )
    organizations = {
        host: walk.organizational_domain if isinstance(walk, Walk) else None
        for host, walk in zip(hosts, walks, strict=True)
    }
    own = policy.organizational_domain if isinstance(policy, Walk) else None
    foreign = [
        host
        for host, domain in hosts.items()
        if not domain.same_as(policy_domain) and (own is None or organizations[host] != own)
    ]
    names = [consent_name(policy_domain, hosts[host]) for host in foreign]
    answers = yield from explorer.memory.txt(*names)
    said = dict(zip(foreign, zip(names, answers, strict=True), strict=True))
    return tuple(_destination(uri, said, kind, limits) for uri in kept)


def _destination(
    uri: ReportUri, said: dict[str, tuple[str, Answer]], kind: Kind, limits: Limits
) -> Destination:
    if uri.domain is None:
        return Destination(uri=uri, consent=Consent.UNUSABLE)
    if uri.domain.ascii not in said:
        return Destination(uri=uri, consent=Consent.OWN, uris=(uri,))
    name, answer = said[uri.domain.ascii]
    if failed(answer):
        return Destination(uri=uri, consent=Consent.UNKNOWN, name=name)
    records, _ = records_at(name, answer.records, limits)
    if not records:
        return Destination(uri=uri, consent=Consent.REFUSED, name=name)
    instead = _instead(uri, records[0], kind)
    if instead is None:
        return Destination(uri=uri, consent=Consent.FOREIGN, name=name)
    return Destination(uri=uri, consent=Consent.GIVEN, name=name, uris=instead)


def _instead(uri: ReportUri, record: DmarcRecord, kind: Kind) -> tuple[ReportUri, ...] | None:
    """The addresses a destination prefers; None where one is at another host.

    Then neither it nor the one in the policy gets a report (RFC 9990 §4, RFC 7489 §7.1).
    """
    preferred = record.rua if kind == "rua" else record.ruf
    usable = tuple(other for other in preferred if other.domain is not None)
    for other in usable:
        if other.domain is None or uri.domain is None or not other.domain.same_as(uri.domain):
            return None
    return usable or (uri,)
