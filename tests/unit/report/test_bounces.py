"""Bounces of our reports (RFC 3464): whose they are, what they say, and that none can be forged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from avowal.message import Message
from avowal.report.bounces import BounceAddresses, BounceCode, delivery_statuses
from avowal.report.report_ledger import MailName

NAME = MailName(20_000, "p.example", "id", "d@p.example")
ADDRESSES = BounceAddresses("bounces@r.example", b"k" * 32)


def bounce(to: str, *, action: str = "failed", status: str = "5.1.1", kind: str = "") -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=b\r\n\r\n"
        "--b\r\n\r\nSorry.\r\n--b\r\n"
        f"Content-Type: {kind or 'message/delivery-status'}\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; d@p.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no\r\n such user\r\n\r\n--b--\r\n"
    ).encode()


def test_the_address_of_a_mail_tells_whose_its_bounce_is() -> None:
    message = Message.parse(bounce(f"<{ADDRESSES.of(NAME)}>"))
    code = ADDRESSES.in_message(message)
    assert code is not None
    assert code.day == NAME.day
    others = [replace(NAME, recipient=f"{n}@p.example") for n in range(9)]
    assert ADDRESSES.whose(code, [*others, NAME]) == NAME
    assert ADDRESSES.whose(code, others) is None


def test_letters_may_change_their_case_on_the_way() -> None:
    code = ADDRESSES.read(ADDRESSES.of(NAME).upper())
    assert code is not None
    assert ADDRESSES.whose(code, [NAME]) == NAME


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("bounces@r.example", id="no-code"),
        pytest.param("bounces+20000@r.example", id="no-hash"),
        pytest.param("bounces+20000.abc@r.example", id="short-hash"),
        pytest.param("bounces+9999999." + "a" * 20 + "@r.example", id="long-day"),
        pytest.param("bounces+x." + "a" * 20 + "@r.example", id="no-day"),
        pytest.param("other+20000." + "a" * 20 + "@r.example", id="another-mailbox"),
        pytest.param("bounces+20000." + "a" * 20 + "@s.example", id="another-domain"),
    ],
)
def test_another_address_tells_nothing(address: str) -> None:
    assert ADDRESSES.read(address) is None


def test_a_forged_code_is_nobody_s() -> None:
    code = BounceCode(20_000, "a" * 20)
    assert ADDRESSES.whose(code, [NAME]) is None
    other = BounceAddresses("bounces@r.example", b"l" * 32).read(ADDRESSES.of(NAME))
    assert other is not None
    assert BounceAddresses("bounces@r.example", b"l" * 32).whose(other, [NAME]) is None


def test_an_address_fits_into_what_smtp_allows() -> None:
    """RFC 5321 §4.5.3.1.1: 64 octets."""
    assert len(ADDRESSES.of(NAME).partition("@")[0]) <= 64


@pytest.mark.parametrize(
    ("action", "status", "final"),
    [
        ("failed", "5.1.1", True),
        ("failed", "4.4.7", False),
        ("delayed", "4.4.1", False),
        ("delivered", "2.0.0", False),
    ],
)
def test_only_what_fails_for_good_is_final(action: str, status: str, *, final: bool) -> None:
    (found,) = delivery_statuses(Message.parse(bounce("x@y", action=action, status=status)))
    assert (found.action, found.status, found.is_final) == (action, status, final)
    assert found.said == "smtp; 550 5.1.1 no such user"


def test_another_mail_has_no_status() -> None:
    assert delivery_statuses(Message.parse(bounce("x@y", kind="text/plain"))) == ()
    assert delivery_statuses(Message.parse(b"Subject: hi\r\n\r\nhello\r\n")) == ()


def test_of_a_long_status_and_many_recipients_so_much_is_looked_at() -> None:
    group = b"Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: " + b"x" * 900 + b"\r\n\r\n"
    head, _, rest = bounce("x@y").partition(b"Reporting-MTA")
    octets = head + b"Reporting-MTA: dns; a\r\n\r\n" + group * 50 + b"--b--\r\n"
    found = delivery_statuses(Message.parse(octets))
    assert len(found) == 20
    assert len(found[0].said) <= 301
    assert rest
