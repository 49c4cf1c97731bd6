"""``avowal check``, and ``--for`` of ``keys doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import avowal
from avowal.cli import commands, exits
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName
from avowal.testing import RSA_2048, message, record_for

Run = Callable[..., tuple[int, str]]
RECORD = record_text(RSA_2048)
ZONE = {
    "s1._domainkey.example.com": record_for(RSA_2048),
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.example.com": "v=DMARC1; p=none",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("zone.json").write_text(json.dumps(ZONE))
    field = avowal.sign(message(), domain="example.com", selector="s1", key=RSA_2048)
    Path("m.eml").write_bytes(field + message())
    Path("unsigned.eml").write_bytes(message())

    def ran(*words: str) -> tuple[int, str]:
        status = exits.run(lambda: commands.run([*words, "--zone", "zone.json"]))
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return ran


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(("check", "m.eml"), 0, "DKIM: pass (example.com)", id="a message"),
        pytest.param(("check", "unsigned.eml"), 1, "no DKIM signature passes", id="unsigned"),
        pytest.param(("check", "m.eml", "--marketing"), 1, "marketing mail needs it", id="bulk"),
        pytest.param(("check", "example.com", "-s", "s1"), 0, "p=none", id="a domain"),
        pytest.param(("check", "other.example"), 1, "no usable SPF record", id="another domain"),
        pytest.param(("check", "no/file.eml"), 2, "no such file", id="no file"),
        pytest.param(("check", "m.eml", "--for", "aol"), 2, "no receiver", id="no receiver"),
        pytest.param(
            ("keys", "doctor", "example.com", "-s", "s1", "--for", "gmail"), 0,
            "met      required, all     a DKIM key has 1024 bits or more: 2048 bits", id="doctor",
        ),
    ],
)  # fmt: skip
def test_the_status_says_whether_something_required_is_missing(
    run: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    found, told = run(*words)
    assert (found, said in told) == (status, True), told


def test_the_report_says_the_day_and_the_page(run: Run) -> None:
    told = run("check", "m.eml", "--for", "yahoo")[1]
    assert "read on 2025-04-10; the pages may say otherwise by now" in told
    assert "asked for since 2024-02-01: https://senders.yahooinc.com/best-practices/" in told
    assert told.splitlines()[-1].startswith("rules as receivers' pages said them until 2026-")


def test_json_has_each_rule_with_its_source(run: Run) -> None:
    read = json.loads(run("check", "m.eml", "--for", "microsoft", "--json")[1])
    assert read["subject"] == "m.eml"
    assert {rule["seen"] for rule in read["rules"]} == {"2025-08-02"}
    told = json.loads(
        run("keys", "doctor", "example.com", "-s", "s1", "--for", "gmail", "--json")[1]
    )
    assert [one["subject"] for one in told["requirements"]] == ["example.com"]


@pytest.mark.parametrize(
    ("soa", "met"), [pytest.param("", None, id="a piece"), pytest.param(
        "example.com. IN SOA ns. h. 1 2 3 4 5\n", False, id="a whole zone")],
)  # fmt: skip
def test_of_a_piece_of_a_zone_no_policy_is_missing(run: Run, soa: str, met: bool | None) -> None:
    line = zone_line(DomainName.parse(b"s1"), DomainName.parse(b"example.com"), RECORD)
    Path("piece").write_text(soa + line + "\n")
    told = json.loads(run("keys", "doctor", "piece", "--for", "microsoft", "--json")[1])
    rules = {rule["check"]: rule["met"] for rule in told["requirements"][0]["rules"]}
    assert (rules["dmarc-record"], rules["dkim-pass"]) == (met, True)
