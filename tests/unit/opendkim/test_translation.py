"""opendkim.conf in our words: what each kind of line becomes, and what is said to be missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.planting import lay_out, planted

from avowal import app
from avowal.config.opendkim_conf import read_conf
from avowal.config.toml import parse
from avowal.opendkim.translated import Translation
from avowal.opendkim.translation import translate

TABLES = "KeyTable file:keys\nSigningTable {}signing\n"
KEYS = "main example.com:s1:./s1.pem\nany %:s2:./s1.pem\n"
SINGLE = "Domain example.com\nSelector s1\nKeyFile s1.pem\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    planted(tmp_path, {"keys": KEYS, "signing": "example.com main\n"})
    return tmp_path


def _translated(site: Path, text: str, **files: str) -> Translation:
    planted(site, {"conf": text, **files})
    made = translate(read_conf("conf"))
    loaded = parse(made.text().encode())
    app.plan(loaded.configuration, loaded.places)  # what is written passes our own check
    return made


def _words(made: Translation, option: str) -> str:
    return next(one.words for one in made.became if one.setting.key == option)


def _option(made: Translation, path: str) -> Any:
    value: Any = made.configuration
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        pytest.param("SenderHeaders *,+Sender", "signing.author_fields", ("From", "Sender"),
                     id="a list with what it adds"),
        pytest.param("SenderHeaders Sender", "signing.author_fields", ("Sender", "From"),
                     id="From stands in for other SenderHeaders"),
        pytest.param("OversignHeaders *,+From", "signing.oversigned_names", ("From",),
                     id="fields that are added to none"),
        pytest.param("SignHeaders To", "signing.signed_names", ("From", "To"),
                     id="From where it is not listed"),
        pytest.param("SignHeaders From,Received", "signing.signed_names", ("From",),
                     id="no trace fields"),
        pytest.param("InternalHosts -", "origin.internal_hosts", (), id="a set of nobody"),
        pytest.param("InternalHosts 10.0.0.1/8,10.0.0.0/8", "origin.internal_hosts",
                     ("10.0.0.0/8",), id="a network with host bits is never asked for"),
        pytest.param("InternalHosts refile:hosts", "origin.internal_hosts", ("192.0.2.1",),
                     id="a pattern that begins with a star takes out"),
        pytest.param("DontSignMailTo a@x.example,x.example", "signing.unsigned_recipients",
                     ("a@x.example",), id="recipients are whole addresses"),
        pytest.param("ExemptDomains x.example,.y.example,*.z.example", "origin.exempt_domains",
                     ("x.example",), id="domains in a list are whole ones"),
        pytest.param("On-Default reject\nOn-NoSignature accept", "actions.no_signature", "accept",
                     id="On-Default comes first wherever it stands"),
        pytest.param("On-NoSignature accept\nOn-Default reject", "actions.no_signature", "accept",
                     id="On-Default comes first though it stands last"),
        pytest.param("ClockDrift 0", "verifying.clock_skew", 0, id="no tolerance"),
        pytest.param("RequiredHeaders yes", "signing.accept_malformed", False,
                     id="malformed mail is not signed"),
        pytest.param("DomainKeysCompat yes", "verifying.accept_drafts", None,
                     id="DomainKeysCompat is about key records"),
    ],
)  # fmt: skip
def test_a_line_becomes_what_the_filter_makes_of_it(
    site: Path, line: str, path: str, value: Any
) -> None:
    hosts = "*.example.com\nmail.example.com\n192.0.2.1\n"
    assert _option(_translated(site, f"{SINGLE}{line}\n", hosts=hosts), path) == value


@pytest.mark.parametrize(
    ("line", "option", "said"),
    [
        pytest.param("On-BadSignature tempfail", "On-BadSignature", "tempfail for actions.bad_",
                     id="tempfail for what never mends"),
        pytest.param("OversignHeaders Received", "OversignHeaders", "Received, which cannot be",
                     id="a field that changes in transit"),
        pytest.param("OversignHeaders X-Mailer", "OversignHeaders", "listing X-Mailer once only",
                     id="oversigned but not signed"),
        pytest.param("InternalHosts refile:hosts", "InternalHosts", "10.*: write a network",
                     id="a pattern of addresses"),
        pytest.param("InternalHosts mail.example.com,!10.0.0.1", "InternalHosts", "the address",
                     id="a name beside an address that is taken out"),
        pytest.param("RequiredHeaders yes", "RequiredHeaders", "mail without Date", id="Date"),
        pytest.param("SenderMacro x", "SenderMacro", "mail without the macro", id="SenderMacro"),
        pytest.param("Mode v", "Mode", "verified here", id="only verifying, with keys"),
        pytest.param("ReportBccAddress a@x, b@x", "ReportBccAddress", "cannot be",
                     id="two addresses"),
        pytest.param("DNSTimeout 900", "DNSTimeout", "dns.timeout cannot be 900",
                     id="out of range"),
        pytest.param("MinimumKeyBits 4096", "KeyFile", "signs nothing", id="a key that is short"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_said(site: Path, line: str, option: str, said: str) -> None:
    words = _words(_translated(site, f"{SINGLE}{line}\n", hosts="10.*\n"), option)
    assert "NOTHING" in words
    assert said in words


@pytest.mark.parametrize(
    ("kind", "row", "rules"),
    [
        pytest.param("file:", "*@example.com main", [], id="a star in a file is none"),
        pytest.param("refile:", "*@example.com main", ["*@example.com"], id="a star in a refile"),
        pytest.param("refile:", "example.com main", [], id="a domain alone is no whole address"),
        pytest.param("file:", ".example.com main", [".example.com"], id="subdomains in a file"),
        pytest.param("file:", "a@b.example main:x", ["a@b.example"], id="an identity without @"),
    ],
)
def test_a_row_of_the_signing_table_signs_for_whom_it_did(
    site: Path, kind: str, row: str, rules: list[str]
) -> None:
    made = _translated(site, TABLES.format(kind) + "SubDomains yes\n", signing=f"{row}\n")
    assert [rule.author for rule in made.configuration.signing.rules] == rules
    assert not made.configuration.signing.subdomains
    assert bool(made.configuration.keys) is bool(rules)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param("*@a.example", "*@a.example (line 1): names no key", id="without a key"),
        pytest.param("*@a.example nope", "there is no key 'nope'", id="an unknown key"),
        pytest.param("*@a.example %", "a key name of %", id="a key named by the author"),
        pytest.param("*@a.example gone", "No such file", id="a key that is not there"),
    ],
)
def test_a_row_of_no_use_is_said_and_left_out(site: Path, row: str, said: str) -> None:
    keys = f"{KEYS}gone example.com:s1:./gone.pem\n"
    text = TABLES.format("refile:")
    made = _translated(site, text, keys=keys, signing=f"{row}\n*@example.com main\n")
    assert "NOTHING" in _words(made, "SigningTable")
    assert said in _words(made, "SigningTable")
    assert [rule.author for rule in made.configuration.signing.rules] == ["*@example.com"]


def test_subdomains_are_signed_by_the_nearest_domain(site: Path) -> None:
    text = SINGLE.replace("example.com", "example.com,sub.example.com") + "SubDomains yes\n"
    rules = _translated(site, text).configuration.signing.rules
    assert [(rule.author, rule.identity) for rule in rules] == [
        ("example.com", None),
        ("sub.example.com", None),
        (".sub.example.com", "@sub.example.com"),
        (".example.com", "@example.com"),
    ]


def test_every_socket_becomes_a_listener(site: Path) -> None:
    made = _translated(site, "Socket inet:8891@localhost inet:8892@localhost\n")
    assert [one.socket for one in made.configuration.listeners] == [
        "inet:8891@localhost",
        "inet:8892@localhost",
    ]


def test_what_stands_below_the_root_is_named_from_outside(site: Path) -> None:
    inner = site / "root" / "etc"
    inner.mkdir(parents=True, mode=0o700)
    (site / "s1.pem").rename(inner / "s1.pem")
    made = _translated(
        site,
        f"ChangeRootDirectory {site}/root\nSocket local:/run/socket\nPidFile /run/pid\n"
        + TABLES.format("file:"),
        keys="main example.com:s1:/etc/s1.pem\n",
    )
    assert _option(made, "listeners")[0].socket == f"unix:{site}/root/run/socket"
    assert _option(made, "server.pid_file") == f"{site}/root/run/pid"
    assert _option(made, "keys")["main"].file == f"{site}/root/etc/s1.pem"


def test_the_work_of_a_translation_grows_with_its_tables(site: Path) -> None:
    def calls(rows: int) -> int:
        keys = "".join(f"k{n} d{n}.example:s:./s1.pem\n" for n in range(rows))
        signing = "".join(f"*@d{n}.example k{n}\n" for n in range(rows))
        planted(site, {"conf": TABLES.format("refile:"), "keys": keys, "signing": signing})
        conf, count = read_conf("conf"), 0

        def counted(_frame: object, event: str, _of: object) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        sys.setprofile(counted)
        try:
            translate(conf).text()
        finally:
            sys.setprofile(None)
        return count

    calls(10)  # what is worked out once
    few, many = calls(50), calls(200)
    assert many < 5 * few


def test_a_key_that_rows_name_in_other_cases_stands_there_once(site: Path) -> None:
    rows = "a.example main\nb.example MAIN\n"
    made = _translated(site, TABLES.format("file:"), signing=rows)
    assert list(made.configuration.keys) == ["main"]
    assert [rule.keys for rule in made.configuration.signing.rules] == [("main",), ("main",)]
