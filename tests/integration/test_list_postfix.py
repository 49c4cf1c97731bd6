"""Lists and forwarders end to end, through real Postfix; see tests/listloop.py for who is who."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator

import pytest
from tests.flowhosts import found
from tests.listloop import World, message, running
from tests.mailloop import submit, until

import avowal
from avowal.message import Message
from avowal.testing import ED25519, Zone, record_for

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as world:
        yield world


@pytest.fixture(scope="module")
def from_bees(world: World) -> bytes:
    return world.post("to-bees", "bees@lists.example")


def test_the_list_changes_a_post_and_its_own_signature_passes(from_bees: bytes) -> None:
    assert b"Subject: [bees] to-bees\r\n" in from_bees
    assert from_bees.rstrip().endswith(b"footer of the list")
    by_domain = {r.value("header.d"): r.result for r in found(from_bees)["dkim"]}
    assert by_domain["lists.example"] == "pass"


def test_the_author_s_signature_is_named_broken(from_bees: bytes) -> None:
    broken = [r for r in found(from_bees)["dkim"] if r.value("header.d") == "sender.example"]
    assert [r.result for r in broken] == ["fail", "fail"]
    why = "the body is not the one that was signed: the signed fields changed too"
    assert [r.reason for r in broken] == [why, why]


def test_the_list_tells_what_it_verified_and_its_signature_covers_that(from_bees: bytes) -> None:
    told = found(from_bees, "lists.example")
    told = found(from_bees, "lists.example")
    words = {method: {r.result for r in results} for method, results in told.items()}
    assert words == {"dkim": {"pass"}, "spf": {"pass"}, "dmarc": {"pass"}, "arc": {"none"}}
    (field,) = Message.parse(from_bees).header.named(b"dkim-signature")[:1]
    assert b":authentication-results" in field.value.lower().replace(b"\r\n\t", b"")


def test_the_chain_passes_and_explains_why_a_failing_policy_is_not_applied(
    from_bees: bytes,
) -> None:
    results = found(from_bees)
    (arc,), (dmarc,) = results["arc"], results["dmarc"]
    assert (arc.result, arc.comment) == ("pass", "i=1 sealed by lists.example")
    assert (dmarc.result, dmarc.value("policy.dmarc")) == ("fail", "none")
    assert "local_policy arc=pass as[1].d=lists.example" in (dmarc.comment or "")


def test_without_a_seal_the_author_s_policy_is_applied(world: World) -> None:
    submit(world.msa.port, message("strict-at-ants"), recipient="ants@lists.example")
    until(lambda: "milter-reject" in world.mx.log, what="the refusal")
    assert "5.7.1" in world.mx.log
    assert not any(b"strict-at-ants" in one for one in world.inbox.messages())


def test_what_list_software_sends_is_signed_by_the_daemon(world: World) -> None:
    arrived = world.post("to-ants", "ants@lists.example", author="carol@friend.example")
    assert arrived.rstrip().endswith(b"footer of the list")
    results = found(arrived)
    by_domain = [(r.value("header.d"), r.result) for r in results["dkim"]]
    assert by_domain == [("lists.example", "pass"), ("friend.example", "fail")]
    (dmarc,) = results["dmarc"]
    assert (dmarc.result, dmarc.value("policy.dmarc")) == ("fail", "none")
    assert {r.result for r in found(arrived, "lists.example")["dkim"]} == {"pass"}


def test_an_unsigned_post_is_refused_at_the_door(world: World) -> None:
    octets = message("unsigned", "mallory@nowhere.example")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(world.lists.port, octets, recipient="ants@lists.example")
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error.startswith(b"5.7.1 ")


def test_an_alias_that_seals_keeps_the_author_s_signatures(world: World) -> None:
    arrived = world.post("to-wasps", "wasps@lists.example")
    assert avowal.verify_chain(arrived, world.zone).sealers == ("lists.example",)
    results = found(arrived)
    assert [(r.value("header.d"), r.result) for r in results["dkim"]] == [
        ("sender.example", "pass"), ("sender.example", "pass")
    ]  # fmt: skip
    assert [r.result for r in results["dmarc"]] == ["pass"]
    assert [r.result for r in results["arc"]] == ["pass"]


@pytest.mark.parametrize("canon", ["simple", "relaxed"])
def test_naive_forwarding_leaves_every_octet_and_every_signature(world: World, canon: str) -> None:
    mark = f"forwarded-{canon}"
    octets = message(mark)
    for domain in ("sender.example", "friend.example"):
        octets = avowal.sign(
            octets, domain=domain, selector="own", key=ED25519,
            header_canon=canon, body_canon=canon,
        ) + octets  # fmt: skip
    submit(world.lists.port, octets, recipient="bob@forward.example")
    arrived = world.inbox.containing(mark.encode())
    assert arrived.endswith(octets)
    zone = Zone(
        {f"own._domainkey.{d}": record_for(ED25519) for d in ("sender.example", "friend.example")}
    )
    verdicts = avowal.verify(arrived, zone)
    assert [str(v.result) for v in verdicts] == ["pass", "pass"]


def test_signatures_of_the_msa_survive_a_forwarder(world: World) -> None:
    arrived = world.post("through-an-alias", "bob@forward.example")
    results = found(arrived)
    assert [r.result for r in results["dkim"]] == ["pass", "pass"]
    assert [r.result for r in results["dmarc"]] == ["pass"]


def test_the_list_was_told_what_it_does_to_strict_authors(world: World, from_bees: bytes) -> None:
    """It sealed all the same, and found nothing else to complain of."""
    why = "sender.example publishes p=reject, and Subject is signed"
    assert world.software.complaints == [f"avowal: refuse: {why}\n"]
