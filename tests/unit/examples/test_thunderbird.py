"""The sketch of a Thunderbird extension: what it shows, run by Node where that is installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "examples" / "thunderbird"
MARK = ["example.com; by=dkim"]
ALICE = "Alice <alice@example.com>"


@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("marks", "author", "label"),
    [
        pytest.param(MARK, ALICE, "\u2713 example.com", id="the-domain-that-is-shown"),
        pytest.param(MARK, "a@news.example.com", "\u2713 example.com", id="a-domain-below"),
        pytest.param([], ALICE, "", id="no-mark"),
        pytest.param(MARK * 2, ALICE, "", id="two-marks"),
        pytest.param(MARK, "a@bigexample.com", "", id="part-of-a-label"),
        pytest.param(MARK, '"a@example.com" <x@evil.example>', "", id="the-display-name"),
        pytest.param(["yes"], ALICE, "", id="another-field-of-the-name"),
        pytest.param(
            ["xn--bcher-kva.example; by=dkim"], "a@bücher.example", "\u2713 xn--bcher-kva.example",
            id="a-name-in-another-script",
        ),
    ],
)  # fmt: skip
def test_it_shows(marks: list[str], author: str, label: str) -> None:
    program = (
        f"const m = require({json.dumps(str(FOLDER / 'mark.js'))});"
        f"console.log(JSON.stringify(m.shown({json.dumps({'x-author-verified': marks})},"
        f" {json.dumps(author)}).label))"
    )
    ran = subprocess.run(
        ["node", "-e", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout) == label


def test_the_manifest_names_files_that_are_there() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["permissions"] == ["messagesRead"]
    assert [
        name for name in manifest["background"]["scripts"] if not (FOLDER / name).exists()
    ] == []
