"""Lines that a server broke behind 998 octets, and that are put together again."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.broken_lines import broken, joined, joined_header
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.treatments import TREATMENTS
from avowal.message import Field, Header, Message
from avowal.testing import RSA_1024, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_1024)}
MANY = ", ".join(f"Person Number {number} <person.{number}@example.net>" for number in range(60))
FORMS = ("relaxed", "simple")


def signed(**fields: str) -> bytes:
    octets = message(**fields)
    return avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024) + octets


def explained(changed: Message) -> Explanation:
    return explain(changed, avowal.verify(changed.octets, ZONE, line_ends="wire"))[0]


def after(octets: bytes, *names: str) -> Message:
    made = Message.parse(octets)
    for name in names:
        changed = TREATMENTS[name].change(made)
        assert changed is not None
        made = changed
    return made


@pytest.mark.parametrize("length", [998, 999, 1995, 1996, 5000])
def test_what_was_broken_is_joined_to_the_same_line(length: int) -> None:
    line = bytes(65 + at % 26 for at in range(length))
    assert joined(broken(line)) == [line]
    assert max(map(len, broken(line))) <= 998


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"x" * 998, b"y"], id="the next line does not begin with a blank"),
        pytest.param([b"x" * 997, b" y"], id="the line is shorter"),
        pytest.param([b"x" * 998], id="no line follows"),
        pytest.param([], id="there is no line"),
    ],
)
def test_lines_that_no_server_broke_stay(lines: list[bytes]) -> None:
    assert joined(lines) == lines


def test_the_field_of_the_signature_stays_as_it_came() -> None:
    raw = b"DKIM-Signature: " + b"x" * 982 + b"\r\n y"
    header = Header.of([Field.of(raw), Field.of(raw)])
    whole, names = joined_header(header, 1)
    assert names == {b"dkim-signature"}
    assert whole.raws[1] == raw


def test_a_long_cc_that_a_list_unfolded_is_proven() -> None:
    one = explained(after(signed(cc=MANY), "break-lines", "tag"))
    assert one.explained
    assert set(one.header_steps) == {"subject-tag", "field-broken"}


def test_a_broken_field_that_is_not_signed_is_not_named() -> None:
    octets = signed()
    changed = after(b"X-Long: " + b"word " * 400 + b"\r\n" + octets, "break-lines", "tag")
    assert explained(changed).header_steps == ("subject-tag",)


def test_a_broken_line_of_the_body_is_proven() -> None:
    octets = message("word " * 450 + "\r\nAlice\r\n")
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024)
    one = explained(after(field + octets, "break-lines", "footer"))
    assert one.explained
    assert set(one.body_steps) == {"line-broken", "footer"}
