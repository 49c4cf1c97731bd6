"""The verifier beyond the vectors: caps, keys, evidence, streaming, misuse."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only

from avowal import Caution, Limits, Reason, Result, Rules, Verifier, run, verify
from avowal.crypto.algorithms import ALGORITHMS, register, unregister
from avowal.errors import StateError
from avowal.message import Header, Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

SIGNED = craft(message())


# --- what a verdict carries -----------------------------------------------------------------------


def test_a_pass_names_domain_selector_identity_and_algorithm() -> None:
    verdict = only(craft(message(), tags={"i": "al@sub.example.com"}))
    said = (verdict.domain, verdict.selector, verdict.identity, verdict.algorithm)
    assert said == ("example.com", "s1", "al@sub.example.com", "ed25519-sha256")
    assert verdict.passed
    assert verdict.explanation == "the signature verifies"


def test_a_temporary_failure_names_the_domain_too() -> None:
    verdict = only(SIGNED, {KEY_NAME: "TIMEOUT"})
    assert (verdict.result, verdict.domain) == (Result.TEMPERROR, "example.com")
    assert verdict.explanation == "the key could not be looked up for now: timeout"


def test_a_malformed_field_is_salvaged() -> None:
    verdict = only(craft(message(), tags={"q": "dns/txt;"}))
    assert verdict.signature is None
    assert (verdict.domain, verdict.selector, verdict.identity) == ("example.com", "s1", None)
    assert verdict.salvage is not None
    assert verdict.salvage.get("t") == str(SIGNED_AT).encode()


def test_what_a_stranger_wrote_is_one_line_of_text() -> None:
    verdict = only(craft(message(), tags={"d": "evil\r\n X-Forged: yes\r\n\t.example"}))
    assert verdict.domain == "evil\\r\\n X-Forged: yes\\r\\n\\t.example"
    assert "\n" not in verdict.explanation


def test_evidence_says_what_was_measured() -> None:
    evidence = only(tamper(SIGNED)).evidence
    assert evidence is not None
    assert (evidence.header_intact, evidence.key_bits, evidence.secure) == (True, 256, False)
    assert evidence.body_hash is not None


def test_a_changed_field_and_body_are_told_together() -> None:
    verdict = only(tamper(tamper(SIGNED), "subject"))
    assert verdict.detail == "the signed fields changed too"


def test_the_security_of_the_answer_is_shown() -> None:
    evidence = only(SIGNED, Zone(ZONE, secure=True)).evidence
    assert evidence is not None
    assert evidence.secure


def test_verdicts_come_in_header_order_with_their_places() -> None:
    octets = craft(craft(message(from_="a@example.net")), tags={"s": "s2", "d": "example.net"})
    verdicts = verify(octets, ZONE, now=SIGNED_AT)
    assert [(v.place, v.domain) for v in verdicts] == [(0, "example.net"), (1, "example.com")]


def test_an_unsigned_message_has_no_verdicts() -> None:
    assert verify(message(), ZONE) == ()


# --- keys that are none, RFC 6376 §3.6.1 ---------------------------------------------------------


FOREIGN = "v=DMARC1; p=none"


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        pytest.param([FOREIGN], Reason.NO_KEY, id="foreign-alone"),
        pytest.param([FOREIGN, record_for(ED25519)], None, id="foreign-beside-a-key"),
        pytest.param([FOREIGN, "junk"], Reason.KEY_SYNTAX, id="junk-says-more"),
        pytest.param(["junk", FOREIGN], Reason.KEY_SYNTAX, id="in-any-order"),
        pytest.param([FOREIGN, "p="], Reason.KEY_REVOKED, id="a-revoked-key-says-most"),
    ],
)
def test_a_foreign_record_is_no_key_at_all(records: list[str], reason: Reason | None) -> None:
    verdict = only(SIGNED, {KEY_NAME: records})  # §3.6.1 v=, §6.1.2 step 3
    assert verdict.reason is reason


def test_a_line_break_in_a_key_record_passes_with_a_warning_unless_strict() -> None:
    zone = {KEY_NAME: record_for(ED25519) + "\n"}
    verdict = only(SIGNED, zone)
    assert verdict.passed
    assert Caution.KEY_LINE_BREAK in verdict.warnings
    strict = only(SIGNED, zone, rules=Rules(accept_key_line_breaks=False))
    assert strict.reason is Reason.KEY_SYNTAX


# --- keys -----------------------------------------------------------------------------------------


def test_all_keys_are_asked_for_in_one_round_and_equal_ones_once() -> None:
    octets = craft(craft(craft(message())), tags={"s": "s2"})
    rounds: list[int] = []

    class Counting(Zone):
        def resolve(self, questions: Any, /) -> Any:
            rounds.append(len(questions))
            return super().resolve(questions)

    verify(octets, Counting(ZONE), now=SIGNED_AT)
    assert rounds == [2]


def test_signatures_settled_before_the_key_ask_nothing() -> None:
    zone = Zone(ZONE)
    octets = craft(message(), tags={"x": "2"} | {"t": "1"})
    assert only(octets, zone).reason is Reason.EXPIRED
    assert zone.asked == []


def test_the_key_is_asked_for_in_a_labels() -> None:
    zone = Zone({})
    only(craft(message(), tags={"d": "bücher.example", "s": "grün"}), zone)
    assert [q.name for q in zone.asked] == ["xn--grn-ioa._domainkey.xn--bcher-kva.example"]


def test_given_keys_serve_without_dns() -> None:
    whole = Message.parse(SIGNED)
    verifier = Verifier(whole.header, now=SIGNED_AT)
    verifier.feed(whole.body)
    assert [v.passed for v in verifier.finish(run(verifier.keys(), Zone(ZONE)))] == [True]


def test_a_key_nobody_asked_for_is_unavailable() -> None:
    verifier = Verifier(Message.parse(SIGNED).header, now=SIGNED_AT)
    assert [v.reason for v in verifier.finish({})] == [Reason.KEY_UNAVAILABLE]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(["v=spf1 -all", ZONE[KEY_NAME]], id="behind-foreign-text"),
        pytest.param([record_for(RSA_2048), ZONE[KEY_NAME]], id="behind-a-key-of-another-type"),
        pytest.param(["v=DKIM1; k=ed25519; p=", ZONE[KEY_NAME]], id="behind-a-revoked-key"),
    ],
)
def test_each_of_several_records_is_tried(records: list[str]) -> None:
    verdict = only(SIGNED, {KEY_NAME: records})
    assert verdict.passed
    assert Caution.SEVERAL_RECORDS in verdict.warnings


def test_the_record_that_says_most_gives_the_reason() -> None:
    records = ["v=spf1 -all", "v=DKIM1; k=ed25519; p="]
    assert only(SIGNED, {KEY_NAME: records}).reason is Reason.KEY_REVOKED


# --- caps: RFC 4686 §4.1.6, §4.1.7 ----------------------------------------------------------------


def flood(count: int, *, selectors: int = 1) -> bytes:
    """Junk signatures of another domain above a good one of the author's."""
    junk = craft(message(), tags={"d": "junk.example"}).partition(b"\r\n")[0] + b"\r\n"
    fields = [junk.replace(b"s=s1;", b"s=j%d;" % (number % selectors)) for number in range(count)]
    return b"".join(fields) + SIGNED


