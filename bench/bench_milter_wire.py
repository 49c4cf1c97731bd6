"""CPU per message of the filter's end of the milter protocol, against a plain struct loop.

    PYTHONPATH=src python bench/bench_milter_wire.py [rounds]

One message is what Postfix sends: 30 header fields, one body chunk, on a kept connection and
on one of its own.  The plain loop cuts the same octets into packets and looks at nothing; it
is the floor.  Medians of interleaved rounds of process time.
"""

from __future__ import annotations

import statistics
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mta.session import MtaSession, Transaction
from tests.mta.spool import POSTFIX

from avowal.milter.actions import on_top
from avowal.milter.events import Body, EndOfMessage
from avowal.milter.negotiation import ProtocolFlags, Stage, Wish
from avowal.milter.packets import PlainAnswer
from avowal.milter.session import FilterSession

FIELDS = b"".join(
    b"X-Field-%d: a value of a usual length, number %d,\r\n\twith a fold now and then\r\n" % (n, n)
    for n in range(30)
)
MESSAGE = FIELDS + b"\r\n" + b"a line of the body that says little\r\n" * 50
SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=s;\r\n\tb=" + b"A" * 300
MACROS = {Stage.MAIL: ("{auth_type}",), Stage.END_OF_BODY: ("i",)}
QUIET = Wish(macros=MACROS)
TALKATIVE = Wish(protocol=ProtocolFlags.LEADING_SPACE, macros=MACROS)


def conversation(wish: Wish) -> tuple[list[bytes], list[bytes]]:
    """Return the MTA's writes up to the first message's end, and those of a further message."""
    mta = MtaSession(flavour=POSTFIX)
    session = FilterSession(wish)
    writes = [mta.opening()]
    mta.receive(play(session, writes[0]))
    transaction = Transaction.of(MESSAGE)
    firsts = []
    for _ in range(2):
        octets = mta.submit(transaction)
        while octets:
            writes.append(octets)
            octets = mta.receive(play(session, octets))
            if mta.outcome is not None:
                writes.append(octets)
                play(session, octets)
                break
        firsts.append(writes)
        writes = []
    return firsts[0], firsts[1]


def play(session: FilterSession, octets: bytes) -> bytes:
    session.receive(octets)
    while (event := session.next_event()) is not None:
        if type(event) is EndOfMessage:
            session.answer(PlainAnswer.ACCEPT, on_top([SIGNATURE]))
        elif type(event) is not Body or session.owed:
            session.proceed()
    return session.outgoing()


def plain(octets: bytes) -> int:
    """Cut packets and count them."""
    at = count = 0
    unpack = struct.Struct("!I").unpack_from
    while at < len(octets):
        (length,) = unpack(octets, at)
        command, payload = octets[at + 4], octets[at + 5 : at + 4 + length]
        at += 4 + length
        count += command > 0 and payload is not None
    return count


def fresh(wish: Wish, writes: list[bytes]) -> None:
    session = FilterSession(wish)
    for octets in writes:
        play(session, octets)


def kept(session: FilterSession, writes: list[bytes]) -> None:
    for octets in writes:
        play(session, octets)


def measured(work: Callable[[], object], number: int = 300) -> float:
    start = time.process_time()
    for _ in range(number):
        work()
    return (time.process_time() - start) / number * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    quiet, again = conversation(QUIET)
    talkative, _ = conversation(TALKATIVE)
    session = FilterSession(QUIET)
    kept(session, quiet)
    stream = b"".join(quiet)
    works: dict[str, Callable[[], object]] = {
        "plain struct loop": lambda: plain(stream),
        "session, own connection": lambda: fresh(QUIET, quiet),
        "session, kept connection": lambda: kept(session, again),
        "session, every packet answered": lambda: fresh(TALKATIVE, talkative),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(measured(work))
    floor = statistics.median(times["plain struct loop"])
    print(f"{plain(stream)} packets, {len(stream)} octets")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:32} {median:7.1f} us  {median / floor:5.2f}")


if __name__ == "__main__":
    main()
