"""Calamities under load, through two real Postfix: nothing lost, doubled or unsigned.

    python bench/calamities.py [messages] [face] [calamity ...]

As root, with Postfix.  For each calamity a loop of its own is built: smtp clients, Postfix A
with the signer, Postfix B with the verifier, a maildir (`tests.mailloop`).  While so many
messages go through (5000), the calamity strikes twelve times.  Then every message that
Postfix took has to be in the maildir, once, signed, and verified.  `face` is `avowal`, our
daemon, or `opendkim`, the filter in OpenDKIM's place, which has no workers.
"""

from __future__ import annotations

import os
import re
import signal
import smtplib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.dnsd import NameServer
from tests.mailloop import Inbox, Postfix, free_port, workplace
from tests.operated import Avowal, Face, Opendkim, published

CALAMITIES: dict[str, Callable[[Face, NameServer, int], None]] = {}
_CLIENTS = 8
_STRIKES = 12
_PATIENCE = 300.0
_MARK = re.compile(rb"^Subject: (\S+)", re.MULTILINE)


def calamity(strike: Callable[[Face, NameServer, int], None]) -> None:
    CALAMITIES[strike.__name__.replace("_", "-")] = strike


@calamity
def kill_a_worker(face: Face, dns: NameServer, number: int) -> None:
    for pid in face.workers[:1]:
        os.kill(pid, signal.SIGKILL)


@calamity
def kill_the_supervisor(face: Face, dns: NameServer, number: int) -> None:
    face.kill()
    face.start()


@calamity
def sighup(face: Face, dns: NameServer, number: int) -> None:
    face.signal(signal.SIGHUP)


@calamity
def sigusr1(face: Face, dns: NameServer, number: int) -> None:
    face.signal(signal.SIGUSR1)


@calamity
def dns_down(face: Face, dns: NameServer, number: int) -> None:
    dns.silent = number % 2 == 0
    face.signal(signal.SIGHUP)  # the harder case: what was known has to outlast a reload


class Clients:
    """SMTP clients that hand over messages until each was taken."""

    def __init__(self, port: int, numbers: range) -> None:
        self.deferred = self.taken = 0
        self._port = port
        self._numbers: Iterator[int] = iter(numbers)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            while not self._sent(number):
                self.deferred += 1
                time.sleep(0.1)
            self.taken += 1

    def _sent(self, number: int) -> bool:
        octets = (
            f"From: alice@sender.example\r\nTo: bob@receiver.example\r\nSubject: m-{number}-\r\n"
            f"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <{number}@sender.example>\r\n"
            "\r\na line\r\n"
        ).encode()
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=60) as client:
                client.sendmail("alice@sender.example", ["bob@receiver.example"], octets)
        except (smtplib.SMTPException, OSError):
            return False
        return True

    @property
    def at_work(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)


class Ends(NamedTuple):
    """What runs: the two Postfix, the daemon, the maildir and the name server."""

    a: Postfix
    b: Postfix
    face: Face
    inbox: Inbox
    dns: NameServer


@contextmanager
def loop(kind: type[Face]) -> Iterator[Ends]:
    with workplace() as root, NameServer(published(root)) as dns:
        inbox = Inbox(root)
        verify = free_port()
        face = kind(root, dns.port, verify)
        b = Postfix(root, "b", milter=f"inet:127.0.0.1:{verify}")
        a = Postfix(root, "a", milter=face.signing, relay=b.port)
        with face, b, a:
            yield Ends(a, b, face, inbox, dns)


def struck(name: str, ends: Ends, numbers: range, *, strikes: int = _STRIKES) -> int:
    """Send messages of these numbers while it strikes; return how often clients were put off."""
    wanted, before = len(numbers), len(ends.inbox)
    clients, done = Clients(ends.a.port, numbers), 0
    while clients.at_work:
        time.sleep(0.05)
        if clients.taken > (done + 1) * wanted // (strikes + 1):
            CALAMITIES[name](ends.face, ends.dns, done)
            done += 1
    ends.dns.silent = False
    until = time.monotonic() + _PATIENCE
    while len(ends.inbox) < before + wanted and time.monotonic() < until:
        ends.a.flush()
        ends.b.flush()
        time.sleep(1.5)
    time.sleep(2)  # for one that comes twice
    return clients.deferred


def run(name: str, kind: type[Face], wanted: int) -> bool:
    """Run one, say what came of it, and keep the logs where it was bad."""
    with loop(kind) as ends:
        began = time.monotonic()
        deferred = struck(name, ends, range(wanted))
        took = time.monotonic() - began
        told = judged(ends.inbox.messages(), range(wanted))
        print(
            f"{kind.__name__.lower()} {name}: {wanted} messages, {_STRIKES} strikes, {took:.0f} s, "
            f"{deferred} put off; " + ", ".join(f"{count} {what}" for what, count in told.items()),
            flush=True,
        )
        bad = any(told[what] for what in ("lost", "doubled", "unsigned", "failed"))
        if bad:
            Path(f"calamity-{name}.log").write_text(ends.face.log + ends.a.log + ends.b.log)
        return not bad


def judged(messages: list[bytes], numbers: range) -> dict[str, int]:
    """Count what became of the messages of these numbers; doubled and unsigned count all."""
    counts = Counter(mark[1] for one in messages if (mark := _MARK.search(one)) is not None)
    headers = [one.partition(b"\r\n\r\n")[0] for one in messages]
    return {
        "lost": sum(b"m-%d-" % number not in counts for number in numbers),
        "doubled": sum(count - 1 for count in counts.values()),
        "unsigned": sum(b"\nDKIM-Signature:" not in b"\n" + one for one in headers),
        "failed": sum(b"dkim=fail" in one or b"dkim=permerror" in one for one in headers),
        "verified": sum(b"dkim=pass" in one for one in headers),
        "temperror": sum(b"dkim=temperror" in one for one in headers),
    }


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    kinds = {"avowal": Avowal, "opendkim": Opendkim}
    kind = kinds[sys.argv[2] if len(sys.argv) > 2 else "avowal"]
    names = sys.argv[3:] or [n for n in CALAMITIES if kind is Avowal or "worker" not in n]
    good = [run(name, kind, wanted) for name in names]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
