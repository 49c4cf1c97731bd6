"""Messages as programs export them, and when they were received."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import NOW, SIGNED

import avowal
from avowal.calls.receipt import received_at
from avowal.message import Header
from avowal.testing import ED25519, message
from avowal.text import lasting

ZONE = ("--zone", "zone.json")
EMLX = b'%-10d\n%b<?xml version="1.0"?><plist></plist>\n' % (len(SIGNED), SIGNED)
WRAPPED = [
    pytest.param(b"\xef\xbb\xbf" + SIGNED, "a byte order mark was passed over", id="a-mark"),
    pytest.param(EMLX, "what Apple Mail puts around an .emlx was passed over", id="emlx"),
    pytest.param(gzip.compress(SIGNED), "compression by gzip was passed over", id="gzip"),
]


@pytest.mark.parametrize(("octets", "said"), WRAPPED)
@pytest.mark.parametrize("command", ["verify", "canon"])
def test_a_wrapped_message_is_read_and_the_wrapping_named(
    avowal_command: Callable[..., Any], tmp_path: Path, octets: bytes, said: str, command: str
) -> None:
    (tmp_path / "wrapped").write_bytes(octets)
    options = ZONE if command == "verify" else ()
    ran = avowal_command(command, "wrapped", *options)
    assert ran.stderr.decode() == f"avowal: warning: wrapped: {said}\n"
    assert ran.returncode == 0
    again = avowal_command(command, "-", *options, stdin=octets)
    assert again.returncode == 0


RECEIVED = [
    pytest.param(b"by x; Sun, 29 Nov 2026 15:00:00 +0000", 1795964400, id="a-date"),
    pytest.param(b"by x;\r\n Sun, 29 Nov 2026 16:00:00 +0100 (CET)", 1795964400, id="folded"),
    pytest.param(b"by x", 7, id="no-date"),
    pytest.param(b"by x; yesterday", 7, id="no-time"),
    pytest.param(b"by x; Sun, 99 Nov 99999 99:00:00 +9999", 7, id="beyond-all-years"),
    pytest.param(b"by x; Sun, 29 Nov 1901 15:00:00 +0000", 7, id="before-all-mail"),
]


@pytest.mark.parametrize(("value", "moment"), RECEIVED)
def test_the_time_of_receipt_is_that_of_the_topmost_received_field(
    value: bytes, moment: int
) -> None:
    earlier = b"Received: by y; Sun, 29 Nov 2020 15:00:00 +0000\r\n"
    header = Header.parse(b"Received: " + value + b"\r\n" + earlier)
    assert received_at(header, otherwise=7) == moment


def test_x_is_judged_at_the_time_of_receipt_for_whole_mailboxes(
    avowal_command: Callable[..., Any], tmp_path: Path
) -> None:
    # RFC 6376 §3.5 x=: the time the message was first received at the verifier's domain
    def mail(day: int) -> bytes:
        start = NOW + day * 86400
        signed = avowal.sign(
            message(), domain="example.com", selector="s1", key=ED25519, now=start, lifetime=3600
        )
        received = f"Received: by mx.example.com; {formatdate(start + 60)}\r\n".encode()
        return b"From a@example.com\n" + (received + signed + message()).replace(b"\r\n", b"\n")

    (tmp_path / "mbox").write_bytes(b"\n".join([mail(-400), mail(-3), mail(-1)]))
    late = avowal_command("verify", "mbox", *ZONE, "--at", str(NOW))
    assert late.stdout.decode().count("\n  pass ") == 0
    assert "399 days ago" in late.stdout.decode().replace("1 years", "399 days")
    then = avowal_command("verify", "mbox", *ZONE, "--at", "received")
    assert then.stdout.decode().count("\n  pass ") == 3
    assert then.returncode == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"),
        (90 * 60, "90 minutes"), (7200, "2 hours"), (86400, "24 hours"), (12 * 86400, "12 days"),
        (729 * 86400, "729 days"), (730 * 86400, "2 years"), (-86400 * 3, "3 days"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_one_that_people_read(seconds: int, said: str) -> None:
    assert lasting(seconds) == said


def test_fields_that_a_relay_rewrites_can_be_left_out(avowal_command: Callable[..., Any]) -> None:
    ran = avowal_command(
        "sign", "-d", "example.com", "-s", "s1", "-k", "s1.pem", "--leave-out", "Message-ID,date",
        "unsigned.eml",
    )  # fmt: skip
    verdict = avowal.verify(
        ran.stdout, {"s1._domainkey.example.com": avowal.testing.record_for(ED25519)}
    )[0]
    assert verdict.passed
    assert verdict.signature is not None
    assert not {b"message-id", b"date"} & set(verdict.signature.signed_names)
