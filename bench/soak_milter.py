"""A soak of the daemon: many messages, some DNS that fails, some peers that misbehave.

    python bench/soak_milter.py [messages] [report every]

Clients sign a message, verify what came back, and compare the result with what has to come:
a pass, a fail for a changed body, a temporary error where DNS fails.  Beside them peers
stall, break off, send garbage, huge packets and headers without an end.  At the end nothing
may be lost or wrong, and the memory of the workers must not have grown.
"""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from milter_peers import DOMAIN, _connected, avowal, make_keys, message
from tests.mta.client import MtaClient
from tests.mta.session import MtaSession, Transaction

from avowal.milter.codec import encode
from avowal.milter.packets import Abort, Connect, HeaderField, PlainAnswer

MACROS = {"i": b"QID1", "j": b"mx.receiver.example"}
STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")


class Tally:
    """What happened, over all threads."""

    def __init__(self, wanted: int) -> None:
        self.left = wanted
        self.done = self.wrong = self.lost = self.attacks = 0
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def note(self, word: str | None, *, lost: bool = False) -> None:
        with self.lock:
            self.done += 1
            if word is not None:
                self.lost += lost
                self.wrong += not lost
                if len(self.faults) < 20:
                    self.faults.append(word)


def honest(signer: str, verifier: str, tally: Tally, seed: int) -> None:
    chance = random.Random(seed)
    octets = [message(size) for size in (200, 2_000, 20_000)]
    out = back = None
    while tally.take():
        try:
            if out is None or chance.random() < 0.2:
                for mta in (out, back):
                    if mta is not None:
                        mta.close()
                out, back = MtaClient.connected(signer), MtaClient.connected(verifier)
            fault = exchange(out, back, chance.choice(octets), chance)
        except Exception as error:  # noqa: BLE001 - a soak reports whatever happens
            tally.note(f"{type(error).__name__}: {error}", lost=True)
            out = back = None
        else:
            tally.note(fault)


def exchange(out: MtaClient, back: MtaClient, octets: bytes, chance: random.Random) -> str | None:
    """Send one message there and back; return what was wrong."""
    made = out.send(Transaction.of(octets, macros=MACROS)).octets
    if made.count(b"DKIM-Signature:") != 1:
        return f"not signed: {made[:100]!r}"
    expected = b"dkim=pass"
    draw = chance.random()
    if draw < 0.2:
        made = made.rstrip() + b"!\r\n"
        expected = b"dkim=fail"
    elif draw < 0.3:
        made = made.replace(f"d={DOMAIN};".encode(), b"d=servfail.example;")
        expected = b"dkim=temperror"
    elif draw < 0.4:
        made = made.replace(b"s=rsa;", b"s=none;")
        expected = b"dkim=permerror"
    outcome = back.send(Transaction.of(made, connection=STRANGER, macros=MACROS))
    if outcome.answer is not PlainAnswer.CONTINUE:
        return f"answered {outcome.answer}"
    header = outcome.octets.partition(b"\r\n\r\n")[0]
    return None if expected in header else f"not {expected!r}: {header[:300]!r}"


def malicious(addresses: list[str], tally: Tally, stop: threading.Event, seed: int) -> None:
    """Break the rules of the protocol in every way, again and again."""
    chance = random.Random(seed)
    while not stop.is_set():
        with contextlib.suppress(OSError), _connected(chance.choice(addresses)) as sock:
            sock.settimeout(0.5)
            chance.choice(ATTACKS)(sock, chance)
        tally.attacks += 1
        time.sleep(0.002)


def _opened(sock: socket.socket) -> MtaSession:
    mta = MtaSession()
    sock.sendall(mta.opening())
    while mta.agreement is None:
        mta.receive(sock.recv(4096))
    return mta


def _garbage(sock: socket.socket, chance: random.Random) -> None:
    sock.sendall(chance.randbytes(chance.randrange(1, 5000)))


def _cut(sock: socket.socket, chance: random.Random) -> None:
    octets = _opened(sock).submit(Transaction.of(message(5_000), connection=STRANGER))
    sock.sendall(octets[: chance.randrange(len(octets))])


def _flipped(sock: socket.socket, chance: random.Random) -> None:
    octets = bytearray(_opened(sock).submit(Transaction.of(message(2_000), connection=STRANGER)))
    for _ in range(chance.randrange(1, 20)):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    sock.sendall(octets)
    sock.recv(4096)


def _huge(sock: socket.socket, chance: random.Random) -> None:
    _opened(sock)
    sock.sendall((1 << 31).to_bytes(4, "big") + b"B" + bytes(1000))
    sock.recv(10)


def _endless(sock: socket.socket, chance: random.Random) -> None:
    mta = _opened(sock)
    field = HeaderField(b"X", b" " + b"x" * 60_000)
    sock.sendall(mta.submit(Transaction(fields=(field,) * 30, body=b"")))
    sock.recv(10)


def _stalled(sock: socket.socket, chance: random.Random) -> None:
    octets = _opened(sock).submit(Transaction.of(message(2_000), connection=STRANGER))
    for at in range(0, min(len(octets), 400), 7):
        sock.sendall(octets[at : at + 7])
        time.sleep(0.002)


def _impatient(sock: socket.socket, chance: random.Random) -> None:
    octets = _opened(sock).submit(Transaction.of(message(2_000), connection=STRANGER))
    sock.sendall(octets * 3)
    sock.recv(10)


def _deaf(sock: socket.socket, chance: random.Random) -> None:
    """Send messages and never read an answer."""
    mta = _opened(sock)
    octets = mta.submit(Transaction.of(message(200)))
    for _ in range(20):
        sock.sendall(octets + encode(Abort()))


ATTACKS = [_garbage, _cut, _flipped, _huge, _endless, _stalled, _impatient, _deaf]


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    root = Path(tempfile.mkdtemp(prefix="avowal-soak-"))
    make_keys(root)
    zone = root / "zone.json"
    zone.write_text(
        zone.read_text().rstrip("}")
        + f', "none._domainkey.{DOMAIN}": "NXDOMAIN"'
        + ', "rsa._domainkey.servfail.example": "SERVFAIL"}'
    )
    started = time.monotonic()
    with (
        avowal(root, "sign", "unix") as signer,
        avowal(root, "verify", "inet", workers=2) as verifier,
    ):
        tally, stop = Tally(wanted), threading.Event()
        threads = [
            threading.Thread(target=honest, args=(signer.address, verifier.address, tally, n))
            for n in range(4)
        ]
        attackers = [
            threading.Thread(
                target=malicious, args=([signer.address, verifier.address], tally, stop, n)
            )
            for n in range(2)
        ]
        for thread in threads + attackers:
            thread.start()
        marks: list[tuple[int, list[int], list[int]]] = []
        due = min(1000, every)
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5)
            if tally.done >= due:
                marks.append((tally.done, signer.memory(), verifier.memory()))
                report(tally, marks[-1], started)
                due += every
        stop.set()
        for thread in attackers:
            thread.join()
        report(tally, (tally.done, signer.memory(), verifier.memory()), started)
    for fault in tally.faults:
        print("fault:", fault)
    return int(bool(tally.lost or tally.wrong))


def report(tally: Tally, mark: tuple[int, list[int], list[int]], started: float) -> None:
    done, signer, verifier = mark
    print(
        f"{time.monotonic() - started:7.0f} s {done:8} messages, {tally.attacks} attacks, "
        f"{tally.lost} lost, {tally.wrong} wrong; KiB signer {signer}, verifier {verifier}",
        flush=True,
    )


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(main())
