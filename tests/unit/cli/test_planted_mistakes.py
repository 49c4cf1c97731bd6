"""Mistakes planted in configurations, tables and keys: each is named with its place and a way out.

`avowal config check`, `avowal milter --config` and `avowal-opendkim -n` run in this process,
in a folder that holds the files of `site`; only what would serve if it were right is started
as a program.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from avowal.cli import commands, exits
from avowal.keys.files import write_key
from avowal.opendkim import command as opendkim
from avowal.testing import RSA_2048

KEY = """\
[keys.main]
domain = "example.com"
selector = "s1"
file = "s1.pem"
"""
CONF = """\
Domain example.com
Selector s1
KeyFile s1.pem
"""
TABLES = """\
KeyTable file:keys
SigningTable file:signing
"""
Files = dict[str, str]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)  # keys lie where nobody else could put theirs
    write_key(tmp_path / "s1.pem", RSA_2048)
    write_key(tmp_path / "locked.pem", RSA_2048, password=b"right")
    pem = (tmp_path / "s1.pem").read_text()
    for name, text in {
        "no.pem": "not a key\n",
        "cut.pem": pem[: len(pem) // 2],
        "empty.pem": "",
        "public.pem": "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
        "others.pem": pem,
        "password": "wrong\n",
        "nothing": "",
        "opinions": "# subject assertion rating\ngood.example spam 0.1\nbad.example spam lots\n",
        "bad.json": '{"a": \n',
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "others.pem").chmod(0o644)
    return tmp_path


def planted(site: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        (site / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (site / name).chmod(0o600)


def complaints(capsys: pytest.CaptureFixture[str], run: Callable[[], int]) -> str:
    """Run what has to fail; return what it said on stderr."""
    status = run()
    said = capsys.readouterr()
    assert status != 0, said.out
    assert "Traceback" not in said.err
    assert "[Errno" not in said.err
    assert said.out == ""
    return said.err


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
        ran = subprocess.run(
            [sys.executable, "-m", "avowal", "milter", "--config", "avowal.toml"],
            capture_output=True, text=True, check=False, timeout=30, cwd=site,
        )  # fmt: skip
    assert ran.returncode == 3
    assert f"avowal.toml:6: {key}: inet:{port}@127.0.0.1: Address already in use: " in ran.stderr
    assert "stop it or choose another port" in ran.stderr
    assert "Traceback" not in ran.stderr


GOOD_KEYS = "main example.com:s1:./s1.pem\n"


@pytest.mark.parametrize(
    ("text", "files", "said"),
    [
        pytest.param(CONF + "Seletor x\n", {}, "conf:4: Seletor: unrecognized parameter (did you "
                     "mean Selector?)", id="unknown-option"),
        pytest.param(CONF + "SubDomains maybe\n", {}, "conf:4: SubDomains: illegal value 'maybe' "
                     "(write yes or no)", id="no-boolean"),
        pytest.param(CONF + "MinimumKeyBits lots\n", {}, "conf:4: MinimumKeyBits: illegal value "
                     "'lots' (write a number)", id="no-number"),
        pytest.param(CONF + "Mode\n", {}, "conf:4: Mode: required value missing", id="no-value"),
        pytest.param(CONF + "Mode xyz\n", {}, 'conf:4: Mode: unknown mode "x" (write s, v or sv)',
                     id="wrong-mode"),
        pytest.param(CONF + "On-BadSignature bounce\n", {}, "conf:4: On-BadSignature: invalid "
                     'handling value "bounce" (accept, ', id="wrong-action"),
        pytest.param(CONF + "SyslogFacility post\n", {}, "conf:4: SyslogFacility: unknown facility "
                     "'post' (write mail or daemon)", id="wrong-facility"),
        pytest.param(CONF + "Socket tcp:8891\n", {}, "conf:4: Socket: 'tcp:8891' is no socket "
                     "(write ", id="bad-socket"),
        pytest.param(CONF + "ADSPAction reject\n", {}, "conf:4: ADSPAction: this option was "
                     "removed", id="removed-option"),
        pytest.param(CONF + "Include conf\n", {}, "conf:4: Include: nesting too deep (5 levels are "
                     "allowed)", id="include-loop"),
        pytest.param(CONF + "Include gone\n", {}, "conf:4: Include: cannot read gone: No such file "
                     "or directory", id="missing-include"),
        pytest.param(CONF + "InternalHosts refile:gone\n", {}, "conf:4: InternalHosts: gone: No "
                     "such file or directory", id="missing-set"),
        pytest.param(CONF + "InternalHosts nis:hosts\n", {}, "conf:4: InternalHosts: unknown kind "
                     "of data set nis:", id="unknown-kind-of-set"),
        pytest.param(CONF + "ReplaceRules rules\n", {"rules": "a\tb\na\\(b\tc\n"}, "conf:4: "
                     "ReplaceRules: rules:2: no regular expression: ", id="bad-pattern"),
        pytest.param(CONF + "Nameservers ns.example\n", {}, "conf:4: Nameservers: 'ns.example' is "
                     "no address of a name server; write ", id="name-of-a-name-server"),
        pytest.param(CONF.replace("Selector s1\n", ""), {}, "conf:2: KeyFile: KeyFile and Selector "
                     "must both be defined", id="missing-selector"),
        pytest.param(CONF.replace("s1.pem", "gone.pem"), {}, "conf:3: KeyFile: gone.pem: No such "
                     "file or directory", id="missing-key-file"),
        pytest.param(CONF.replace("s1.pem", "others.pem"), {}, "conf:3: KeyFile: others.pem: "
                     "others may read or change it (mode 0644): chmod 600 it",
                     id="key-others-can-read"),
        pytest.param(TABLES, {"signing": ""}, "conf:1: KeyTable: keys: No such file or directory",
                     id="missing-table"),
        pytest.param(TABLES.partition("\n")[0], {"keys": GOOD_KEYS}, "conf:1: KeyTable: KeyTable "
                     "requires SigningTable", id="one-table-alone"),
        pytest.param(TABLES, {"keys": "# keys\nmain example.com:s1\n", "signing": "example.com "
                     "main\n"}, "keys:2: KeyTable: main: ", id="short-row"),
        pytest.param(TABLES, {"keys": "# keys\nmain example.com:s1:./others.pem\n", "signing": ""},
                     "keys:2: KeyTable: main: others.pem: others may read or change it",
                     id="key-of-a-table-others-can-read"),
        pytest.param(TABLES, {"keys": GOOD_KEYS, "signing": "example.com main\nexample.org mian\n"},
                     "signing:2: SigningTable: example.org: there is no key 'mian' in the "
                     "KeyTable", id="unknown-key-name"),
    ],
)  # fmt: skip
def test_a_mistake_in_opendkim_conf_or_its_tables_is_named(
    site: Path, capsys: pytest.CaptureFixture[str], text: str, files: Files, said: str
) -> None:
    planted(site, {"conf": text, **files})
    line = complaints(capsys, lambda: opendkim.run(["-n", "-x", "conf"]))
    assert line.startswith(f"avowal-opendkim: {said}")
