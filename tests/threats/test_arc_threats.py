"""Attacks on chains (RFC 8617 §9): forged sets, games with cv=, gaps, floods, replayed seals."""

from __future__ import annotations

import re
import time

import pytest
from tests.unit.arc.arcs import KEYS, NOW, ZONE, chain_of, sealed, signed, verdict

import avowal
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.verifier import ArcVerifier
from avowal.limits import Limits
from avowal.lookup import Question
from avowal.message import CRLF, Message
from avowal.testing import message

TWO = chain_of(2)


def fields_of(octets: bytes, instance: int) -> list[bytes]:
    """The three fields of one set."""
    return [
        field.raw
        for field in Message.parse(octets).header
        if field.name.startswith(b"arc-") and re.search(rb"\bi=%d;" % instance, field.value)
    ]


def with_fields(fields: list[bytes], octets: bytes) -> bytes:
    return b"".join(field + CRLF for field in fields) + octets


def fails(octets: bytes) -> ChainReason:
    said = verdict(octets)
    assert said.status is ChainStatus.FAIL
    assert said.reason is not None
    return said.reason


def test_a_set_copied_from_another_message_does_not_validate() -> None:
    other = signed(message("Buy now!\r\n", subject="Offer"))
    assert fails(with_fields(fields_of(chain_of(1), 1), other)) is ChainReason.MESSAGE_SIGNATURE


def test_a_seal_replayed_above_another_message_signature_does_not_validate() -> None:
    evil = chain_of(1, signed(message("Buy now!\r\n")))
    seal = fields_of(chain_of(1), 1)[0]
    own = fields_of(evil, 1)[0]
    assert fails(evil.replace(own, seal)) is ChainReason.SEAL


def test_a_seal_under_another_name_does_not_validate() -> None:
    octets = TWO.replace(b"d=relay.example", b"d=example.com")
    assert octets != TWO
    assert fails(octets) in {ChainReason.MESSAGE_SIGNATURE, ChainReason.SEAL}


def test_results_rewritten_under_an_old_seal_do_not_validate() -> None:
    before, _, after = TWO.rpartition(b"spf=pass")  # the first hop's results stand lowest
    assert fails(before + b"spf=fail" + after) is ChainReason.SEAL


@pytest.mark.parametrize("added", [b"From: boss@example.com", b"Subject: Pay this"])
def test_a_field_added_under_an_old_seal_breaks_it(added: bytes) -> None:
    assert fails(added + CRLF + TWO) is ChainReason.MESSAGE_SIGNATURE


def test_a_from_added_under_a_seal_that_did_not_oversign_breaks_it() -> None:
    octets = signed(message())
    fields = avowal.seal(
        octets, ZONE, authserv_id="mx.list.example", domain="list.example", selector="e",
        key=KEYS["e"], now=NOW, oversigned=frozenset(),
    )  # fmt: skip
    assert verdict(fields + octets).passed
    forged = fields + octets.replace(
        b"From: Alice", b"From: Mallory <m@evil.example>\r\nFrom: Alice"
    )
    assert fails(forged) is ChainReason.MESSAGE_SIGNATURE


CV_GAMES = [
    pytest.param((b"cv=none", b"cv=pass"), ChainReason.STATUS, id="first-claims-pass"),
    pytest.param((b"cv=pass", b"cv=none"), ChainReason.STATUS, id="second-claims-none"),
    pytest.param((b"cv=pass", b"cv=fail"), ChainReason.MARKED_FAILED, id="newest-says-fail"),
    pytest.param((b"cv=none", b"cv=fail"), ChainReason.STATUS, id="oldest-says-fail"),
    pytest.param((b"cv=pass", b"cv="), ChainReason.FIELD_SYNTAX, id="empty"),
    pytest.param((b"cv=pass", b"cv=PASS"), ChainReason.FIELD_SYNTAX, id="capitals"),
    pytest.param((b"cv=pass", b"cv=pass pass"), ChainReason.FIELD_SYNTAX, id="twice-in-one"),
    pytest.param((b"cv=pass", b"cv=fail; cv=pass"), ChainReason.FIELD_SYNTAX, id="two-tags"),
    pytest.param((b" cv=pass;", b""), ChainReason.FIELD_SYNTAX, id="absent"),
]


