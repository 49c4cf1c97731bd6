"""Zones in memory: from mappings, JSON and zone files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dns.zone import Zone
from avowal.errors import ConfigError, StoreError, UsageError
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Outcome, Question


def records(zone: Zone, name: str, rrtype: str = "TXT") -> tuple[bytes, ...]:
    return zone.resolve((Question(name, rrtype),))[0].records


def answer(zone: Zone, name: str, rrtype: str = "TXT") -> Answer:
    return zone.resolve((Question(name, rrtype),))[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("v=DKIM1", (b"v=DKIM1",), id="text"),
        pytest.param("ü", ("ü".encode(),), id="text-is-utf8"),
        pytest.param(b"\xff\x00", (b"\xff\x00",), id="octets"),
        pytest.param(["a", b"b"], (b"a", b"b"), id="several-records"),
        pytest.param(["NXDOMAIN"], (b"NXDOMAIN",), id="a-word-in-a-list-is-a-record"),
        pytest.param({"TXT": "a"}, (b"a",), id="by-type"),
        pytest.param({"txt": ["a"]}, (b"a",), id="type-in-lower-case"),
        pytest.param({"TXT": []}, (), id="no-records"),
        pytest.param(Answer.found(b"x", ttl=7), (b"x",), id="answer"),
    ],
)
def test_a_value_gives_txt_records(value: Any, expected: tuple[bytes, ...]) -> None:
    assert records(Zone({"a.example": value}), "a.example") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("SERVFAIL", Failure.SERVER_FAILURE, id="SERVFAIL"),
        pytest.param("TIMEOUT", Failure.TIMEOUT, id="TIMEOUT"),
        pytest.param("REFUSED", Failure.REFUSED, id="REFUSED"),
        pytest.param(Failure.MALFORMED, Failure.MALFORMED, id="failure"),
    ],
)
def test_trouble_in_place_of_records_is_a_failure(value: Any, expected: Failure) -> None:
    zone = Zone({"a.example": value, "b.example": {"MX": value, "TXT": "t"}})
    assert answer(zone, "a.example") == Answer.failed(expected)
    assert answer(zone, "b.example", "MX") == Answer.failed(expected)
    assert records(zone, "b.example") == (b"t",)


def test_absence_is_told_apart() -> None:
    zone = Zone({"a.b.example": "t", "gone.example": Outcome.NO_NAME, "bare.example": "NODATA"})
    assert answer(zone, "c.example") == NO_NAME
    assert answer(zone, "b.example") == NO_DATA
    assert answer(zone, "a.b.example", "MX") == NO_DATA
    assert answer(zone, "gone.example") == NO_NAME
    assert answer(zone, "bare.example") == NO_DATA


def test_letter_case_and_a_final_dot_mean_nothing() -> None:
    assert records(Zone({"A.Example.": "t"}), "a.EXAMPLE") == (b"t",)


@pytest.mark.parametrize("value", ["10 mx.example.", [10, "mx.example."], ["10 mx.example"]])
def test_other_types_come_in_presentation_form_without_final_dots(value: Any) -> None:
    listed = [value] if isinstance(value, list) and isinstance(value[0], int) else value
    assert records(Zone({"a.example": {"MX": listed}}), "a.example", "MX") == (b"10 mx.example",)


def test_aliases_are_followed_with_the_smallest_ttl() -> None:
    end = Answer.found(b"t", ttl=60, secure=True)
    zone = Zone({"a.example": {"CNAME": "b.example."}, "b.example": end}, ttl=300)
    assert answer(zone, "a.example") == Answer.found(b"t", ttl=60)
    assert records(zone, "a.example", "CNAME") == (b"b.example",)


@pytest.mark.parametrize(("aliases", "found"), [(10, True), (11, False)])
def test_aliases_are_followed_so_far_only(aliases: int, found: bool) -> None:
    chain = {f"a{n}.example": {"CNAME": f"a{n + 1}.example"} for n in range(aliases)}
    zone = Zone({**chain, f"a{aliases}.example": "text"})
    assert (answer(zone, "a0.example").outcome is Outcome.FOUND) is found


def test_aliases_in_a_circle_fail() -> None:
    zone = Zone({"a.example": {"CNAME": "b.example"}, "b.example": {"CNAME": "a.example"}})
    assert answer(zone, "a.example") == Answer.failed(Failure.SERVER_FAILURE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("x.example", (b"star",), id="matches-one-label"),
        pytest.param("y.x.example", (b"star",), id="matches-several-labels"),
        pytest.param("b.example", (b"own",), id="a-name-of-its-own-wins"),
        pytest.param("z.b.example", (), id="not-below-a-name-that-exists"),
        pytest.param("example", (), id="not-the-name-itself"),
        pytest.param("x" * 64 + ".example", (), id="not-for-an-impossible-name"),
    ],
)
def test_wildcards_stand_for_names_that_do_not_exist(name: str, expected: Any) -> None:
    assert records(Zone({"*.example": "star", "b.example": "own"}), name) == expected


def test_the_questions_are_remembered() -> None:
    zone = Zone({})
    zone.resolve((Question("a.example"), Question("b.example", "MX")))
    assert zone.asked == [Question("a.example"), Question("b.example", "MX")]


def test_it_serves_asynchronous_callers() -> None:
    zone = Zone({"a.example": "t"})
    assert asyncio.run(zone.aresolve((Question("a.example"),)))[0].records == (b"t",)


def test_unlisted_names_may_get_another_answer() -> None:
    assert answer(Zone({}, otherwise=Failure.TIMEOUT), "a.example").failure is Failure.TIMEOUT


@pytest.mark.parametrize("value", [3, {"MX": {}}, [3], {"TXT": [["a"]]}])
def test_what_is_no_record_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UsageError, match=r"a\.example"):
        Zone({"a.example": value})


ZONE_FILE = """\
$ORIGIN example.com.
$TTL 1h
s1._domainkey  IN TXT ( "v=DKIM1; "  ; the first half
                        "p=abc" )
               600 IN TXT "second"
