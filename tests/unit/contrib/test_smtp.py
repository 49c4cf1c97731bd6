"""Mail that programs send arrives signed: smtplib, aiosmtplib and Django, at a real server."""

from __future__ import annotations

import email.policy
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage, Message
from typing import Any

import aiosmtplib
import pytest

import avowal
from avowal.contrib.smtp import SMTP, OutgoingSigner
from avowal.errors import IntentError, UsageError
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

ZONE = Zone(
    {
        "s._domainkey.example.com": record_for(ED25519),
        "r._domainkey.example.com": record_for(RSA_2048),
        "s._domainkey.example.org": record_for(ED25519),
    }
)
COM = avowal.Intent(domain="example.com", selector="s", key=ED25519)
COM_RSA = avowal.Intent(domain="example.com", selector="r", key=RSA_2048)
ORG = avowal.Intent(domain="example.org", selector="s", key=ED25519)


def passed(octets: bytes) -> list[tuple[str, str]]:
    found = avowal.verify(octets, ZONE)
    return [(str(verdict.result), str(verdict.domain)) for verdict in found]


def written(body: str = "Shall we meet?\n", author: str = "alice@example.com") -> EmailMessage:
    made = EmailMessage()
    made["From"] = author
    made["To"] = "bob@example.net"
    made["Subject"] = "Grüße"
    made["Date"] = "Tue, 24 Nov 2026 12:00:00 +0000"
    made["Message-ID"] = "<1@example.com>"
    made.set_content(body)
    return made


def eight_bit(body: bytes) -> Message[str, str]:
    return message_from_bytes(message(body), policy=email.policy.default)


BODIES = [
    pytest.param(written, id="plain"),
    pytest.param(lambda: written("From here\n.\n.dot\n"), id="from-and-dots"),
    pytest.param(lambda: written("Schöne Grüße\n"), id="text-beyond-ascii"),
    pytest.param(lambda: eight_bit("Grüße\r\n".encode()), id="eight-bit"),
    pytest.param(lambda: written("x" * 3000), id="long-line"),
]


@pytest.mark.parametrize("make", BODIES)
def test_send_message_arrives_signed(server: Any, make: Callable[[], Any]) -> None:
    with SMTP("127.0.0.1", server.port, signer=OutgoingSigner([COM, COM_RSA])) as connection:
        connection.send_message(make())
    (octets,) = server.sink.octets
    assert passed(octets) == [("pass", "example.com")] * 2
    assert octets.isascii()


def test_sendmail_signs_text_and_octets(server: Any) -> None:
    with SMTP("127.0.0.1", server.port, signer=OutgoingSigner([COM])) as connection:
        for given in (message(), message().decode(), message().replace(b"\r\n", b"\n")):
            connection.sendmail("alice@example.com", ["bob@example.net"], given)
    assert [passed(octets) for octets in server.sink.octets] == [[("pass", "example.com")]] * 3


def test_an_internationalized_message_keeps_its_header(server: Any) -> None:
    with SMTP("127.0.0.1", server.port, signer=OutgoingSigner([COM])) as connection:
        sent = written("Grüße\n")
        del sent["To"]
        sent["To"] = "bøb@example.net"
        connection.send_message(sent)
    assert passed(server.sink.octets[0]) == [("pass", "example.com")]
    assert "SMTPUTF8" in server.sink.options[0]


@pytest.mark.parametrize(
    ("author", "signed_by"),
    [
        pytest.param("a@example.com", ["example.com"], id="its-own"),
        pytest.param("a@news.example.org", ["example.org"], id="below"),
        pytest.param("a@notexample.com", ["example.com", "example.org"], id="neither"),
    ],
)
def test_the_author_says_who_signs(author: str, signed_by: list[str]) -> None:
    octets = OutgoingSigner([COM, ORG]).signed(message(From=author))
    assert [domain for _, domain in passed(octets)] == signed_by


def test_nothing_to_sign_with_is_refused() -> None:
    with pytest.raises(IntentError, match="nothing to sign with"):
        OutgoingSigner([])
    with pytest.raises(UsageError, match="Intent is needed"):
        OutgoingSigner(["example.com"])  # type: ignore[list-item]


def test_a_message_to_which_a_server_would_add_a_field_is_not_sent(server: Any) -> None:
    lacking = message(message_id=None)
    with (
        SMTP("127.0.0.1", server.port, signer=OutgoingSigner([COM])) as connection,
        pytest.raises(IntentError, match="Message-ID: there is none"),
    ):
        connection.sendmail("a@example.com", ["b@example.net"], lacking)
    assert server.sink.octets == []


