"""What a relay may change about the lines of a body."""

from __future__ import annotations

import pytest

from avowal.dkim.lines import BodyLines


@pytest.mark.parametrize("size", [1, 7, 999, 1000, 1001, 1 << 20])
@pytest.mark.parametrize(
    ("body", "too_long"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"x" * 998 + b"\r\n", False, id="998"),
        pytest.param(b"x" * 999 + b"\r\n", True, id="999"),
        pytest.param(b"a\r\n" * 500 + b"x" * 998 + b"\r\n", False, id="behind-short-lines"),
        pytest.param(b"a\r\n" * 500 + b"x" * 999 + b"\r\n", True, id="long-behind-short-lines"),
        pytest.param(b"x" * 999 + b"\r\n" + b"a\r\n" * 500, True, id="long-before-short-lines"),
        pytest.param(b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n", False, id="two-of-998"),
        pytest.param(b"x" * 1000, True, id="without-an-end"),
        pytest.param(b"x" * 998, False, id="short-without-an-end"),
        pytest.param(b"\r\n" * 3000, False, id="empty-lines"),
    ],
)
def test_a_line_over_998_octets_is_found_however_it_comes(
    body: bytes, size: int, *, too_long: bool
) -> None:
    lines = BodyLines()
    for start in range(0, len(body), size):
        lines.feed(memoryview(body)[start : start + size])
    assert lines.too_long is too_long


def test_octets_over_127_are_found() -> None:
    lines = BodyLines()
    lines.feed(b"abc")
    assert not lines.eight_bit
    lines.feed("ü".encode())
    lines.feed(b"abc")
    assert lines.eight_bit
