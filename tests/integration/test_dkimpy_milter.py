"""A real dkimpy-milter, and avowal with what its configuration became, get the same mail."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, until, workplace
from tests.milter_recording import message
from tests.milters import inserted
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

from avowal.crypto.signing import PrivateKey
from avowal.errors import EnvironmentFault
from avowal.keys.files import write_key
from avowal.milter.packets import Connect
from avowal.opendkim.from_dkimpy import read, translate
from avowal.testing import ED25519, RSA_2048

pytestmark = [
    pytest.mark.needs("dkimpy-milter"),
    pytest.mark.skipif(os.geteuid() != 0, reason="both daemons give up root's rights"),
    pytest.mark.slow,
]
OURS = Connect(b"host.sender.example", b"4", 1234, b"192.0.2.7")
STRANGER = Connect(b"mail.example.org", b"4", 1234, b"203.0.113.9")
_COMMON = """
Syslog no
Mode s
UserID nobody:nogroup
InternalHosts 192.0.2.0/24
MacroList daemon_name|ORIGINATING
Socket local:{root}/run/milter.sock
"""
_SINGLE = """
Domain sender.example, other.example
SubDomains yes
KeyFile {root}/r.pem
Selector r
KeyFileEd25519 {root}/e.key
SelectorEd25519 e
Canonicalization simple/relaxed
"""
_TABLES = """
KeyTable {root}/keys
KeyTableEd25519 file:{root}/keys-ed
SigningTable refile:{root}/signing
"""
_FILES = {
    "keys": "main sender.example:r:{root}/r.pem\nboss sender.example:b:{root}/r.pem\n",
    "keys-ed": "main sender.example:e:{root}/e.key\nboss sender.example:e2:{root}/e.key\n",
    "signing": "boss@sender.example boss\n*@sender.example main\n",
}


class Pair(NamedTuple):
    """The signatures each of the two made for one message: a, c, d and s of each."""

    theirs: list[dict[str, str]]
    ours: list[dict[str, str]]


class Site:
    """A configuration of dkimpy-milter with its keys."""

    def __init__(self, root: Path, text: str) -> None:
        self.root = root
        self.file = root / "dkimpy-milter.conf"
        self.file.write_text((_COMMON + text).format(root=root))
        for name, rows in _FILES.items():
            (root / name).write_text(rows.format(root=root))
        write_key(root / "r.pem", RSA_2048)
        (root / "e.key").write_bytes(seed(ED25519))
        (root / "e.key").chmod(0o600)
        (root / "run").mkdir()
        shutil.chown(root / "run", "nobody")

    def play(self, transaction: Transaction) -> list[dict[str, str]]:
        """Return the tags of the signatures a milter on the socket makes."""
        with MtaClient.connected(f"unix:{self.root}/run/milter.sock") as mta:
            outcome = mta.send(transaction)
        made = [tags(value) for value in inserted(outcome, b"DKIM-Signature")]
        return sorted(made, key=lambda one: one["s"])

    def answers(self) -> bool:
        try:
            MtaClient.connected(f"unix:{self.root}/run/milter.sock").close()
        except (OSError, EnvironmentFault):
            return False
        return True


def seed(key: PrivateKey) -> bytes:
    """Return an Ed25519 key as dkimpy has it: base64 of the seed, with which PKCS #8 ends."""
    der = base64.b64decode(b"".join(key.pem().splitlines()[1:-1]))
    return base64.b64encode(der[-32:]) + b"\n"


def tags(value: bytes) -> dict[str, str]:
    """Return those tags of a signature that a configuration decides about."""
    pairs = (part.partition(b"=") for part in b"".join(value.split()).split(b";"))
    found = {name.decode(): content.decode() for name, _, content in pairs}
    return {name: found[name] for name in ("a", "c", "d", "s")}


def transaction(
    author: str, connection: Connect = OURS, daemon_name: bytes = b"smtpd"
) -> Transaction:
    octets = message("same").replace(b"alice@sender.example", author.encode())
    macros = {"i": b"QID1", "j": b"mx.example", "{daemon_name}": daemon_name}
    return Transaction.of(octets, connection=connection, macros=macros)


MAIL = {
    "a domain of ours": transaction("alice@sender.example"),
    "a row of its own": transaction("boss@sender.example"),
    "a subdomain": transaction("alice@sub.sender.example"),
    "another domain": transaction("alice@other.example"),
    "nobody's": transaction("alice@nobody.example"),
    "a service": transaction("alice@sender.example", STRANGER, b"ORIGINATING"),
    "a stranger": transaction("alice@sender.example", STRANGER),
}


def both(text: str) -> dict[str, Pair]:
    """Play the mail to the one and to the other."""
    with workplace() as root:
        site = Site(root, text)
        process = subprocess.Popen(
            ["dkimpy-milter", str(site.file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(site.answers, what="dkimpy-milter")
            theirs = {name: site.play(mail) for name, mail in MAIL.items()}
        finally:
            process.kill()
            process.wait()
        with Daemon(root, translate(read(str(site.file))).text()):
            ours = {name: site.play(mail) for name, mail in MAIL.items()}
        return {name: Pair(theirs[name], ours[name]) for name in MAIL}


@pytest.fixture(scope="module", params=[_SINGLE, _TABLES], ids=["one key each", "key tables"])
def played(request: pytest.FixtureRequest) -> dict[str, Pair]:
    return both(request.param)


@pytest.mark.parametrize("name", sorted(set(MAIL) - {"a stranger"}))
def test_our_mail_is_signed_alike(played: dict[str, Pair], name: str) -> None:
    pair = played[name]
    assert pair.ours == pair.theirs


def test_both_keys_sign(played: dict[str, Pair]) -> None:
    assert [one["a"] for one in played["a domain of ours"].ours] == ["ed25519-sha256", "rsa-sha256"]


def test_mail_of_strangers_in_our_name_is_signed_no_more(played: dict[str, Pair]) -> None:
    """As docs/howto/from-dkimpy-milter.md tells."""
    pair = played["a stranger"]
    assert len(pair.theirs) == 2
    assert pair.ours == []
