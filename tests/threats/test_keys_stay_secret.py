"""RFC 4686 §4.1.1: no command prints a private key, and no memory of ours is left in a core.

Every command of `avowal keys`, `key`, `sign`, `config` and `milter --check` is run with keys that
are searched for in what it says and in every file that it writes, in each form that a key has.
"""

from __future__ import annotations

import base64
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from avowal.cli import commands, exits
from avowal.crypto.signing import PrivateKey, generate, parse_private_key
from avowal.errors import KeyMaterialError
from avowal.keys.files import write_key
from avowal.keys.places import open_private
from avowal.keys.secrecy import keep_memory_private
from avowal.testing import RSA_2048, message

ED25519 = generate("ed25519")
PASSPHRASE = b"a passphrase that nobody prints"


def forms(octets: bytes) -> Iterator[bytes]:
    """The texts in which octets may show: hex, and base64 at each of its three places."""
    yield octets
    yield octets.hex().encode()
    yield octets.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + octets)
        yield text[4:-4]  # what does not hang on the neighbours


def secrets(key: PrivateKey) -> Iterator[bytes]:
    """What nobody may see of a key: its secret numbers, and its PEM."""
    yield from (line for line in key.pem().splitlines() if not line.startswith(b"-----"))
    if key.rsa_numbers is not None:
        for number in key.rsa_numbers[2:]:
            yield str(number).encode()
            yield from forms(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        return
    handle = serialization.load_pem_private_key(key.pem(), None)
    assert isinstance(handle, Ed25519PrivateKey)
    yield from forms(handle.private_bytes_raw())


NEEDLES = [*secrets(RSA_2048), *secrets(ED25519), PASSPHRASE]

CONFIGURATION = """
[[listeners]]
socket = "unix:m.sock"
[keys.inline]
domain = "example.org"
selector = "i"
inline = '''{inline}'''
[keys.file]
domain = "example.com"
selector = "r1"
file = "r1.pem"
[signing]
key_store = "{here}/keys.db"
[[signing.rules]]
from = "example.com"
keys = ["store:example.com", "file", "inline"]
"""

_NAMED = "-d example.com -s"
_ENCRYPTED = "file:{here}/enc.pem?passphrase-file={here}/pass"
RUNS = (
    "keys store create",
    f"keys add {_NAMED} n1 --type ed25519 --key-directory made --passphrase-file pass",
    f"keys add {_NAMED} r1 --private file:{{here}}/r1.pem --state signing",
    f"keys add {_NAMED} p1 --state prepared --private {_ENCRYPTED}",
    f"keys add {_NAMED} bad --private file:{{here}}/enc.pem --state signing",
    f"keys add {_NAMED} bad --private file:{{here}}/broken.pem --state signing",
    f"keys add {_NAMED} bad --private nothing:{{here}}/r1.pem --state signing",
    "keys import KeyTable --state signing --key-directory made",
    "keys import BadTable --state signing",
    f"keys import e1.pem {_NAMED} e1 --state signing",
    "keys store show", "keys store prune", "keys store migrate",
    "keys schedule example.com", "keys status", "keys status --json", "keys rotate example.com",
    "keys pause example.com", "keys resume example.com", "keys rollback example.com",
    "keys retire example.com r1", "keys revoke example.com r1", "keys emergency example.com",
    "keys run --help",
    "keys export-public", "keys export-public --json",
    "keys archive list", "keys archive list --json", "keys archive export archive",
    "keys archive import archive", "keys archive see example.com -s r1 --zone zone.json",
    "keys audit show", "keys audit export", "keys audit head", "keys audit verify",
    "keys backup backup", "keys restore backup --store directory:{here}/copy",
    "keys doctor --help", "keys look --help", "keys recover --help", "keys signer --help",
    f"key generate {_NAMED} g1 --type ed25519 -o made.pem --password-file pass",
    f"key show r1.pem {_NAMED} r1", "key show e1.pem", "key show enc.pem --password-file pass",
    "key show enc.pem", "key show broken.pem", "key show KeyTable",
    f"key check r1.pem {_NAMED} r1 --zone zone.json",
    f"sign {_NAMED} r1 -k r1.pem m.eml", "sign -k store:example.com m.eml",
    f"sign {_NAMED} r1 -k broken.pem m.eml",
    f"sign {_NAMED} r1 -k enc.pem --password-file m.eml m.eml",
    "config check avowal.toml", "config explain avowal.toml", "config show avowal.toml",
    "config check bad.toml", "milter --check --config avowal.toml",
    "milter --check --config bad.toml",
)  # fmt: skip


@pytest.fixture
def ran(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], bytes]:
    monkeypatch.setenv("AVOWAL_KEY_STORE", str(tmp_path / "keys.db"))
    monkeypatch.chdir(tmp_path)
    write_key("r1.pem", RSA_2048)
    write_key("e1.pem", ED25519)
    write_key("enc.pem", RSA_2048, password=PASSPHRASE)
    pem = RSA_2048.pem()
    texts = {
        "pass": PASSPHRASE + b"\n",
        "broken.pem": pem[:200] + b"?" + pem[201:],
        "m.eml": message(),
        "zone.json": b"{}",
        "KeyTable": b"a example.org:k1:" + base64.b64encode(_der(ED25519)) + b"\n",
        "BadTable": b"a example.org:k1:" + base64.b64encode(_der(RSA_2048))[:-9] + b"\n",
        "avowal.toml": CONFIGURATION.format(here=tmp_path, inline=ED25519.pem().decode()).encode(),
        "bad.toml": CONFIGURATION.format(here=tmp_path, inline=pem[:-60].decode()).encode(),
    }
    for name, text in texts.items():
        Path(name).write_bytes(text)
        Path(name).chmod(0o600)

    def run(line: str) -> bytes:
        exits.run(lambda: commands.run(line.format(here=tmp_path).split()))
        said = capfdbinary.readouterr()
        return said.out + said.err

    return run


