"""A real Sendmail signs and verifies through us.

Debian lets one MTA be installed, so Sendmail lives in a root directory of its own:
``scripts/sendmail-chroot DIR`` makes one, and AVOWAL_SENDMAIL=DIR names it to this test.
Its mail goes on to a Postfix whose milter verifies.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, answers, free_port, submit, until, workplace
from tests.milter_recording import message

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text

ROOT = os.environ.get("AVOWAL_SENDMAIL", "")
pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Sendmail has to be started by root"),
    pytest.mark.skipif(
        not Path(ROOT, "usr/libexec/sendmail").is_dir() if ROOT else True,
        reason="AVOWAL_SENDMAIL names no root directory with Sendmail (scripts/sendmail-chroot)",
    ),
    pytest.mark.slow,
]
_MC = """divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`generic')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `sendmail.sender.example')dnl
define(`confPID_FILE', `/srv/sm/sendmail.pid')dnl
define(`QUEUE_DIR', `/srv/sm/mqueue')dnl
define(`STATUS_FILE', `/srv/sm/status')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confSERVICE_SWITCH_FILE', `/srv/sm/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `true')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
MASQUERADE_AS(`sender.example')dnl
MASQUERADE_DOMAIN(`sender.example')dnl
FEATURE(`masquerade_entire_domain')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=@PORT@')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h @RELAY@')dnl
INPUT_MAIL_FILTER(`avowal', `S=inet:@MILTER@@127.0.0.1, F=T, T=S:30s;R:60s;E:5m')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
_CONFIGURATION = """
[[listeners]]
socket = "inet:{sign}@127.0.0.1"

[[listeners]]
socket = "inet:{verify}@127.0.0.1"
role = "verify"

[keys.k]
domain = "sender.example"
selector = "s"
file = "{root}/s.pem"

[signing]
subdomains = true
rewritten_names = ["From", "Sender", "Reply-To"]

[[signing.rewrites]]
pattern = "@[a-z0-9-]+\\\\.sender\\\\.example"
replacement = "@sender.example"

[results]
authserv_id = "mx.receiver.example"

[dns]
zone_file = "{root}/zone.json"
"""


class Loop(NamedTuple):
    port: int
    inbox: Inbox
    daemon: Daemon


def sendmail(port: int, milter: int, relay: int) -> subprocess.Popen[bytes]:
    place = Path(ROOT, "srv/sm")
    (place / "mqueue").mkdir(parents=True, exist_ok=True)
    (place / "mqueue").chmod(0o700)
    (place / "service.switch").write_text("hosts files\n")
    Path(ROOT, "etc/hosts").write_text("127.0.0.1 localhost sendmail.sender.example\n")
    values = {"PORT": port, "MILTER": milter, "RELAY": relay}
    text = re.sub(r"@([A-Z]+)@", lambda found: str(values[found[1]]), _MC)
    (place / "test.mc").write_text(text)
    made = subprocess.run(
        ["chroot", ROOT, "m4", "/srv/sm/test.mc"], capture_output=True, check=True, timeout=60
    )
    (place / "sendmail.cf").write_bytes(made.stdout)
    command = ["chroot", ROOT, "/usr/libexec/sendmail/sendmail", "-bD", "-C/srv/sm/sendmail.cf"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    key = generate("rsa")
    sign, verify, port = free_port(), free_port(), free_port()
    with workplace() as root:
        write_key(root / "s.pem", key)
        zone = {"s._domainkey.sender.example": record_text(key)}
        (root / "zone.json").write_text(json.dumps(zone))
        inbox = Inbox(root)
        text = _CONFIGURATION.format(sign=sign, verify=verify, root=root)
        b = Postfix(root, "b", milter=f"inet:127.0.0.1:{verify}")
        with Daemon(root, text) as daemon, b:
            process = sendmail(port, sign, b.port)
            try:
                until(lambda: answers(port), what="Sendmail")
                yield Loop(port, inbox, daemon)
            finally:
                process.terminate()
                process.wait(20)


def verdict(octets: bytes) -> str:
    """Return what the verifying Postfix wrote on top, unfolded."""
    header = re.sub(rb"\r\n[ \t]+", b" ", octets.partition(b"\r\n\r\n")[0])
    found = re.search(rb"^Authentication-Results: mx.receiver.example; (.*)$", header, re.MULTILINE)
    assert found is not None, header
    return found[1].decode()


@pytest.mark.parametrize(
    ("mark", "fields", "body"),
    [
        pytest.param("plain", b"", b"a line\r\n", id="plain"),
        pytest.param("empty", b"", b"", id="empty body"),
        pytest.param(
            "folded", b"X-Folded: a\r\n\tb\r\n   c\r\nX-Spaced:   x\t\r\n", b"x \t y\r\n\r\n\r\n",
            id="folds and white space",
        ),
        pytest.param(
            "long", b"References:" + b" <0123456789@sender.example>" * 60 + b"\r\n", b"a line\r\n",
            id="a header line of 1700 octets",
        ),
        pytest.param("eight-bit", b"", b"caf\xc3\xa9\r\n", id="8-bit body"),
        pytest.param("large", b"", b"0123456789abcde\r\n" * 50_000, id="850 KB"),
    ],
)  # fmt: skip
def test_what_sendmail_signs_through_us_verifies_behind_it(
    loop: Loop, mark: str, fields: bytes, body: bytes
) -> None:
    options = ("BODY=8BITMIME",) if mark == "eight-bit" else ()
    submit(loop.port, message(mark, fields=fields, body=body), options=options)
    arrived = loop.inbox.containing(b"Subject: " + mark.encode())
    assert arrived.count(b"DKIM-Signature:") == 1
    assert verdict(arrived).startswith("dkim=pass")


def test_what_sendmail_masquerades_behind_us_verifies(loop: Loop) -> None:
    """As docs/howto/sendmail.md has it: senders are rewritten, recipients and ids are not."""
    fields = b"Sender: x@host.sender.example\r\nReply-To: alice@host.sender.example\r\n"
    text = message("masqueraded", fields=fields).replace(
        b"@sender.example", b"@host.sender.example"
    )
    submit(loop.port, text)
    arrived = loop.inbox.containing(b"Subject: masqueraded")
    assert b"From: Alice <alice@sender.example>\r\n" in arrived
    assert b"Message-ID: <masqueraded@host.sender.example>\r\n" in arrived
    assert verdict(arrived).startswith("dkim=pass")


def test_several_messages_of_one_session_are_told_apart(loop: Loop) -> None:
    """Sendmail tells nothing about RSET: MAIL begins anew."""
    import smtplib

    with smtplib.SMTP("127.0.0.1", loop.port, local_hostname="client.example") as client:
        for number in range(3):
            client.mail("mallory@other.example")
            client.rcpt("nobody@receiver.example")
            client.rset()
            text = message(f"session-{number}")
            client.sendmail("alice@sender.example", ["bob@receiver.example"], text)
    for number in range(3):
        arrived = loop.inbox.containing(b"Subject: session-%d" % number)
        assert verdict(arrived).startswith("dkim=pass")


def test_the_log_names_sendmails_queue_id(loop: Loop) -> None:
    submit(loop.port, message("logged"))
    loop.inbox.containing(b"Subject: logged")
    pattern = r"queue_id=(\w{14}) .*treatment=sign .*<logged@sender.example>"
    assert re.search(pattern, loop.daemon.log), loop.daemon.log
