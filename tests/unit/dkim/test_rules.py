"""The receiver's rules, each shown off and on; and the tables of reasons and warnings."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only, rsa_record

from avowal import Caution, Reason, Result, Rules, Verifier, run
from avowal.dkim.rules import ARCHIVE, DEFAULT, PROFILES, STRICT
from avowal.message import Message
from avowal.testing import RSA_2048, Zone, message, record_for

SIGNED = craft(message())


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "octets", "zone", "off", "on"),
    [
        pytest.param(
            {"min_rsa_bits": 2049},
            craft(message(), RSA_2048),
            {KEY_NAME: record_for(RSA_2048)},
            None,
            Reason.KEY_TOO_SHORT,
            id="min-rsa-bits",
        ),
        pytest.param(
            {"max_rsa_bits": 16384},
            craft(message(), RSA_2048),
            {KEY_NAME: rsa_record(8193)},
            Reason.KEY_TOO_LONG,
            Reason.SIGNATURE,
            id="max-rsa-bits",
        ),
        pytest.param(
            {"accept_historic": True},
            craft(message(), RSA_2048, tags={"a": "rsa-sha1"}),
            {KEY_NAME: record_for(RSA_2048)},
            Reason.HISTORIC_ALGORITHM,
            None,
            id="accept-historic",
        ),
        pytest.param(
            {"accept_drafts": True},
            craft(message(), tags={"v": "0.5"}),
            ZONE,
            Reason.VERSION,
            None,
            id="accept-drafts",
        ),
        pytest.param(
            {"accept_unsigned_content": True},
            craft(message(), tags={"l": "3"}),
            ZONE,
            Reason.UNSIGNED_CONTENT,
            None,
            id="accept-unsigned-content",
        ),
        pytest.param(
            {"ignore_body_length": True},
            craft(message(), tags={"l": "3"}),
            ZONE,
            Reason.UNSIGNED_CONTENT,
            Reason.BODY_HASH,
            id="ignore-body-length",
        ),
        pytest.param(
            {"accept_testing": False},
            SIGNED,
            {KEY_NAME: ZONE[KEY_NAME] + "; t=y"},
            None,
            Reason.KEY_TESTING,
            id="accept-testing",
        ),
        pytest.param(
            {"honor_granularity": True},
            SIGNED,
            {KEY_NAME: ZONE[KEY_NAME] + "; g=x"},
            None,
            Reason.KEY_GRANULARITY,
            id="honor-granularity",
        ),
        pytest.param(
            {"service": "tlsrpt"},
            SIGNED,
            {KEY_NAME: ZONE[KEY_NAME] + "; s=tlsrpt"},
            Reason.KEY_SERVICE,
            None,
            id="service",
        ),
        pytest.param(
            {"require_service": True}, SIGNED, ZONE, None, Reason.KEY_SERVICE, id="require-service"
        ),
        pytest.param(
            {"required_fields": frozenset({b"cc"})},
            craft(message(cc="c@example.org")),
            ZONE,
            None,
            Reason.REQUIRED_FIELD,
            id="required-fields",
        ),
        pytest.param(
            {"required_fields": frozenset({b"cc"})}, SIGNED, ZONE, None, None, id="when-present"
        ),
        pytest.param(
            {"sole_fields": frozenset(), "once_fields": frozenset()},
            craft(b"From: b@example.com\r\n" + message(), signed=message()),
            ZONE,
            Reason.ADDED_FIELD,
            None,
            id="sole-fields",
        ),
        pytest.param(
            {"once_fields": frozenset()},
            craft(b"Cc: b@example.com\r\n" + message(cc="c@example.org"), signed=message()),
            ZONE,
            Reason.REPEATED_FIELD,
            None,
            id="once-fields",
        ),
        pytest.param(
            {"refuse_several_from": True},
            craft(b"From: b@example.com\r\n" + message(), tags={"h": "from:from"}),
            ZONE,
            None,
            Reason.ADDED_FIELD,
            id="refuse-several-from",
        ),
        pytest.param(
            {"check_expiration": False},
            craft(message(), tags={"t": "1", "x": "2"}),
            ZONE,
            Reason.EXPIRED,
            None,
            id="check-expiration",
        ),
        pytest.param(
            {"clock_skew": 0},
            craft(message(), tags={"t": "1", "x": str(SIGNED_AT - 1)}),
            ZONE,
            None,
            Reason.EXPIRED,
            id="clock-skew",
        ),
        pytest.param(
            {"refuse_future": True},
            craft(message(), tags={"t": str(SIGNED_AT + 301)}),
            ZONE,
            None,
            Reason.FUTURE,
            id="refuse-future",
        ),
        pytest.param(
            {"refuse_future": True},
            craft(message(), tags={"t": str(SIGNED_AT + 300)}),
            ZONE,
            None,
            None,
            id="refuse-future-beyond-the-tolerance-only",
        ),
        pytest.param(
            {"max_age": 60},
            craft(message(), tags={"t": str(SIGNED_AT - 361)}),
            ZONE,
            None,
            Reason.TOO_OLD,
            id="max-age",
        ),
        pytest.param(
            {"accept_single_label": True},
            craft(message(), tags={"d": "com"}),
            {"s1._domainkey.com": ZONE[KEY_NAME]},
            Reason.UNACCEPTABLE_DOMAIN,
            None,
            id="accept-single-label",
        ),
        pytest.param(
            {"unacceptable_domains": frozenset({"example.com"})},
            SIGNED,
            ZONE,
            None,
            Reason.UNACCEPTABLE_DOMAIN,
            id="unacceptable-domains",
        ),
    ],
)
def test_each_rule_switches_its_reason(
    switch: dict[str, Any], octets: bytes, zone: Any, off: Reason | None, on: Reason | None
) -> None:
    assert only(octets, zone).reason is off
    assert only(octets, zone, rules=Rules(**switch)).reason is on


def test_every_rule_names_a_reason_and_a_meaning() -> None:
    reasons = {str(reason) for reason in Reason}
    for rule in dataclasses.fields(Rules):
        assert rule.metadata["reason"] in reasons
        assert rule.metadata["meaning"]


@pytest.mark.parametrize(
    ("profile", "octets", "passes"),
    [
        pytest.param("default", SIGNED, True, id="default"),
        pytest.param("strict", SIGNED, True, id="strict"),
        pytest.param("strict", craft(message(), tags={"h": "from:to"}), False, id="strict-wants"),
        pytest.param("archive", craft(message(), tags={"v": "0.5"}), True, id="archive"),
        pytest.param("tlsrpt", SIGNED, True, id="tlsrpt"),
    ],
)
def test_profiles_are_rules_by_name(profile: str, octets: bytes, *, passes: bool) -> None:
    assert only(octets, rules=PROFILES[profile]).passed is passes


def test_rules_can_be_changed_one_by_one() -> None:
    assert STRICT.but(refuse_future=False).max_rsa_bits == STRICT.max_rsa_bits
    assert DEFAULT.accept_historic is False
    assert ARCHIVE.accept_historic is True


def test_without_a_clock_times_are_not_judged() -> None:
    whole = Message.parse(craft(message(), tags={"t": "1", "x": "2"}))
    verifier = Verifier(whole.header, now=None)
    verifier.feed(whole.body)
    assert [v.passed for v in verifier.finish(run(verifier.keys(), Zone(ZONE)))] == [True]


# --- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_a_source_a_sentence_and_a_word(reason: Reason) -> None:
    assert reason.source.startswith("RFC ")
    assert reason.sentence.islower() or reason.sentence[0].islower()
    assert reason.result in {
        Result.FAIL,
        Result.POLICY,
        Result.NEUTRAL,
        Result.TEMPERROR,
        Result.PERMERROR,
    }


@pytest.mark.parametrize("caution", Caution)
def test_a_warning_has_a_sentence(caution: Caution) -> None:
    assert caution.sentence
    assert str(caution) == caution.value


def test_only_trouble_with_dns_is_temporary() -> None:
    temporary = [reason for reason in Reason if reason.result is Result.TEMPERROR]
    assert temporary == [Reason.KEY_UNAVAILABLE]
