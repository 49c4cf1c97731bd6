"""Macros: what is known at which moment, and nothing of the message before."""

from __future__ import annotations

import pytest

from avowal.errors import PeerError
from avowal.milter.macros import Macros


def macros(*definitions: tuple[str, bytes]) -> Macros:
    made = Macros(octets=1000, count=10)
    for stage, strings in definitions:
        made.define(stage.encode() + strings)
        made.reach(ord(stage))
    return made


@pytest.mark.parametrize("name", ["auth_type", "{auth_type}"])
def test_braces_around_a_name_are_optional(name: str) -> None:
    assert macros(("M", b"{auth_type}\0PLAIN\0"))[name] == b"PLAIN"


def test_the_latest_stage_wins() -> None:
    assert macros(("M", b"i\0Q1\0"), ("R", b"i\0Q2\0"))["i"] == b"Q2"


def test_macros_of_one_stage_replace_those_before() -> None:
    made = macros(("R", b"a\0001\0"), ("R", b"b\0002\0"))
    assert dict(made) == {"b": b"2"}


def test_a_command_without_macros_ends_those_of_the_command_before_it() -> None:
    made = macros(("M", b"{auth_type}\0PLAIN\0"))
    made.reach(ord("M"))
    assert "auth_type" not in made


@pytest.mark.parametrize(
    ("stage", "left"),
    [
        pytest.param("C", {"c"}, id="connect"),
        pytest.param("H", {"c", "h"}, id="helo"),
        pytest.param("M", {"c", "h", "m"}, id="mail"),
        pytest.param("R", {"c", "h", "m", "r"}, id="rcpt"),
        pytest.param("E", {"c", "h", "m", "r", "e"}, id="end of body"),
    ],
)
def test_a_stage_ends_all_later_ones(stage: str, left: set[str]) -> None:
    made = macros(*((s.upper(), s.encode() + b"\0001\0") for s in "chmre"))
    made.define(stage.encode() + stage.lower().encode() + b"\0002\0")
    made.reach(ord(stage))
    assert set(made) == left


def test_the_end_of_a_message_leaves_connection_and_greeting() -> None:
    made = macros(*((s.upper(), s.encode() + b"\0001\0") for s in "chmre"))
    made.end_message()
    assert set(made) == {"c", "h"}


@pytest.mark.parametrize(
    ("strings", "values"),
    [
        pytest.param(b"", {}, id="none"),
        pytest.param(b"a\0", {"a": b""}, id="a name without value"),
        pytest.param(b"a\0\0", {"a": b""}, id="an empty value"),
        pytest.param(b"a\x001", {"a": b"1"}, id="no final NUL"),
        pytest.param(b"a\0001\0b\0", {"a": b"1", "b": b""}, id="an odd number of strings"),
        pytest.param(b"\xff\0001\0", {"\\xff": b"1"}, id="8-bit name"),
        pytest.param(b"{a\0001\0", {"{a": b"1"}, id="half a brace"),
    ],
)
def test_odd_macros_are_read_as_far_as_they_go(strings: bytes, values: dict[str, bytes]) -> None:
    assert dict(macros(("M", strings))) == values


def test_absent_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        macros()["i"]
    assert macros().get("i") is None


def test_their_number_is_the_number_of_names() -> None:
    assert len(macros(("C", b"j\0001\0"), ("M", b"i\0002\0j\0003\0"))) == 2


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="no stage"),
        pytest.param(b"Xi\0001\0", id="no such stage"),
        pytest.param(b"M" + bytes(1000), id="octets"),
        pytest.param(b"M" + b"a\0" * 21, id="number"),
    ],
)
def test_beyond_the_rules_is_a_peer_error(payload: bytes) -> None:
    with pytest.raises(PeerError):
        Macros(octets=1000, count=10).define(payload)
