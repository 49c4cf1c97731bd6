"""A small world of domains, and messages of which everything is known.

A `Case` is a message with the facts that an oracle needs and no parser: which domains any
reader shows as author, which signatures verify, what SPF says, which names never answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any, Final

from tests.crafting import craft

from avowal.testing import ED25519, RSA_1024, Zone, record_for

NOW: Final = 1_700_000_100
US: Final = "mx.receiver.example"
VICTIM, BELOW, BESIDE = "victim.example", "mail.victim.example", "eu.victim.example"
OTHER, ATTACKER, TRUSTED = "other.example", "attacker.example", "sealer.example"
GOOD_CLIENT, BAD_CLIENT = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.9")

KEYS: Final[dict[str, Any]] = {
    **{f"s._domainkey.{d}": record_for(ED25519) for d in (VICTIM, BELOW, BESIDE, OTHER)},
    f"s._domainkey.{ATTACKER}": record_for(RSA_1024),
    f"s._domainkey.{TRUSTED}": record_for(RSA_1024),
}
HOSTS: Final[dict[str, Any]] = {
    name: {"A": ["192.0.2.1"], "TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
    for name in (VICTIM, BELOW, BESIDE, OTHER)
} | {ATTACKER: {"A": ["198.51.100.9"], "TXT": ["v=spf1 ip4:198.51.100.9 -all"]}}
POLICIES: Final = (
    "v=DMARC1; p=reject", "v=DMARC1; p=reject", "v=DMARC1; p=quarantine", "v=DMARC1; p=none",
    "v=DMARC1; p=none; sp=reject", "v=DMARC1; p=reject; adkim=s", "v=DMARC1; p=reject; aspf=s",
    "v=DMARC1; p=reject; adkim=s; aspf=s", "v=DMARC1; p=reject; sp=quarantine",
    "v=DMARC1; p=quarantine; np=reject", "v=DMARC1; p=reject; t=y", None,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message, its envelope, DNS, and the facts about them.

    `shown` are the domains that any reader shows as author, `passing` those of the signatures
    that verify.  `hanging` are names that are made to hang.  `beyond` says that the header
    goes beyond a limit, `doubted` that no reader can be sure of it, `unclear` that readers
    differ about what stands in From, `lawful` that what was added last may make the outcome
    milder, since it passes for a domain that is shown.
    """

    octets: bytes
    zone: Mapping[str, Any]
    shown: frozenset[str]
    passing: frozenset[str] = frozenset()
    client: IPv4Address = BAD_CLIENT
    sender: str = ATTACKER
    hanging: frozenset[str] = frozenset()
    beyond: bool = False
    doubted: bool = False
    unclear: bool = False
    authentic: bool = False
    lawful: bool = False
    made_by: tuple[str, ...] = field(default=())

    def but(self, what: str, **changes: Any) -> Case:
        """Return the case with something done to it."""
        return replace(self, **{"made_by": (*self.made_by, what), "lawful": False, **changes})

    def with_field(self, what: str, octets: bytes, **changes: Any) -> Case:
        """Return the case with a field on top."""
        return self.but(what, octets=octets + self.octets, **changes)

    @property
    def silent(self) -> frozenset[str]:
        """The names that never answer; those of the authors' own domains do, but the attacker's."""
        own = tuple(domain for domain in self.shown if not domain.endswith(ATTACKER))
        return frozenset([name for name in self.hanging if not name.endswith(own)])

    @property
    def spf_passes(self) -> bool:
        """Whether the client may use the domain of the sender."""
        record = self.zone.get(self.sender, {})
        text = record.get("TXT", [""])[0] if isinstance(record, dict) else ""
        return f"ip4:{self.client}" in text and self.sender not in self.silent


Attack = Callable[[random.Random, Case], Case]


def text_of(author: str, body: str) -> bytes:
    """A plain message of one author."""
    return (
        f"From: Anna <anna@{author}>\r\nTo: bob@receiver.example\r\nSubject: lunch\r\n"
        f"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@{author}>\r\n\r\n{body}\r\n"
    ).encode()


@lru_cache(maxsize=4096)
def signed(
    octets: bytes, domain: str, names: str, *, selector: str = "s", length: int | None = None
) -> bytes:
    """A message with a signature of `domain` on top."""
    key = RSA_1024 if domain in (ATTACKER, TRUSTED) else ED25519
    tags = {"d": domain, "s": selector, "h": names}
    if length is not None:
        tags["l"] = str(length)
    return craft(octets, key, tags=tags)


WEAK: Final = "from:to:subject:date:message-id"
FULL: Final = f"from:to:subject:date:message-id:reply-to:content-type:{WEAK}"


def base(rng: random.Random) -> Case:
    """A message before anybody adds anything: authentic, forged, broken or unsigned."""
    author = rng.choice((VICTIM, VICTIM, BELOW))
    zone: dict[str, Any] = {**KEYS, **HOSTS}
    policy = rng.choice(POLICIES)
    if policy is not None:
        zone[f"_dmarc.{VICTIM}"] = policy
    if rng.random() < 0.2:
        zone[f"_dmarc.{OTHER}"] = rng.choice(POLICIES[:4])
    if rng.random() < 0.3:
        zone[f"_dmarc.{ATTACKER}"] = "v=DMARC1; p=none"
    octets = text_of(author, rng.choice(("hello", "hello\r\n\r\nworld", "")))
    passing: frozenset[str] = frozenset()
    kind = rng.choice(("unsigned", "signed", "signed", "broken", "third-party"))
    if kind != "unsigned":
        signer = {"third-party": OTHER}.get(kind) or rng.choice((author, VICTIM, BELOW, BESIDE))
        octets = signed(octets, signer, rng.choice((WEAK, FULL)))
        if kind == "broken":
            octets = octets.replace(b"lunch", b"money", 1)
        else:
            passing = frozenset((signer,))
    client, sender = rng.choice(
        ((BAD_CLIENT, ATTACKER), (BAD_CLIENT, author), (GOOD_CLIENT, author), (GOOD_CLIENT, OTHER))
    )
    return Case(
        octets=octets,
        zone=zone,
        shown=frozenset((author,)),
        passing=passing,
        client=client,
        sender=sender,
        authentic=kind == "signed",
        made_by=(f"{kind} {author}", str(policy), f"{client} {sender}"),
    )


def zone_of(case: Case) -> Zone:
    """DNS, as far as it answers."""
    return Zone(case.zone)
