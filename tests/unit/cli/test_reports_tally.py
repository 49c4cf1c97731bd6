"""The sum of what was read."""

from __future__ import annotations

import pytest

from avowal.calls.report_intake import Intake
from avowal.cli.reports_tally import _MOST_ODD, Tally


def kept(organization: str, *notes: tuple[str, int]) -> Intake:
    return Intake(origin="a", word="kept", organization=organization, notes=notes)


def test_oddities_are_summed_by_organization(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(as_json=False)
    for _ in range(2):
        tally.add(kept("B.example", ("odd", 3)))
    tally.add(kept("b.example", ("odder", 1)))
    tally.end(interrupted=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  odd, of b.example: odd (6 times)",
        "  odd, of b.example: odder (once)",
    ]


def test_so_many_oddities_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(as_json=False)
    for number in range(_MOST_ODD + 5):
        tally.add(kept(f"{number}.example", ("odd", 1)))
    tally.end(interrupted=False)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 12
    assert said[-1] == f"  and {_MOST_ODD - 10} more oddities (--json has all)"


def test_what_a_stranger_wrote_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(as_json=False)
    tally.add(kept("a\x1b[31m", ("\x1b[2J", 1)))
    tally.end(interrupted=False)
    assert "\x1b" not in capsys.readouterr().out