@pytest.mark.parametrize(("change", "reason"), CV_GAMES)
def test_games_with_the_status_fail(change: tuple[bytes, bytes], reason: ChainReason) -> None:
    assert TWO.count(change[0]) == 1
    assert fails(TWO.replace(*change)) is reason


def test_a_failed_chain_cannot_be_laundered_by_dropping_its_newest_sets() -> None:
    """What is left validates as what it was: the older custodian's view, no more."""
    marked = sealed(chain_of(1).replace(b"noon", b"ten"), mark_failed=True)
    dropped = marked
    for field in fields_of(marked, 2):
        dropped = dropped.replace(field + CRLF, b"")
    assert fails(marked) is ChainReason.MARKED_FAILED
    assert fails(dropped) is ChainReason.MESSAGE_SIGNATURE


def test_a_gap_fails() -> None:
    octets = chain_of(3)
    for field in fields_of(octets, 2):
        octets = octets.replace(field + CRLF, b"")
    assert fails(octets) is ChainReason.GAP


def test_instances_that_start_at_two_fail() -> None:
    octets = TWO
    for field in fields_of(octets, 1):
        octets = octets.replace(field + CRLF, b"")
    assert fails(octets) is ChainReason.GAP


class Counting:
    """Answers from the zone and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def resolve(self, questions: tuple[Question, ...], /) -> object:
        self.asked += len(questions)
        return ZONE.resolve(questions)


@pytest.mark.parametrize("sets", [51, 500])
def test_more_than_fifty_sets_fail_before_any_work(sets: int) -> None:
    flood = with_fields(fields_of(chain_of(1), 1) * sets, message())
    resolver = Counting()
    said = avowal.verify_chain(flood, resolver, now=NOW)  # type: ignore[arg-type]
    assert (said.reason, resolver.asked) == (ChainReason.TOO_MANY_SETS, 0)


def test_a_chain_with_faulty_structure_asks_nothing() -> None:
    resolver = Counting()
    avowal.verify_chain(TWO.replace(b"cv=pass", b"cv=none"), resolver, now=NOW)  # type: ignore[arg-type]
    assert resolver.asked == 0


def test_the_number_of_keys_asked_for_has_a_limit() -> None:
    resolver = Counting()
    said = avowal.verify_chain(TWO, resolver, now=NOW, limits=Limits(arc_key_names=1))  # type: ignore[arg-type]
    assert resolver.asked == 1
    assert said.status is ChainStatus.FAIL


def test_fields_of_a_megabyte_cost_linear_time() -> None:
    def seconds(octets: bytes) -> float:
        start = time.thread_time()
        verdict(octets)
        return time.thread_time() - start

    start = b"ARC-Message-Signature: i=1; a=rsa-sha256; d=a.example; s=s; bh=AA==; b=AA==; h="
    limit = 64 << 10
    harmless = max(seconds(b"X: " + b"a " * (limit // 2) + CRLF + message()) for _ in range(3))
    for tail in (b":", b" ", b"a:", b" :", b"\r\n ", b";"):
        octets = start + tail * ((limit - len(start) - 2) // len(tail)) + CRLF + message()
        assert seconds(octets) < 20 * harmless + 0.2


def test_chains_say_nothing_about_who_is_trusted() -> None:
    """RFC 8617 §9.3: whoever seals first can claim anything; a pass only names the sealers."""
    lie = b"Authentication-Results: mx.list.example; dmarc=pass header.from=bank.example\r\n"
    said = verdict(sealed(lie + message(), results=None))
    assert said.passed
    assert said.sealers == ("list.example",)


def test_the_header_beyond_its_limit_fails_and_is_not_read() -> None:
    parsed = Message.parse(TWO)
    verifier = ArcVerifier(parsed.header, now=NOW, limits=Limits(header_fields=5))
    assert verifier.chain.reason is ChainReason.TOO_LARGE