def test_for_ses_what_it_rewrites_is_left_out_and_one_signature_made() -> None:
    signer = OutgoingSigner([COM], relay="ses")
    octets = signer.signed(message(message_id=None))
    rewritten = b"Message-ID: <new@ses>\r\n" + octets.replace(b"Date: Tue", b"Date: Wed")
    assert passed(rewritten) == [("pass", "example.com")]
    with pytest.raises(IntentError, match="Amazon SES refuses"):
        signer.signed(octets)
    with pytest.raises(IntentError, match="2 to be made"):
        OutgoingSigner([COM, COM_RSA], relay="ses").signed(message())


async def test_aiosmtplib_sends_the_octets_that_were_signed(server: Any) -> None:
    octets = avowal.wire_octets(written("From here\n"))
    signed = await avowal.asign(octets, COM) + octets
    await aiosmtplib.send(
        signed, sender="alice@example.com", recipients=["bob@example.net"],
        hostname="127.0.0.1", port=server.port,
    )  # fmt: skip
    assert passed(server.sink.octets[0]) == [("pass", "example.com")]


@pytest.fixture
def django(server: Any) -> Iterator[Any]:
    """Django with its mail sent to the server."""
    pytest.importorskip("django", reason="Django is not installed")
    from django.conf import settings
    from django.test.utils import override_settings

    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", USE_TZ=True)
    with override_settings(
        EMAIL_BACKEND="avowal.contrib.django.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=server.port,
        AVOWAL={"domain": "example.com", "selector": "s", "key": ED25519},
    ):
        yield override_settings


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("Shall we meet?\n", id="plain"),
        pytest.param("From here\n.\n..\n", id="from-and-dots"),
        pytest.param("Schöne Grüße\n", id="text-beyond-ascii"),
        pytest.param("ü" * 2000, id="long-line"),
    ],
)
def test_django_sends_signed_mail(django: Any, server: Any, body: str) -> None:
    from django.core.mail import EmailMultiAlternatives, get_connection

    mail = EmailMultiAlternatives("Grüße", body, "alice@example.com", ["bob@example.net"])
    mail.attach_alternative(f"<p>{body}</p>", "text/html")
    assert get_connection().send_messages([mail, mail]) == 2
    assert [passed(octets) for octets in server.sink.octets] == [[("pass", "example.com")]] * 2
    assert all(octets.isascii() for octets in server.sink.octets)


def test_django_signs_with_the_entry_of_the_author(django: Any, server: Any) -> None:
    from django.core.mail import send_mail

    entries = [
        {"domain": "example.com", "selector": "s", "key": ED25519},
        {"domain": "example.org", "selector": "s", "key": ED25519.pem(), "lifetime": 60},
    ]
    with django(AVOWAL=entries):
        send_mail("Hi", "x", "a@example.org", ["b@example.net"])
    assert passed(server.sink.octets[0]) == [("pass", "example.org")]
    assert b" x=" in server.sink.octets[0]


def test_django_signs_for_ses(django: Any, server: Any) -> None:
    from django.core.mail import send_mail

    with django(AVOWAL_RELAY="ses"):
        send_mail("Hi", "x", "a@example.com", ["b@example.net"])
    octets = server.sink.octets[0]
    rewritten = octets.replace(b"Message-ID: <", b"Message-ID: <ses-").replace(
        b"Date: ", b"Date:  "
    )
    assert rewritten != octets
    assert passed(rewritten) == [("pass", "example.com")]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        pytest.param(None, "say with what to sign", id="nothing"),
        pytest.param({"domain": "example.com", "selector": "s"}, "key", id="no-key"),
        pytest.param({"key": ED25519}, "domain and a selector", id="no-domain"),
        pytest.param(
            {"domain": "example.com", "selector": "s", "key": "none.pem"}, "none.pem", id="no-file"
        ),
        pytest.param(
            {"domain": "example.com", "selector": "s", "key": ED25519, "lifespan": 1},
            "lifespan",
            id="no-such-option",
        ),
        pytest.param(
            {"domain": "com", "selector": "s", "key": ED25519}, "single label", id="no-such-domain"
        ),
    ],
)
def test_settings_that_cannot_sign_are_named(django: Any, entry: Any, why: str) -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.mail import send_mail

    with django(AVOWAL=entry), pytest.raises(ImproperlyConfigured, match=why):
        send_mail("Hi", "x", "a@example.com", ["b@example.net"])
