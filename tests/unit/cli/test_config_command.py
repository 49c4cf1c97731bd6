"""`avowal config` and `avowal why`, run as an operator runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Avowal = Callable[..., CompletedProcess[bytes]]

GOOD = """\
[origin]
internal_hosts = ["10.0.0.0/8"]
[keys.main]
domain = "example.com"
selector = "s1"
file = "s1.pem"
[results]
authserv_id = "mx.example.com"
"""


@pytest.fixture
def site(avowal_command: Avowal, tmp_path: Path) -> Avowal:
    (tmp_path / "avowal.toml").write_text(GOOD)
    return avowal_command


def test_a_good_file_has_no_mistakes(site: Avowal) -> None:
    ran = site("config", "check", "avowal.toml")
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        0, b"avowal.toml: no mistakes; 1 keys, 1 rules\n", b"",
    )  # fmt: skip


def test_a_file_is_explained(site: Avowal) -> None:
    ran = site("config", "check", "--explain", "avowal.toml")
    assert b"Ours from example.com is signed with key main" in ran.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            'fil = "s1.pem"', b"avowal.toml:6:1: keys.main.fil: there is no such option "
            b"(did you mean file?)", id="mistyped-option",
        ),
        pytest.param(
            'file = "s9.pem"', b"avowal.toml:6:1: keys.main.file: s9.pem: No such file",
            id="missing-key-file",
        ),
        pytest.param(
            'file = "zone.json"', b"avowal.toml:6:1: keys.main.file: zone.json: ", id="no-key"
        ),
        pytest.param("file = s1.pem", b"avowal.toml:6:8: invalid value", id="no-quotes"),
        pytest.param("file = 1", b"avowal.toml:6:1: keys.main.file: expected text", id="number"),
    ],
)  # fmt: skip
def test_a_planted_mistake_is_named_with_its_line(
    site: Avowal, tmp_path: Path, line: str, said: bytes
) -> None:
    (tmp_path / "avowal.toml").write_text(GOOD.replace('file = "s1.pem"', line))
    (tmp_path / "zone.json").chmod(0o600)
    ran = site("config", "check", "avowal.toml")
    assert ran.returncode == 2
    assert said in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_several_mistakes_have_a_line_each(site: Avowal, tmp_path: Path) -> None:
    (tmp_path / "avowal.toml").write_text('mode = "x"\nworkers = 2\n')
    ran = site("config", "check", "avowal.toml")
    assert [line.split(b": ")[1] for line in ran.stderr.splitlines()] == [
        b"avowal.toml:1:1", b"avowal.toml:2:1",
    ]  # fmt: skip


def test_the_sample_can_be_checked(site: Avowal, tmp_path: Path) -> None:
    sample = site("config", "show", "--defaults").stdout
    (tmp_path / "sample.toml").write_bytes(sample)
    assert site("config", "check", "sample.toml").returncode == 0


def test_what_a_file_sets_is_shown(site: Avowal) -> None:
    ran = site("config", "show", "avowal.toml")
    assert b'[results]\nauthserv_id = "mx.example.com"\n' in ran.stdout
    assert b"workers" not in ran.stdout


def test_show_wants_one_thing(site: Avowal) -> None:
    assert site("config", "show").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        pytest.param(
            ("--from", "a@example.com", "--client", "192.0.2.1"),
            b"not signed: 192.0.2.1 is not in internal_hosts, avowal.toml line 2", id="outside",
        ),
        pytest.param(
            ("--from", "a@example.com", "--client", "10.0.0.1"),
            b"signed: 10.0.0.1 is in internal_hosts, avowal.toml line 2; keys.main (example.com) "
            b"signs for a@example.com with main, avowal.toml line 3", id="inside",
        ),
        pytest.param(
            ("--from", "a@example.net", "--client", "192.0.2.1", "--auth", "a"),
            b"not signed: no rule is for a@example.net", id="no-rule",
        ),
        pytest.param(
            ("signed.eml", "--client", "10.0.0.1", "--role", "verify"),
            b"not signed: this listener only verifies", id="a-message",
        ),
    ],
)  # fmt: skip
def test_why_names_the_rule_that_decides(
    site: Avowal, arguments: tuple[str, ...], first: bytes
) -> None:
    ran = site("why", "-c", "avowal.toml", *arguments)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.splitlines()[0] == first


def test_why_names_the_policies_that_are_asked_and_those_that_decide(
    site: Avowal, tmp_path: Path
) -> None:
    (tmp_path / "old.toml").write_text(
        '[policies]\ngenerations = ["2026", "2005"]\ndeciding = ["2005"]\n'
    )
    ran = site("why", "-c", "old.toml", "--from", "a@example.com", "--client", "192.0.2.1")
    assert (
        "policies: 2026 is reported (RFC 9989 §5.4); 2005 decides (draft-allman-dkim-ssp-01 §5)"
    ) in ran.stdout.decode()


def test_why_names_the_row_of_a_table(site: Avowal, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("a@example.com main\n")
    text = (tmp_path / "avowal.toml").read_text()
    text += f'[signing]\nrules_table = "file:{tmp_path}/rules"\n'
    (tmp_path / "table.toml").write_text(text)
    ran = site("why", "-c", "table.toml", "--from", "a@example.com", "--client", "10.0.0.1")
    assert f"file:{tmp_path}/rules line 1" in ran.stdout.decode()


def test_why_shows_what_would_be_removed(site: Avowal) -> None:
    octets = b"From: a@example.net\r\nAuthentication-Results: mx.example.com; dkim=pass\r\n\r\n"
    ran = site("why", "-c", "avowal.toml", "--client", "192.0.2.1", "-", stdin=octets)
    assert b"would remove: authentication-results 1" in ran.stdout


def test_why_warns_of_impostors(site: Avowal) -> None:
    ran = site("why", "-c", "avowal.toml", "--from", "a@example.com", "--client", "192.0.2.1")
    assert b"warning: a stranger writes as a domain that we sign for" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), b"give a message, or its author by --from", id="nothing"),
        pytest.param(("--from", "a@b.example", "--client", "x"), b"no IP address", id="client"),
        pytest.param(("--from", "a@b.example", "--macro", "x"), b"write NAME=VALUE", id="macro"),
        pytest.param(("--from", "a\nb"), b"no line breaks", id="line-break"),
    ],
)
def test_why_refuses_what_it_cannot_use(
    site: Avowal, arguments: tuple[str, ...], said: bytes
) -> None:
    ran = site("why", "-c", "avowal.toml", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
