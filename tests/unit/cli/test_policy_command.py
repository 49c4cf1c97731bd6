"""``avowal policy``: what people and scripts see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from avowal.cli import commands, exits
from avowal.dns.recorder import Recorder
from avowal.lookup import Question
from avowal.testing import Zone

SOURCES = str(Path(__file__).parents[3] / "src")
ZONE = {
    "example.com": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"], "MX": ["10 mx.example.com"]},
    "_dmarc.example.com": "v=DMARC1; p=quarantine; rua=mailto:a@example.com",
    "_adsp._domainkey.example.com": "dkim=discardable",
    "_policy._domainkey.example.com": "o=!",
    "_ssp._domainkey.example.com": "dkim=all",
    "_dmarc.broken.example": "SERVFAIL",
    "_dmarc.a.split.com": "v=DMARC1; p=reject",
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "m.eml").write_bytes(b"From: Joe <joe@example.com>\n\nhello\n")
    (tmp_path / "b.eml").write_bytes(b"From: Joe <joe@broken.example>\n\nhello\n")
    (tmp_path / "s.eml").write_bytes(b"From: Joe <joe@a.split.com>\n\nhello\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def avowal(*words: str) -> int:
    return exits.run(lambda: commands.run(["policy", *words]))


@pytest.fixture
def ran(files: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str]:
        status = avowal(*words)
        captured = capsys.readouterr()
        return status, captured.out or captured.err

    return run


def test_show_says_everything_in_words(ran: Any) -> None:
    status, text = ran("show", "example.com", "--zone", "zone.json")
    assert status == 0
    for part in ("p=quarantine", "may send for the domain", "dkim=discardable", "exclusive"):
        assert part in text


def test_show_as_json_names_each_mechanism(ran: Any) -> None:
    _, text = ran("show", "example.com", "--zone", "zone.json", "--json")
    shown = json.loads(text)
    assert [s["mechanism"] for s in shown["statements"]] == [
        "dmarc", "spf", "adsp", "ssp2007", "ssp", "domainkeys",
    ]  # fmt: skip
    assert shown["organizational_domain"] == "example.com"


@pytest.mark.parametrize(
    ("domain", "status", "code"),
    [
        pytest.param("example.com", 0, "leftover", id="advice-alone"),
        pytest.param("broken.example", 3, "no-answer", id="dns-fails"),
    ],
)
def test_check_tells_scripts_how_bad_it_is(ran: Any, domain: str, status: int, code: str) -> None:
    got, text = ran("check", domain, "--zone", "zone.json", "--json")
    assert got == status
    assert code in {finding["code"] for finding in json.loads(text)["findings"]}


def test_check_says_what_to_do(ran: Any) -> None:
    _, text = ran("check", "example.com", "--zone", "zone.json")
    assert "take it out; DMARC says what it said [leftover]" in text


def test_make_prints_lines_of_a_zone_file(ran: Any) -> None:
    status, text = ran("make", "example.com", "-p", "reject", "--rua", "a@other.example")
    assert status == 0
    assert '_dmarc.example.com. 3600 IN TXT ( "v=DMARC1; p=reject; rua=mailto:' in text
    assert "example.com._report._dmarc.other.example." in text


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--ssp2005", "-"), '_policy._domainkey.example.com. 3600 IN TXT ( "o=-" )'),
        (("--ssp2005", "never", "--testing"), '"o=.; t=y"'),
        (("--ssp2007", "strict"), '_ssp._domainkey.example.com. 3600 IN TXT ( "dkim=strict" )'),
        (("--adsp", "all"), '_adsp._domainkey.example.com. 3600 IN TXT ( "dkim=all" )'),
    ],
)
def test_make_writes_what_is_historic_when_asked_and_says_so(
    ran: Any, options: tuple[str, ...], line: str
) -> None:
    status, text = ran("make", "example.com", *options)
    assert status == 0
    assert text.startswith("; historic, ")
    assert line in text
    assert "_dmarc" not in text


def test_make_writes_the_records_of_users(ran: Any) -> None:
    users = ("--user", "Alice=exclusive", "--user", "bob=~")
    status, text = ran("make", "example.com", "--ssp2005", "^", *users)
    assert status == 0
    assert '_policy._domainkey.example.com. 3600 IN TXT ( "o=^" )' in text
    assert 'alice._policy._domainkey.example.com. 3600 IN TXT ( "o=!" )' in text
    assert 'bob._policy._domainkey.example.com. 3600 IN TXT ( "o=~" )' in text


@pytest.mark.parametrize(
    ("users", "said"),
    [
        pytest.param(("alice",), "write NAME=SYMBOL", id="no-symbol"),
        pytest.param(("=~",), "write NAME=SYMBOL", id="no-name"),
        pytest.param(("alice=~", "Alice=!"), "has a record already", id="twice"),
        pytest.param(("alice=x",), "o=x: write one of", id="an-unknown-symbol"),
    ],
)
def test_make_refuses_records_of_users(ran: Any, users: tuple[str, ...], said: str) -> None:
    options = [word for user in users for word in ("--user", user)]
    status, text = ran("make", "example.com", "--ssp2005", "^", *options)
    assert status == 2
    assert said in text


def test_make_refuses_a_symbol_that_nobody_knows(ran: Any) -> None:
    status, text = ran("make", "example.com", "--ssp2005", "–")
    assert status == 2
    assert "write one of ~, -, !, ?, ., ^" in text


def test_make_without_options_and_terminal_says_what_to_give(ran: Any) -> None:
    status, text = ran("make", "example.com")
    assert status == 2
    assert "--policy" in text


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_make_asks_on_a_terminal_and_prints_the_records_alone() -> None:
    terminal, stdin = os.openpty()
    os.write(terminal, b"y\nquarantine\na@example.com\ny\nn\n")
    ran = subprocess.run(
        [sys.executable, "-m", "avowal", "policy", "make", "example.com"],
        stdin=stdin,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": SOURCES},
        timeout=60,
        check=False,
    )
    os.close(terminal)
    os.close(stdin)
    text = "v=DMARC1; p=quarantine; np=reject; rua=mailto:a@example.com"
    assert ran.stdout == f'_dmarc.example.com. 3600 IN TXT ( "{text}" )\n'
    assert "Does this name send mail?" in ran.stderr


def test_make_for_a_name_without_mail(ran: Any) -> None:
    _, text = ran("make", "example.com", "--no-mail", "--json")
    records = [json.loads(line) for line in text.splitlines()]
    assert {(r["type"], r["text"]) for r in records} >= {("MX", "0 ."), ("TXT", "v=spf1 -all")}


def test_evaluate_under_every_generation(ran: Any) -> None:
    status, text = ran(
        "evaluate", "m.eml", "--zone", "zone.json", "--as", "2005,2007,adsp,2015,2026", "--json"
    )
    found = json.loads(text)
    assert status == 1
    assert {v["generation"]: v["result"] for v in found["verdicts"]} == {
        "2005": "suspicious",
        "2007": "suspicious",
        "adsp": "discard",
        "2015": "fail",
        "2026": "fail",
    }
    assert (found["disposition"], found["decided_by"]) == ("discard", "adsp")


@pytest.mark.parametrize(
    ("secure", "said", "names"),
    [
        pytest.param(True, "dnssec     vouches for every answer", [], id="all"),
        pytest.param(
            False, "dnssec     does not vouch for _dmarc.example.com TXT", ["_dmarc.example.com"],
            id="none",
        ),
    ],
)  # fmt: skip
def test_evaluate_says_whether_dnssec_vouches_for_the_policy(
    ran: Any, secure: bool, said: str, names: list[str]
) -> None:
    zone = Zone({"_dmarc.example.com": "v=DMARC1; p=reject"}, secure=secure)
    recorder = Recorder(zone)
    recorder.resolve((Question("_dmarc.example.com"),))
    recorder.save("answers.json")
    status, text = ran("evaluate", "m.eml", "--replay", "answers.json")
    assert said in text, status
    _, text = ran("evaluate", "m.eml", "--replay", "answers.json", "--json")
    assert [one["name"] for one in json.loads(text)["unprotected"]] == names


@pytest.mark.parametrize(
    ("client", "status", "spf", "dmarc"),
    [
        pytest.param("198.51.100.7", 0, "pass", "pass", id="a-sender-of-the-domain"),
        pytest.param("192.0.2.66", 1, "fail", "fail", id="a-stranger"),
    ],
)
def test_evaluate_checks_spf_for_a_client(
    ran: Any, client: str, status: int, spf: str, dmarc: str
) -> None:
    got, text = ran(
        "evaluate", "m.eml", "--zone", "zone.json", "--client", client,
        "--mail-from", "joe@example.com", "--json",
    )  # fmt: skip
    found = json.loads(text)
    assert (got, found["spf"]["result"], found["verdicts"][0]["result"]) == (status, spf, dmarc)


def test_evaluate_leaves_it_open_when_dns_does(ran: Any) -> None:
    status, text = ran("evaluate", "b.eml", "--zone", "zone.json")
    assert status == 3
    assert "temperror" in text


def test_evaluate_follows_only_as_far_as_told(ran: Any) -> None:
    status, text = ran("evaluate", "m.eml", "--zone", "zone.json", "--handling", "report")
    assert status == 0
    assert "disposition accept" in text


def test_compare_says_where_two_receivers_part(ran: Any) -> None:
    _, text = ran(
        "evaluate", "s.eml", "--zone", "zone.json", "--compare", "--client", "192.0.2.1",
        "--mail-from", "x@split.com", "--json",
    )  # fmt: skip
    found = json.loads(text)
    assert {v["generation"] for v in found["verdicts"]} == {"2015", "2026"}


def test_trace_shows_every_step(ran: Any) -> None:
    _, text = ran("evaluate", "m.eml", "--zone", "zone.json", "--trace")
    assert "dmarc: found _dmarc.example.com" in text
    assert "dmarc: would-change d=example.com" in text


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("evaluate", "m.eml", "--as", "1999"), id="unknown-generation"),
        pytest.param(("evaluate", "m.eml", "--client", "nobody"), id="no-address"),
        pytest.param(("evaluate", "m.eml", "--mail-from", "a@b.example"), id="spf-without-client"),
        pytest.param(("evaluate", "missing.eml", "--zone", "zone.json"), id="no-file"),
        pytest.param(("show", "-bad-", "--zone", "zone.json"), id="no-domain"),
        pytest.param(("make", "example.com", "--rua", "https://x.example/"), id="no-mailto"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_2(ran: Any, words: tuple[str, ...]) -> None:
    if words[0] == "evaluate" and "--zone" not in words:
        words = (*words, "--zone", "zone.json")
    status, text = ran(*words)
    assert status == 2
    assert text.startswith("avowal: ")
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        pytest.param([], "none", id="sp-as-the-name-exists"),  # RFC 9989 §3.2.13
        pytest.param(["--nonexistent", "no-host"], "reject", id="np-by-the-wider-reading"),
    ],
)
def test_evaluate_reads_np_by_the_letter_or_wider(
    ran: Any, tmp_path: Any, options: list[str], asked: str
) -> None:
    (tmp_path / "ghost.eml").write_bytes(b"From: joe@ghost.example.com\r\n\r\nHi\r\n")
    zone = {
        "_dmarc.example.com": "v=DMARC1; p=none; np=reject",
        "_dmarc.ghost.example.com": "NODATA",
        "ghost.example.com": "NODATA",
    }
    (tmp_path / "ghost.json").write_text(json.dumps(zone))
    given = [str(tmp_path / "ghost.eml"), "--zone", str(tmp_path / "ghost.json"), *options]
    _, text = ran("evaluate", *given, "--json")
    assert json.loads(text)["verdicts"][0]["asks"] == {"none": "accept"}.get(asked, asked)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--rua", "a@example.com,b@example.com"], id="between-commas"),
        pytest.param(["--rua", "a@example.com", "--rua", "b@example.com"], id="repeated"),
    ],
)
def test_make_takes_several_addresses(ran: Any, options: list[str]) -> None:
    status, text = ran("make", "example.com", *options)
    assert status == 0
    assert "rua=mailto:a@example.com,mailto:b@example.com" in text
