"""A mail site in memory: a configuration as operators write it, fixed keys, a zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import pytest
from msgspec import structs
from tests.inspecting import inspected

from avowal.config.model import Key
from avowal.config.toml import parse
from avowal.crypto.signing import AnyKey
from avowal.errors import KeyMaterialError
from avowal.flow.actions import Actions
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.outcome import FlowOutcome
from avowal.flow.plan import Plan
from avowal.flow.trace import Step, Topic, Trace
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.flow.treatment import Treatment, treat
from avowal.lookup import Resolver
from avowal.message import Field, Header, Message
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_1024, RSA_2048, Zone, record_for

NOW = 1_700_000_000
KEYS = {"ed": ED25519, "rsa": RSA_2048, "short": RSA_1024}
ZONE = Zone(
    {
        "ed._domainkey.example.com": record_for(ED25519),
        "rsa._domainkey.example.com": record_for(RSA_2048),
        "ed._domainkey.example.org": record_for(ED25519),
        "test._domainkey.example.com": record_for(ED25519, flags=["y"]),
        "gone._domainkey.example.com": "v=DKIM1; p=",
    }
)


def load(name: str, entry: Key, domain: DomainName | None) -> AnyKey:
    """The inline text of an entry names one of the fixed keys."""
    if entry.inline not in KEYS:
        raise KeyMaterialError(f"key {name}", "no such key")
    return KEYS[entry.inline]


@dataclass(frozen=True, slots=True)
class Site:
    """A plan, and messages put through it."""

    plan: Plan

    def transaction(
        self, client: str | None = None, auth: str | None = None, **more: Any
    ) -> Transaction:
        return Transaction(
            received_at=NOW,
            client=None if client is None else ip_address(client),
            auth=None if auth is None else SmtpAuthentication("PLAIN", auth),
            **more,
        )

    def treatment(self, octets: bytes, **more: Any) -> Treatment:
        return treat(self.plan, self.transaction(**more), Message.parse(octets).header)

    def outcome(
        self, octets: bytes, *, zone: Resolver | None = ZONE, now: int = NOW, **more: Any
    ) -> FlowOutcome:
        read = Message.parse(octets)
        transaction = self.transaction(**more)
        return inspected(self.plan, transaction, read.header, [read.body], zone, now=now)

    def actions(self, octets: bytes, **more: Any) -> Actions:
        return decide(self.outcome(octets, **more))


def carried_out(actions: Actions, octets: bytes) -> bytes:
    """What leaves the MTA."""
    before = Message.parse(octets)
    doomed = {(deletion.name.lower(), deletion.instance) for deletion in actions.delete}
    kept: list[Field] = []
    counts: dict[bytes, int] = {}
    for field in before.header:
        counts[field.name] = counts.get(field.name, 0) + 1
        if (field.name, counts[field.name]) not in doomed:
            kept.append(field)
    return Message(Header.of([*actions.insert, *kept]), before.body).octets


@pytest.fixture
def site() -> Callable[[str], Site]:
    def made(toml: str) -> Site:
        loaded = parse(toml.encode(), file="avowal.toml")
        # DKIM alone: SPF and the policies have tests of their own.
        policies = structs.replace(loaded.configuration.policies, spf="off", generations=())
        configuration = structs.replace(loaded.configuration, policies=policies)
        return Site(compile_plan(configuration, loaded.places, load=load))

    return made


@pytest.fixture
def zone() -> Zone:
    return ZONE


def steps_about(topic: Topic, trace: Trace) -> tuple[Step, ...]:
    """The steps of one topic, in the order they were taken."""
    return tuple(step for step in trace if step.topic is topic)
