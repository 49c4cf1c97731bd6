#!/usr/bin/env python3
"""Record milter conversations of real MTAs into tests/vectors/milter.

Usage: scripts/record_milter.py postfix|sendmail [NAME ...]
(as root; for Sendmail AVOWAL_SENDMAIL=DIR; NAME is a conversation, such as two-messages)

The MTA talks to our own filter, whose clock stands still, through a relay that writes down
what passes.
"""

from __future__ import annotations

import asyncio
import smtplib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mailloop import Inbox, Postfix, free_port, until, workplace
from tests.milter_recording import NOW, SETUPS, Recording, Tape, message, zone
from tests.sendmail import Sendmail

import avowal
from avowal.config.model import Listener
from avowal.milter.server import MilterServer
from avowal.milter.service import Service
from avowal.milter.sockets import open_listener
from avowal.testing import ED25519, RSA_2048

Taken = list[bytes]
Script = Callable[[smtplib.SMTP], Taken]
FORGED = b"Authentication-Results: mx.receiver.example;\r\n\tdkim=pass header.d=bank.example\r\n"
FORGED_TOO = b'authentication-results:\r\n\t(a comment) "MX.receiver.EXAMPLE" 1;\r\n\tdkim=pass\r\n'
FOREIGN = b"Authentication-Results: mx.other.example; spf=pass\r\n"
FOLDED = (
    b"X-Folded: a\r\n\tb\r\n   c\r\nX-Spaced:   x\t\r\nX-Close:y\r\n"
    b"X-Latin: caf\xe9\r\nX-Utf: caf\xc3\xa9\r\n"
)


class Relay:
    """Our filter behind a TCP port; `tapes` holds what passed, a connection each."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.tapes: list[Tape] = []
        self.setup = "both"
        self._path = directory / "filter.sock"
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait(10)

    async def _serve(self) -> None:
        servers = []
        for name, setup in SETUPS.items():
            socket = open_listener(Listener(socket=f"unix:{self._path}.{name}")).socket
            service = Service(filter=setup.filter(), resolver=zone())
            servers.append(MilterServer(service, [(socket, setup.role)]))
            servers[-1].start()
        async with await asyncio.start_server(self._connected, "127.0.0.1", self.port):
            self._ready.set()
            await asyncio.Event().wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tape = Tape()
        self.tapes.append(tape)
        above, below = await asyncio.open_unix_connection(f"{self._path}.{self.setup}")

        async def pump(by: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while octets := await source.read(1 << 16):
                tape.take(by, octets)
                sink.write(octets)
                await sink.drain()
            sink.close()

        await asyncio.gather(pump("mta", reader, below), pump("filter", above, writer))


def send(client: smtplib.SMTP, octets: bytes, *options: str, reply: int = 250) -> bytes:
    client.ehlo_or_helo_if_needed()
    for (code, text), expected in (
        (client.mail("alice@sender.example", options), 250),
        (client.rcpt("bob@receiver.example"), 250),
        (client.data(octets), reply),
    ):
        if code != expected:
            raise SystemExit(f"{code} {text!r}")
    return octets


def signed(client: smtplib.SMTP) -> Taken:
    return [send(client, message("signed"))]


def verified(client: smtplib.SMTP) -> Taken:
    plain = message("verified", fields=FORGED)
    for selector, key in (("r", RSA_2048), ("e", ED25519)):
        plain = (
            avowal.sign(plain, domain="sender.example", selector=selector, key=key, now=NOW) + plain
        )
    return [send(client, plain)]


def rset(client: smtplib.SMTP) -> Taken:
    client.ehlo()
    client.mail("mallory@other.example")
    client.rcpt("nobody@receiver.example")
    client.rset()
    taken = [send(client, message("after-rset"))]
    client.mail("mallory@other.example")
    client.rset()
    return taken


def two_messages(client: smtplib.SMTP) -> Taken:
    return [send(client, message("first")), send(client, message("second"))]


def eight_bit_and_folds(client: smtplib.SMTP) -> Taken:
    body = b"caf\xc3\xa9 \xff\r\n.dot\r\n x \t y\r\n\r\n\r\n"
    return [send(client, message("eight-bit", fields=FOLDED, body=body), "BODY=8BITMIME")]


def body_in_chunks(client: smtplib.SMTP) -> Taken:
    return [send(client, message("chunks", body=b"0123456789abcde\r\n" * 8000))]


def every_answer(client: smtplib.SMTP) -> Taken:
    """Unsigned mail, of which a verifier wants no body: it is skipped."""
    folds = message("short", fields=FOLDED)
    return [
        send(client, folds, "BODY=8BITMIME"),
        send(client, message("long", body=b"0123456789abcde\r\n" * 8000)),
    ]


def forged(client: smtplib.SMTP) -> Taken:
    return [
        send(client, message("forged", fields=FORGED + FOREIGN + FORGED_TOO + FOREIGN + FORGED))
    ]


def refused(client: smtplib.SMTP) -> Taken:
    """Mail that is rejected, that shall come again, that is held, and that passes."""

    def by(selector: str) -> bytes:
        plain = message(f"by-{selector}")
        domain = "sender.example"
        field = avowal.sign(plain, domain=domain, selector=selector, key=RSA_2048, now=NOW)
        return field + plain

    return [
        send(client, by("r").replace(b"a line", b"a lie"), reply=550),
        send(client, by("none"), reply=451),
        send(client, message("unsigned")),
        send(client, by("r")),
    ]


SCRIPTS: tuple[tuple[Script, str, int], ...] = (
    (signed, "both", 1),
    (verified, "verify", 1),
    (forged, "verify", 1),
    (refused, "strict", 1),
    (rset, "both", 1),
    (two_messages, "both", 2),
    (eight_bit_and_folds, "both", 1),
    (body_in_chunks, "both", 1),
    (every_answer, "talkative", 2),
)
"""What the client says, how the filter is set up, how many messages arrive."""


@contextmanager
def postfix(root: Path, relay: Relay) -> Iterator[int]:
    with Postfix(root, "a", milter=f"inet:127.0.0.1:{relay.port}") as mta:
        yield mta.port


@contextmanager
def sendmail(root: Path, relay: Relay) -> Iterator[int]:
    with (
        Postfix(root, "b", milter="") as next_hop,
        Sendmail({"MTA": relay.port}, relay=next_hop.port) as mta,
    ):
        yield mta.ports["MTA"]


MTAS: dict[str, Any] = {"postfix": postfix, "sendmail": sendmail}


def ended(relay: Relay) -> list[Tape]:
    """Return the connections that carried a message and are over."""
    over = [tape for tape in relay.tapes if tape.packets and tape.packets[-1].command == ord("Q")]
    return [tape for tape in over if any(p.command == ord("E") for p in tape.packets)]


def record(name: str, wanted: list[str]) -> None:
    scripts = {script.__name__.replace("_", "-"): (script, *rest) for script, *rest in SCRIPTS}
    with workplace() as root:
        inbox = Inbox(root)
        relay = Relay(root)
        with MTAS[name](root, relay) as port:
            expected = 0
            for conversation in wanted or scripts:
                script, relay.setup, arriving = scripts[conversation]
                relay.tapes.clear()
                with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
                    taken = script(client)
                until(lambda: bool(ended(relay)), what="the end of the connection")
                (tape,) = ended(relay)
                recording = Recording(relay.setup, tuple(taken), tuple(tape.packets))
                recording.write(f"{name}-{conversation}")
                expected += arriving
            until(lambda: len(inbox) == expected, what="all of the mail")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in MTAS:
        sys.exit(__doc__)
    record(sys.argv[1], sys.argv[2:])
