"""What implementers of DKIM get wrong, by the numbers of our list; one test or more for each.

1 to 16 canonicalization and hashing, 17 to 23 selection of fields, 24 to 34 parsing, 35 to 46
keys and DNS, 47 and 48 results.  Results in header fields (49 to 51) have their tests in
test_forged_results, ARC and DMARC (52 to 54) beside their packages.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only, rsa_record

from avowal import Reason, Result, sign, verify
from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.dkim.hashing import header_data
from avowal.message import Field, Header
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

RECORD = ZONE[KEY_NAME]
OPTIONS: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519}


def reason(octets: bytes, zone: Any = ZONE) -> Reason | None:
    return only(octets, zone).reason


def body(form: str, octets: bytes) -> bytes:
    made: list[bytes] = []
    canonicalizer = BODY_FORMS[form](lambda piece: made.append(bytes(piece)))
    canonicalizer.feed(octets)
    canonicalizer.finish()
    return b"".join(made)


def relaxed(raw: bytes) -> bytes:
    return HEADER_FORMS["relaxed"](raw, raw.index(b":"))


# --- canonicalization and hashing -----------------------------------------------------------------


def test_01_an_empty_value_is_relaxed_to_nothing() -> None:
    assert relaxed(b"X: ") == b"x:"


def test_02_an_empty_body_is_crlf_when_simple_and_nothing_when_relaxed() -> None:
    assert (body("simple", b""), body("relaxed", b"")) == (b"\r\n", b"")


def test_03_white_space_goes_before_empty_lines_are_counted() -> None:
    assert body("relaxed", b"a\r\n \t\r\n \r\n") == b"a\r\n"


def test_04_white_space_at_the_start_of_a_line_becomes_one_space() -> None:
    assert body("relaxed", b" \t a\r\n") == b" a\r\n"


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028", "\u3000"])
def test_05_other_white_spaces_are_ordinary_octets(odd: str) -> None:
    octets = odd.encode()
    assert body("relaxed", b"a" + octets + b"\r\n") == b"a" + octets + b"\r\n"
    assert relaxed(b"X: a" + octets) == b"x:a" + octets


def test_06_a_fold_at_the_start_or_end_of_a_value_goes() -> None:
    assert relaxed(b"X:\r\n a\r\n ") == b"x:a"


@pytest.mark.parametrize("form", ["simple", "relaxed"])
def test_07_a_space_before_the_colon_is_signed_and_selected(form: str) -> None:
    octets = message().replace(b"Subject:", b"Subject :")
    assert reason(craft(octets, form=form)) is None
    assert reason(tamper(craft(octets, form=form), "subject")) is Reason.SIGNATURE


def test_08_no_crlf_stands_behind_the_own_field_in_the_hash() -> None:
    own = Field.of(b"DKIM-Signature: b=")
    assert header_data(Header.parse(b""), (), "simple", own) == b"DKIM-Signature: b="


@pytest.mark.parametrize("form", ["simple", "relaxed"])
@pytest.mark.parametrize("tail", ["", ";", " ; ", "; zz=b=x", ";\r\n\tbb=1;"])
@pytest.mark.parametrize("b_first", [True, False])
def test_09_b_is_emptied_wherever_it_stands(form: str, tail: str, *, b_first: bool) -> None:
    tags = {"y": "b=x", "z": "b:=3Bb=3D"}
    octets = craft(message(), tags=tags, form=form, b_first=b_first, tail=tail)
    assert only(octets).passed


def test_10_what_we_fold_is_folded_before_it_is_signed() -> None:
    field = sign(message(), header_canon="simple", **OPTIONS)
    assert b"\r\n\t" in field
    assert only(field + message()).passed


def test_11_the_own_name_keeps_its_letters_under_simple() -> None:
    octets = craft(message(), form="simple", field_name="dKIM-sIGNATURE")
    assert reason(octets) is None
    assert reason(octets.replace(b"dKIM-sIGNATURE", b"DKIM-Signature")) is Reason.SIGNATURE


def test_12_a_body_begins_behind_the_first_empty_line_of_the_wire() -> None:
    octets = craft(message(subject="a\n\nb"))
    assert only(octets, line_ends="wire").passed
    assert not only(octets).passed  # at rest LF ends a line, as when it is sent (RFC 6376 §5.3)
    assert reason(craft(message("")[:-2])) is None  # no empty line at all
    assert verify(b"", ZONE) == ()


def test_13_dots_at_the_start_of_lines_are_hashed_as_they_are() -> None:
    assert body("simple", b".\r\n..\r\n") == b".\r\n..\r\n"


def test_14_a_missing_crlf_at_the_end_is_added() -> None:
    assert body("simple", b"a") == body("relaxed", b"a") == b"a\r\n"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        pytest.param("4", Reason.UNSIGNED_CONTENT, id="counted-after-canonicalization"),
        pytest.param("5", Reason.UNSIGNED_CONTENT, id="within-crlf"),
        pytest.param("6", None, id="all"),
        pytest.param("0" * 75 + "6", None, id="76-digits"),
        pytest.param("7", Reason.BODY_LENGTH, id="beyond-the-body"),
        pytest.param("0", Reason.UNSIGNED_CONTENT, id="nothing"),
    ],
)
def test_15_a_length_counts_canonical_octets(length: str, expected: Reason | None) -> None:
    octets = craft(message("a \t  b \r\n\r\n".replace("b", "bc")), tags={"l": length})
    assert reason(octets) is expected


def test_16_a_message_stored_with_line_feeds_is_converted_only_as_such() -> None:
    octets = craft(message())
    assert only(octets.replace(b"\r\n", b"\n")).passed
    assert not only(octets.replace(b"\r\n", b"\n"), line_ends="wire").passed


# --- which fields ---------------------------------------------------------------------------------


def test_17_fields_are_taken_from_the_bottom() -> None:
    octets = craft(message(x_a=["1", "2"]), tags={"h": "from:subject:to:date:x-a"})
    assert only(octets).passed
    assert only(b"X-A: 0\r\n" + octets).passed
    assert reason(octets.replace(b"X-A: 2", b"X-A: 3")) is Reason.SIGNATURE


def test_18_each_field_is_taken_once() -> None:
    octets = craft(message(x_a=["1", "2"]), tags={"h": "from:x-a:x-a"})
    assert reason(octets.replace(b"X-A: 1", b"X-A: 3")) is Reason.SIGNATURE


def test_19_an_absent_name_adds_nothing() -> None:
    own = Field.of(b"DKIM-Signature: b=")
    header = Header.parse(b"A: 1\r\n")
    assert header_data(header, (b"x", b"a", b"x"), "simple", own) == b"A: 1\r\nDKIM-Signature: b="


def test_20_the_own_signature_is_not_taken_for_another() -> None:
    octets = craft(message(), tags={"h": "from:dkim-signature:dkim-signature"})
    assert only(octets).passed


def test_21_names_in_h_may_have_any_case_and_white_space_but_not_be_empty() -> None:
    assert reason(craft(message(), tags={"h": "FROM : \tTo\r\n :SubJect"})) is None
    assert reason(craft(message(), tags={"h": "from::to"})) is Reason.SYNTAX


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({"h": "to"}, Reason.FROM_NOT_SIGNED, id="not-listed"),
        pytest.param({"h": "to", "zz": "h=from"}, Reason.FROM_NOT_SIGNED, id="in-another-tag"),
        pytest.param({"h": "x-from:to"}, Reason.FROM_NOT_SIGNED, id="in-another-name"),
    ],
)
def test_22_from_has_to_be_signed(tags: dict[str, str], expected: Reason) -> None:
    assert reason(craft(message(), tags=tags)) is expected


def test_23_a_second_from_is_noticed() -> None:
    octets = b"From: m@evil.example\r\n" + craft(message())
    assert reason(octets) is Reason.ADDED_FIELD


# --- parsing --------------------------------------------------------------------------------------


def test_24_a_tag_twice_spoils_the_signature() -> None:
    assert reason(craft(message(), tags={"d": "example.com; d=example.com"})) is Reason.SYNTAX


def test_25_the_case_of_tag_names_counts() -> None:
    assert reason(craft(message()).replace(b" d=", b" D=")) is Reason.MISSING_TAG


@pytest.mark.parametrize("bad", ["QUI", "QUI=!", "QU.I=", "QUJD=", "QUJ=D", "QQ"])
def test_26_base64_is_strict(bad: str) -> None:
    assert reason(craft(message(), tags={"b": bad})) is Reason.SYNTAX


def test_26_white_space_in_base64_is_dropped() -> None:
    octets = craft(message())
    place = octets.index(b" b=") + 10
    assert only(octets[:place] + b"\r\n\t " + octets[place:]).passed


def test_27_unknown_tags_are_let_through_and_hashed() -> None:
    octets = craft(message(), tags={"zz": "1"})
    assert only(octets).passed
    assert reason(octets.replace(b"zz=1", b"zz=2")) is Reason.SIGNATURE


def test_28_a_semicolon_may_end_the_list() -> None:
    octets = craft(message(), tail=" ;")
    assert only(octets, {KEY_NAME: RECORD + ";"}).passed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dns/txt:foo", None),
        ("foo:dns/txt", None),
        ("dns", Reason.QUERY),
        ("foo", Reason.QUERY),
        ("", Reason.SYNTAX),
    ],
)
def test_29_the_first_known_query_method_is_used(query: str, expected: Reason | None) -> None:
    assert reason(craft(message(), tags={"q": query})) is expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("@example.com", None),
        ("@EXAMPLE.com", None),
        ('"a=20b"@example.com', None),
        ('"a@b"@example.com', None),
        ("=61@sub.example.com", None),
        ("a@b@example.com", Reason.SYNTAX),
        ("a@notexample.com", Reason.DOMAIN_MISMATCH),
        ("a@com", Reason.DOMAIN_MISMATCH),
        ("a@example.com.evil.example", Reason.DOMAIN_MISMATCH),
        ("example.com", Reason.SYNTAX),
    ],
)
def test_30_an_identity_is_decoded_and_compared_by_labels(
    identity: str, expected: Reason | None
) -> None:
    assert reason(craft(message(), tags={"i": identity})) is expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"t": "1" * 13, "x": "2" * 40}, None),
        ({"t": "+1"}, Reason.SYNTAX),
        ({"t": "1 1"}, Reason.SYNTAX),
        ({"x": "-1"}, Reason.SYNTAX),
        ({"t": "5", "x": "5"}, Reason.SYNTAX),
        ({"t": "6", "x": "5"}, Reason.SYNTAX),
        ({"t": str(SIGNED_AT + 10**6)}, None),
        ({"t": "1", "x": str(SIGNED_AT - 300)}, None),
        ({"t": "1", "x": str(SIGNED_AT - 301)}, Reason.EXPIRED),
    ],
    ids=str,
)
def test_31_times(times: dict[str, str], expected: Reason | None) -> None:
    assert reason(craft(message(), tags=times)) is expected


@pytest.mark.parametrize("odd", ["\x00", "\x7f", "\x1b"])
def test_32_control_octets_spoil_a_signature(odd: str) -> None:
    assert reason(craft(message(), tags={"zz": f"a{odd}b"})) is Reason.SYNTAX


def test_32_eight_bit_values_do_not() -> None:
    assert reason(craft(message(), tags={"zz": "ü"})) is None


def test_33_thousands_of_tags_are_not_read() -> None:
    tags = {f"t{number}": "1" for number in range(5000)}
    assert reason(craft(message(), tags=tags)) in {Reason.SYNTAX, Reason.TOO_LARGE}


@pytest.mark.parametrize(
    ("version", "expected"),
    [(None, Reason.MISSING_TAG), ("1.0", Reason.VERSION), ("", Reason.VERSION)],
)
def test_34_v_is_1_and_nothing_else(version: str | None, expected: Reason) -> None:
    assert reason(craft(message(), tags={"v": version})) is expected


# --- keys and DNS ---------------------------------------------------------------------------------


def test_35_strings_are_joined_without_a_space() -> None:
    start, end = RECORD[:30], RECORD[30:]
    zone = Zone.from_zone_file(f'{KEY_NAME}. 60 IN TXT "{start}" "{end}"\n')
    assert only(craft(message()), zone).passed


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("NXDOMAIN", Result.PERMERROR),
        ("NODATA", Result.PERMERROR),
        ("SERVFAIL", Result.TEMPERROR),
        ("TIMEOUT", Result.TEMPERROR),
        ("REFUSED", Result.TEMPERROR),
        ({"CNAME": "k.example"}, Result.PASS),
        (["x", RECORD], Result.PASS),
    ],
    ids=str,
)
def test_35_every_answer_of_dns_has_its_word(answer: Any, result: Result) -> None:
    assert only(craft(message()), {KEY_NAME: answer, "k.example": RECORD}).result is result


def test_36_an_empty_p_is_revoked_and_an_absent_one_is_malformed() -> None:
    assert reason(craft(message()), {KEY_NAME: "v=DKIM1; p="}) is Reason.KEY_REVOKED
    assert reason(craft(message()), {KEY_NAME: "v=DKIM1"}) is Reason.KEY_SYNTAX


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        # RFC 6376 §6.1.2 step 5: malformed; §3.6.1 v=, §6.1.2 step 3: discarded, so no key
        (RECORD.replace("v=DKIM1; ", "") + "; v=DKIM1", Reason.KEY_SYNTAX),
        (RECORD.lower(), Reason.NO_KEY),
        ("v=spf1 -all", Reason.NO_KEY),
    ],
    ids=["v-not-first", "in-small-letters", "spf"],
)
def test_37_a_record_of_something_else_is_no_key(record: str, expected: Reason) -> None:
    assert reason(craft(message()), {KEY_NAME: record}) is expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("h=sha1", Reason.KEY_HASH),
        ("s=other", Reason.KEY_SERVICE),
        ("t=s", Reason.KEY_SUBDOMAIN),
    ],
)
def test_38_the_limits_of_a_key_are_kept(tag: str, expected: Reason) -> None:
    octets = craft(message(), tags={"i": "@sub.example.com"})
    assert reason(octets, {KEY_NAME: f"{RECORD}; {tag}"}) is expected


def test_39_a_testing_key_neither_fails_nor_passes_unnoticed() -> None:
    verdict = only(craft(message()), {KEY_NAME: RECORD + "; t=y"})
    assert [str(warning) for warning in verdict.warnings] == ["testing"]
    changed = only(tamper(craft(message())), {KEY_NAME: RECORD + "; t=y"})
    assert changed.reason is Reason.BODY_HASH
    assert [str(warning) for warning in changed.warnings] == ["testing"]


@pytest.mark.parametrize("granularity", ["g=", "g=somebody", "g=*"])
def test_40_granularity_is_ignored(granularity: str) -> None:
    assert only(craft(message()), {KEY_NAME: f"{RECORD}; {granularity}"}).passed


def test_41_ed25519_signs_the_digest_of_the_header() -> None:
    own = Field.of(b"DKIM-Signature: b=")
    digest = hashlib.sha256(header_data(Header.parse(b""), (), "simple", own)).digest()
    data = header_data(Header.parse(b""), (), "simple", own)
    assert ED25519.sign(digest) != ED25519._handle.sign(data)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(rsa_record(1023), Reason.KEY_TOO_SHORT, id="1023-bits"),
        pytest.param(record_for(RSA_2048), None, id="2048-bits"),
        pytest.param(rsa_record(4096), Reason.SIGNATURE, id="4096-bits-are-worked-with"),
        pytest.param(rsa_record(2048, exponent=2**64 + 1), Reason.KEY_EXPONENT, id="exponent"),
    ],
)
def test_42_sizes_of_rsa_keys(record: str, expected: Reason | None) -> None:
    assert reason(craft(message(), RSA_2048), {KEY_NAME: record}) is expected


def test_42_an_exponent_of_1_forges_nothing() -> None:
    modulus = (b"\xc1" + b"\x11" * 255).hex()
    der = bytes.fromhex("30820108" + "0282010100" + modulus + "020101")
    record = f"v=DKIM1; p={base64.b64encode(der).decode()}"
    assert not only(craft(message(), RSA_2048), {KEY_NAME: record}).passed


def test_43_sha1_never_passes() -> None:
    octets = craft(message(), RSA_2048, tags={"a": "rsa-sha1"})
    assert reason(octets, {KEY_NAME: record_for(RSA_2048)}) is Reason.HISTORIC_ALGORITHM


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (RECORD.replace(";", "\\;"), Reason.NO_KEY),  # its version is not DKIM1, §3.6.1 v=
        (f'"{RECORD}"', Reason.KEY_SYNTAX),
        (RECORD.replace("p=", 'p="') + '"', Reason.KEY_SYNTAX),
    ],
    ids=["backslashes", "quotes", "quoted-key"],
)
def test_44_text_pasted_from_a_zone_file_is_no_key(record: str, expected: Reason) -> None:
    assert reason(craft(message()), {KEY_NAME: record}) is expected


@pytest.mark.parametrize(
    ("selector", "asked"),
    [
        ("a.b.c", "a.b.c._domainkey.example.com"),
        ("my_key", "my_key._domainkey.example.com"),
        ("MAY2026", "may2026._domainkey.example.com"),
        ("größe", "xn--gre-6ka8i._domainkey.example.com"),
    ],
)
def test_45_odd_selectors(selector: str, asked: str) -> None:
    zone = Zone({asked: RECORD})
    assert only(craft(message(), tags={"s": selector}), zone).passed
    assert [question.name for question in zone.asked] == [asked]


# --- results --------------------------------------------------------------------------------------


def test_47_trouble_with_dns_is_not_a_failure_of_the_signature() -> None:
    assert only(tamper(craft(message())), {KEY_NAME: "TIMEOUT"}).result is Result.TEMPERROR


def test_48_one_bad_signature_does_not_spoil_a_good_one() -> None:
    bad = craft(message(), tags={"b": "QUJD"})[: -len(message())]
    verdicts = verify(bad + craft(message()), ZONE, now=SIGNED_AT)
    assert [v.passed for v in verdicts] == [False, True]
