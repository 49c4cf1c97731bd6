"""``avowal keys doctor``: what it takes, what it tells, and its exit status."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import avowal
from avowal.cli import commands, exits
from avowal.keys.files import write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_1024, RSA_2048, message

Run = Callable[..., tuple[int, str]]
S1, S2, DOMAIN = (DomainName.parse(name) for name in (b"s1", b"s2", b"example.com"))
GOOD, WEAK = record_text(RSA_2048), record_text(RSA_1024)
NAMES = {"s1._domainkey.example.com": GOOD, "s2._domainkey.example.com": WEAK}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("zone.json").write_text(json.dumps(NAMES | {"t._domainkey.example.com": "TIMEOUT"}))
    Path("good.zone").write_text(zone_line(S1, DOMAIN, GOOD) + "\n")
    lines = (zone_line(S1, DOMAIN, GOOD), zone_line(S2, DOMAIN, WEAK))
    Path("weak.zone").write_text("\n".join(lines) + "\n*._domainkey.example.com. IN TXT x\n")
    for name, key in (("s1", RSA_2048), ("s2", RSA_1024), ("ed", ED25519)):
        write_key(f"{name}.pem", key)

    def ran(*words: str) -> tuple[int, str]:
        status = exits.run(lambda: commands.run(["keys", "doctor", *words]))
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return ran


def test_a_zone_file_without_faults_is_silent(run: Run) -> None:
    status, told = run("good.zone")
    assert status == 0
    assert told.splitlines() == [
        "example.com, in good.zone:",
        "  s1._domainkey.example.com: rsa, 2048 bits, TTL 3600",
        "nothing to find fault with",
    ]


def test_faults_are_told_with_a_remedy_and_a_name(run: Run) -> None:
    status, told = run("weak.zone")
    assert status == 1
    assert "warning  s2._domainkey.example.com: an RSA key of 1024 bits\n" in told
    assert "make a key of 2048 bits under a new selector, and change over to it [weak-key]" in told
    assert "[wildcard]" in told


def test_json_has_the_findings_and_what_stands_there(run: Run) -> None:
    status, told = run("example.com", "-s", "s2", "--zone", "zone.json", "--json")
    read = json.loads(told)
    assert status == 1
    assert read["domains"][0]["keys"][0]["state"] == "rsa, 1024 bits, TTL 300"
    assert [finding["code"] for finding in read["findings"]] == ["weak-key"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(("example.com",), 2, "none is guessed", id="no selector"),
        pytest.param(("no/such.zone",), 2, "no such file", id="no file"),
        pytest.param(("a..b", "-s", "s1"), 2, "no domain name", id="no domain"),
        pytest.param(("example.com", "--key", "s1.pem"), 2, "one --selector", id="no name"),
        pytest.param(("s1.pem",), 2, "--key", id="a key alone"),
        pytest.param(
            ("example.com", "-s", "t", "--zone", "zone.json"), 3, "[no-answer]", id="no answer"
        ),
        pytest.param(
            ("example.com", "-s", "t", "-s", "s2", "--zone", "zone.json"), 1, "[weak-key]",
            id="no answer, and a fault",
        ),
        pytest.param(
            ("example.com", "-s", "s1", "--key", "s1.pem", "--zone", "zone.json"), 0, "nothing to",
            id="the key that signs",
        ),
        pytest.param(
            ("example.com", "-s", "s1", "--key", "ed.pem", "--zone", "zone.json"), 1, "[other-key]",
            id="another key",
        ),
    ],
)  # fmt: skip
def test_the_status_is_for_monitoring(
    run: Run, words: tuple[str, ...], status: int, said: str
) -> None:
    found, told = run(*words)
    assert (found, said in told) == (status, True), told


OWN = """\
[keys.main]
domain = "example.com"
selector = "s1"
file = "{key}.pem"
[keys.each]
selector = "s2"
file = "s2.pem"
"""


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param(OWN.format(key="s1"), ["weak-key"], id="of avowal"),
        pytest.param(OWN.format(key="ed"), ["other-key", "weak-key"], id="with another key"),
        pytest.param("k example.com:s1:./ed.pem\n", ["other-key"], id="KeyTable"),
        pytest.param("Domain example.com\nSelector s1\nKeyFile s1.pem\n", [], id="opendkim.conf"),
    ],
)
def test_a_configuration_names_domains_selectors_and_keys(
    run: Run, text: str, codes: list[str]
) -> None:
    Path("conf").write_text(text)
    told = json.loads(run("conf", "--zone", "zone.json", "--json")[1])
    assert [finding["code"] for finding in told["findings"]] == codes


def test_selectors_are_learned_from_own_mail(run: Run) -> None:
    Path("sent").mkdir()
    for number in range(2):
        octets = avowal.sign(
            message(), domain="example.com", selector="s1", key=RSA_2048, now=1_795_500_000
        )
        Path(f"sent/{number}.eml").write_bytes(octets)
    Path("names").write_text("# ours\ns2 example.com\n")
    status, told = run(
        "example.com", "--mail", "sent", "--selectors", "names", "--zone", "zone.json", "--json"
    )
    read = json.loads(told)
    assert status == 1
    assert [key["selector"] for key in read["domains"][0]["keys"]] == ["s2", "s1"]
    assert [finding["code"] for finding in read["findings"]] == ["weak-key", "unused-selector"]


def test_mail_that_cannot_be_read_is_told(run: Run) -> None:
    assert run("good.zone", "--mail", "missing")[0] == 2


def report(selector: str, result: str, *, count: int = 30, domain: str = "example.com") -> bytes:
    record = (
        f"<record><row><source_ip>192.0.2.1</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>none</disposition><dkim>{result}</dkim><spf>fail</spf></policy_evaluated>"
        f"</row><identifiers><header_from>{domain}</header_from></identifiers><auth_results>"
        f"<dkim><domain>{domain}</domain><selector>{selector}</selector>"
        f"<result>{result}</result></dkim></auth_results></record>"
    )
    return (
        "<feedback><report_metadata><org_name>r.example</org_name><email>a@r.example</email>"
        "<report_id>7</report_id><date_range><begin>0</begin><end>1795500000</end></date_range>"
        f"</report_metadata><policy_published><domain>{domain}</domain><p>none</p>"
        f"</policy_published>{record}</feedback>"
    ).encode()


MAILED = b"""\
From: r@r.example
Subject: Report
MIME-Version: 1.0
Content-Type: application/gzip; name="r.xml.gz"
Content-Disposition: attachment; filename="r.xml.gz"
Content-Transfer-Encoding: base64

