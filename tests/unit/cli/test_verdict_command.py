"""``avowal verdict``: statuses, text, JSON, and that the howto's table is the program's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.crafting import SIGNED_AT, craft

from avowal import Authenticity, Ground, Hint
from avowal.cli import commands, exits
from avowal.testing import ED25519, message, record_for, tamper

DOCS = Path(__file__).parents[3] / "docs"
SIGNED = craft(message(), tags={"h": "from:to:subject:date:mime-version:content-type"})
MESSAGES = {
    "authentic": SIGNED,
    "changed": tamper(SIGNED),
    "unsigned": message(**{"from": "a@other.example"}),
    "late": craft(message(**{"from": "a@late.example"}), tags={"d": "late.example"}),
    "hostile": message(**{"from": "\x1b[31mceo <a@other.example>"}),
}
ZONE = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "s1._domainkey.late.example": "SERVFAIL",
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "A": ["192.0.2.1"]},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the messages and the zone."""
    monkeypatch.chdir(tmp_path)
    Path("zone.json").write_text(json.dumps(ZONE))
    for name, octets in MESSAGES.items():
        Path(f"{name}.eml").write_bytes(octets)


def run(*words: str) -> int:
    arguments = ["verdict", *words, "--zone", "zone.json", "--at", str(SIGNED_AT + 60)]
    return exits.run(lambda: commands.run(arguments))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["authentic.eml"], 0, id="authentic"),
        pytest.param(["changed.eml"], 1, id="not-authentic"),
        pytest.param(["unsigned.eml"], 4, id="cannot-tell"),
        pytest.param(["late.eml"], 3, id="cannot-tell-for-now"),
        pytest.param(["authentic.eml", "late.eml", "unsigned.eml"], 4, id="for-good-outweighs-now"),
        pytest.param(["unsigned.eml", "changed.eml"], 1, id="not-authentic-outweighs"),
        pytest.param(["nothing.eml"], 2, id="no-such-file"),
        pytest.param(["authentic.eml", "--max-age", "1m"], 0, id="young-enough"),
        pytest.param(["authentic.eml", "--max-age", "59s"], 4, id="too-old"),
        pytest.param(["changed.eml", "--client", "192.0.2.1", "--mail-from", "a@example.com"], 4,
                     id="spf-alone"),
        pytest.param(["changed.eml", "--client", "192.0.2.1", "--mail-from", "a@example.com",
                      "--accept-spf"], 0, id="spf-accepted"),
        pytest.param(["changed.eml", "--helo", "x"], 2, id="helo-without-a-client"),
        pytest.param(["changed.eml", "--accept-arc", "-"], 2, id="no-sealer"),
        pytest.param(["changed.eml", "--trusted-id", "mx.example", "--own-hops", "1"], 1,
                     id="a-host-that-says-nothing"),
    ],
)  # fmt: skip
def test_the_status_is_the_answer(arguments: list[str], status: int) -> None:
    assert run(*arguments) == status


def test_text_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    run("authentic.eml", "--recipient", "eve@example.net")
    assert capsys.readouterr().out.splitlines() == [
        "authentic.eml",
        f"  authentic: example.com: {Ground.SIGNED.sentence} (row 3; signed)",
        "  author     alice@example.com",
        "  shown as   Alice",
        "  by         dkim, 60 seconds old",
        "  covered    from, to, subject, date, mime-version, content-type",
        "  hint       neither To nor Cc names the recipient",
    ]


def test_nothing_of_a_stranger_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    run("hostile.eml")
    assert "\x1b[31m" not in capsys.readouterr().out


def test_json_has_the_members_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    run("authentic.eml", "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["answer"], found["author"]) == ("authentic", "alice@example.com")
    page = (DOCS / "reference/json.md").read_text()
    section = page.partition("## A judgement")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", section.replace("`verify`", ""))) >= set(found)


@pytest.mark.parametrize("words", [Ground, Hint, Authenticity])
def test_the_howto_names_every_word(words: Any) -> None:
    page = (DOCS / "howto/is-it-really-from.md").read_text()
    assert [word.value for word in words if f"`{word.value}`" not in page] == []


def test_the_howto_names_every_row() -> None:
    page = (DOCS / "howto/is-it-really-from.md").read_text()
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [str(n) for n in range(1, 11)]
