"""docs/reference/receivers.md: its tables are what the program says, its plots what it draws."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from tests.unit.simulation.test_simulation import KEYS, NOW, listed, signed, told

import avowal
from avowal.simulation.candidates import candidates
from avowal.testing import RSA_2048, Zone, message, record_for, tamper

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "receivers.md").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "scripts"))
import receivers_page  # noqa: E402 - a script, found by the line above

ZONE = Zone({**KEYS, "s2._domainkey.examp1e.com": record_for(RSA_2048)})
BY_LOOKALIKE = message(**{"from": "Alice <alice@examp1e.com>"})
FROM_LIST = message(**{"from": "Alice via L <l@other.example>"})
SHOWING = message(**{"from": '"alice@example.com" <x@other.example>'})


def by_lookalike() -> bytes:
    field = avowal.sign(BY_LOOKALIKE, domain="examp1e.com", selector="s2", key=RSA_2048, now=NOW)
    return field + BY_LOOKALIKE


CASES = {
    "a forgery, unsigned": message(),
    "a forgery with a junk signature of the victim's": tamper(signed()),
    "a forgery that the forger's own domain signed": signed("other.example"),
    "the same, dressed up as list mail": signed("other.example", listed(message())),
    "a look-alike domain, signed by itself": by_lookalike(),
    "another domain, the victim's address as display name": signed("other.example", SHOWING),
    "a true message, sent again to others": signed(),
    "a stolen account of the victim's domain": signed(),
    "direct mail, signed": signed(),
    "direct mail of a domain that does not sign": message(),
    "forwarded without a change": b"Resent-To: b@example.net\r\n" + signed(),
    "a list that changes nothing": listed(signed()),
    "a list with a footer": listed(tamper(signed())),
    "a list with a footer, signed by the list": signed("other.example", listed(tamper(signed()))),
    "a list that rewrites From and signs": signed("other.example", listed(FROM_LIST)),
    "a service that sends and signs for the author": signed("other.example"),
}
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)
HEAD = (
    "| message | `unsigned:reject` | `broken:reject` | `2005:-` | `2005:!` | `adsp:discardable`"
    " | `dmarc:reject` |"
)


def table() -> dict[str, list[str]]:
    """The rows behind the head of the table of effects."""
    text = PAGE.partition(HEAD)[2].partition("\n\n")[0]
    return {name: cells.split(" | ") for name, cells in ROW.findall(text) if "---" not in name}


def test_the_page_tells_of_every_case() -> None:
    assert list(table()) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_what_each_strategy_does_to(name: str) -> None:
    written = re.findall(r"`([^`]+)`", HEAD)
    case, _, _ = told(CASES[name], ZONE)
    effects = [one.effect(case).word for one in candidates(written)]
    assert table()[name] == effects


def test_the_counted_tables_are_those_of_the_counts() -> None:
    for part in receivers_page.tables().split("\n\n"):
        assert part in PAGE


@pytest.mark.parametrize("name", receivers_page.plots())
def test_the_plot_is_drawn_from_the_counts(name: str) -> None:
    kept = (receivers_page.FOLDER / name).read_text(encoding="utf-8")
    assert kept == receivers_page.plots()[name]
    assert f"(receivers/{name})" in PAGE
