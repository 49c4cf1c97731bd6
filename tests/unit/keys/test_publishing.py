"""How key records come into a zone (avowal.keys.publishing, avowal.keys.zone_files)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from avowal.cli.publishers import PublisherOptions
from avowal.dns.update import TsigKey
from avowal.dns.zone import Zone
from avowal.errors import ConfigError, UsageError
from avowal.keys.publishing import PublishError, Watch, alias_pair, forms
from avowal.keys.zone_files import ZoneFile, dns_endpoint, octodns, zone_include
from avowal.lookup import Question

NAME = "s1._domainkey.example.com"
RECORD = 'v=DKIM1; n=a\\"b; k=rsa; p=' + "A" * 392
STANDING = {NAME: RECORD, "s2._domainkey.example.com": "v=DKIM1; p="}
TSIG = 'key "avowal" {\n\talgorithm hmac-sha256;\n\tsecret "c2VjcmV0";\n};\n'


def shown(text: str) -> bytes:
    """Return the record that a zone file shows at NAME."""
    (answer,) = Zone.from_zone_file(text).resolve((Question(NAME),))
    (record,) = answer.records
    return record


def test_what_a_zone_file_is_told_to_hold_is_the_record() -> None:
    zone_file, _, _ = forms(NAME, RECORD)
    assert shown(zone_file.text) == RECORD.encode()


def test_a_value_of_quoted_strings_is_the_record() -> None:
    _, quoted, _ = forms(NAME, RECORD)
    assert shown(f"{NAME}. 60 IN TXT {quoted.text}\n") == RECORD.encode()


def test_a_plain_panel_gets_the_record_as_it_is() -> None:
    assert forms(NAME, RECORD)[2].text == RECORD


def test_a_zone_include_holds_every_record() -> None:
    text = zone_include(STANDING, 60)
    assert shown(text) == RECORD.encode()
    assert text.count(" IN TXT ") == 2


def test_octodns_gets_relative_names_and_escaped_semicolons() -> None:
    text = octodns("example.com")({NAME: "v=DKIM1; p="}, 60)
    assert '"s1._domainkey":\n  ttl: 60\n  type: TXT\n' in text
    assert json.loads(text.split("value: ")[1]) == "v=DKIM1\\; p="


def test_external_dns_gets_one_endpoint_for_each_record() -> None:
    text = dns_endpoint("keys")(STANDING, 60)
    assert text.count("- dnsName:") == 2
    assert f"targets: [{json.dumps(RECORD)}]" in text


@pytest.mark.parametrize("render", [zone_include, octodns("example.com"), dns_endpoint("keys")])
def test_a_file_without_records_is_written_too(tmp_path: Path, render: object) -> None:
    path = tmp_path / "records"
    assert callable(render)
    ZoneFile(str(path), render).publish({NAME: None}, {})
    assert "written by avowal" in path.read_text()


def test_a_file_that_is_as_it_has_to_be_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records"
    publisher = ZoneFile(str(path), zone_include)
    publisher.publish({NAME: RECORD}, STANDING)
    before = path.stat().st_ino
    assert publisher.publish({NAME: RECORD}, STANDING).told == f"{path} is as it has to be"
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    ("reload", "said"),
    [
        pytest.param(("/no/such/program",), "No such file", id="missing"),
        pytest.param(
            (sys.executable, "-c", "import sys; sys.exit('zone example.com: bad serial')"),
            "bad serial",
            id="refuses",
        ),
        pytest.param((sys.executable, "-c", "import sys; sys.exit(3)"), "status 3", id="silent"),
    ],
)
def test_a_reload_that_fails_is_told(tmp_path: Path, reload: tuple[str, ...], said: str) -> None:
    publisher = ZoneFile(str(tmp_path / "records"), zone_include, reload=reload)
    with pytest.raises(PublishError, match=said):
        publisher.publish({NAME: RECORD}, STANDING)


def test_a_reload_that_does_not_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.zone_files._RELOAD_SECONDS", 0.1)
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(PublishError, match="timed out"):
        ZoneFile(str(tmp_path / "records"), zone_include, reload=command).publish({}, STANDING)


def test_a_file_that_is_too_large_to_compare_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.zone_files._MOST_OCTETS", 10)
    path = tmp_path / "records"
    path.write_text("; of another day")
    ZoneFile(str(path), zone_include).publish({NAME: RECORD}, STANDING)
    assert shown(path.read_text()) == RECORD.encode()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="No such file or directory"):
        ZoneFile(str(tmp_path / "gone" / "records"), zone_include).publish({}, STANDING)


def test_a_person_is_told_every_form_and_nothing_is_called_written() -> None:
    said: list[str] = []
    publication = Watch(said.append).publish({NAME: RECORD, "old.example.com": None}, {})
    assert publication.written is False
    assert all(form.text in said[0] for form in forms(NAME, RECORD))
    assert said[0].endswith("Take the TXT record out at old.example.com")


def test_a_pair_of_aliases_leads_to_names_of_the_host() -> None:
    assert alias_pair("example.com", "keys.esp.example") == (
        ("avowal1._domainkey.example.com", "avowal1.example.com._domainkey.keys.esp.example"),
        ("avowal2._domainkey.example.com", "avowal2.example.com._domainkey.keys.esp.example"),
    )


# -- the options -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"publish": "nowhere"}, "write watch, zone-file:PATH", id="unknown"),
        pytest.param({"publish": "rfc2136:"}, "write watch", id="no address"),
        pytest.param({"publish": "rfc2136:192.0.2.1"}, "--zone-name", id="no zone"),
        pytest.param({"publish": "octodns:/x"}, "--zone-name", id="octodns without zone"),
        pytest.param({"tsig_key": "k"}, "--tsig-key is not for", id="key without update"),
        pytest.param(
            {"publish": "rfc2136:ns1.example.com", "zone_name": "example.com"},
            "no address of a name server",
            id="name for an address",
        ),
        pytest.param(
            {"publish": "rfc2136:192.0.2.1", "reload_command": "x"},
            "--reload-command is not for",
            id="reload of an update",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        PublisherOptions(**options).publisher()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("secret", "no key in the form of named.conf", id="bare"),
        pytest.param('key "a" { algorithm hmac-sha256; };', "no secret", id="no secret"),
        pytest.param('key "a" { secret "c2Vj"; };', "no algorithm", id="no algorithm"),
        pytest.param(TSIG.replace("sha256", "md4"), "no algorithm of TSIG", id="algorithm"),
        pytest.param(TSIG.replace("c2VjcmV0", "%"), "cannot be read", id="no base64"),
    ],
)
def test_a_tsig_key_that_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TsigKey.parse(text, file="k")


def test_a_tsig_key_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tsig.key"
    path.write_text(TSIG + " " * (64 << 10))
    options = PublisherOptions("rfc2136:192.0.2.1", "example.com", str(path))
    with pytest.raises(OSError, match="large"):
        options.publisher()


def test_a_tsig_key_does_not_show_its_secret() -> None:
    assert "c2Vj" not in repr(TsigKey.parse(TSIG, file="k"))
