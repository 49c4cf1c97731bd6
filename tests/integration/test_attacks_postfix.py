"""The attacks that the laws of an outcome forbid, through a real Postfix, daemon and name server.

Headers beyond a limit have a file of their own.  The site refuses and holds what the authors'
domains ask to refuse and hold (docs/design/laws.md).
"""

from __future__ import annotations

import os
import smtplib
import subprocess
from collections.abc import Iterator

import pytest
from tests.crafting import craft
from tests.dnsd import NameServer
from tests.integration.test_header_limits_postfix import Held
from tests.mailloop import Daemon, Inbox, Postfix, answers, free_port, submit, until, workplace
from tests.milters import AVOWAL

from avowal.testing import ED25519, record_for

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
    pytest.mark.threats,
]
OURS = "mx.receiver.example"
ZONE = f"""
s1._domainkey.victim.example. TXT "{record_for(ED25519)}"
_dmarc.victim.example.        TXT "v=DMARC1; p=reject"
victim.example.               A   192.0.2.1
s1._domainkey.quiet.example.  TXT "{record_for(ED25519)}"
_dmarc.quiet.example.         TXT "v=DMARC1; p=quarantine"
quiet.example.                A   192.0.2.1
s1._domainkey.attacker.example. TXT "{record_for(ED25519)}"
attacker.example.             A   127.0.0.1
attacker.example.             TXT "v=spf1 ip4:127.0.0.0/8 -all"
"""
SITE = """
mode = "verify"
[[listeners]]
socket = "inet:{port}@127.0.0.1"
[origin]
internal_hosts = []
[results]
authserv_id = "{ours}"
[arc]
verify = true
[actions]
disposition_reject = "reject"
disposition_quarantine = "quarantine"
[dns]
servers = ["127.0.0.1@{dns}"]
timeout = 3
"""


def text_from(value: str, subject: str = "invoice") -> bytes:
    return (
        f"From: {value}\r\nTo: bob@receiver.example\r\nSubject: {subject}\r\n"
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@x.example>\r\n\r\npay\r\n"
    ).encode()


def signed(octets: bytes, domain: str, names: str = "from:to:subject:date:message-id") -> bytes:
    return craft(octets, tags={"d": domain, "h": names})


def bad_signature(domain: str, selector: str) -> bytes:
    return (
        f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s={selector}; h=from; bh=YQ==; b=YQ==\r\n"
    ).encode()


def junk_chain(count: int) -> bytes:
    """ARC sets, each with a name of its own that never answers."""
    fields = b""
    for instance in range(1, count + 1):
        common = f"i={instance}; a=rsa-sha256; d=attacker.example; s=_timeout{instance}"
        fields = (
            f"ARC-Seal: {common}; cv={'none' if instance == 1 else 'pass'}; t=1; b=YQ==\r\n"
            f"ARC-Message-Signature: {common}; c=relaxed/relaxed; h=from; bh=YQ==; b=YQ==\r\n"
            f"ARC-Authentication-Results: i={instance}; {OURS}; dmarc=pass\r\n"
        ).encode() + fields
    return fields


VICTIM = text_from("Anna <anna@victim.example>")
QUIET = text_from("Anna <anna@quiet.example>")
LONG = ", ".join(f"e@{'a.' * 6}n{n}.attacker.example" for n in range(9))
REFUSED = {
    "control": VICTIM,
    "a-key-that-never-answers": bad_signature("attacker.example", "_timeout") + VICTIM,
    "many-keys-that-never-answer": b"".join(
        bad_signature("attacker.example", f"_timeout{n}") for n in range(25)
    )
    + VICTIM,
    "thirty-junk-sets": junk_chain(30) + VICTIM,
    "nine-long-authors-before": text_from(f"{LONG}, Anna <anna@victim.example>"),
    "an-author-whose-policy-never-answers": text_from(
        "Eve <eve@_timeout.attacker.example>, Anna <anna@victim.example>"
    ),
    "more-authors-than-are-asked": text_from(
        ", ".join(f"e@n{n}.attacker.example" for n in range(12)) + ", anna@victim.example"
    ),
    "an-added-subject": b"Subject: other\r\n" + signed(VICTIM, "victim.example", "from:to:date"),
    "another-value-of-a-signed-subject": b"Subject: other\r\n" + signed(VICTIM, "victim.example"),
    "an-added-content-type": b"Content-Type: text/html\r\n"
    b"Content-Type: text/plain\r\n"
    + signed(b"Content-Type: text/plain\r\n" + VICTIM, "victim.example"),
    "the-attackers-own-signature": signed(VICTIM, "attacker.example"),
}
HELD = {
    "control": QUIET,
    "an-author-whose-server-fails": text_from(
        "Eve <eve@_servfail.attacker.example>, Anna <anna@quiet.example>"
    ),
    "an-author-whose-policy-never-answers": text_from(
        "Anna <anna@quiet.example>, Eve <eve@_timeout.attacker.example>"
    ),
    "text-behind-the-domain": text_from("<a@attacker.example..quiet.example>"),
    "an-escaped-domain": text_from(r"<a@attacker.example\.quiet.example>"),
    "twenty-five-signatures": b"".join(
        bad_signature("attacker.example", f"none{n}") for n in range(25)
    )
    + QUIET,
}
FORGED = {
    "plain": f"Authentication-Results: {OURS}; dkim=pass header.d=victim.example",
    "capitals": f"Authentication-Results: {OURS.upper()}; dkim=pass header.d=victim.example",
    "comment": f"Authentication-Results: (a(b)) {OURS} (c); dkim=pass header.d=victim.example",
    "quoted": f'Authentication-Results: "{OURS}"; dkim=pass header.d=victim.example',
    "folded": f"Authentication-Results:\r\n\t{OURS};\r\n\tdkim=pass header.d=victim.example",
}


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with NameServer(ZONE, apexes=("victim.example", "quiet.example", "attacker.example")) as server:
        yield server