"""


@pytest.mark.parametrize(
    ("octets", "selectors"),
    [
        pytest.param(report("s1", "pass"), ["s2", "s1"], id="as it is"),
        pytest.param(gzip.compress(report("s1", "pass")), ["s2", "s1"], id="compressed"),
        pytest.param(
            MAILED + base64.encodebytes(gzip.compress(report("s1", "pass"))), ["s2", "s1"],
            id="in a mail",
        ),
        pytest.param(report("forged", "fail"), ["s2"], id="that nobody saw pass is not ours"),
        pytest.param(report("s1", "pass", domain="other.example"), ["s2"], id="of another domain"),
    ],
)  # fmt: skip
def test_selectors_are_learned_from_reports(run: Run, octets: bytes, selectors: list[str]) -> None:
    Path("r").write_bytes(octets)
    told = run("example.com", "-s", "s2", "--reports", "r", "--zone", "zone.json", "--json")[1]
    assert [key["selector"] for key in json.loads(told)["domains"][0]["keys"]] == selectors


def test_reports_tell_that_signatures_fail(run: Run) -> None:
    Path("reports").mkdir()
    Path("reports/1.xml").write_bytes(report("s1", "pass", count=2))
    Path("reports/2.xml").write_bytes(report("s1", "fail", count=30))
    status, told = run("example.com", "--reports", "reports", "--zone", "zone.json")
    assert (status, "30 of 32 signatures fail, say reports\n" in told) == (1, True), told


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"<feedback>", id="no report"),
        pytest.param(gzip.compress(report("s1", "pass"))[:200], id="cut"),
        pytest.param(b"PK\x03\x04nothing", id="no archive"),
    ],
)
def test_a_report_that_cannot_be_read_is_told(run: Run, octets: bytes) -> None:
    Path("r").write_bytes(octets)
    status, told = run("good.zone", "--reports", "r")
    assert status == 2
    assert "avowal: r: " in told


def test_a_key_store_names_domains_and_what_ought_to_be_published(run: Run) -> None:
    store = ("--store", "keys.db")
    assert exits.run(lambda: commands.run(["keys", "store", "create", *store])) == 0
    words = [
        "keys",
        "add",
        "-d",
        "example.com",
        "-s",
        "s1",
        "--private",
        f"file:{Path.cwd()}/ed.pem",
    ]
    assert exits.run(lambda: commands.run([*words, *store, "--state", "signing"])) == 0
    run("example.com", "-s", "s1", "--zone", "zone.json")  # what was written before is read
    status, told = run("store:keys.db", "--zone", "zone.json", "--json")
    findings = json.loads(told)["findings"]
    assert (status, [finding["code"] for finding in findings]) == (1, ["store-differs"])


def test_a_private_key_in_dns_is_not_shown_once_more(run: Run) -> None:
    body = "".join(RSA_1024.pem().decode().splitlines()[1:-1])
    Path("bad.zone").write_text(zone_line(S1, DOMAIN, f"v=DKIM1; p={body}") + "\n")
    for form in ([], ["--json"]):
        status, told = run("bad.zone", *form)
        assert (status, "private-key" in told, body[40:80] in told) == (1, True, False)
