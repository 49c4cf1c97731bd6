"""A body with a line that an MTA will break: signed and said, or left unsigned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avowal.testing import message

Make = Callable[[str], Any]
KEY = """
[keys.main]
domain = "example.com"
selector = "ed"
inline = "ed"
"""
LONG = message() + b"x" * 999 + b"\r\n"


def test_a_body_with_a_long_line_is_signed_and_said(site: Make) -> None:
    record = site(KEY).actions(LONG).record
    assert (len(record.made), dict(record.items())["long_body"]) == (1, True)


def test_a_body_with_a_long_line_can_stay_unsigned(site: Make) -> None:
    record = site(f'{KEY}[signing]\nlong_body_lines = "leave"\n').actions(LONG).record
    assert (record.made, record.unsigned) == ((), "signing.long_body_lines")


def test_the_option_is_about_long_lines_only(site: Make) -> None:
    record = site(f'{KEY}[signing]\nlong_body_lines = "leave"\n').actions(message()).record
    assert (len(record.made), record.long_body, record.unsigned) == (1, False, None)
