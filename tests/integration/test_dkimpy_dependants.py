"""Programs made for dkimpy, unchanged, with ``import dkim`` turned to our door.

`make dependants` installs them; dkimpy-milter is Debian's.  What one of them signs, a real
dkimpy verifies, and what it verifies was signed by a real dkimpy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import dkim
import pytest
from tests.differential.peers.dkimpy import key_octets
from tests.integration.test_dkimpy_milter import OURS, Site, transaction
from tests.mailloop import until, workplace
from tests.milters import inserted
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

from avowal.testing import RSA_2048, record_for

TESTS = Path(__file__).parent.parent
REDIRECT = TESTS / "redirect"
SOURCE = TESTS.parent / "src"
RECORD = record_for(RSA_2048)
MESSAGE = (
    b"From: Alice <a@example.com>\r\nTo: b@example.net\r\nSubject: hi\r\n"
    b"Date: Sun, 29 Nov 2026 15:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nHello\r\n"
)
KEY = key_octets("rsa")


def installed(*names: str) -> pytest.MarkDecorator:
    """Skip where a dependant cannot be imported."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(
        bool(missing), reason=f"not installed: {', '.join(missing)} (make dependants)"
    )


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{REDIRECT}:{SOURCE}"}


def run(program: str, tmp_path: Path, given: bytes = MESSAGE) -> Any:
    """What a program says in JSON, which has the message, the key and the record at hand."""
    (tmp_path / "message.eml").write_bytes(given)
    (tmp_path / "key.pem").write_bytes(KEY)
    (tmp_path / "record.txt").write_text(RECORD)
    beginning = """
        import json, sys
        from pathlib import Path
        import dkim
        assert dkim.__name__ == "avowal.compat.dkim", dkim
        message = Path("message.eml").read_bytes()
        key = Path("key.pem").read_bytes()
        record = Path("record.txt").read_text()
        def look_up(name, timeout=5):
            text = name if isinstance(name, str) else name.decode()
            return record if "_domainkey." in text else ""
    """
    text = textwrap.dedent(beginning) + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text],
        cwd=tmp_path, env=environment(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def look_up(name: bytes, timeout: int = 5) -> str:
    return RECORD if b"_domainkey." in name else ""


def verified(octets: bytes) -> bool:
    """Whether a real dkimpy takes it for signed."""
    passed: bool = dkim.verify(octets, dnsfunc=look_up)
    return passed


# --- python-emails -------------------------------------------------------------------------------


@installed("emails")
def test_python_emails_signs_what_it_sends(tmp_path: Path) -> None:
    said = run(
        """
        import emails
        mail = emails.Message(text="Hello", subject="hi", mail_from=("A", "a@example.com"),
                              mail_to="b@example.net")
        mail.dkim(key=key, domain="example.com", selector="s1")
        print(json.dumps(mail.as_string()))
        """,
        tmp_path,
    )
    assert said.startswith("DKIM-Signature: ")
    assert verified(said.encode())


@installed("emails")
@pytest.mark.parametrize("names", ['["from", "to"]', '[b"from", b"to"]'], ids=["text", "octets"])
def test_python_emails_names_the_fields_it_signs(tmp_path: Path, names: str) -> None:
    said = run(
        f"""
        from emails.signers import DKIMSigner
        signer = DKIMSigner("s1", "example.com", key=key.decode(), include_headers={names})
        print(json.dumps(signer.sign_message_bytes(message).decode()))
        """,
        tmp_path,
    )
    assert verified(said.encode())
    assert "h=from : to;" in " ".join(said.split())


@installed("emails")
def test_python_emails_refuses_a_key_that_is_none(tmp_path: Path) -> None:
    said = run(
        """
        from emails.exc import DKIMException
        from emails.signers import DKIMSigner
        try:
            DKIMSigner("s1", "example.com", key=b"no key")
        except DKIMException as fault:
            print(json.dumps(str(fault)))
        """,
        tmp_path,
    )
    assert "not found" in said


# --- authheaders ---------------------------------------------------------------------------------

SIGNED = dkim.sign(MESSAGE, b"s1", b"example.com", KEY) + MESSAGE
RESULTS = b"Authentication-Results: lists.example; arc=none; dkim=pass header.d=example.com\r\n"
SEALED = b"".join(
    dkim.arc_sign(RESULTS + SIGNED, b"s1", b"lists.example", KEY, b"lists.example")
) + (RESULTS + SIGNED)
AUTHENTICATED = [
    pytest.param(SIGNED, "pass", "none", id="signed"),
    pytest.param(SIGNED + b"more", "fail", "none", id="changed"),
    pytest.param(SEALED, "pass", "pass", id="sealed"),
    pytest.param(SEALED + b"more", "fail", "fail", id="sealed-and-changed"),
]


@installed("authheaders")
@pytest.mark.parametrize(("octets", "dkim_word", "arc_word"), AUTHENTICATED)
def test_authheaders_authenticates(
    tmp_path: Path, octets: bytes, dkim_word: str, arc_word: str
) -> None:
    said = run(
        """
        from authheaders import authenticate_message
        print(json.dumps(authenticate_message(
            message, "mx.example", spf=False, dkim=True, dmarc=False, arc=True, dnsfunc=look_up)))
        """,
        tmp_path,
        octets,
    )
    assert f"dkim={dkim_word}" in said
    assert f"arc={arc_word}" in said


@installed("authheaders")
@pytest.mark.parametrize("kind", ["DKIM", "ARC"])
def test_authheaders_signs(tmp_path: Path, kind: str) -> None:
    said = run(
        f"""
        from authheaders import sign_message
        made = sign_message(message, b"s1", b"lists.example", key, [b"from", b"to"], sig="{kind}",
                            srv_id=b"lists.example")
        made = made if isinstance(made, list) else [made]
        print(json.dumps([one.decode() for one in made]))
        """,
        tmp_path,
        RESULTS + SIGNED,
    )
    octets = "".join(said).encode() + RESULTS + SIGNED
    if kind == "DKIM":
        assert verified(octets)
    else:
        assert dkim.arc_verify(octets, dnsfunc=look_up)[0] == b"pass"


# --- Mailman -------------------------------------------------------------------------------------


@installed("mailman", "authheaders")
@pytest.mark.parametrize("standard", [False, True], ids=["dkimpys-layout", "standard-layout"])
def test_mailman_validates_and_seals(tmp_path: Path, standard: bool) -> None:
    said = run(
        f"""
        from email import message_from_bytes
        from types import SimpleNamespace
        from mailman.config import config
        config.arc_enabled = True
        config.arc = SimpleNamespace(
            selector=b"s1", domain=b"lists.example", private_key=key, headers=[b"from", b"to"],
            authserv_id="lists.example", trusted_authserv_ids=[], dkim_enabled=True,
            dmarc_enabled=False)
        from mailman.handlers import arc_sign, validate_authenticity
        validate_authenticity.dnsfunc = look_up
        mail = message_from_bytes(message)
        msgdata = {{"ARC-Standardize": True}} if {standard} else {{}}
        validate_authenticity.ValidateAuthenticity().process(None, mail, msgdata)
        arc_sign.ARCSign().process(None, mail, msgdata)
        print(json.dumps(mail.as_bytes().decode()))
        """,
        tmp_path,
        SIGNED,
    )
    assert "ARC-Seal: " in said
    assert "dkim=pass" in said
    assert dkim.arc_verify(said.encode(), dnsfunc=look_up)[0] == b"pass"


# --- dkimpy-milter -------------------------------------------------------------------------------

SITE = """
Domain sender.example
KeyFile {root}/r.pem
Selector r
KeyFileEd25519 {root}/e.key
SelectorEd25519 e
Canonicalization relaxed/simple
SignHeaders From,To,Subject,Date
"""
SYSTEM_PYTHON = Path("/usr/bin/python3")


def of_our_kind() -> bool:
    """Whether the system's Python runs what this environment has installed."""
    if not SYSTEM_PYTHON.exists():
        return False
    ask = "import sys; print(*sys.version_info[:2])"
    said = subprocess.run([SYSTEM_PYTHON, "-c", ask], capture_output=True, text=True, check=False)
    return said.stdout.split() == [str(part) for part in sys.version_info[:2]]


@pytest.mark.needs("dkimpy-milter")
@pytest.mark.skipif(os.geteuid() != 0, reason="the daemon gives up root's rights")
@pytest.mark.skipif(not of_our_kind(), reason="the system's Python is of another version")
@pytest.mark.slow
def test_dkimpy_milter_signs_the_fields_its_operator_names() -> None:
    libraries = Path(importlib.util.find_spec("click").origin or "").parent.parent  # type: ignore[union-attr]
    paths = f"{REDIRECT}:{SOURCE}:{libraries}"
    with workplace() as root:
        site = Site(root, SITE)
        process = subprocess.Popen(
            ["dkimpy-milter", str(site.file)], env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(site.answers, what="dkimpy-milter")
            signed = played(root, transaction("alice@sender.example", OURS))
        finally:
            process.kill()
            process.wait()
    assert [b"a=ed25519-sha256" in one for one in sorted(signed)] == [True, False]
    assert all(b"h=from : to : subject : date;" in b" ".join(one.split()) for one in signed)


def played(root: Path, mail: Transaction) -> list[bytes]:
    with MtaClient.connected(f"unix:{root}/run/milter.sock") as mta:
        return list(inserted(mta.send(mail), b"DKIM-Signature"))
