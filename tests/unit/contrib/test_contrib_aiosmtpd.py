"""The handler for aiosmtpd behind a real server, with smtplib as its client."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed (extra: test)")

from aiosmtpd.smtp import Envelope
from tests.crafting import SIGNED_AT, craft
from tests.mailloop import free_port

from avowal import Authenticity, Judgement, UsageError
from avowal.contrib.aiosmtpd import JudgingController, JudgingHandler, client_of
from avowal.testing import ED25519, Zone, message, record_for, tamper

ID = "mx.example.org"
SIGNED = craft(message(), tags={"h": "from:to:subject:date:mime-version:content-type"})
ZONE = Zone(
    {
        "s1._domainkey.example.com": record_for(ED25519),
        "_dmarc.example.com": "v=DMARC1; p=reject",
        "example.com": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]},
        "s1._domainkey.late.example": "SERVFAIL",
    }
)
LATE = craft(message(**{"from": "a@late.example"}), tags={"d": "late.example"})
Send = Callable[..., tuple[int, bytes]]


class Taken:
    """Takes messages, and answers as it is told to."""

    def __init__(self) -> None:
        self.judgements: list[Judgement] = []
        self.octets: list[bytes] = []
        self.reply: str | None = None

    async def __call__(self, envelope: Envelope, judgement: Judgement) -> str | None:
        self.judgements.append(judgement)
        assert envelope.content == envelope.original_content
        self.octets.append(envelope.original_content or b"")
        if self.reply == "raise":
            raise RuntimeError("a fault of the program")
        return self.reply


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def send(taken: Taken) -> Iterator[Send]:
    """Start a server by the options of the first message; send messages to it."""
    controllers: list[JudgingController] = []

    def sent(
        octets: bytes, sender: str = "bounces@example.com", helo: str = "mail.example.com",
        **options: Any,
    ) -> tuple[int, bytes]:  # fmt: skip
        if not controllers:
            made = JudgingHandler(
                taken, resolver=ZONE, clock=lambda: float(SIGNED_AT + 60), **options
            )
            controllers.append(JudgingController(made, port=free_port()))
            controllers[0].start()
        (listening,) = controllers[0].server.sockets
        with smtplib.SMTP("127.0.0.1", listening.getsockname()[1], helo) as client:
            client.ehlo()
            client.mail(sender)
            client.rcpt("bob@example.net")
            return client.data(octets)

    yield sent
    for controller in controllers:
        controller.stop()


@pytest.mark.parametrize(
    ("octets", "sender", "answer", "ground"),
    [
        pytest.param(SIGNED, "x@other.example", "authentic", "signed", id="signed"),
        pytest.param(tamper(SIGNED), "x@other.example", "not-authentic", "broken", id="changed"),
        pytest.param(message(), "x@other.example", "not-authentic", "unsigned", id="forged"),
        pytest.param(message(), "x@example.com", "cannot-tell", "spf-only", id="by-connection"),
        pytest.param(message(), "", "not-authentic", "unsigned", id="bounce-of-a-stranger"),
        pytest.param(LATE, "", "cannot-tell", "dns", id="dns-is-silent"),
        pytest.param(b"\xff\x00no message", "", "cannot-tell", "no-author", id="octets"),
    ],
)
def test_a_message_comes_with_its_judgement(
    send: Send, taken: Taken, octets: bytes, sender: str, *, answer: str, ground: str
) -> None:
    assert send(octets, sender)[0] == 250
    (found,) = taken.judgements
    assert (found.answer, found.ground) == (answer, ground)


def test_the_octets_are_those_that_came(send: Send, taken: Taken) -> None:
    octets = SIGNED + b".a line with a dot\r\n\t \xff\r\n"
    send(octets)
    assert taken.octets == [octets]


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        pytest.param(SIGNED, b"250 2.0.0 OK", id="authentic"),
        pytest.param(tamper(SIGNED), b"550 5.7.26 example.com: a signature", id="not"),
        pytest.param(LATE, b"451 4.4.3 late.example: DNS does not answer", id="for-now"),
        pytest.param(message(**{"from": "a@other.example"}), b"250 2.0.0 OK", id="cannot-tell"),
    ],
)
def test_what_is_not_authentic_is_refused_on_request(
    send: Send, taken: Taken, octets: bytes, code: bytes
) -> None:
    status, text = send(octets, "x@other.example", refuse=True)
    assert f"{status} ".encode() + text[: len(code) - 4] == code
    assert len(taken.judgements) == (status == 250)


def test_a_message_is_tagged_and_forged_results_go(send: Send, taken: Taken) -> None:
    forged = b"Authentication-Results: mx.example.ORG; dmarc=pass header.from=bank.example\r\n"
    other = b"Authentication-Results: mx.other.example; spf=pass\r\n"
    send(forged + other + forged + SIGNED, authserv_id=ID)
    (octets,) = taken.octets
    field, rest = octets.split(b"\r\nAuthentication-Results", 1)
    assert field.startswith(b"Authentication-Results: mx.example.org;")
    assert b"dkim=pass" in field
    assert b"spf=pass" in field
    assert b"dmarc=pass header.from=example.com" in field
    assert b"Authentication-Results" + rest == other + SIGNED


def test_a_header_too_large_to_be_tagged_is_refused(send: Send, taken: Taken) -> None:
    status, _ = send(b"X: y\r\n" * 6000 + SIGNED, authserv_id=ID)
    assert status == 552
    assert not taken.judgements


def test_the_recipients_help_to_see_replays(send: Send, taken: Taken) -> None:
    send(craft(message(to="eve@example.net"), tags={
        "h": "from:to:subject:date:mime-version:content-type"}))  # fmt: skip
    (found,) = taken.judgements
    assert "recipient-not-named" in found.hints


def test_the_program_says_what_the_client_is_told(send: Send, taken: Taken) -> None:
    taken.reply = "550 5.7.1 no such ticket"
    assert send(SIGNED) == (550, b"5.7.1 no such ticket")


def test_a_fault_of_the_program_lets_the_client_keep_the_message(
    send: Send, taken: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    taken.reply = "raise"
    assert send(SIGNED)[0] == 451
    assert "a fault of the program" in caplog.text
    assert "Lunch" not in caplog.text


def test_an_internationalized_sender_and_a_strange_helo_are_taken(send: Send, taken: Taken) -> None:
    assert send(SIGNED, "x@xn--bcher-kva.example", "[127.0.0.1]")[0] == 250
    assert taken.judgements[0].answer is Authenticity.AUTHENTIC


@pytest.mark.parametrize(
    ("peer", "proxied", "authenticated", "client"),
    [
        pytest.param(("192.0.2.1", 25), None, None, "192.0.2.1", id="ipv4"),
        pytest.param(("2001:db8::1", 25, 0, 0), None, None, "2001:db8::1", id="ipv6"),
        pytest.param("", None, None, None, id="unix"),
        pytest.param(("127.0.0.1", 9), "192.0.2.7", None, "192.0.2.7", id="behind-a-proxy"),
        pytest.param(("127.0.0.1", 9), "", None, None, id="behind-a-proxy-that-does-not-know"),
        pytest.param(("192.0.2.1", 25), None, True, None, id="a-user-of-ours"),
    ],
)
def test_whom_spf_is_checked_for(
    peer: Any, proxied: str | None, authenticated: bool | None, *, client: str | None
) -> None:
    session: Any = SimpleNamespace(
        peer=peer,
        authenticated=authenticated,
        proxy_data=None if proxied is None else SimpleNamespace(src_addr=proxied),
    )
    assert client_of(session) == client


def test_what_cannot_be_accepted_is_told_when_the_handler_is_made(taken: Taken) -> None:
    with pytest.raises(UsageError, match="accept_unsigned"):
        JudgingHandler(taken, accept_unsigned=("From",))
