"""``avowal reports``: read, show, health, import, prune."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.reportmails import attached, feedback

import avowal
from avowal.calls import report_intake
from avowal.cli import commands, exits, keystore
from avowal.dates import DAY
from avowal.report.aggregate import AggregateReport, Aligned, DkimAuthResult, Record, Result
from avowal.report.aggregate_xml import write_aggregate, write_compressed
from avowal.testing import RSA_2048, record_for

Run = Callable[..., tuple[int, str]]
FAILED = replace(
    RECORD, dkim=Aligned.FAIL,
    dkim_results=(DkimAuthResult(domain="example.org", selector="s1", result=Result.FAIL),),
)  # fmt: skip
HOSTILE = '<script>alert("x")</script>'


def report(day: int, *records: Record, org: str = "Big") -> AggregateReport:
    metadata = replace(
        METADATA, org_name=org, report_id=str(day), begin=day * DAY, end=day * DAY + DAY - 1
    )
    return AggregateReport(metadata=metadata, policy=POLICY, records=records)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for day in range(20_000, 20_010):
        Path("in", f"{day}.xml.gz").write_bytes(
            write_compressed(report(day, replace(RECORD, count=100)))
        )

    def ran(*words: str) -> tuple[int, str]:
        status = exits.run(lambda: commands.run(["reports", *words]))
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return ran


def test_a_folder_is_read_and_then_known(run: Run) -> None:
    assert run("read", "in") == (
        0, "10 reports kept (10 records, 1,000 messages), 0 known already, 0 refused, 10 files\n"
    )  # fmt: skip
    assert "10 files were read before" in run("read", "in")[1]
    assert "0 reports kept (0 records, 0 messages), 10 known" in run("read", "in", "--again")[1]


def test_what_is_refused_is_named_and_counts(run: Run) -> None:
    Path("in", "x.xml").write_bytes(b"<feedback></feedback>")
    status, said = run("read", "in")
    assert status == 1
    assert "in/x.xml: refused: nobody can tell who reports on what" in said


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    status, said = run("read", "none")
    assert status == 2
    assert "none: No such file" in said


def test_a_file_that_is_named_and_holds_no_report_gives_status_1(run: Run) -> None:
    Path("letter.eml").write_bytes(b"Subject: hi\r\n\r\nhello\r\n")
    status, said = run("read", "letter.eml")
    assert status == 1
    assert "letter.eml: there is no report in it" in said


def test_files_of_a_folder_without_a_report_are_counted_only(run: Run) -> None:
    Path("in", "letter.eml").write_bytes(b"Subject: hi\r\n\r\nhello\r\n")
    status, said = run("read", "in")
    assert status == 0
    assert "11 files; 1 files without a report" in said


def test_mails_are_read_with_who_sent_them(run: Run) -> None:
    Path("m.eml").write_bytes(attached(write_compressed(report(20_000, RECORD))))
    Path("f.eml").write_bytes(feedback())
    Path("zone.json").write_text("{}")
    status, said = run("read", "m.eml", "f.eml", "--authenticate", "--zone", "zone.json", "--json")
    first, second, summary = map(json.loads, said.splitlines())
    assert status == 0
    assert (first["source"], first["kind"], first["sender"]) == (
        "m.eml: r.xml.gz", "aggregate", "",
    )  # fmt: skip
    assert second["kind"] == "failure"
    assert summary["summary"]["kept"] == 2


def test_a_mail_that_is_proven_names_its_domain(run: Run) -> None:
    mail = attached(write_compressed(report(20_000, RECORD)))
    field = avowal.sign(mail, domain="mail.example", selector="s1", key=RSA_2048)
    Path("good.eml").write_bytes(field + mail)
    Path("forged.eml").write_bytes(field + mail.replace(b"A report.", b"A forgery"))
    Path("zone.json").write_text(
        json.dumps(
            {
                "s1._domainkey.mail.example": record_for(RSA_2048),
                "_dmarc.mail.example": "v=DMARC1; p=reject",
            }
        )
    )
    for name, sender in (("good.eml", "mail.example"), ("forged.eml", "")):
        said = run("read", name, "--authenticate", "--zone", "zone.json", "--json")[1]
        assert json.loads(said.splitlines()[0])["sender"] == sender


def test_an_interrupt_keeps_what_was_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, taken = report_intake.report_sources, []

    def interrupted(*given: object, **options: object) -> object:
        taken.append(given)
        if len(taken) == 4:
            raise KeyboardInterrupt
        return whole(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(report_intake, "report_sources", interrupted)
    status, said = run("read", "in")
    assert status == 130
    assert said.startswith("3 reports kept")
    assert "7 reports kept" in run("read", "in")[1]


def broken(run: Run) -> None:
    """A key that fails since a day, at one receiver, whose name is hostile."""
    for day in range(20_000, 20_020):
        record = replace(RECORD if day < 20_015 else FAILED, count=100)
        octets = write_aggregate(report(day, record, org=HOSTILE))
        Path("in", f"b{day}.xml").write_bytes(octets)
    run("read", "in")


def test_the_text_tells_what_fails_newly(run: Run) -> None:
    broken(run)
    status, said = run("show", "Example.org", "--offline")
    assert status == 0
    assert "2024-10-05 to 2024-10-23  p=reject" in said or "p=reject" in said
    assert "! signatures with s1 of example.org pass less at" in said
    assert "! 192.0.2.1 (it signs with a key of the domain) fails newly: 100.0% passed" in said
    assert "p=reject on" in said
    assert re.search(r"passed  [ ▁▂▃▄▅▆▇█]{20}", said)


def test_the_page_needs_nothing_and_escapes_everything(run: Run) -> None:
    broken(run)
    run("show", "example.org", "--offline", "--html", "page.html")
    page = Path("page.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href|url)\s*[=(]", page)
    assert page.count("<svg") >= 4
    assert page.count("<table>") >= 5


def test_json_has_all_numbers(run: Run) -> None:
    broken(run)
    found = json.loads(run("show", "example.org", "--offline", "--json")[1])
    assert (found["passed"], found["failed"]) == (2500, 500)
    assert found["reject_cost"] == {
        "day": "2024-10-23", "low": 100, "high": 100, "messages": 100, "rejected": 0,
    }  # fmt: skip
    assert found["sources"][0]["newly_failing"]


def test_the_spf_record_tells_sources_apart(run: Run) -> None:
    run("read", "in")
    Path("zone.json").write_text(
        json.dumps(
            {
                "example.org": "v=spf1 include:esp.example -all",
                "esp.example": "v=spf1 ip4:192.0.2.0/24 -all",
                "1.2.0.192.in-addr.arpa": {"PTR": "out.esp.example"},
                "out.esp.example": {"A": "192.0.2.1"},
            }
        )
    )
    found = json.loads(run("show", "example.org", "--zone", "zone.json", "--names", "--json")[1])
    (source,) = found["sources"]
    assert (source["kind"], source["label"], source["name"]) == (
        "listed", "esp.example", "out.esp.example",
    )  # fmt: skip


def test_an_spf_record_that_dns_does_not_give_is_told(run: Run) -> None:
    run("read", "in")
    Path("none.json").write_text('{"example.org": "SERVFAIL"}')
    status, said = run("show", "example.org", "--zone", "none.json")
    assert status == 0
    assert "could not be looked up whole" in said


def test_a_domain_without_reports_is_named_with_those_that_have(run: Run) -> None:
    run("read", "in")
    status, said = run("show", "example.net", "--offline")
    assert status == 2
    assert "no aggregate report about example.net; there are reports about example.org" in said


@pytest.mark.parametrize("words", [("show", "example.org"), ("health",), ("prune", "--keep", "9d")])
def test_without_a_store_what_to_do_is_said(run: Run, words: tuple[str, ...]) -> None:
    status, said = run(*words)
    assert status == 2
    assert "avowal reports read PATH..." in said


@pytest.mark.parametrize("words", [("show", "--offline"), ("health", "--offline"), ("shares",)])
def test_a_domain_counts_in_any_spelling(run: Run, words: tuple[str, ...]) -> None:
    run("read", "in")
    name, *options = words
    assert run(name, "EXAMPLE.Org.", *options) == run(name, "example.org", *options)
    status, said = run(name, "bücher..example", *options)
    assert (status, "no domain name" in said) == (2, True)


def test_health_is_an_exit_status(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("read", "in")
    monkeypatch.setattr("time.time", lambda: 20_010 * DAY)
    assert run("health", "--offline") == (0, "example.org: well\n")
    monkeypatch.setattr("time.time", lambda: 20_019 * DAY)
    status, said = run("health", "--offline", "--json")
    assert status == 1
    assert json.loads(said)["alerts"] == ["no report since 2024-10-13"]
    broken(run)
    status, said = run("health", "--offline")
    assert status == 1
    assert "pass less at" in said


def test_shares_go_into_a_key_store(run: Run) -> None:
    broken(run)
    last = max(run("shares", "example.org")[1].splitlines())
    assert last.startswith("2024-10-23  s1._domainkey.example.org")
    assert last.endswith("0.0% of 100  (0.0% to 3.7%)")
    exits.run(lambda: commands.run(["keys", "store", "create", "--store", "keys.db"]))
    status, said = run("shares", "example.org", "--key-store", "keys.db")
    assert (status, said.endswith("30 rows put into keys.db\n")) == (0, True)
    run("shares", "example.org", "--key-store", "keys.db")
    with keystore.opened("keys.db") as store:
        kept = store.shares("example.org")
    assert len(kept) == 30
    assert sum(one.failed for one in kept) == 500


def test_prune_forgets_what_is_older(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("read", "in")
    monkeypatch.setattr("time.time", lambda: 20_010 * DAY)
    assert run("prune", "--keep", "5d") == (0, "5 reports and 5 rows removed\n")
    assert run("prune", "--keep", "soon")[0] == 2


PARSEDMARC = {
    "xml_schema": "1.0",
    "report_metadata": {
        "org_name": "Big", "org_email": "a@big.example", "report_id": "1",
        "begin_date": "2024-10-04 00:00:00", "end_date": "2024-10-04 23:59:59", "errors": [],
    },
    "policy_published": {"domain": "example.org", "p": "none", "sp": "none", "pct": "100"},
    "records": [
        {
            "source": {"ip_address": "192.0.2.1"},
            "count": 4,
            "policy_evaluated": {
                "disposition": "none", "dkim": "pass", "spf": "fail",
                "policy_override_reasons": [{"type": "other", "comment": None}],
            },
            "identifiers": {"header_from": "example.org", "envelope_from": None},
            "auth_results": {
                "dkim": [{"domain": "example.org", "selector": "s1", "result": "pass"}], "spf": [],
            },
        }
    ],
}  # fmt: skip
CSV = (
    "xml_schema,org_name,org_email,report_id,begin_date,end_date,errors,domain,p,source_ip_address,"
    "count,spf_aligned,dkim_aligned,disposition,policy_override_reasons,policy_override_comments,"
    "envelope_from,header_from,dkim_domains,dkim_selectors,dkim_results,spf_domains,spf_scopes,"
    "spf_results\n1.0,Big,a@big.example,1,2024-10-04 00:00:00,2024-10-04 23:59:59,,example.org,"
    'none,192.0.2.1,4,False,True,none,other,,,example.org,"example.org,esp.example","s1,k",'
    '"pass,pass",,,\n'
)


@pytest.mark.parametrize("text", [json.dumps([PARSEDMARC]), json.dumps(PARSEDMARC), CSV])
def test_what_parsedmarc_wrote_is_taken_over(run: Run, text: str) -> None:
    Path("a").write_text(text)
    said = "1 reports kept (1 records), 0 known already, 0 could not be read\n"
    assert run("import", "a") == (0, said)
    assert "0 reports kept (0 records), 1 known already" in run("import", "a")[1]
    found = json.loads(run("show", "example.org", "--offline", "--json")[1])
    assert found["passed"] == 4
    assert found["keys"][0]["selector"] == "s1"


def test_a_report_that_cannot_be_taken_over_is_named(run: Run) -> None:
    odd = PARSEDMARC | {"report_metadata": {"org_name": "Odd"}}
    Path("a").write_text(json.dumps([odd, PARSEDMARC, {}]))
    status, said = run("import", "a")
    assert status == 1
    assert "1 reports kept" in said
    assert "report 1: 'None' is no time" in said
    assert "report 3 is not as parsedmarc writes them" in said


def test_a_file_too_large_to_be_taken_over_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.cli.reports_import.MOST_OCTETS", 10)
    Path("a").write_text(CSV)
    status, said = run("import", "a")
    assert (status, "divide it" in said) == (2, True)


@pytest.mark.parametrize("text", ["{", "a,b\n1,2\n", "", "[" * 100_000])
def test_what_parsedmarc_did_not_write_is_refused(run: Run, text: str) -> None:
    Path("a").write_text(text)
    assert run("import", "a")[0] == 2


def test_a_file_whose_name_is_no_utf_8_is_read(run: Run) -> None:
    Path(os.fsdecode(b"in/\xff.xml.gz")).write_bytes(write_compressed(report(20_020, RECORD)))
    assert run("read", "in")[1].startswith("11 reports kept")
    assert "11 files were read before" in run("read", "in")[1]


def test_output_that_cannot_be_written_ends_the_reading(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("avowal.cli.reports_tally.echo", full)
    status, said = run("read", "in", "--json")
    assert (status, said.count("No space left")) == (3, 1)


def test_a_password_that_is_no_utf_8_is_refused_in_words(run: Run) -> None:
    Path("password").write_bytes(b"pass\xff")
    found = run("read", "imaps://u@127.0.0.1/INBOX", "--imap-password", "password")
    assert found == (2, "avowal: password: no UTF-8 at octet 4\n")


@pytest.mark.parametrize("command", ["show", "shares", "cost"])
@pytest.mark.parametrize("written", ["", "a..b", "<b>x</b>"])
def test_what_is_no_domain_is_refused(run: Run, command: str, written: str) -> None:
    status, said = run(command, written)
    assert status == 2
    assert f"avowal: {written}: no domain name" in said
