#!/usr/bin/env python3
"""Record milter conversations of real MTAs into tests/vectors/milter.

Usage: scripts/record_milter.py postfix|sendmail   (as root; for Sendmail AVOWAL_SENDMAIL=DIR)

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

from tests.mailloop import Inbox, Postfix, answers, free_port, until, workplace
from tests.milter_recording import NOW, SETUPS, Recording, Tape, message, zone

import avowal
from avowal.config.model import Listener
from avowal.milter.server import MilterServer
from avowal.milter.service import Service
from avowal.milter.sockets import listen
from avowal.testing import ED25519, RSA_2048

Taken = list[bytes]
Script = Callable[[smtplib.SMTP], Taken]
FORGED = b"Authentication-Results: mx.receiver.example;\r\n\tdkim=pass header.d=bank.example\r\n"
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
            socket = listen(Listener(socket=f"unix:{self._path}.{name}")).socket
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


def send(client: smtplib.SMTP, octets: bytes, *options: str) -> bytes:
    client.ehlo_or_helo_if_needed()
    for code, text in (
        client.mail("alice@sender.example", options),
        client.rcpt("bob@receiver.example"),
        client.data(octets),
    ):
        if code != 250:
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


SCRIPTS: tuple[tuple[Script, str], ...] = (
    (signed, "both"),
    (verified, "verify"),
    (rset, "both"),
    (two_messages, "both"),
    (eight_bit_and_folds, "both"),
    (body_in_chunks, "both"),
    (every_answer, "talkative"),
)


@contextmanager
def postfix(root: Path, relay: Relay) -> Iterator[int]:
    with Postfix(root, "a", milter=f"inet:127.0.0.1:{relay.port}") as mta:
        yield mta.port


@contextmanager
def sendmail(root: Path, relay: Relay) -> Iterator[int]:
    # Not at the top: Postfix alone needs nothing of it.
    from tests.integration.test_milter_sendmail import sendmail as started  # noqa: PLC0415

    port = free_port()
    with Postfix(root, "b", milter="") as next_hop:
        process = started(port, relay.port, next_hop.port)
        try:
            until(lambda: answers(port), what="Sendmail")
            yield port
        finally:
            process.terminate()
            process.wait(20)


MTAS: dict[str, Any] = {"postfix": postfix, "sendmail": sendmail}


def ended(relay: Relay) -> list[Tape]:
    """Return the connections that carried a message and are over."""
    over = [tape for tape in relay.tapes if tape.packets and tape.packets[-1].command == ord("Q")]
    return [tape for tape in over if any(p.command == ord("E") for p in tape.packets)]


def record(name: str) -> None:
    with workplace() as root:
        inbox = Inbox(root)
        relay = Relay(root)
        with MTAS[name](root, relay) as port:
            expected = 0
            for script, relay.setup in SCRIPTS:
                relay.tapes.clear()
                with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
                    taken = script(client)
                until(lambda: bool(ended(relay)), what="the end of the connection")
                (tape,) = ended(relay)
                conversation = Recording(relay.setup, tuple(taken), tuple(tape.packets))
                conversation.write(f"{name}-{script.__name__.replace('_', '-')}")
                expected += len(taken)
            until(lambda: len(inbox) == expected, what="all of the mail")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in MTAS:
        sys.exit(__doc__)
    record(sys.argv[1])
