"""``avowal policy simulate``: what people and scripts see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import SIGNED, Avowal

from avowal.cli import commands, exits, policy_simulate, sources

MBOX = b"".join(
    b"From x Thu Jan  1 00:00:00 1970\n" + octets.replace(b"\r\n", b"\n") + b"\n"
    for octets in (SIGNED, b"From: a@example.com\r\n\r\nhello\r\n")
)


def simulated(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = exits.run(lambda: commands.run(["policy", "simulate", *words, "--json"]))
    out = capsys.readouterr().out
    return status, json.loads(out) if out else {}


@pytest.fixture
def mbox(tmp_path: Path) -> str:
    (tmp_path / "mbox").write_bytes(MBOX)
    return str(tmp_path / "mbox")


def test_each_policy_has_its_counts_by_cause(mbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = simulated(capsys, mbox, "--offline", "--policy", "dmarc:reject")
    assert status == 0
    assert found["messages"] == 2
    assert found["policies"] == [
        {
            "policy": "dmarc:reject",
            "record": "v=DMARC1; p=reject",
            "causes": {
                "author": {"messages": 1, "open": 1},
                "unsigned": {"messages": 1, "reject": 1},
            },
        }
    ]


def test_with_keys_nothing_is_open(avowal_command: Avowal) -> None:
    ran = avowal_command(
        "policy", "simulate", "signed.eml", "--zone", "zone.json", "--policy", "dmarc:reject"
    )
    assert ran.returncode == 0
    assert b"passes 1, recorded 0, open 0, broken 0" in ran.stdout


def test_what_is_published_is_asked_of_dns(avowal_command: Avowal, tmp_path: Path) -> None:
    zone = json.loads((tmp_path / "zone.json").read_text())
    zone["_dmarc.example.com"] = "v=DMARC1; p=quarantine"
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    ran = avowal_command(
        "policy", "simulate", "unsigned.eml", "--zone", "zone.json", "--policy", "published",
        "--json",
    )  # fmt: skip
    (policy,) = json.loads(ran.stdout)["policies"]
    assert policy["causes"] == {"unsigned": {"messages": 1, "quarantine": 1}}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("--policy", "published"), b"published: give --zone", id="published"),
        pytest.param(("--zone", "zone.json"), b"--offline asks nothing", id="a-zone"),
        pytest.param(("--policy", "x"), b"no policy to try", id="no-policy"),
    ],
)
def test_offline_is_refused_with(
    avowal_command: Avowal, words: tuple[str, ...], why: bytes
) -> None:
    ran = avowal_command("policy", "simulate", "signed.eml", "--offline", *words)
    assert (ran.returncode, why in ran.stderr, ran.stdout) == (2, True, b"")


def test_interrupting_keeps_what_was_counted(
    mbox: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sources.messages

    def one_and_then_ctrl_c(path: str, progress: sources.Progress) -> Iterator[Any]:
        found = whole(path, progress)
        yield next(found)  # to be read while its iterator lives
        raise KeyboardInterrupt

    monkeypatch.setattr(policy_simulate.sources, "messages", one_and_then_ctrl_c)
    status, found = simulated(capsys, mbox, "--offline")
    assert status == exits.ExitStatus.INTERRUPTED
    assert (found["messages"], found["interrupted"]) == (1, True)


def test_what_is_no_message_is_named_and_passed_over(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(b"no message\n")
    (tmp_path / "folder" / "b").write_bytes(SIGNED)
    ran = avowal_command("policy", "simulate", "folder", "--offline")
    assert b"folder/a: not a message" in ran.stderr
    assert ran.stdout.startswith(b"1 message, 1 source not usable")
    assert ran.returncode == 0


def test_each_plot_stands_beside_its_table(avowal_command: Avowal, tmp_path: Path) -> None:
    ran = avowal_command(
        "policy", "simulate", "signed.eml", "--offline", "--plots", "out",
        "--policy", "2005:!", "--policy", "dmarc:p=reject; adkim=s",
    )  # fmt: skip
    assert ran.returncode == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"2005-exclusive.svg", "dmarc-p-reject-adkim-s.svg", "index.html"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<table>") == page.count("<img ") == 2
    assert "<script" not in page
