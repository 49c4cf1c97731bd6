"""Octets to a name server and back, over UDP and TCP (RFC 1035 §4.2, RFC 7766).

Written once for both worlds: a `Talk` is a generator that owns its non-blocking socket
and yields a `Wait` wherever it would block; it is sent whether the socket became ready
in time.  `drive` runs many talks in one thread, `adrive` one on the event loop.  A talk has
one socket at a time, so that whoever bounds the talks bounds the descriptors.
"""

from __future__ import annotations

import errno
import selectors
import socket
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from time import monotonic
from typing import NamedTuple, TypeAlias, TypeVar

from avowal.lookup import Failure

T = TypeVar("T")

_MAX_DATAGRAM = 65535
# What the host lacks, not the server.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# poll has no limit on descriptors and needs none of its own; epoll would cost three calls.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class Wait(NamedTuple):
    """A socket that has to become ready before `until` (on the monotonic clock)."""

    sock: socket.socket
    writing: bool
    until: float


Talk: TypeAlias = Generator[Wait, bool, T]


class Server(NamedTuple):
    """The address of a name server: `address` is what `socket.connect` takes."""

    family: int
    address: tuple[str | int | bytes, ...]
    trusted: bool  # whether its AD bit is believed (RFC 4035 §4.9.3)


def over_udp(
    server: Server,
    query: bytes,
    belongs: Callable[[bytes, bytes], bool],
    until: float,
    *,
    resend: float,
) -> Talk[bytes | Failure]:
    """Ask in one datagram and wait for the one that belongs to it.

    A new socket each time gives a new random port, and connecting it makes the kernel drop
    what others send (RFC 5452 §9.2).  What does not belong to the query is passed over: a
    forger must not be able to end the wait.  A datagram may be lost (RFC 1035 §4.2.1): the
    same one is sent again after `resend` seconds, and after twice as long each further time;
    id and port stay, so that an answer to any of them counts and no forger gains.
    """
    junk = False
    again = monotonic() + resend
    try:
        with socket.socket(server.family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(server.address)
            sock.send(query)
            while True:
                if not (yield Wait(sock, False, min(again, until))):
                    if again >= until:
                        break
                    sock.send(query)
                    resend *= 2
                    again += resend
                    continue
                reply = _received(sock, _MAX_DATAGRAM)
                if reply is not None and belongs(reply, query):
                    return reply
                junk = junk or reply is not None
    except OSError as error:
        return _unsent(error)
    return Failure.MALFORMED if junk else Failure.TIMEOUT


def over_tcp(
    server: Server, query: bytes, belongs: Callable[[bytes, bytes], bool], until: float
) -> Talk[bytes | Failure]:
    """Ask over a connection of its own; messages carry two octets of length (§4.2.2)."""
    try:
        with socket.socket(server.family, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect_ex(server.address)
            unsent = len(query).to_bytes(2, "big") + query
            while unsent:
                if not (yield Wait(sock, True, until)):
                    return Failure.TIMEOUT
                unsent = unsent[sock.send(unsent) :]
            framed = yield from _framed(sock, until)
    except OSError as error:
        return _unsent(error)
    if isinstance(framed, bytes) and not belongs(framed, query):
        return Failure.MALFORMED
    return framed


def _unsent(error: OSError) -> Failure:
    """Tell a host without descriptors or memory from a server that cannot be reached."""
    return Failure.NO_SOCKETS if error.errno in _OURS else Failure.UNREACHABLE


def _framed(sock: socket.socket, until: float) -> Talk[bytes | Failure]:
    """Read one message with its length before it."""
    got = bytearray()
    wanted = 2
    while len(got) < wanted:
        if not (yield Wait(sock, False, until)):
            return Failure.TIMEOUT
        piece = _received(sock, wanted - len(got))
        if piece == b"":
            return Failure.MALFORMED
        got += piece or b""
        if wanted == 2 and len(got) == 2:
            wanted += int.from_bytes(got, "big")
    return bytes(got[2:])


def _received(sock: socket.socket, size: int) -> bytes | None:
    """Receive; None where the socket was called ready for a datagram that was then dropped."""
    try:
        return sock.recv(size)
    except BlockingIOError:
        return None


def drive(talks: Sequence[Talk[T]], *, at_once: int) -> tuple[T, ...]:
    """Run the talks in this thread, `at_once` side by side; their results in order."""
    results: dict[int, T] = {}
    waits: dict[int, Wait] = {}  # by the place of the talk
    begun = iter(range(len(talks)))
    try:
        with _Selector() as selector:
            while len(results) < len(talks):
                for index in islice(begun, at_once - len(waits)):
                    _advance(talks, index, None, waits, results)
                    _watch(selector, waits.get(index))
                if not waits:
                    continue
                soonest = min(wait.until for wait in waits.values())
                events = selector.select(max(0.0, soonest - monotonic()))
                ready = {key.fd for key, _ in events}
                now = monotonic()
                for index, wait in tuple(waits.items()):
                    came = wait.sock.fileno() in ready
                    if came or wait.until <= now:
                        selector.unregister(waits.pop(index).sock)
                        _advance(talks, index, came, waits, results)
                        _watch(selector, waits.get(index))
    finally:
        for talk in talks:
            talk.close()
    return tuple(results[index] for index in range(len(talks)))


def _advance(
    talks: Sequence[Talk[T]],
    index: int,
    ready: bool | None,  # noqa: FBT001 - what a talk is sent
    waits: dict[int, Wait],
    results: dict[int, T],
) -> None:
    """Let one talk go on until it waits again or ends; None starts it."""
    try:
        waits[index] = next(talks[index]) if ready is None else talks[index].send(ready)
    except StopIteration as stop:
        results[index] = stop.value


def _watch(selector: selectors.BaseSelector, wait: Wait | None) -> None:
    if wait is not None:
        event = selectors.EVENT_WRITE if wait.writing else selectors.EVENT_READ
        selector.register(wait.sock, event)


async def adrive(talk: Talk[T]) -> T:
    """Run one talk on the running event loop; cancelling it closes its socket."""
    try:
        wait = next(talk)
        while True:
            wait = talk.send(await _ready(wait))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        talk.close()


async def _ready(wait: Wait) -> bool:
    """Wait for the socket; False when its time is up."""
    from asyncio import get_running_loop  # noqa: PLC0415 - synchronous callers never load asyncio

    loop = get_running_loop()
    future = loop.create_future()

    def settle(ready: bool) -> None:  # noqa: FBT001 - the two callbacks differ in nothing else
        if not future.done():
            future.set_result(ready)

    watch, forget = (
        (loop.add_writer, loop.remove_writer)
        if wait.writing
        else (loop.add_reader, loop.remove_reader)
    )
    alarm = loop.call_later(max(0.0, wait.until - monotonic()), settle, False)
    watch(wait.sock, settle, True)
    try:
        return bool(await future)
    finally:
        alarm.cancel()
        forget(wait.sock)
