"""A real Sendmail signs and verifies through us, and obeys what we say about a message.

`tests.sendmail` tells where Sendmail is taken from; without it these tests are skipped, and
its recorded conversations (tests/vectors/milter) stand in.
"""

from __future__ import annotations

import json
import re
import smtplib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, workplace
from tests.milter_recording import message
from tests.sendmail import Sendmail, missing

import avowal
from avowal.keys.files import write_key
from avowal.testing import ED25519, RSA_2048, Zone, record_for

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.slow,
]
KEYS = {"r": RSA_2048, "e": ED25519}
ZONE = {f"{name}._domainkey.sender.example": record_for(key) for name, key in KEYS.items()}
_COMMON = """
[results]
authserv_id = "mx.receiver.example"

[dns]
zone_file = "{root}/zone.json"
"""
_SIGNING = """
[[listeners]]
socket = "inet:{sign}@127.0.0.1"

[[listeners]]
socket = "inet:{verify}@127.0.0.1"
role = "verify"

[keys.r]
domain = "sender.example"
selector = "r"
file = "{root}/r.pem"

[keys.e]
domain = "sender.example"
selector = "e"
file = "{root}/e.pem"

[signing]
canonicalization = "simple/simple"
signed_names = ["From", "To", "Subject", "Date", "Message-ID", "Sender", "Reply-To", "References",
                "X-Folded", "X-Spaced", "X-Close", "X-Eight"]
subdomains = true
rewritten_names = ["From", "Sender", "Reply-To"]

[[signing.rewrites]]
pattern = "@[a-z0-9-]+\\\\.sender\\\\.example"
replacement = "@sender.example"
"""
_STRICT = """
[[listeners]]
socket = "inet:{strict}@127.0.0.1"
role = "verify"

[actions]
no_signature = "quarantine"
bad_signature = "reject"
key_not_found = "tempfail"
"""


class Loop(NamedTuple):
    """Everything that runs."""

    mta: Sendmail
    inbox: Inbox
    daemon: Daemon

    def send(self, octets: bytes, *, through: str = "sign", options: tuple[str, ...] = ()) -> None:
        submit(self.mta.ports[through], octets, options=options)

    def arrived(self, subject: str) -> bytes:
        """Wait for the message of a subject."""
        return self.inbox.containing(b"Subject: " + subject.encode() + b"\r\n")


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with workplace() as root:
        for name, key in KEYS.items():
            write_key(root / f"{name}.pem", key)
        (root / "zone.json").write_text(json.dumps(ZONE))
        (root / "strict").mkdir()
        ports = {name: free_port() for name in ("sign", "verify", "strict")}
        signing, strict = (
            (text + _COMMON).format(root=root, **ports) for text in (_SIGNING, _STRICT)
        )
        inbox = Inbox(root)
        milters = ports | {"nobody": free_port()}
        with (
            Daemon(root, signing) as daemon,
            Daemon(root / "strict", strict),
            Postfix(root, "b", milter="") as next_hop,
            Sendmail(milters, relay=next_hop.port) as mta,
        ):
            yield Loop(mta, inbox, daemon)


def passed(octets: bytes) -> list[str]:
    """Return the selectors of the signatures that verify over what left Sendmail."""
    verdicts = avowal.verify(octets, Zone(ZONE))
    assert all(one.passed for one in verdicts), [str(one.reason) for one in verdicts]
    return sorted(one.signature.selector.ascii for one in verdicts if one.signature is not None)


def results(octets: bytes) -> list[str]:
    """Return the Authentication-Results fields, unfolded."""
    header = re.sub(rb"\r\n[ \t]+", b" ", octets.partition(b"\r\n\r\n")[0])
    lines = header.decode("utf-8", "replace").split("\r\n")
    return [line for line in lines if line.lower().startswith("authentication-results:")]


def signed(subject: str, *, fields: bytes = b"", selector: str = "r") -> bytes:
    """Make a message that the key of r signed."""
    plain = message(subject, fields=fields)
    return avowal.sign(plain, domain="sender.example", selector=selector, key=RSA_2048) + plain


CASES = [
    pytest.param("plain", b"", b"a line\r\n", id="plain"),
    pytest.param("empty", b"", b"", id="empty body"),
    pytest.param(
        "folded", b"X-Folded: a\r\n\tb\r\n   c\r\nX-Spaced:   x  y\t\r\nX-Close:z\r\n",
        b"x \t y\r\n\r\n\r\n", id="folds, white space, none behind the colon",
    ),
    pytest.param(
        "long", b"References:" + b" <0123456789@sender.example>" * 60 + b"\r\n", b"a line\r\n",
        id="a header line of 1700 octets",
    ),
    pytest.param(
        "eight-bit", b"X-Eight: caf\xe9 \xc3\xa9\r\n", b"caf\xc3\xa9 \xff\r\n",
        id="8-bit field and body",
    ),
    pytest.param("dots", b"", b".\r\n..\r\n.x\r\n", id="dots"),
    pytest.param("large", b"", b"0123456789abcde\r\n" * 12_500, id="200 KB"),
]  # fmt: skip


@pytest.mark.parametrize(("mark", "fields", "body"), CASES)
def test_what_sendmail_signs_through_us_verifies_behind_it(
    loop: Loop, mark: str, fields: bytes, body: bytes
) -> None:
    loop.send(message(mark, fields=fields, body=body), options=("BODY=8BITMIME",))
    assert passed(loop.arrived(mark)) == ["e", "r"]


