"""The daemons that bench_milter compares, and a load generator that costs little itself.

The conversation of one message is recorded once with `MtaSession`, then replayed: what is
left per message is sending octets and waiting for answers.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mta.client import MtaClient
from tests.mta.session import MtaSession, Outcome, Transaction

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text
from avowal.milter.wire import Decoder

DOMAIN = "sender.example"
_ANSWERS = frozenset(b"OcartdsyF4")
_CLOCK = os.sysconf("SC_CLK_TCK")
_STARTS = itertools.count()  # each daemon has files and a socket of its own


@dataclass(frozen=True)
class Peer:
    """A running daemon; `pid` and its children are what is measured."""

    name: str
    address: str
    pid: int

    def pids(self) -> list[int]:
        found = [self.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            found += [int(child) for child in children.read_text().split()]
        return found

    def cpu(self) -> float:
        """Seconds of CPU used so far."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _CLOCK

    def memory(self) -> list[int]:
        """Resident KiB of each process, supervisor first."""
        return [
            int(line.split()[1])
            for pid in self.pids()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        ]


def message(size: int) -> bytes:
    """A message with the fields mail has, and a body of `size` octets of HTML-like text."""
    fields = b"".join(
        b"X-Field-%d: a value of a usual length\r\n\tand a fold, number %d\r\n" % (n, n)
        for n in range(14)
    )
    head = (
        b"From: Alice <alice@sender.example>\r\nTo: bob@receiver.example\r\nSubject: bench\r\n"
        b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <b@sender.example>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n" + fields + b"\r\n"
    )
    line = b'<td  class="x">  some text that is as long as lines are </td>\r\n'
    return head + line * (size // len(line))


def make_keys(root: Path) -> None:
    key = generate("rsa")
    write_key(root / "rsa.pem", key)
    (root / "zone.json").write_text(
        f'{{"rsa._domainkey.{DOMAIN}": "{record_text(key)}"}}', encoding="ascii"
    )


@contextlib.contextmanager
def avowal(
    root: Path, role: str, kind: str, *, workers: int = 1, policies: bool = False
) -> Iterator[Peer]:
    """Our daemon; the key record comes from a file, as from a warm cache.

    Without `policies` it does DKIM alone, as its peers do.
    """
    name = f"avowal-{role}-{kind}-{workers}-{policies}-{next(_STARTS)}"
    address = f"unix:{root}/{name}.sock" if kind == "unix" else f"inet:{_port()}@127.0.0.1"
    configuration = root / f"{name}.toml"
    configuration.write_text(
        f'mode = "{role}"\n[[listeners]]\nsocket = "{address}"\n'
        f'[keys.rsa]\ndomain = "{DOMAIN}"\nselector = "rsa"\nfile = "{root}/rsa.pem"\n'
        f'[dns]\nzone_file = "{root}/zone.json"\n[server]\nworkers = {workers}\n'
        '[results]\nauthserv_id = "mx.receiver.example"\n'
        + ("" if policies else '[policies]\nspf = "off"\ngenerations = []\n')
    )
    with (root / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "avowal", "milter", "-c", str(configuration)], stderr=log
        )
    try:
        _wait(address)
        yield Peer(f"avowal x{workers}{' +DMARC' if policies else ''}", address, process.pid)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def opendkim(
    root: Path, role: str, kind: str, *, workers: int = 1, ours: bool = False
) -> Iterator[Peer]:
    """OpenDKIM in the foreground, as its author, with the key record from a file.

    `ours` is avowal-opendkim with the same configuration.
    """
    name = f"{'avowal-' if ours else ''}opendkim-{role}-{kind}-{next(_STARTS)}"
    path = root / f"{name}.sock"
    spec = f"local:{path}" if kind == "unix" else f"inet:{_port()}@127.0.0.1"
    zone: dict[str, str] = json.loads((root / "zone.json").read_text())
    keys = [f"{name} {text}\n" for name, text in zone.items() if "._domainkey." in name]
    (root / "testkeys").write_text("".join(keys))
    mode = role[0]
    configuration = root / f"{name}.conf"
    configuration.write_text(
        f"Mode {mode}\nSocket {spec}\nBackground no\nDomain {DOMAIN}\nSelector rsa\n"
        f"KeyFile {root}/rsa.pem\nRequireSafeKeys no\nCanonicalization relaxed/relaxed\n"
        f"InternalHosts 127.0.0.1\nTestPublicKeys {root}/testkeys\nSyslog no\n"
        "AuthservID mx.receiver.example\n"
    )
    theirs = shutil.which("opendkim") or "/usr/sbin/opendkim"
    program = str(Path(sys.executable).with_name("avowal-opendkim")) if ours else theirs
    process = subprocess.Popen(
        [program, "-f", "-x", str(configuration)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"unix:{path}" if kind == "unix" else spec
    try:
        _wait(address)
        yield Peer("avowal-opendkim" if ours else "OpenDKIM", address, process.pid)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str) -> None:
    end = time.monotonic() + 300  # a machine may have other work
    while True:
        try:
            MtaClient.connected(address).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


# -- load ------------------------------------------------------------------------------------


def once(address: str, transaction: Transaction) -> Outcome:
    """Send one message and return its outcome."""
    with MtaClient.connected(address) as mta:
        return mta.send(transaction)


class Recorded:
    """The writes of one connection with one message, each of which waits for one answer."""

    def __init__(self, address: str, transaction: Transaction) -> None:
        self.address = address
        self.writes: list[bytes] = []
        mta = MtaSession()
        with _connected(address) as sock:
            self._write(sock, mta.opening())
            while mta.agreement is None:
                mta.receive(sock.recv(1 << 16))
            self._write(sock, mta.submit(transaction))
            while mta.outcome is None:
                octets = mta.receive(sock.recv(1 << 16))
                if octets and mta.outcome is None:
                    self._write(sock, octets)
        self.end = mta.quit()

    def _write(self, sock: socket.socket, octets: bytes) -> None:
        self.writes.append(octets)
        sock.sendall(octets)

    def play(self) -> float:
        """Send the message over a connection of its own; return the seconds of its end."""
        return self.timed()[0]

    def timed(self) -> tuple[float, float]:
        """Do the same; return the seconds of its end, and those of the whole connection."""
        begun = time.perf_counter()
        with _connected(self.address) as sock:
            decoder = Decoder()
            for octets in self.writes:
                started = time.perf_counter()
                sock.sendall(octets)
                while not any(frame[0] in _ANSWERS for frame in decoder.feed(_read(sock))):
                    pass
            taken = time.perf_counter() - started
            sock.sendall(self.end)
        return taken, time.perf_counter() - begun


def _read(sock: socket.socket) -> bytes:
    octets = sock.recv(1 << 16)
    if not octets:
        raise ConnectionError("the filter hung up")
    return octets


def _connected(address: str) -> socket.socket:
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address[5:])
    else:
        port, _, host = address.removeprefix("inet:").partition("@")
        sock = socket.create_connection((host, int(port)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(30)
    return sock


def _client(recorded: Recorded, number: int, results: object) -> None:
    results.put([recorded.play() for _ in range(number)])  # type: ignore[attr-defined]


def load(recorded: Recorded, number: int, clients: int) -> tuple[float, list[float]]:
    """Send `number` messages by each of `clients` processes: wall seconds, times of the ends."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [
        context.Process(target=_client, args=(recorded, number, results)) for _ in range(clients)
    ]
    started = time.perf_counter()
    for process in processes:
        process.start()
    taken = [seconds for _ in processes for seconds in results.get()]
    wall = time.perf_counter() - started
    for process in processes:
        process.join()
    return wall, sorted(taken)
