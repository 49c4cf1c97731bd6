#!/usr/bin/env python3
"""Write the messages of the tour of `avowal web` (src/avowal/web/lessons) and their zone.

They are signed with the keys of `avowal.testing`, which everybody knows, at a fixed time; a
test compares the files with what this script makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import avowal
from avowal.authres import AuthenticationResults
from avowal.testing import RSA_2048, record_for

FOLDER = Path(__file__).parents[1] / "src" / "avowal" / "web" / "lessons"
AT = 1795521600  # 24 Nov 2026, 12:00 UTC
ZONE = {
    "s2026._domainkey.example.com": record_for(RSA_2048),
    "_dmarc.example.com": "v=DMARC1; p=reject; rua=mailto:dmarc@example.com",
    "example.com": {"TXT": ["v=spf1 mx -all"], "MX": ["10 mx.example.com"]},
    "list._domainkey.lists.example.org": record_for(RSA_2048),
    "lists.example.org": {"MX": ["10 lists.example.org"]},
    "example.net": {"MX": ["10 mx.example.net"]},
}
LUNCH = b"""\
From: Alice <alice@example.com>
To: Bob <bob@example.net>
Subject: Lunch
Date: Tue, 24 Nov 2026 12:00:00 +0000
Message-ID: <lunch.1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hello Bob,

shall we meet at noon? The new place at the corner has dumplings.

Alice
"""
OFFER = b"""\
From: Alice's shop <offers@example.com>
To: Bob <bob@example.net>
Subject: Ten euros off, for you
Date: Tue, 24 Nov 2026 12:00:00 +0000
Message-ID: <offer.7@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear customer,

the code AUTUMN is worth ten euros until Sunday.

Alice's shop
"""
FORGED = b"""\
From: Alice <alice@example.com>
To: Bob <bob@example.net>
Subject: Please pay today
Date: Tue, 24 Nov 2026 12:40:00 +0000
Message-ID: <pay.1@mail.example.biz>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hello Bob,

our bank has changed. Please send the 4,000 euros to the new account today.

Alice
"""
FOOTER = b"""\
_______________________________________________
food mailing list -- food@lists.example.org
To unsubscribe send a mail to food-leave@lists.example.org
"""


def wire(text: bytes) -> bytes:
    """Return a text with the line ends of mail."""
    return text.replace(b"\n", b"\r\n")


def received(by: str, at: str, came_from: str = "") -> bytes:
    """Return a Received field."""
    start = f"from {came_from} ({came_from} [192.0.2.{len(came_from)}])\r\n " if came_from else ""
    return f"Received: {start}by {by} with ESMTPS; Tue, 24 Nov 2026 {at} +0000\r\n".encode()


def signed(message: bytes, leave_out: tuple[str, ...] = ()) -> bytes:
    """Return a message with its signature on top, over the field that its host wrote."""
    field = avowal.sign(
        message, domain="example.com", selector="s2026", key=RSA_2048, now=AT, leave_out=leave_out
    )
    return field + received("mx.example.com", "12:00:02", "laptop.example.com") + message


def listed(message: bytes) -> bytes:
    """Return what the list makes of a post: a tag, its own fields, and three lines below."""
    tagged = message.replace(b"Subject: Lunch", b"Subject: [food] Lunch")
    fields = b"List-Id: Where to eat <food.lists.example.org>\r\nPrecedence: list\r\n"
    here = received("lists.example.org", "12:00:09", "mx.example.com")
    return fields + here + tagged + wire(FOOTER)


def delivered(message: bytes, at: str, came_from: str) -> bytes:
    """Return a message as Bob's server kept it."""
    return received("mx.example.net", at, came_from) + message


def messages() -> dict[str, bytes]:
    """Return the octets of each file."""
    lunch = signed(wire(LUNCH))
    post = signed(wire(LUNCH.replace(b"Bob <bob@example.net>", b"food@lists.example.org")))
    offer = signed(wire(OFFER), ("to", "cc"))
    stolen = lunch[: lunch.index(b"Received:")]
    changed = listed(post)
    return {
        "good.eml": delivered(lunch, "12:00:04", "mx.example.com"),
        "list.eml": delivered(changed, "12:00:31", "lists.example.org"),
        "forged.eml": delivered(stolen + wire(FORGED), "12:40:03", "mail.example.biz"),
        "replayed.eml": replayed(offer),
        "arc.eml": delivered(sealed(post, changed), "12:00:31", "lists.example.org"),
        "zone.json": (json.dumps(ZONE, indent=1) + "\n").encode(),
    }


def replayed(offer: bytes) -> bytes:
    """Return a true message on its way to somebody else."""
    there = received("inbox.example.biz", "12:00:06", "mx.example.com") + offer
    again = there.replace(b"To: Bob <bob@example.net>", b"To: carol@example.net")
    return delivered(again, "12:58:11", "bulk.example.biz")


def sealed(post: bytes, changed: bytes) -> bytes:
    """Return the post with an ARC set of the list's."""
    saw = avowal.authenticate(post, ZONE, now=AT + 9)
    results = AuthenticationResults("lists.example.org", saw.results)
    arrived = avowal.verify_chain(post, ZONE, now=AT + 9)
    fields = avowal.seal(
        changed, ZONE, authserv_id="lists.example.org", domain="lists.example.org",
        selector="list", key=RSA_2048, results=results, arrived=arrived, now=AT + 10,
    )  # fmt: skip
    return fields + changed


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, octets in messages().items():
        (FOLDER / name).write_bytes(octets)


if __name__ == "__main__":
    main()
