"""Mistakes planted in avowal.toml and in keys: each is named with its place and a way out.

`avowal config check` and `avowal milter --check` run in this process; only what would serve
if it were right is started as a program.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.planting import complaints, lay_out, planted

from avowal.cli import commands, exits

KEY = """\
[keys.main]
domain = "example.com"
selector = "s1"
file = "s1.pem"
"""
CONF = "Domain example.com\nSelector s1\nKeyFile s1.pem\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    return tmp_path


MISTAKES = [
    # options
    pytest.param(
        KEY + 'fil = "s1.pem"\n',
        "5:1: keys.main.fil: there is no such option (did you mean file?)",
        id="unknown-option",
    ),
    pytest.param(
        KEY + "[sining]\n", "5:1: sining: there is no such option (did you mean signing?)",
        id="unknown-table",
    ),
    pytest.param(
        KEY + '[server]\nworkers = "two"\n',
        "6:1: server.workers: expected a whole number, got text", id="text-for-a-number",
    ),
    pytest.param(
        KEY + "[server]\nworkers = 0\n", "6:1: server.workers: expected a whole number >= 1",
        id="number-out-of-range",
    ),
    pytest.param(
        'mode = "sv"\n' + KEY, "1:1: mode: 'sv' is none of sign, verify, both", id="wrong-word"
    ),
    pytest.param(
        KEY + '[actions]\nbad_signature = "bounce"\n',
        "6:1: actions.bad_signature: 'bounce' is none of accept, ", id="wrong-action",
    ),
    pytest.param(
        KEY + '[origin]\ninternal_hosts = ["::1", "10.0.0.0/33"]\n',
        "6:26: origin.internal_hosts[2]: '10.0.0.0/33' is no address or network", id="bad-network",
    ),
    pytest.param(
        KEY + '[[signing.rewrites]]\npattern = "(a"\nreplacement = "b"\n',
        "6:1: signing.rewrites[1].pattern: no regular expression: ", id="bad-pattern",
    ),
    pytest.param(
        KEY + '[signing]\nsigned_names = ["From", "Sub ject"]\n',
        "6:25: signing.signed_names[2]: 'Sub ject' is no name of a header field",
        id="bad-field-name",
    ),
    # keys and rules
    pytest.param(
        KEY.replace('selector = "s1"\n', ""), "1:1: keys.main: selector is missing",
        id="missing-selector",
    ),
    pytest.param(
        KEY.replace("example.com", "exa mple.com"),
        "2:1: keys.main.domain: 'exa mple.com' is no domain", id="bad-domain",
    ),
    pytest.param(
        KEY + '[[signing.rules]]\nfrom = "example.com"\nkeys = ["mian"]\n',
        "7:9: signing.rules[1].keys[1]: there is no key mian (did you mean main?)",
        id="unknown-key-in-a-rule",
    ),
    pytest.param(
        KEY + 'algorithm = "ed25519-sha256"\n',
        "5:1: keys.main.algorithm: the key is for rsa-sha256, not ed25519-sha256",
        id="key-of-another-algorithm",
    ),
    pytest.param(
        KEY.replace("s1.pem", "gone.pem"),
        "4:1: keys.main.file: gone.pem: No such file or directory", id="missing-key-file",
    ),
    pytest.param(
        KEY.replace("s1.pem", "others.pem"), "4:1: keys.main.file: others.pem: others may read or "
        "change it (mode 0644): chmod 600 it", id="key-others-can-read",
    ),
    pytest.param(
        KEY.replace("s1.pem", "no.pem"), "4:1: keys.main.file: no.pem: no private key: neither PEM",
        id="key-that-is-none",
    ),
    pytest.param(
        KEY.replace("s1.pem", "public.pem"),
        "4:1: keys.main.file: public.pem: PEM, but no private key in it", id="public-key",
    ),
    pytest.param(
        KEY.replace("s1.pem", "cut.pem"),
        "4:1: keys.main.file: cut.pem: ", id="key-cut-off",
    ),
    pytest.param(
        KEY.replace("s1.pem", "empty.pem"), "4:1: keys.main.file: empty.pem: empty", id="empty-key"
    ),
    pytest.param(
        KEY.replace("s1.pem", "locked.pem"),
        "4:1: keys.main.file: locked.pem: the key is encrypted: give its password",
        id="no-password",
    ),
    pytest.param(
        KEY.replace("s1.pem", "locked.pem") + 'password_file = "password"\n',
        "4:1: keys.main.file: locked.pem: wrong password, or a damaged key", id="wrong-password",
    ),
    pytest.param(
        KEY.replace("s1.pem", "locked.pem") + 'password_file = "gone"\n',
        "5:1: keys.main.password_file: gone: no password can be read: No such file or directory",
        id="missing-password-file",
    ),
    pytest.param(
        KEY.replace("s1.pem", "locked.pem") + 'password_file = "nothing"\n',
        "5:1: keys.main.password_file: nothing: empty: the password is its first line",
        id="empty-password-file",
    ),
    pytest.param(
        KEY.replace("s1.pem", "s1.pem\\u0000"),
        "4:1: keys.main.file: there is a NUL in the text (take \\u0000 out)", id="nul-in-a-path",
    ),
    pytest.param(
        KEY + 'inline = "AAAA"\n',
        "1:1: keys.main: exactly one of file, inline, credential and private, not file and inline",
        id="a-key-from-two-places",
    ),
    pytest.param(
        KEY + '[[signing.rules]]\nfrom = "alice@"\nkeys = ["main"]\n',
        "6:1: signing.rules[1].from: 'alice@' is no pattern for addresses: nothing behind the @",
        id="pattern-without-a-domain",
    ),
    # the world around
    pytest.param(
        KEY + '[[listeners]]\nsocket = "tcp:8891"\n',
        "6:1: listeners[1].socket: 'tcp:8891' is no socket (write unix:PATH, ", id="bad-socket",
    ),
    pytest.param(
        KEY + '[[listeners]]\nsocket = "inet:88910@localhost"\n',
        "6:1: listeners[1].socket: 'inet:88910@localhost' is no socket", id="bad-port",
    ),
    pytest.param(
        KEY + '[[listeners]]\nsocket = "/run/a"\n[[listeners]]\nsocket = "unix:/run/a"\n',
        "8:1: listeners[2].socket: unix:/run/a is there twice", id="socket-twice",
    ),
    pytest.param(
        KEY + '[[listeners]]\nsocket = "/run/a"\ngroup = "no-such-group"\n',
        "7:1: listeners[1].group: there is no group 'no-such-group' (create it, ",
        id="unknown-group",
    ),
    pytest.param(
        KEY + '[server]\nuser = "no-such-user"\n',
        "6:1: server.user: there is no user 'no-such-user' (create it, ", id="unknown-user",
    ),
    pytest.param(
        KEY + '[server]\nmetrics = "9891"\n',
        "6:1: server.metrics: '9891' is no HOST:PORT (such as 127.0.0.1:9891)", id="metrics",
    ),
    pytest.param(
        KEY + '[dns]\nservers = ["192.0.2.1", "ns.example"]\n',
        "6:25: dns.servers[2]: 'ns.example' is no address of a name server; write 192.0.2.1",
        id="name-of-a-name-server",
    ),
    pytest.param(
        KEY + '[dns]\nzone_file = "gone.json"\n', "6:1: dns.zone_file: gone.json: No such file",
        id="missing-zone",
    ),
    pytest.param(
        KEY + '[dns]\nzone_file = "bad.json"\n', "6:1: dns.zone_file: bad.json:2: ",
        id="zone-with-a-mistake",
    ),
    pytest.param(
        KEY + '[reputation]\nfile = "opinions"\n',
        "6:1: reputation.file: opinions:3: ", id="opinions-with-a-bad-line",
    ),
    pytest.param(
        KEY + '[reputation]\nfile = "gone"\n',
        "6:1: reputation.file: gone: No such file or directory", id="missing-opinions",
    ),
    pytest.param(
        KEY + '[reports]\ndiagnostic_directory = "gone"\n',
        "6:1: reports.diagnostic_directory: gone is no directory", id="missing-directory",
    ),
    pytest.param(
        KEY + '[server]\nroot = "gone"\n',
        "6:1: server.root: gone is no directory (make it, or name another one)",
        id="missing-root",
    ),
    pytest.param(
        KEY + '[server]\ndirectory = "gone"\n',
        "6:1: server.directory: gone is no directory (make it, or name another one)",
        id="missing-working-directory",
    ),
    pytest.param(
        KEY + '[server]\nroot = "/usr"\ndirectory = "/gone"\n',
        "7:1: server.directory: /usr/gone is no directory", id="missing-directory-in-the-root",
    ),
    pytest.param(
        KEY + '[[listeners]]\nsocket = "unix:/run/' + "a" * 120 + '"\n',
        "6:1: listeners[1].socket: /run/" + "a" * 120 + ": a name of a unix socket may have 107 "
        "octets (take a shorter path, ", id="socket-with-a-long-name",
    ),
    # the file itself
    pytest.param(KEY + KEY, "5:11: keys.main: it is there twice (leave one of them)",
                 id="table-twice"),
    pytest.param(KEY + 'file = "s1.pem"\n', "5:16: file: it is there twice (leave one of them)",
                 id="option-twice"),
    pytest.param(
        KEY.replace('"s1.pem"', "s1.pem"), "4:8: invalid value (text stands in quotes)",
        id="no-quotes",
    ),
    pytest.param(
        KEY.encode() + b"# caf\xe9\n", "5: not UTF-8 (save it as UTF-8)", id="not-utf-8"
    ),
    pytest.param(
        CONF, "1:8: expected '=' after a key in a key/value pair (this is no TOML; if it is an "
        "opendkim.conf, see avowal config from-opendkim)", id="opendkim-conf",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_in_avowal_toml_is_named(
    site: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, said: str
) -> None:
    planted(site, {"avowal.toml": text})
    (line,) = complaints(capsys, lambda: _avowal("config", "check", "avowal.toml")).splitlines()
    assert line.startswith(f"avowal: avowal.toml:{said}")
    check = ("milter", "--check", "--config", "avowal.toml")
    assert complaints(capsys, lambda: _avowal(*check)) == f"{line}\n"


def _avowal(*arguments: str) -> int:
    return exits.run(lambda: commands.run(list(arguments)))


def test_all_mistakes_are_named_at_once(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[[listeners]]\nsocket = "tcp:1"\n' + KEY.replace("s1.pem", "gone.pem")
    planted(site, {"avowal.toml": text + '[server]\nuser = "no-such-user"\n'})
    said = complaints(capsys, lambda: _avowal("config", "check", "avowal.toml"))
    assert [line.split(": ")[1:3] for line in said.splitlines()] == [
        ["avowal.toml:2:1", "listeners[1].socket"],
        ["avowal.toml:6:1", "keys.main.file"],
        ["avowal.toml:8:1", "server.user"],
    ]


def test_why_asks_for_no_user_or_socket(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted(site, {"avowal.toml": KEY + '[server]\nuser = "no-such-user"\n'})
    status = _avowal("why", "--config", "avowal.toml", "--from", "a@example.com")
    assert status == 0
    assert capsys.readouterr().out.startswith("signed")


def started(site: Path) -> subprocess.CompletedProcess[str]:
    """Start the daemon, which has to give up at once."""
    return subprocess.run(
        [sys.executable, "-m", "avowal", "milter", "--config", "avowal.toml"],
        capture_output=True, text=True, check=False, timeout=30, cwd=site,
    )  # fmt: skip


def test_a_pid_file_that_cannot_be_written_is_named(site: Path) -> None:
    option = f'[server]\npid_file = "gone/pid"\n[[listeners]]\nsocket = "unix:{site}/s"\n'
    planted(site, {"avowal.toml": KEY + option})
    ran = started(site)
    assert ran.returncode == 3
    why = "server.pid_file: gone/pid: No such file or directory"
    assert ran.stderr == f"avowal: avowal.toml:6: {why}\n"


@pytest.mark.parametrize(
    ("option", "key"),
    [
        pytest.param('[[listeners]]\nsocket = "inet:{port}@127.0.0.1"\n', "listeners[1].socket",
                     id="listener"),
        pytest.param('[server]\nmetrics = "127.0.0.1:{port}"\n[[listeners]]\nsocket = "unix:{dir}'
                     '/s"\n', "server.metrics", id="metrics"),
    ],
)  # fmt: skip
def test_a_port_in_use_is_named_with_the_option(site: Path, option: str, key: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        planted(site, {"avowal.toml": KEY + option.format(port=port, dir=site)})
        ran = started(site)
    assert ran.returncode == 3
    assert f"avowal.toml:6: {key}: inet:{port}@127.0.0.1: Address already in use: " in ran.stderr
    assert "stop it or choose another port" in ran.stderr
    assert "Traceback" not in ran.stderr
