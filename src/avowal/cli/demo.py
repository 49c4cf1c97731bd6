"""``avowal demo``: the whole story on one screen, with nothing faked."""

from __future__ import annotations

import time

import click

import avowal
from avowal.cli.streams import echo
from avowal.crypto.signing import generate
from avowal.dns.zone import Zone
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName

_DOMAIN, _SELECTOR = "example.com", "demo"
_MESSAGE = (
    b"From: Alice <alice@example.com>\r\n"
    b"To: Bob <bob@example.net>\r\n"
    b"Subject: Lunch\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"\r\n"
    b"I pay you 10 euros for lunch.\r\n"
)


@click.command("demo")
def command() -> None:
    """Sign a message, publish the key, verify, tamper, and see it refused.

    Everything is real and stays on this machine: the key is new, the zone is in memory.
    """
    key = generate("ed25519")
    _step(1, "A message")
    _show(_MESSAGE)
    _step(2, f"signed by {_DOMAIN} with a new Ed25519 key")
    now = int(time.time())
    field = avowal.sign(_MESSAGE, domain=_DOMAIN, selector=_SELECTOR, key=key, now=now)
    signed = field + _MESSAGE
    _show(field)
    _step(3, "whose public half is published in the zone")
    record = zone_line(
        DomainName.parse(_SELECTOR.encode()), DomainName.parse(_DOMAIN.encode()), record_text(key)
    )
    _show(record.encode())
    zone = Zone.from_zone_file(record + "\n")
    _step(4, "verifies.")
    _verdict(signed, zone, now)
    _step(5, "White space that a relay changed does no harm (relaxed canonicalization):")
    _verdict(signed.replace(b"Subject: Lunch", b"Subject:   Lunch "), zone, now)
    _step(6, "Somebody makes it 1000 euros:")
    _verdict(signed.replace(b"10 euros", b"1000 euros"), zone, now)
    _step(7, "somebody puts another author on top:")
    _verdict(b"From: Mallory <m@example.org>\r\n" + signed, zone, now)
    _step(8, "and without the key in DNS:")
    _verdict(signed, Zone({}), now)


def _step(number: int, text: str) -> None:
    echo(click.style(f"{number}. {text}", bold=True))


def _show(octets: bytes) -> None:
    for line in octets.decode().splitlines():
        echo(f"   | {line}")


def _verdict(message: bytes, zone: Zone, now: int) -> None:
    (verdict,) = avowal.verify(message, zone, now=now)
    word = click.style(str(verdict.result), fg="green" if verdict.passed else "red", bold=True)
    source = "" if verdict.reason is None else f" ({verdict.reason.source})"
    echo(f"   => {word}: {verdict.explanation}{source}")