@pytest.fixture(scope="module")
def milter(dns: NameServer) -> Iterator[tuple[Postfix, Inbox]]:
    with workplace() as root:
        port, inbox = free_port(), Inbox(root)
        text = SITE.format(port=port, ours=OURS, dns=dns.port)
        postfix = Postfix(root, "a", milter=f"inet:127.0.0.1:{port}")
        with Daemon(root, text), postfix:
            yield postfix, inbox


@pytest.fixture(scope="module")
def opendkim(dns: NameServer) -> Iterator[tuple[Postfix, Inbox]]:
    with workplace() as root:
        port, inbox = free_port(), Inbox(root)
        keys = [line.split(" TXT ") for line in ZONE.splitlines() if "_domainkey" in line]
        rows = "".join(f"{n.strip().rstrip('.')} {t.strip().strip(chr(34))}\n" for n, t in keys)
        (root / "keys").write_text(rows)
        (root / "conf").write_text(
            f"Mode v\nSocket inet:{port}@127.0.0.1\nBackground no\nSyslog no\n"
            f"AuthservID {OURS}\nTestPublicKeys {root}/keys\n"
        )
        process = subprocess.Popen([*AVOWAL, "-f", "-x", "conf"], cwd=root)
        try:
            until(lambda: answers(port) or process.poll() is not None, what="avowal-opendkim")
            with Postfix(root, "d", milter=f"inet:127.0.0.1:{port}") as postfix:
                yield postfix, inbox
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_author_asks_to_refuse_is_refused(
    milter: tuple[Postfix, Inbox], name: str
) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(milter[0].port, REFUSED[name], sender="eve@attacker.example")
    assert refused.value.smtp_code == 550


@pytest.mark.parametrize("name", HELD)
def test_what_is_to_be_held_is_held(milter: tuple[Postfix, Inbox], name: str) -> None:
    mark = f"X-Mark: {name}".encode()
    submit(milter[0].port, mark + b"\r\n" + HELD[name], sender="eve@attacker.example")
    assert b"dmarc=pass" not in Held(milter[0]).containing(mark)


@pytest.mark.parametrize("domain", ["victim.example", "quiet.example"])
def test_authentic_mail_arrives_beside_a_name_that_never_answers(
    milter: tuple[Postfix, Inbox], domain: str
) -> None:
    mark = f"X-Mark: authentic {domain}".encode()
    octets = signed(text_from(f"Anna <anna@{domain}>"), domain)
    hanging = bad_signature("attacker.example", "_timeout")
    submit(milter[0].port, mark + b"\r\n" + hanging + octets, sender="eve@attacker.example")
    assert b"dmarc=pass" in milter[1].containing(mark)


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("daemon", ["milter", "opendkim"])
def test_forged_results_are_removed(request: pytest.FixtureRequest, daemon: str, name: str) -> None:
    postfix, inbox = request.getfixturevalue(daemon)
    mark = f"X-Mark: forged {daemon} {name}".encode()
    forged = FORGED[name].encode()
    octets = forged + b"\r\n" + signed(text_from("Eve <eve@attacker.example>"), "attacker.example")
    submit(postfix.port, mark + b"\r\n" + octets, sender="eve@attacker.example")
    arrived = inbox.containing(mark)
    assert b"victim.example" not in arrived
    assert b"dkim=pass" in arrived
