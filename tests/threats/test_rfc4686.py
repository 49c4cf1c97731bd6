"""The attacks of RFC 4686 on signatures and keys (§4.1), one named test or more for each.

§4.1.12 falls to the resolver (tests/unit/dns), §4.1.16 and 17 to what signs and verifies at a
site, §4.2 to policy (tests/threats/test_*policy*, tests/unit/policy): what the core owes to
them stands here all the same.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only, rsa_record

from avowal import Limits, Reason, Result, Rules, load_key, sign, verify
from avowal.canonical import HEADER_FORMS
from avowal.dns.cache import Cached
from avowal.errors import KeyMaterialError
from avowal.keys.files import write_key
from avowal.lookup import Answer, Outcome, Question
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

HTML = b"<p>Pay to account 1.</p>\r\n"


# --- 4.1.1 and 4.1.2: theft of the private key ----------------------------------------------------


def test_4_1_1_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s1.pem"
    write_key(path, ED25519)
    path.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="chmod 600"):
        load_key(path)


def test_4_1_1_no_text_of_a_key_shows_its_secret() -> None:
    secret = base64.b64encode(ED25519._handle.private_bytes_raw())
    shown = f"{ED25519!r} {ED25519} {vars(type(ED25519))}".encode()
    assert secret not in shown
    assert ED25519._handle.private_bytes_raw().hex().encode() not in shown


def test_4_1_1_an_error_about_a_key_shows_no_octet_of_it() -> None:
    secret = base64.b64encode(os.urandom(33))
    with pytest.raises(KeyMaterialError) as caught:
        load_key(secret)
    assert secret.decode() not in str(caught.value)


def test_4_1_1_a_stolen_key_is_withdrawn_by_an_empty_p() -> None:
    verdict = only(craft(message()), {KEY_NAME: "v=DKIM1; k=ed25519; p="})
    assert (verdict.result, verdict.reason) == (Result.PERMERROR, Reason.KEY_REVOKED)


def test_4_1_2_a_delegated_key_can_be_kept_from_subdomains() -> None:
    octets = craft(message(), tags={"i": "ceo@board.example.com"})
    assert only(octets).passed
    assert only(octets, {KEY_NAME: ZONE[KEY_NAME] + "; t=s"}).reason is Reason.KEY_SUBDOMAIN


def test_4_1_2_a_key_of_a_subdomain_does_not_sign_for_its_parent() -> None:
    octets = craft(message(), tags={"d": "news.example.com", "i": "ceo@example.com"})
    zone = {"s1._domainkey.news.example.com": ZONE[KEY_NAME]}
    assert only(octets, zone).reason is Reason.DOMAIN_MISMATCH


def test_4_1_2_a_granular_key_is_honoured_where_the_rules_say_so() -> None:
    octets = craft(message(), tags={"i": "ceo@example.com"})
    zone = {KEY_NAME: ZONE[KEY_NAME] + "; g=news"}
    rules = Rules(honor_granularity=True)
    assert only(octets, zone, rules=rules).reason is Reason.KEY_GRANULARITY


def test_4_1_3_private_keys_work_inside_the_vetted_library_only() -> None:
    code = (Path(sys.modules["avowal"].__file__ or "").parent).rglob("*.py")
    powers = [path.name for path in code if "pow(" in path.read_text(encoding="utf-8")]
    assert powers == ["recovery.py"]  # which finds public keys, and knows no private one


# --- 4.1.4 and 4.1.5: replay ----------------------------------------------------------------------


def test_4_1_4_a_replayed_message_cannot_get_another_subject_or_recipient() -> None:
    octets = sign(message(), domain="example.com", selector="s1", key=ED25519) + message()
    for added in (b"Subject: free\r\n", b"To: victim@example.net\r\n", b"Cc: all@example.net\r\n"):
        assert not only(added + octets).passed


def test_4_1_4_a_signature_can_end() -> None:
    options: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519}
    octets = sign(message(), now=SIGNED_AT, lifetime=3600, **options) + message()
    assert only(octets, now=SIGNED_AT + 3600).passed
    assert only(octets, now=SIGNED_AT + 3901).reason is Reason.EXPIRED


def test_4_1_5_a_replay_is_never_said_to_be_detected() -> None:
    octets = craft(message())
    assert only(octets).passed
    assert only(octets).passed  # the second time too: the core remembers nothing


# --- 4.1.6 and 4.1.7: denial of service -----------------------------------------------------------


def test_4_1_6_a_thousand_signatures_ask_a_bounded_number_of_questions() -> None:
    field = craft(message()).partition(b"\r\n")[0] + b"\r\n"
    flood = b"".join(field.replace(b" s=s1;", b" s=x%d;" % n) for n in range(1000))
    zone = Zone({})
    verdicts = verify(flood + message(), zone, now=SIGNED_AT)
    assert len(zone.asked) <= Limits().key_names
    assert len(verdicts) == 1000


def test_4_1_6_a_key_of_16384_bits_is_not_worked_with() -> None:
    verdict = only(craft(message(), RSA_2048), {KEY_NAME: rsa_record(16384)})
    assert verdict.reason is Reason.KEY_TOO_LONG


def test_4_1_6_a_huge_exponent_is_not_worked_with() -> None:
    record = rsa_record(2048, exponent=(1 << 2000) + 1)
    assert not only(craft(message(), RSA_2048), {KEY_NAME: record}).passed


@pytest.mark.parametrize("tag", ["z", "h", "bh", "b", "zz"])
def test_4_1_6_a_signature_of_a_megabyte_is_not_read(tag: str) -> None:
    value = "from:" * (200 << 10) + "from" if tag == "h" else "A" * (1 << 20)
    octets = craft(message(), tags={tag: value})
    verdict = only(octets, limits=Limits(header_octets=4 << 20))
    assert verdict.reason is Reason.TOO_LARGE


def test_4_1_7_the_same_key_is_asked_for_once() -> None:
    zone = Zone(ZONE)
    verify(craft(craft(craft(message()))), zone, now=SIGNED_AT)
    assert len(zone.asked) == 1


@pytest.mark.parametrize(
    "record", [ZONE[KEY_NAME], Answer(outcome=Outcome.NO_NAME, ttl=60)], ids=["key", "no-name"]
)
def test_4_1_7_answers_and_their_absence_are_cached(record: Any) -> None:
    zone = Zone({KEY_NAME: record})
    cached = Cached(zone)
    for _ in range(3):
        verify(craft(message()), cached, now=SIGNED_AT)
    assert len(zone.asked) == 1


# --- 4.1.8: canonicalization ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one_form", "other"),
    [
        pytest.param(b"a\r\nb\r\n", b"a b\r\n", id="lines-are-not-merged"),
        pytest.param(b"a b\r\n", b"ab\r\n", id="words-are-not-joined"),
        pytest.param(b"a b\r\n", b"A b\r\n", id="case-counts"),
        pytest.param(b" a\r\n", b"a\r\n", id="an-indent-does-not-vanish"),
        pytest.param(b"a\r\n\r\nb\r\n", b"a\r\nb\r\n", id="an-inner-empty-line-counts"),
    ],
)
def test_4_1_8_relaxed_bodies_that_read_differently_hash_differently(
    one_form: bytes, other: bytes
) -> None:
    octets = craft(message(other), signed=message(one_form))
    assert only(octets).reason is Reason.BODY_HASH


@pytest.mark.parametrize(
    ("field", "other"),
    [
        pytest.param(b"X: a b", b"X: ab", id="words-are-not-joined"),
        pytest.param(b"X: Ab", b"X: ab", id="the-case-of-values-counts"),
        pytest.param(b"X: a", b"X: a\r\nX: a", id="fields-are-not-merged"),
        pytest.param(b"X: =?utf-8?q?a?=", b"X: a", id="nothing-is-decoded"),
    ],
)
def test_4_1_8_relaxed_fields_that_read_differently_stay_different(
    field: bytes, other: bytes
) -> None:
    relaxed = HEADER_FORMS["relaxed"]
    assert relaxed(field, 1) != relaxed(other, 1)


# --- 4.1.9: body length ---------------------------------------------------------------------------


def test_4_1_9_html_put_behind_the_signed_part_does_not_pass() -> None:
    signed = message(HTML, content_type="text/html")
    octets = craft(signed, tags={"l": str(len(HTML))})
    assert only(octets).passed
    assert only(octets + b"<p>Pay to account 2.</p>\r\n").reason is Reason.UNSIGNED_CONTENT


def test_4_1_9_an_unsigned_body_never_passes() -> None:
    assert only(craft(message(), tags={"l": "0"})).reason is Reason.UNSIGNED_CONTENT


def test_4_1_9_nobody_signs_with_a_length_by_default() -> None:
    assert b"l=" not in sign(message(), domain="example.com", selector="s1", key=ED25519)


def test_4_1_9_even_a_covered_body_is_pointed_out() -> None:
    length = str(len(b"Shall we meet at noon?\r\n"))
    warnings = only(craft(message(), tags={"l": length})).warnings
    assert [str(w) for w in warnings] == ["body-length"]


# --- 4.1.10 to 4.1.14: keys and their server ------------------------------------------------------


def test_4_1_10_a_revoked_key_is_used_for_its_time_to_live_at_most() -> None:
    now = [0.0]
    published = {KEY_NAME: ZONE[KEY_NAME]}

    class Server:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            return Zone(published, ttl=300).resolve(questions)

    cached = Cached(Server(), clock=lambda: now[0])
    assert only(craft(message()), cached).passed
    published[KEY_NAME] = "v=DKIM1; k=ed25519; p="
    now[0] = 301
    assert only(craft(message()), cached).reason is Reason.KEY_REVOKED


def test_4_1_11_a_replaced_key_is_another_key() -> None:
    assert only(craft(message(), RSA_2048), {KEY_NAME: rsa_record(2048)}).reason is Reason.SIGNATURE


def test_4_1_12_whether_the_answer_was_secure_is_told() -> None:
    for secure in (True, False):
        evidence = only(craft(message()), Zone(ZONE, secure=secure)).evidence
        assert evidence is not None
        assert evidence.secure is secure


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\x00" * 100,
        b"v=DKIM1; p=" + b"=" * 100,
        b"v=DKIM1; p=" + b"A" * 8000,
        b";" * 5000,
        b"v=DKIM1; k=rsa; p=" + base64.b64encode(b"\x30\x84\xff\xff\xff\xff"),
        b"v=DKIM1; k=rsa; p=" + base64.b64encode(b"\x30\x80" * 2000),
        "v=DKIM1; p=ü".encode(),
        b"\xff\xfe" * 1000,
    ],
    ids=lambda record: record[:24].hex(),
)
def test_4_1_13_a_malformed_record_is_a_verdict(record: bytes) -> None:
    assert only(craft(message(), RSA_2048), {KEY_NAME: [record]}).result is Result.PERMERROR


@pytest.mark.parametrize(
    "value",
    [b"", b";", b"=", b"v=1", b"\x00", b"\xff" * 99, b"b=" * 30, b"v=1;" * 1000, b"\r\n\t" * 99],
    ids=lambda value: value[:8].hex() or "empty",
)
def test_4_1_13_a_malformed_signature_is_a_verdict(value: bytes) -> None:
    assert not only(b"DKIM-Signature:" + value + b"\r\n" + message()).passed


def test_4_1_14_an_algorithm_the_key_does_not_list_is_refused() -> None:
    assert only(craft(message()), {KEY_NAME: ZONE[KEY_NAME] + "; h=sha1"}).reason is Reason.KEY_HASH


def test_4_1_14_sha1_does_not_pass() -> None:
    octets = craft(message(), RSA_2048, tags={"a": "rsa-sha1"})
    verdict = only(octets, {KEY_NAME: record_for(RSA_2048)})
    assert verdict.reason is Reason.HISTORIC_ALGORITHM


@pytest.mark.parametrize("bits", [512, 768, 1023])
def test_4_1_14_short_keys_do_not_pass(bits: int) -> None:
    octets = craft(message(), RSA_2048)
    assert only(octets, {KEY_NAME: rsa_record(bits)}).reason is Reason.KEY_TOO_SHORT


# --- 4.1.15 to 4.1.18 -----------------------------------------------------------------------------


def test_4_1_15_what_was_signed_for_is_the_domain_and_not_the_display_name() -> None:
    octets = craft(message(**{"from": '"ceo@bank.example" <x@example.com>'}))
    assert only(octets).domain == "example.com"


def test_4_1_17_each_selector_shows_in_dns_and_only_asked_for_keys_do() -> None:
    zone = Zone(ZONE)
    only(craft(message(), tags={"v": "2"}), zone)
    assert zone.asked == []  # what cannot pass is not looked up


@pytest.mark.parametrize("domain", ["com", "uk", "localhost"])
def test_4_1_18_a_top_level_domain_signs_for_nobody_below(domain: str) -> None:
    octets = craft(message(), tags={"d": domain, "i": f"a@example.{domain}"})
    zone = {f"s1._domainkey.{domain}": ZONE[KEY_NAME]}
    assert only(octets, zone).reason is Reason.UNACCEPTABLE_DOMAIN


def test_4_1_18_further_parents_can_be_listed() -> None:
    octets = craft(message(), tags={"d": "co.uk", "i": "a@example.co.uk"})
    zone = {"s1._domainkey.co.uk": ZONE[KEY_NAME]}
    assert only(octets, zone).passed
    rules = Rules(unacceptable_domains=frozenset({"co.uk"}))
    assert only(octets, zone, rules=rules).reason is Reason.UNACCEPTABLE_DOMAIN


# --- 4.2, as far as a signature is concerned ------------------------------------------------------


def test_4_2_1_a_look_alike_domain_is_another_domain() -> None:
    octets = craft(message(), tags={"d": "examp1e.com", "i": "@example.com"})
    assert only(octets, {"s1._domainkey.examp1e.com": ZONE[KEY_NAME]}).reason is (
        Reason.DOMAIN_MISMATCH
    )


def test_4_2_2_an_internationalized_name_is_shown_as_written_and_in_a_labels() -> None:
    octets = craft(message(), tags={"d": "еxample.com"})  # with a Cyrillic letter
    signature = only(octets, {"s1._domainkey.xn--xample-2of.com": ZONE[KEY_NAME]}).signature
    assert signature is not None
    assert (signature.domain.text, signature.domain.ascii) == ("еxample.com", "xn--xample-2of.com")


def test_4_2_3_no_answer_is_not_no_key() -> None:
    assert only(craft(message()), {KEY_NAME: "SERVFAIL"}).result is Result.TEMPERROR
    assert Zone({KEY_NAME: "SERVFAIL"}).resolve((Question(KEY_NAME),))[0].outcome is Outcome.FAILED


@pytest.mark.parametrize("order", [True, False])
def test_4_2_4_a_second_from_does_not_pass(*, order: bool) -> None:
    added = b"From: m@example.net\r\n"
    octets = craft(message())
    field, _, rest = octets.partition(b"From: Alice")
    forged = (
        added + octets
        if order
        else field + b"From: Alice" + rest.replace(b"\r\nTo:", b"\r\n" + added + b"To:", 1)
    )
    assert not only(forged).passed


def test_4_2_5_a_third_party_passes_for_itself_alone() -> None:
    octets = craft(message(**{"from": "a@bank.example"}))
    verdict = only(octets)
    assert verdict.passed
    assert verdict.domain == "example.com"


def test_4_1_1_no_command_prints_a_private_key(tmp_path: Path) -> None:
    path = tmp_path / "s1.pem"
    write_key(path, ED25519)
    seed = base64.b64encode(ED25519._handle.private_bytes_raw()).decode()
    shown = subprocess.run(
        [sys.executable, "-m", "avowal", "key", "show", str(path)], capture_output=True, check=False
    )
    assert seed.encode() not in shown.stdout + shown.stderr
    assert b"PRIVATE KEY" not in shown.stdout + shown.stderr


def test_a_tampered_message_fails_whoever_signed() -> None:
    assert only(tamper(craft(message()))).result is Result.FAIL
