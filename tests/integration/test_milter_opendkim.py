"""OpenDKIM at the other end, both ways, and its tester miltertest at our daemon."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mailloop import free_port, until, workplace
from tests.mta.client import MtaClient
from tests.mta.session import Transaction
from tests.mta.spool import POSTFIX, SENDMAIL, Flavour

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text
from avowal.milter.packets import Connect

STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")
MACROS = {"i": b"QID1", "j": b"mx.receiver.example"}
FLAVOURS = [pytest.param(POSTFIX, id="Postfix"), pytest.param(SENDMAIL, id="Sendmail")]
HEAD = (
    b"From: Alice <alice@sender.example>\r\nTo: bob@receiver.example\r\nSubject:  a\r\n\t b\r\n"
    b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <m@sender.example>\r\n"
)
MESSAGES = [
    pytest.param(HEAD + b"\r\na line\r\n", id="plain"),
    pytest.param(HEAD + b"\r\n", id="empty body"),
    pytest.param(HEAD + b"\r\nx \t y \r\n\r\n\r\n", id="white space and empty lines"),
    pytest.param(HEAD + b"X-Eight: caf\xe9\r\n\r\ncaf\xc3\xa9\r\n", id="8-bit"),
    pytest.param(HEAD + b"\r\n" + b"0123456789abcde\r\n" * 20_000, id="340 KB"),
]


class Ends:
    """A signer and a verifier of each kind, by their addresses."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: list[subprocess.Popen[bytes]] = []
        key = generate("rsa")
        write_key(root / "rsa.pem", key)
        name, text = "rsa._domainkey.sender.example", record_text(key)
        (root / "zone.json").write_text(f'{{"{name}": "{text}"}}')
        (root / "testkeys").write_text(f"{name} {text}\n")

    def start(self, command: list[str], address: str) -> str:
        process = subprocess.Popen(
            command, cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.processes.append(process)
        until(lambda: _answers(address) or process.poll() is not None, what=command[0])
        if process.poll() is not None and process.stderr is not None:
            raise AssertionError(process.stderr.read().decode())
        return address

    def avowal(self, role: str, canonicalization: str = "relaxed/relaxed") -> str:
        address = f"inet:{free_port()}@127.0.0.1"
        file = self.root / f"{free_port()}.toml"
        file.write_text(
            f'mode = "{role}"\n[[listeners]]\nsocket = "{address}"\n'
            '[keys.rsa]\ndomain = "sender.example"\nselector = "rsa"\n'
            f'file = "{self.root}/rsa.pem"\n[dns]\nzone_file = "{self.root}/zone.json"\n'
            f'[signing]\ncanonicalization = "{canonicalization}"\n'
            "[log]\nsuccess = false\n"
        )
        command = [sys.executable, "-m", "avowal", "milter", "--config", str(file)]
        return self.start(command, address)

    def opendkim(self, mode: str, canonicalization: str = "relaxed/relaxed") -> str:
        address = f"inet:{free_port()}@127.0.0.1"
        file = self.root / f"{free_port()}.conf"
        file.write_text(
            f"Mode {mode}\nSocket {address}\nBackground no\nDomain sender.example\n"
            f"Selector rsa\nKeyFile {self.root}/rsa.pem\nRequireSafeKeys no\n"
            f"Canonicalization {canonicalization}\nInternalHosts 127.0.0.1\nSyslog no\n"
            f"TestPublicKeys {self.root}/testkeys\n"
        )
        program = shutil.which("opendkim", path="/usr/sbin:/usr/bin") or "opendkim"
        return self.start([program, "-f", "-x", str(file)], address)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr is not None:
                process.stderr.close()


def _answers(address: str) -> bool:
    try:
        MtaClient.connected(address, timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def ends() -> Iterator[Ends]:
    with workplace() as root:
        made = Ends(root)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def our_verifier(ends: Ends) -> str:
    return ends.avowal("verify")


@pytest.fixture(scope="module")
def their_verifier(ends: Ends) -> str:
    return ends.opendkim("v")


@pytest.fixture(scope="module", params=["relaxed/relaxed", "simple/simple", "relaxed/simple"])
def our_signer(ends: Ends, request: pytest.FixtureRequest) -> str:
    return ends.avowal("sign", request.param)


@pytest.fixture(scope="module", params=["relaxed/relaxed", "simple/simple", "simple/relaxed"])
def their_signer(ends: Ends, request: pytest.FixtureRequest) -> str:
    return ends.opendkim("s", request.param)


def sent(address: str, octets: bytes, flavour: Flavour, **others: Connect) -> bytes:
    with MtaClient.connected(address, flavour=flavour) as mta:
        return mta.send(Transaction.of(octets, macros=MACROS, **others)).octets


@pytest.mark.needs("opendkim")
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("message", MESSAGES)
def test_opendkim_verifies_what_we_sign(
    our_signer: str, their_verifier: str, message: bytes, flavour: Flavour
) -> None:
    signed = sent(our_signer, message, flavour)
    assert signed.startswith(b"DKIM-Signature:")
    assert b"dkim=pass" in sent(their_verifier, signed, flavour, connection=STRANGER)


@pytest.mark.needs("opendkim")
@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("message", MESSAGES)
def test_we_verify_what_opendkim_signs(
    their_signer: str, our_verifier: str, message: bytes, flavour: Flavour
) -> None:
    signed = sent(their_signer, message, flavour)
    assert b"DKIM-Signature:" in signed
    assert b"dkim=pass" in sent(our_verifier, signed, flavour, connection=STRANGER)


@pytest.mark.needs("opendkim")
def test_both_say_fail_to_a_changed_body(
    ends: Ends, our_verifier: str, their_verifier: str
) -> None:
    signed = sent(ends.avowal("sign"), HEAD + b"\r\na line\r\n", POSTFIX)
    changed = signed.replace(b"a line", b"a lie")
    for verifier in (our_verifier, their_verifier):
        assert b"dkim=fail" in sent(verifier, changed, POSTFIX, connection=STRANGER)


_LUA = """
conn = mt.connect("{address}")
if conn == nil then error("cannot connect") end
if mt.conninfo(conn, "localhost", "127.0.0.1") ~= nil then error("conninfo") end
if mt.getreply(conn) ~= SMFIR_CONTINUE then error("conninfo answer") end
for round = 1, 2 do
    mt.macro(conn, SMFIC_MAIL, "i", "qid-" .. round)
    if mt.mailfrom(conn, "alice@sender.example") ~= nil then error("mailfrom") end
    if mt.getreply(conn) ~= SMFIR_CONTINUE then error("mailfrom answer") end
    if mt.rcptto(conn, "bob@receiver.example") ~= nil then error("rcptto") end
    if mt.header(conn, "From", " alice@sender.example") ~= nil then error("from") end
    if mt.header(conn, "Date", " Wed, 25 Nov 2026 16:00:00 +0000") ~= nil then error("date") end
    if mt.header(conn, "Subject", " round " .. round) ~= nil then error("subject") end
    if mt.eoh(conn) ~= nil then error("eoh") end
    if mt.bodystring(conn, "hello\\r\\n") ~= nil then error("body") end
    if mt.eom(conn) ~= nil then error("eom") end
    reply = mt.getreply(conn)
    if reply ~= SMFIR_CONTINUE and reply ~= SMFIR_ACCEPT then error("answer " .. reply) end
    if not mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature") then error("no signature") end
    value = mt.getheader(conn, "DKIM-Signature", 0)
    if string.find(value, "d=sender.example", 1, true) == nil then error(value) end
    if string.find(value, "\\r", 1, true) ~= nil then error("CR in a folded value") end
    if round == 1 then mt.abort(conn) end
end
mt.disconnect(conn)
mt.echo("all as it should be")
"""


@pytest.mark.needs("miltertest")
def test_miltertest_is_content_with_us(ends: Ends, tmp_path: Path) -> None:
    script = tmp_path / "sign.lua"
    script.write_text(_LUA.format(address=ends.avowal("sign")))
    said = subprocess.run(
        ["/usr/bin/miltertest", "-s", str(script)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "all as it should be" in said.stdout
