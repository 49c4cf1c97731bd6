"""Rows of KeyTable and SigningTable of no use are named: at the start, by -n and on reload."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.planting import complaints, lay_out, planted

from avowal.config.opendkim_conf import read_conf
from avowal.opendkim import command as opendkim
from avowal.opendkim import tables
from avowal.opendkim.daemon import Daemon
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.settings import compiled

CONF = "Socket local:sock\nKeyTable file:keys\nSigningTable refile:signing\nBackground no\n"
GOOD = {"conf": CONF, "keys": "main example.com:s1:./s1.pem\n", "signing": "*@example.com main\n"}
FAULTS = [
    pytest.param(
        {"signing": "# rows\n*@example.com\n"},
        "signing:2: SigningTable: *@example.com: names no key: write a name of the KeyTable behind",
        id="a row without a key",
    ),
    pytest.param(
        {"signing": "*\n"}, "signing:1: SigningTable: *: names no key", id="a star without a key"
    ),
    pytest.param(
        {"signing": "*@a.example nope._domainkey.a.example\n"},
        "signing:1: SigningTable: *@a.example: there is no key 'nope._domainkey.a.example' in the",
        id="a key of another name",
    ),
    pytest.param(
        {"keys": "main example.com:s1:./gone.pem\n"},
        "keys:1: KeyTable: main: can't load key from ./gone.pem: No such file or directory",
        id="a key file that is not there",
    ),
    pytest.param(
        {"keys": "main example.com:s1:./cut.pem\n"}, "keys:1: KeyTable: main: cut.pem: ",
        id="a broken key file",
    ),
    pytest.param(
        {"keys": "main example.com:s1:bm8=\n"}, "keys:1: KeyTable: main: key main: ",
        id="a key in the table that is none",
    ),
    pytest.param(
        {"conf": f"{CONF}SignatureAlgorithm ed25519-sha256\n"},
        "keys:1: KeyTable: main: ./s1.pem: a key for rsa-sha256, but ed25519-sha256 is asked for",
        id="a key of another algorithm",
    ),
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    planted(tmp_path, GOOD)
    return tmp_path


@pytest.mark.parametrize("option", ["-n", "-f"])
@pytest.mark.parametrize(("files", "said"), FAULTS)
def test_a_faulty_row_is_named_by_a_check_and_at_the_start(
    site: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str, option: str
) -> None:
    planted(site, files)
    status = []
    arguments = [option, "-x", "conf"]
    line = complaints(capsys, lambda: status.append(opendkim.run(arguments)) or status[0])
    assert line.startswith(f"avowal-opendkim: {said}")
    assert status == [78]


@pytest.mark.parametrize("option", ["-n", "-f"])
def test_every_faulty_row_has_its_line(
    site: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    planted(site, {"signing": "# rows\n*@a.example x\n*@b.example y\n"})
    said = complaints(capsys, lambda: opendkim.run([option, "-x", "conf"])).splitlines()
    assert [line.split(": ")[1] for line in said] == ["signing:2", "signing:3"]


@pytest.mark.parametrize(("files", "said"), FAULTS)
def test_a_reload_with_a_faulty_row_keeps_the_configuration_in_use(
    site: Path, files: dict[str, str], said: str
) -> None:
    conf = read_conf("conf")
    generation = OpendkimGeneration.of(compiled(conf))
    lines: list[str] = []
    log: Any = SimpleNamespace(write=lambda line: lines.append(line.text))
    unused: Any = None
    daemon = Daemon(
        generation=generation, resolver=unused, bound=unused, log=log, reload_from="conf",
        arguments="",
    )  # fmt: skip
    filter_: Any = SimpleNamespace(generation=generation)
    planted(site, files)
    daemon._reload(unused, filter_)
    assert filter_.generation is generation
    assert len(lines) == 1
    assert lines[0].startswith(said)
    assert lines[0].endswith("; the configuration in use stays")


def test_a_start_names_a_faulty_row_and_serves_by_the_others(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OpenDKIM does: a customer's missing key is no reason to sign nobody's mail."""
    served = []
    monkeypatch.setattr(Daemon, "run", lambda daemon: served.append(daemon) or 0)
    planted(site, {"signing": "*@example.com main\n*@a.example x\n"})
    assert opendkim.run(["-f", "-x", "conf"]) == 0
    assert len(served) == 1
    said = capsys.readouterr().err
    assert said.startswith("avowal-opendkim: signing:2: SigningTable: *@a.example: there is no key")


def test_of_many_keys_the_last_are_looked_for_only(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_READ_AT_START", 1)
    rows = ["a example.com:s1:./s1.pem", "b example.com:s1:./cut.pem", "c example.com:s1:./gone"]
    planted(site, {"keys": "\n".join(rows), "signing": "a a\nb b\nc c\n"})
    generation = OpendkimGeneration.of(compiled(read_conf("conf")))
    with pytest.raises(tables.Mistakes) as caught:
        tables.refuse_faulty_tables(generation.settings, generation.keyring)
    assert [fault.line for fault in caught.value.each] == [3]


def test_a_start_leaves_out_keys_that_no_row_names(site: Path) -> None:
    planted(site, {"keys": f"{GOOD['keys']}spare example.com:s2:./gone.pem\n"})
    generation = OpendkimGeneration.of(compiled(read_conf("conf")))
    assert tables.faults_at_start(generation.settings, generation.keyring) == ()


def test_keys_are_looked_for_where_the_root_will_be(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = site / "jail" / "etc"
    inner.mkdir(parents=True, mode=0o700)
    (site / "s1.pem").rename(inner / "s1.pem")
    planted(
        site,
        {
            "conf": f"{CONF}ChangeRootDirectory {site}/jail\n",
            "keys": "main example.com:s1:/etc/s1.pem\n",
        },
    )
    assert opendkim.run(["-n", "-x", "conf"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("nobody", ["-", "."])
def test_a_set_of_nobody_is_no_fault(
    site: Path, capsys: pytest.CaptureFixture[str], nobody: str
) -> None:
    planted(site, {"conf": f"{CONF}InternalHosts {nobody}\n"})
    assert opendkim.run(["-n", "-x", "conf"]) == 0
    assert capsys.readouterr().err == ""