def _der(key: PrivateKey) -> bytes:
    text = b"".join(line for line in key.pem().splitlines() if not line.startswith(b"-----"))
    return base64.b64decode(text)


def _found(octets: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if needle in octets]


def test_no_command_prints_a_private_key_or_writes_one_beside_its_file(
    ran: Callable[[str], bytes], tmp_path: Path
) -> None:
    given = {path.name for path in tmp_path.iterdir()}
    shown = {line: _found(said) for line in RUNS if (said := ran(line)) and _found(said)}
    assert shown == {}
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in given]
    assert "keys.db" in {path.name for path in written}
    keys = tmp_path / "made"
    assert {str(path) for path in written if _found(path.read_bytes())} == {
        str(keys / "example.org.k1.pem")  # without a passphrase it is written as it is
    }


def test_a_needle_is_found_where_a_key_is_shown(ran: Callable[[str], bytes]) -> None:
    for octets in (RSA_2048.pem(), b"x" + base64.b64encode(b"y" + _der(ED25519)), PASSPHRASE):
        assert _found(octets)


def test_every_command_about_keys_has_its_run() -> None:
    context = click.Context(commands.group)
    for group in ("keys", "key"):
        command = commands.group.get_command(context, group)
        assert isinstance(command, click.Group)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            deeper = inner.list_commands(context) if isinstance(inner, click.Group) else [""]
            for last in deeper:
                path = f"{group} {name} {last}".strip()
                assert any(line.startswith(path) for line in RUNS), path


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=["rsa", "ed25519"])
def test_no_text_of_a_key_shows_it(key: PrivateKey, tmp_path: Path) -> None:
    write_key(tmp_path / "k.pem", key)
    found = open_private(f"file:{tmp_path}/k.pem")
    assert _found(f"{found!r} {found} {vars(type(found))}".encode()) == []


def test_an_error_about_a_broken_key_does_not_show_it() -> None:
    text = base64.b64encode(_der(ED25519))
    for broken in (text[:-1], text[:40], text[:-8] + b"A" * 4, text[1:]):
        with pytest.raises(KeyMaterialError) as caught:
            parse_private_key(broken)
        assert broken[:16].decode() not in str(caught.value)


def test_a_store_holds_no_key(ran: Callable[[str], bytes], tmp_path: Path) -> None:
    for line in RUNS[:4]:
        ran(line)
    with closing(sqlite3.connect(tmp_path / "keys.db")) as store:
        assert _found("\n".join(store.iterdump()).encode()) == []


def test_a_process_with_keys_leaves_no_core_and_no_way_in() -> None:
    child = os.fork()
    if not child:
        done = keep_memory_private()
        status = Path("/proc/self/status").stat()
        private = status.st_uid == 0 and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        os._exit(0 if done and private and not _dumpable() else 1)
    assert os.waitpid(child, 0)[1] == 0


def _dumpable() -> bool:
    import ctypes

    return bool(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE
