"""Verifications told as results (RFC 8601 §2.7.1, RFC 6008 §4)."""

from __future__ import annotations

import pytest

import avowal
from avowal.authres import AuthenticationResults, MethodResult, parse, read, write
from avowal.dkim.results import distinct_lengths, results_of
from avowal.testing import ED25519, RSA_1024, RSA_2048, Zone, message, record_for, tamper

KEYS = {"e": ED25519, "r": RSA_2048, "w": RSA_1024}
ZONE = Zone({f"{s}._domainkey.example.com": record_for(key) for s, key in KEYS.items()})
NOW = 1_800_000_000


def signed(selector: str = "e", **options: object) -> bytes:
    text = message()
    field = avowal.sign(
        text, domain="example.com", selector=selector, key=KEYS[selector], now=NOW, **options
    )
    return field + text


def results(octets: bytes, **options: object) -> tuple[MethodResult, ...]:
    return results_of(avowal.verify(octets, ZONE, now=NOW, **options))  # type: ignore[arg-type]


def test_an_unsigned_message_says_none() -> None:
    assert [str(r.result) for r in results(message())] == ["none"]


def test_a_pass_names_domain_identity_selector_algorithm_and_signature() -> None:
    octets = signed(identity="joe@sub.example.com")
    (result,) = results(octets)
    b = octets.partition(b" b=")[2][:8].decode()
    assert result == MethodResult(
        "dkim",
        "pass",
        properties=(
            ("header.d", "example.com"),
            ("header.i", "joe@sub.example.com"),
            ("header.s", "e"),
            ("header.a", "ed25519-sha256"),
            ("header.b", b),
        ),
        comment="256-bit key",
    )


def test_a_failure_gives_its_reason() -> None:
    (result,) = results(tamper(signed()))
    assert (result.result, result.reason) == ("fail", "the body is not the one that was signed")


def test_a_matter_of_policy_names_the_rule() -> None:
    (result,) = results(
        signed(), rules=avowal.Rules(unacceptable_domains=frozenset(["example.com"]))
    )
    assert result.result == "policy"
    assert result.value("policy.dkim-rules") == "unacceptable-domain"


def test_warnings_stand_in_the_comment() -> None:
    (result,) = results(signed("w"))
    assert result.comment == "1024-bit key; warnings: short-key"


def test_a_key_in_test_mode_is_called_so() -> None:
    zone = Zone({"e._domainkey.example.com": record_for(ED25519, flags=("y",))})
    (result,) = results_of(avowal.verify(signed(), zone, now=NOW))
    assert (result.result, result.comment) == ("pass", "256-bit key; test mode")


def test_a_signature_that_cannot_be_read_is_reported_as_far_as_it_can() -> None:
    octets = b"DKIM-Signature: v=1; d=a.example\r\n b=abcdefghij\x01; d=twice\r\n" + message()
    (result,) = results(octets)
    assert (result.result, result.value("header.d")) == (
        "neutral",
        "a.example\\r\\n b=abcdefghij\\x01",
    )
    written = write(AuthenticationResults("mx.example.org", (result,)))
    assert len(parse(written.value).results) == 1


def test_each_signature_has_a_result_in_the_order_of_the_header() -> None:
    octets = b"".join(signed(s).partition(b"\r\nFrom")[0] + b"\r\n" for s in "erw") + message()
    assert [r.value("header.s") for r in results(octets)] == ["e", "r", "w"]


def test_a_flood_of_signatures_is_no_flood_of_results() -> None:
    octets = signed()
    flood = octets.partition(b"From: ")[0] * 30 + message()
    verdicts = avowal.verify(flood, ZONE, now=NOW, limits=avowal.Limits(signatures_checked=3))
    assert len(verdicts) == 30
    assert [r.result for r in results_of(verdicts)] == ["pass"] * 3 + ["policy"]


LENGTHS = [
    pytest.param(["abcdefghijk"], [8], id="eight-do"),
    pytest.param(["abc"], [8], id="all-of-a-shorter-one"),
    pytest.param(["abcdefghXk", "abcdefghYk"], [9, 9], id="longer-until-unique"),
    pytest.param(["abcdefghij", "abcdefghijKL"], [11, 11], id="one-begins-the-other"),
    pytest.param(["abcdefghij", "abcdefghij", "b"], [8, 8, 8], id="equal-ones-count-once"),
    pytest.param(["aBcdefghij", "abcdefghij"], [8, 8], id="case-tells-apart"),
]


@pytest.mark.parametrize(("texts", "expected"), LENGTHS)
def test_header_b_is_long_enough_to_tell_signatures_apart(
    texts: list[str], expected: list[int]
) -> None:
    lengths = distinct_lengths(texts)
    assert [lengths[text] for text in texts] == expected
    shown = {text[: lengths[text]] for text in texts}
    assert len(shown) == len(set(texts))


def test_what_is_written_can_be_read_by_those_who_trust_us() -> None:
    written = write(AuthenticationResults("mx.example.org", results(signed("r"))))
    octets = written.raw + b"\r\n" + message()
    (result,) = read(octets, trusted={"mx.example.org"}, own_hops=0).named("dkim")
    assert (result.result, result.value("header.d")) == ("pass", "example.com")