@pytest.fixture
def operations() -> Any:
    """Count public key operations."""
    counted: Counter[str] = Counter()
    known = ALGORITHMS["ed25519-sha256"]

    def verify_counted(*given: Any) -> bool:
        counted["verify"] += 1
        return known.verify(*given)

    unregister(known.name)
    register(dataclasses.replace(known, verify=verify_counted))
    yield counted
    unregister(known.name)
    register(known)


def test_a_thousand_signatures_cost_a_bounded_number_of_questions_and_operations(
    operations: Counter[str],
) -> None:
    zone = Zone({**ZONE, "*.junk.example": ZONE[KEY_NAME]})
    verdicts = verify(flood(1000, selectors=1000), zone, now=SIGNED_AT)
    assert len(verdicts) == 1001
    assert len(zone.asked) <= Limits().key_names
    assert operations["verify"] <= Limits().signatures_checked


def test_names_beyond_the_limit_are_not_asked_for() -> None:
    zone = Zone({**ZONE, "*.junk.example": ZONE[KEY_NAME]})
    verdicts = verify(flood(9, selectors=9), zone, now=SIGNED_AT, limits=Limits(key_names=3))
    assert len(zone.asked) == 3
    assert sum(v.reason is Reason.TOO_MANY_SIGNATURES for v in verdicts) == 7


def test_records_beyond_the_limit_are_not_tried() -> None:
    revoked = "v=DKIM1; k=ed25519; p="
    assert only(SIGNED, {KEY_NAME: [revoked] * 3 + [ZONE[KEY_NAME]]}).passed
    verdict = only(SIGNED, {KEY_NAME: [revoked] * 4 + [ZONE[KEY_NAME]]})
    assert verdict.reason is Reason.KEY_REVOKED


def test_operations_are_bounded_where_all_share_one_key(operations: Counter[str]) -> None:
    zone = Zone({**ZONE, "*.junk.example": ZONE[KEY_NAME]})
    verify(flood(1000), zone, now=SIGNED_AT)
    assert operations["verify"] <= Limits().signatures_checked


@pytest.mark.parametrize("selectors", [1, 100])
def test_a_hundred_junk_signatures_cannot_hide_the_good_one(selectors: int) -> None:
    verdicts = verify(flood(100, selectors=selectors), Zone(ZONE), now=SIGNED_AT)
    assert verdicts[-1].passed
    assert sum(v.reason is Reason.TOO_MANY_SIGNATURES for v in verdicts) > 0


def test_nothing_is_dropped_silently() -> None:
    verdicts = verify(flood(1500), ZONE, now=SIGNED_AT)
    assert len(verdicts) == 1501
    assert {v.reason for v in verdicts} == {Reason.NO_KEY, Reason.TOO_MANY_SIGNATURES}


# --- streaming and misuse -------------------------------------------------------------------------


def test_a_message_without_usable_signatures_wants_no_body() -> None:
    assert not Verifier(Header.parse(b"From: a@example.com\r\n"), now=0).wants_body
    broken = Message.parse(craft(message(), tags={"v": "2"})).header
    assert not Verifier(broken, now=0).wants_body


def test_behind_every_signed_length_no_more_is_wanted() -> None:
    whole = Message.parse(craft(message("x" * 50 + "\r\n"), tags={"l": "3"}))
    verifier = Verifier(whole.header, now=SIGNED_AT)
    assert verifier.feed(whole.body[:3])
    assert not verifier.feed(whole.body[3:10])


def test_a_finished_verifier_takes_no_more() -> None:
    verifier = Verifier(Header.parse(b""), now=0)
    verifier.finish({})
    with pytest.raises(StateError):
        verifier.feed(b"x")
    with pytest.raises(StateError):
        verifier.finish({})


def test_the_key_of_ed25519_is_not_read_as_rsa() -> None:
    octets = craft(message(), RSA_2048)
    assert only(octets, {KEY_NAME: record_for(ED25519)}).reason is Reason.KEY_ALGORITHM
