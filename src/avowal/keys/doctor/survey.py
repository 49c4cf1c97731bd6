"""What was observed of a domain's keys: all that the rules of the doctor look at.

`survey` asks a resolver; what name servers say by themselves (`keys.observation`), what own
mail shows and which private keys are at hand is handed in.  Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from avowal.crypto.signing import PrivateKey
from avowal.keys.check import KeyCheck, check
from avowal.keys.lifecycle import ManagedKey
from avowal.keys.observation import Observation
from avowal.lookup import Answer, Outcome, Question, Steps, ask, together
from avowal.names import DomainName, Selector, key_name
from avowal.valueclass import value

DEFAULT_TTL = 86400  # seconds at most: a key that was stolen passes for so long

_Signed: TypeAlias = "tuple[str | None, Answer | None, Answer | None]"
"""A zone, its DNSKEY and its DS records."""


@value
class KeyUse:
    """What own mail and reports show of one selector: how often, by which i= domains, when last.

    Of the `messages` `failed` did not verify, as receivers report.  `newest` is the latest t=,
    Date or end of a report in Unix seconds, None where nothing tells.  `learned` says where from.
    """

    selector: Selector
    messages: int = 0
    failed: int = 0
    identity_domains: tuple[str, ...] = ()
    newest: int | None = None
    learned: str = "mail"


@value
class HeldKey:
    """A private key at hand, and where it comes from."""

    selector: Selector
    key: PrivateKey
    source: str

    def __repr__(self) -> str:
        return f"<HeldKey {self.selector} {self.key.algorithm} of {self.source}>"


@value
class SurveyedKey:
    """What stands at one selector.

    `answer` is what a resolver says, None where the name leads out of the zone file that is
    read.  `alias` is the target of a CNAME; `beside_alias` are TXT records that stand at the
    same name.  `unchecked` is the answer without DNSSEC, asked for where a resolver failed.
    `checks` compare it with the keys at hand; `seen` is what each name server says.
    """

    selector: Selector
    name: str
    answer: Answer | None
    alias: str | None = None
    beside_alias: tuple[bytes, ...] = ()
    unchecked: Answer | None = None
    checks: tuple[tuple[HeldKey, KeyCheck], ...] = ()
    seen: Observation | None = None

    @property
    def records(self) -> tuple[bytes, ...]:
        """The TXT records that verifiers get."""
        return () if self.answer is None else self.answer.records

    @property
    def longest_ttl(self) -> int:
        """The TTL of the record, of a resolver's answer or of the servers' own."""
        seen = () if self.seen is None else self.seen.sights
        ttls = [sight.ttl for sight in seen if sight.record is not None]
        return max([*ttls, 0 if self.answer is None else self.answer.ttl])


@value
class KeySurvey:
    """What was observed of one domain's keys.

    `stranger` is the answer for a selector that nobody can have made.  `zone_keys` and
    `delegation` are the DNSKEY records of the zone that the keys are in and the DS records
    above it, None where they were not asked for.  `uses` are what own mail shows, empty where
    none was looked at.  `longest_ttl` is how many seconds a TTL may have.
    """

    domain: DomainName
    keys: tuple[SurveyedKey, ...]
    stranger: Answer | None = None
    zone: str | None = None
    zone_keys: Answer | None = None
    delegation: Answer | None = None
    uses: tuple[KeyUse, ...] = ()
    longest_ttl: int = DEFAULT_TTL
    file: str | None = None
    managed: tuple[ManagedKey, ...] = ()

    def managed_at(self, selector: Selector) -> ManagedKey | None:
        """Return what the key store has of a selector."""
        return next((key for key in self.managed if key.selector.same_as(selector)), None)

    def use_of(self, selector: Selector) -> KeyUse | None:
        """Return what own mail shows of a selector."""
        return next((use for use in self.uses if use.selector.same_as(selector)), None)


def survey(
    domain: DomainName,
    selectors: Iterable[Selector],
    stranger: Selector,
    *,
    held: Sequence[HeldKey] = (),
    uses: Sequence[KeyUse] = (),
    longest_ttl: int = DEFAULT_TTL,
) -> Steps[KeySurvey]:
    """Ask for the keys at these selectors, and at one that nobody made.  Raises nothing.

    Selectors of keys at hand and of own mail are looked at as well.
    """
    known = (*selectors, *(one.selector for one in held), *(one.selector for one in uses))
    wanted: dict[str, Selector] = {}
    for one in known:
        wanted.setdefault(one.ascii, one)
    (strange,), keys, (zone, zone_keys, delegation) = yield from together(
        ask(Question(key_name(stranger, domain))),
        together(*(_surveyed(one, domain, held) for one in wanted.values())),
        _signed(domain),
    )  # at the same time: a server that is silent costs its time once
    return KeySurvey(
        domain=domain,
        keys=keys,
        stranger=strange,
        zone=zone,
        zone_keys=zone_keys,
        delegation=delegation,
        uses=tuple(uses),
        longest_ttl=longest_ttl,
    )


def _surveyed(
    selector: Selector, domain: DomainName, held: Sequence[HeldKey]
) -> Steps[SurveyedKey]:
    """Ask for one key, and compare it with those at hand."""
    name = key_name(selector, domain)
    answer, alias = yield Question(name), Question(name, "CNAME")
    checks: list[tuple[HeldKey, KeyCheck]] = []
    for one in (each for each in held if each.selector.same_as(selector)):
        compared = yield from check(one.key, selector, domain)
        checks.append((one, compared))
    return SurveyedKey(
        selector=selector, name=name, answer=answer, alias=_target(alias), checks=tuple(checks)
    )


def _target(answer: Answer) -> str | None:
    if answer.outcome is not Outcome.FOUND or not answer.records:
        return None
    return answer.records[0].decode("ascii", "replace").lower()


def _signed(domain: DomainName) -> Steps[_Signed]:
    """Find the zone that a domain's keys are in, its DNSKEY and its DS records."""
    labels = ("_domainkey", *domain.labels)
    above = [".".join(labels[at:]) for at in range(len(labels))]
    found = yield tuple(Question(name, "SOA") for name in above)
    for name, answer in zip(above, found, strict=True):
        if answer.outcome is Outcome.FAILED:
            return None, None, None
        if answer.outcome is Outcome.FOUND:
            zone_keys, delegation = yield (Question(name, "DNSKEY"), Question(name, "DS"))
            return name, zone_keys, delegation
    return None, None, None