def test_what_sendmail_masquerades_behind_us_verifies(loop: Loop) -> None:
    """As docs/howto/sendmail.md has it: senders are rewritten, recipients and ids are not."""
    fields = b"Sender: x@host.sender.example\r\nReply-To: alice@host.sender.example\r\n"
    text = message("masqueraded", fields=fields).replace(
        b"@sender.example", b"@host.sender.example"
    )
    loop.send(text)
    arrived = loop.arrived("masqueraded")
    assert b"From: Alice <alice@sender.example>\r\n" in arrived
    assert b"Message-ID: <masqueraded@host.sender.example>\r\n" in arrived
    assert passed(arrived) == ["e", "r"]


def test_several_messages_of_one_session_are_told_apart(loop: Loop) -> None:
    """Sendmail tells nothing about RSET: MAIL begins anew."""
    with smtplib.SMTP(
        "127.0.0.1", loop.mta.ports["sign"], local_hostname="client.example"
    ) as client:
        for number in range(3):
            client.mail("mallory@other.example")
            client.rcpt("nobody@receiver.example")
            client.rset()
            text = message(f"session-{number}")
            client.sendmail("alice@sender.example", ["bob@receiver.example"], text)
    for number in range(3):
        assert passed(loop.arrived(f"session-{number}")) == ["e", "r"]


def test_what_is_signed_on_the_way_out_is_reported_on_the_way_in(loop: Loop) -> None:
    loop.send(message("there"))
    again = loop.arrived("there").replace(b"\r\nTo:", b"\r\nX-Again: yes\r\nTo:")
    loop.send(again, through="verify")
    (line,) = results(loop.inbox.containing(b"X-Again: yes"))
    assert line.count("dkim=pass") == 2


FORGED = (
    b"Authentication-Results: mx.receiver.example; dkim=pass header.d=bank.example\r\n",
    b"Authentication-Results: mx.other.example; spf=pass\r\n",
    b'authentication-results:\r\n\t(a comment) "MX.receiver.EXAMPLE" 1;\r\n\tdkim=pass\r\n',
    b"Authentication-Results: mx.third.example; spf=fail\r\n",
    b"Authentication-Results: mx.receiver.example; spf=pass\r\n",
)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(FORGED, id="one foreign field between each two forged ones"),
        pytest.param(FORGED[1:], id="a foreign one on top"),
        pytest.param((FORGED[0], FORGED[2], FORGED[4]), id="forged ones only"),
    ],
)
def test_forged_results_are_removed_and_foreign_ones_stay(
    loop: Loop, fields: tuple[bytes, ...], request: pytest.FixtureRequest
) -> None:
    subject = f"forged-{len(fields)}"
    loop.send(message(subject, fields=b"".join(fields)), through="verify")
    ours, *foreign = results(loop.arrived(subject))
    assert "mx.receiver.example; dkim=none" in ours
    wanted = [field for field in fields if b"other" in field or b"third" in field]
    assert [f"{line}\r\n".encode() for line in foreign] == wanted


def test_quarantined_mail_is_accepted_and_held(loop: Loop) -> None:
    loop.send(message("held"), through="strict")
    assert "QUARANTINE: " in loop.mta.quarantined
    assert "DKIM" in loop.mta.quarantined
    loop.send(signed("not-held"), through="strict")
    loop.arrived("not-held")
    assert b"Subject: held" not in b"".join(loop.inbox.messages())


@pytest.mark.parametrize(
    ("octets", "code", "enhanced"),
    [
        pytest.param(signed("broken").replace(b"a line", b"a lie"), 550, b"5.7.20 ", id="rejected"),
        pytest.param(signed("keyless", selector="none"), 451, b"4.7.0 ", id="asked to come again"),
    ],
)
def test_refusals_reach_the_client_with_their_codes(
    loop: Loop, octets: bytes, code: int, enhanced: bytes
) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        loop.send(octets, through="strict")
    assert refused.value.smtp_code == code
    assert bytes(refused.value.smtp_error).startswith(enhanced)


def test_a_session_goes_on_after_a_refusal(loop: Loop) -> None:
    with smtplib.SMTP(
        "127.0.0.1", loop.mta.ports["strict"], local_hostname="client.example"
    ) as client:
        addresses = "alice@sender.example", ["bob@receiver.example"]
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail(*addresses, signed("refused").replace(b"a line", b"a lie"))
        client.sendmail(*addresses, signed("after-a-refusal"))
    assert "dkim=pass" in results(loop.arrived("after-a-refusal"))[0]


def test_while_nobody_serves_clients_are_asked_to_come_again(loop: Loop) -> None:
    """What `F=T` in docs/howto/sendmail.md promises."""
    with smtplib.SMTP("127.0.0.1", loop.mta.ports["nobody"]) as client:
        client.ehlo()
        assert client.mail("alice@sender.example")[0] == 451


def test_the_log_names_sendmails_queue_id(loop: Loop) -> None:
    loop.send(message("logged"))
    loop.arrived("logged")
    pattern = r"queue_id=(\w{14}) .*treatment=sign .*<logged@sender.example>"
    assert re.search(pattern, loop.daemon.log), loop.daemon.log
