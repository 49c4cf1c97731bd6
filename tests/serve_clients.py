"""Clients of the HTTP service as they come: honest, slow, broken, huge and malicious ones.

Each plays one request and returns the answer, None where there was none; `check` says whether
that may be.  Whoever imports this has to skip before where starlette or uvicorn is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

from tests.crafting import craft
from tests.fuzz.services import seeds
from tests.fuzz.test_targets import mutated
from tests.serving import Reply, check_documented_somewhere, read_reply, request

from avowal.testing import ED25519, message, record_for, tamper

ZONE: Final[dict[str, Any]] = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "s1._domainkey.late.example": "SERVFAIL",
}
TAGS: Final = {"h": "from:to:subject:date:mime-version:content-type"}
LARGEST: Final = 1 << 20
"""What the service has to be started with as its largest message."""
_BUSY: Final = frozenset({408, 503})  # what a machine may answer that has other work
_LINE: Final = b"The quick brown fox jumps over the lazy dog; pack my box with jugs.\r\n"


class Asked(NamedTuple):
    """A message and the answer it has to get."""

    octets: bytes
    answer: str


def _honest() -> Iterator[Asked]:
    for size in (0, 30, 300, 3000):
        text = message(_LINE * size)
        true = craft(text, tags=TAGS)
        yield Asked(true, "authentic")
        yield Asked(tamper(true, "subject"), "not-authentic")
        yield Asked(text, "not-authentic")
    late = craft(message(**{"from": "a@late.example"}), tags={**TAGS, "d": "late.example"})
    yield Asked(late, "cannot-tell")


HONEST: Final = tuple(_honest())
SIGNED: Final = HONEST[0].octets
_FIELD: Final = SIGNED.partition(b"From:")[0]
HOSTILE: Final = (
    _FIELD * 2000 + message(),
    b"From: a@example.com\r\n" * 5000 + b"\r\n",
    b"From: " + b"a@example.com, " * 5000 + b"\r\n\r\n",
    b"X" * (LARGEST - 1),
    b"X: " + b"y\r\n " * 200_000,
    b"\r" * 500_000,
    b"A:\r\n" * 200_000,
    b"From: " + b"(" * 60_000 + b"\r\n\r\n",
    b"From: " + b'"' * 60_000 + b"a@b\r\n\r\n",
    _FIELD.replace(b"h=", b"h=" + b"x:" * 30_000) + message(),
    b"ARC-Seal: i=1; cv=none\r\n" * 3000 + message(),
)
Kind = Callable[["Client"], Awaitable[None]]


class Client:
    """Plays requests of one kind and tallies what comes back."""

    def __init__(self, path: str, chance: random.Random, *, pause: float = 0.05) -> None:
        self._path = path
        self.chance = chance
        self.pause = pause  # of a slow one between two pieces
        self.answers: dict[str, int] = {}
        self.faults: list[str] = []

    def tally(self, reply: Reply | None, kind: str, *, asked: Asked | None = None) -> None:
        """Note an answer; an undocumented or wrong one is a fault."""
        word = f"{kind} {'-' if reply is None else reply.status}"
        self.answers[word] = self.answers.get(word, 0) + 1
        if reply is None:
            if asked is not None:
                self.faults.append(f"{kind}: no answer")
            return
        try:
            check_documented_somewhere(reply)
        except AssertionError as fault:
            self.faults.append(f"{kind}: {fault}")
        if asked is not None and reply.status == 200 and reply.object["answer"] != asked.answer:
            self.faults.append(f"{kind}: {reply.object['answer']}, not {asked.answer}")
        if asked is not None and reply.status not in {200, *_BUSY}:
            self.faults.append(f"{kind}: {reply.status}")

    async def play(
        self, octets: bytes, *, pause: float = 0, size: int = 1 << 16, hang_up: bool = False
    ) -> Reply | None:
        """Send octets in pieces; read the answer as soon as there is one."""
        reader, writer = await asyncio.open_unix_connection(sock=await _connected(self._path))
        sending = asyncio.create_task(_send(writer, octets, pause, size))
        try:
            if hang_up:
                await sending
                return None
            return await read_reply(reader)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            writer.transport.abort()


async def _connected(path: str) -> socket.socket:
    """Connect, also while the queue of the kernel is full: asyncio takes that for connected."""
    made = socket.socket(socket.AF_UNIX)
    made.setblocking(False)
    while True:
        try:
            made.connect(path)
        except BlockingIOError:
            await asyncio.sleep(0.01)
        else:
            return made


async def _send(writer: asyncio.StreamWriter, octets: bytes, pause: float, size: int) -> None:
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(octets), size):
            writer.write(octets[at : at + size])
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)


async def honest(client: Client) -> None:
    """Ask as a program does."""
    asked = client.chance.choice(HONEST)
    reply = await client.play(request("POST", "/verdict", asked.octets))
    client.tally(reply, "honest", asked=asked)


async def slow(client: Client) -> None:
    """Send a few octets at a time: the head, or the message."""
    octets = request("POST", "/verdict", SIGNED)
    cut = client.chance.choice((0, octets.index(b"\r\n\r\n") + 4))
    reply = await client.play(octets, pause=client.pause, size=cut + 4)
    client.tally(reply, "slow")


async def broken(client: Client) -> None:
    """Hang up in the middle, or wait for an answer to half a request that is told to be whole."""
    octets = request("POST", "/verdict", client.chance.choice(HONEST).octets)
    cut = client.chance.randrange(len(octets))
    client.tally(await client.play(octets[:cut], hang_up=True), "broken")
    await asyncio.sleep(0.02)  # or nobody else would come to the turn


async def huge(client: Client) -> None:
    """Send more than is taken, told or not."""
    block = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    untold = request(
        "POST", "/verdict", b"", content_length="", transfer_encoding="chunked"
    ) + block * (LARGEST // 0x10000 + 40)
    told = request("POST", "/authenticate", b"a" * (LARGEST + 1))
    reply = await client.play(client.chance.choice((untold, told)))
    client.tally(reply, "huge")
    if reply is not None and reply.status not in {413, *_BUSY}:
        client.faults.append(f"huge: {reply.status}")


async def malicious(client: Client) -> None:
    """Send what costs most, and what is no HTTP."""
    if client.chance.random() < 0.5:
        octets = client.chance.choice(HOSTILE)
        path = client.chance.choice(("/verdict", "/authenticate?policies=adsp&policies=2026"))
        client.tally(await client.play(request("POST", path, octets)), "malicious")
        return
    octets = mutated(client.chance, client.chance.choice(_SEEDS)[1:])
    try:
        async with asyncio.timeout(1):  # half a request is not answered for long
            client.tally(await client.play(octets), "mutated")
    except TimeoutError:
        client.tally(None, "mutated")


_SEEDS: Final = tuple(seeds("serve"))
KINDS: Final[dict[str, Kind]] = {
    "honest": honest, "slow": slow, "broken": broken, "huge": huge, "malicious": malicious,
}  # fmt: skip