@              MX 10 mail
www            CNAME @
*.wild         TXT "w"
escaped        TXT "a\\"b\\\\c\\195\\188"
"""


@pytest.mark.parametrize(
    ("name", "rrtype", "expected"),
    [
        ("s1._domainkey.example.com", "TXT", (b"v=DKIM1; p=abc", b"second")),
        ("example.com", "MX", (b"10 mail.example.com",)),
        ("www.example.com", "MX", (b"10 mail.example.com",)),
        ("x.wild.example.com", "TXT", (b"w",)),
        ("escaped.example.com", "TXT", ('a"b\\cü'.encode(),)),
    ],
)
def test_a_zone_file_is_read(name: str, rrtype: str, expected: tuple[bytes, ...]) -> None:
    assert records(Zone.from_zone_file(ZONE_FILE), name, rrtype) == expected


@given(st.text(st.sampled_from('a.$ \t\n\\"();@0TXINORGL*'), max_size=40))
def test_no_text_makes_a_zone_file_raise_anything_but_its_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        Zone.from_zone_file(text)


def test_the_ttl_of_a_set_is_the_smallest_of_its_records() -> None:
    assert answer(Zone.from_zone_file(ZONE_FILE), "s1._domainkey.example.com").ttl == 600


def test_an_origin_may_be_given() -> None:
    zone = Zone.from_zone_file('s1._domainkey TXT "t"', "example.com")
    assert records(zone, "s1._domainkey.example.com") == (b"t",)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        pytest.param('a. TXT "x"\nb. TXT "' + "x" * 256 + '"\n', 2, "255", id="string-too-long"),
        pytest.param("a. NONSENSE x\n", 1, "type data", id="unknown-type"),
        pytest.param('a. TXT x\n  "" x\n', 2, "type data", id="empty-string-for-a-type"),
        pytest.param("\n\na. 300 CH TXT x\n", 3, "type data", id="another-class"),
        pytest.param("$INCLUDE /etc/hostname\n", 1, "not read", id="INCLUDE"),
        pytest.param("$GENERATE 1-9 a$ A 192.0.2.$\n", 1, "not read", id="GENERATE"),
        pytest.param("a. TXT (\n x\n\n", 1, "", id="open-parenthesis"),
        pytest.param('a. TXT "x\n', 1, "", id="open-quote"),
        pytest.param("a. A 1.2.3\n", 1, "", id="bad-address"),
    ],
)
def test_an_error_in_a_zone_file_names_its_line(text: str, line: int, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Zone.from_zone_file(text, file="z")
    assert (caught.value.file, caught.value.line) == ("z", line)
    assert hint in str(caught.value)


def test_json_is_the_same_mapping() -> None:
    text = json.dumps({"a.example": ["one", "two"], "b.example": {"MX": [[10, "mx.example"]]}})
    zone = Zone.from_json(text)
    assert records(zone, "a.example") == (b"one", b"two")
    assert records(zone, "b.example", "MX") == (b"10 mx.example",)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('{"a": [', "z:1:8", id="cut-off"),
        pytest.param('{"a":\n x}', "z:2:2", id="not-json"),
        pytest.param("[]", "z: not a JSON object", id="list"),
        pytest.param('{"a": 3}', "z: 'a' 'TXT'", id="number"),
        pytest.param("[" * 100_000, "z: nested too deeply", id="deep"),
        pytest.param('{"a": %s}' % ("9" * 5000), "z: a number has too many", id="endless-number"),
    ],
)
def test_an_error_in_json_names_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Zone.from_json(text, file="z")
    assert str(caught.value).startswith(place)


def test_a_file_is_told_apart_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text('a.example. TXT "t"\n')
    (tmp_path / "json").write_text('\n {"a.example": "t"}')
    assert records(Zone.from_file(tmp_path / "zone"), "a.example") == (b"t",)
    assert records(Zone.from_file(str(tmp_path / "json")), "a.example") == (b"t",)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing"):
        Zone.from_file(tmp_path / "nothing")
    (tmp_path / "latin").write_bytes(b'a. TXT "x"\nb. TXT "\xfc"\n')
    with pytest.raises(ConfigError, match="latin:2: not in UTF-8"):
        Zone.from_file(tmp_path / "latin")


def test_a_zone_from_a_mapping_does_not_load_dnspython() -> None:
    code = (
        "import sys; from avowal.dns.zone import Zone; from avowal.lookup import Question;"
        "Zone({'a': 'b'}).resolve((Question('a'),)); sys.exit('dns' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
