"""The files for packagers can be used: each is read, and what it names exists."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from avowal import app
from avowal.cli.milter import command as milter_command
from avowal.cli.serve import command as serve_command
from avowal.config import toml
from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.milter import sockets
from avowal.serve.limits import ANSWER_SECONDS, ServeLimits

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
CONFIGURATION = PACKAGING / "avowal.toml"


def unit(name: str) -> dict[str, list[tuple[str, str]]]:
    """Read a systemd unit: its sections, each a list of key and value."""
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in (PACKAGING / "systemd" / name).read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            current.append((key, value))
    return sections


def test_the_sample_configuration_is_a_good_one(tmp_path: Path) -> None:
    text = CONFIGURATION.read_text()
    key = tmp_path / "s1.pem"
    write_key(key, generate("ed25519"))
    loaded = toml.parse(text.replace("/etc/avowal/keys/s1.pem", str(key)).encode())
    plan = app.plan(loaded.configuration, loaded.places)
    assert plan.configuration.signing.require_published
    for listener in plan.configuration.listeners:
        assert sockets.parse(listener.socket)


def test_the_service_starts_the_daemon_with_options_it_has() -> None:
    service = dict(unit("avowal-milter.service")["Service"])
    for key in ("ExecStart", "ExecStartPre"):
        program, name, *arguments = shlex.split(service[key])
        assert (Path(program).name, name) == ("avowal", "milter")
        context = milter_command.make_context("milter", arguments, resilient_parsing=True)
        assert context.params["config"] == "/etc/avowal/avowal.toml"
        assert set(arguments[::2]) <= {
            option for one in milter_command.params if isinstance(one, click.Option)
            for option in one.opts
        }  # fmt: skip


@pytest.mark.parametrize(
    "hardening",
    [
        "NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes",
        "CapabilityBoundingSet=", "PrivateDevices=yes", "RestrictSUIDSGID=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "SystemCallFilter=@system-service",
    ],
)  # fmt: skip
def test_the_service_is_confined(hardening: str) -> None:
    key, _, value = hardening.partition("=")
    assert (key, value) in unit("avowal-milter.service")["Service"]


def test_the_http_service_starts_with_options_it_has_on_the_socket_it_is_given() -> None:
    service = dict(unit("avowal-serve.service")["Service"])
    program, name, *arguments = shlex.split(service["ExecStart"])
    assert (Path(program).name, name) == ("avowal", "serve")
    context = serve_command.make_context("serve", arguments, resilient_parsing=True)
    options = dict(unit("avowal-serve.socket")["Socket"])
    inherited = sockets.Inherited(options["FileDescriptorName"])
    assert sockets.parse(context.params["address"]) == inherited
    assert options["SocketMode"] == "0660"


def test_the_http_service_is_confined_like_the_milter_and_reads_no_files() -> None:
    ours = set(unit("avowal-serve.service")["Service"])
    names = ("Capability", "NoNew", "Protect", "Private", "Restrict", "Memory", "SystemCall")
    theirs = {one for one in unit("avowal-milter.service")["Service"] if one[0].startswith(names)}
    assert theirs - ours == {("SystemCallFilter", "@chown")}  # it gives its socket to nobody
    assert ("DynamicUser", "yes") in ours


def test_the_http_service_stops_later_than_its_last_answer() -> None:
    service = dict(unit("avowal-serve.service")["Service"])
    assert int(service["TimeoutStopSec"]) > ServeLimits().seconds + ANSWER_SECONDS


def test_the_service_may_give_its_socket_to_the_mail_servers_group() -> None:
    """A user namespace knows no other group, and @privileged has chown in it: systemd.exec(5)."""
    service = unit("avowal-milter.service")["Service"]
    assert "PrivateUsers" not in dict(service)
    filters = [value for key, value in service if key == "SystemCallFilter"]
    assert filters[-1] == "@chown"
    assert ("SupplementaryGroups", "postfix") in service
    (listener,) = toml.parse(CONFIGURATION.read_bytes()).configuration.listeners
    assert listener.group == "postfix"


def test_the_service_stops_later_than_the_daemon_drains() -> None:
    service = dict(unit("avowal-milter.service")["Service"])
    assert int(service["TimeoutStopSec"]) > toml.parse(b"").configuration.server.drain


def test_the_socket_hands_over_what_the_configuration_can_name() -> None:
    options = dict(unit("avowal-milter.socket")["Socket"])
    assert sockets.parse(f"systemd:{options['FileDescriptorName']}") == sockets.Inherited("milter")


def test_the_user_of_the_service_is_made_and_owns_its_directories() -> None:
    made = (PACKAGING / "systemd" / "sysusers.conf").read_text()
    service = dict(unit("avowal-milter.service")["Service"])
    assert re.search(rf"^u {service['User']} ", made, re.MULTILINE)
    tmpfiles = (PACKAGING / "systemd" / "tmpfiles.conf").read_text()
    rows = [line.split() for line in tmpfiles.splitlines() if line and line[0] != "#"]
    assert [row[0] for row in rows] == ["d", "d", "d"]
    assert ["d", "/run/avowal", "0755", "avowal", "avowal", "-"] in rows


def test_the_container_copies_what_exists_and_runs_the_daemon() -> None:
    text = (PACKAGING / "container" / "Containerfile").read_text()
    for sources in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)
    assert '"avowal", "milter"' in entry
    assert f":{toml.parse(CONFIGURATION.read_bytes()).configuration.server.metrics}"[-5:] in text


def systemd(*command: str) -> str:
    """Run a tool of systemd's, which must end well; return what it complains about."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stderr
    return said.stderr


@pytest.mark.parametrize("name", ["avowal-milter.service", "avowal-milter.socket"])
def test_systemd_finds_nothing_wrong(tmp_path: Path, name: str) -> None:
    units = list((PACKAGING / "systemd").glob("avowal-milter.*"))
    assert units
    for path in units:
        text = path.read_text()
        (tmp_path / path.name).write_text(text.replace("/usr/bin/avowal", "/bin/true"))
    assert "avowal-milter" not in systemd("systemd-analyze", "verify", str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() != 0, reason="owners can be given by root only")
def test_systemd_makes_the_user_and_the_directories(tmp_path: Path) -> None:
    root, files = f"--root={tmp_path}", PACKAGING / "systemd"
    (tmp_path / "etc").mkdir()
    systemd("systemd-sysusers", root, str(files / "sysusers.conf"))
    (row,) = (tmp_path / "etc" / "passwd").read_text().splitlines()
    name, _, user, group, *_, shell = row.split(":")
    assert (name, shell) == ("avowal", "/usr/sbin/nologin")
    systemd("systemd-tmpfiles", "--create", root, str(files / "tmpfiles.conf"))
    made = {path: (tmp_path / path).stat() for path in ("run/avowal", "etc/avowal/keys")}
    assert {(one.st_uid, one.st_gid) for one in made.values()} == {(int(user), int(group))}
    assert [one.st_mode & 0o777 for one in made.values()] == [0o755, 0o750]
    configuration = (tmp_path / "etc/avowal").stat()
    assert (configuration.st_uid, configuration.st_gid) == (0, int(group))


def test_the_units_are_plain_ini_files() -> None:
    units = list((PACKAGING / "systemd").glob("avowal-milter.*"))
    assert units
    for path in units:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read(path)
        assert {"Unit", "Install"} <= set(parser)
