"""The sketch of an extension in a real Thunderbird, where one is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.thunderbird import Thunderbird, thunderbird

from avowal.testing import message

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "thunderbird"
TITLE = json.loads((FOLDER / "manifest.json").read_text())["message_display_action"][
    "default_title"
]
MARK = b"X-Author-Verified: example.com; by=dkim\r\n"
CASES = {
    "marked": MARK + message(subject="marked"),
    "unmarked": message(subject="unmarked"),
    "another's": MARK + message(subject="another's", **{"from": "m@evil.example"}),
    "twice": MARK + MARK + message(subject="twice"),
}
pytestmark = pytest.mark.needs("thunderbird")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thunderbird]:
    with thunderbird(tmp_path_factory.mktemp("profile"), FOLDER) as made:
        made.store(*CASES.values())
        yield made


@pytest.mark.parametrize(
    ("subject", "label", "on"),
    [
        pytest.param("marked", "\u2713 example.com", True, id="what-the-border-marked"),
        pytest.param("unmarked", None, False, id="no-mark"),
        pytest.param("another's", None, False, id="a-mark-for-another-author"),
        pytest.param("twice", None, False, id="two-marks"),
    ],
)
def test_the_button_shows(program: Thunderbird, subject: str, label: str | None, on: bool) -> None:
    shown, usable = program.button(subject, TITLE)
    assert usable is on
    assert label is None or shown == label
