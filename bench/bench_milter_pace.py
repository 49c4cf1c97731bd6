"""The daemons at the pace of a real server, beside OpenDKIM: what a message costs when it is alone.

    python bench/bench_milter_pace.py [--rate 20] [--seconds 60] [--rounds 3]

All daemons run side by side; so many times a second each is sent one message, one daemon after
the other, over a connection of its own on a unix socket.  Processor caches are cold, as on a
server that has other things to do, and whatever else the machine does falls on all alike.
`known` is the same message again and again; of `new` ones each is by another domain, whose key,
SPF and policy nobody has seen: caches of answers and of records are cold too.  CPU of the daemon
per message, the least of the rounds; medians of the whole transaction and of the time from the
end of the message to the answer.  DNS is a file.  CPU is the figure to trust.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from milter_peers import DOMAIN, Peer, Recorded, avowal, make_keys, message, once, opendkim
from tests.mta.session import Transaction

from avowal import Intent, load_key, sign
from avowal.milter.packets import Connect

STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")
MACROS = {"i": b"QID1", "j": b"mx.receiver.example"}
Start = Callable[[Path, str, str], AbstractContextManager[Peer]]


class Row(NamedTuple):
    cpu: float
    whole: float
    end: float
    end_p99: float


class Pace(NamedTuple):
    """How many messages a second each daemon gets, for how long, and how often all of it."""

    rate: float
    seconds: float
    rounds: int

    @property
    def messages(self) -> int:
        return max(1, round(self.rate * self.seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=20, help="messages a second")
    parser.add_argument("--seconds", type=float, default=60, help="how long a round lasts")
    parser.add_argument("--rounds", type=int, default=3)
    pace = Pace(**vars(parser.parse_args()))
    starts: list[Start] = [avowal, partial(avowal, policies=True), partial(opendkim, ours=True)]
    if shutil.which("opendkim", path="/usr/sbin:/usr/bin"):
        starts.append(opendkim)
    print(f"load {os.getloadavg()[0]:.1f}, {pace.rate:.0f} messages a second, {pace.messages} each")
    print(f"{'ms':34}{'CPU':>8}{'whole':>8}{'end':>8}{'end p99':>9}")
    with workplace() as root:
        domains = [f"d{place}.example" for place in range(pace.messages)]
        widen(root, domains)
        for role, what, whose in (
            ("sign", "known", [DOMAIN]),
            ("verify", "known", [DOMAIN]),
            ("verify", "new", domains),
        ):
            for name, found in measured(root, starts, role, whose, pace).items():
                show(f"{role:7}{what:6}{name}", found)


@contextmanager
def workplace() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="avowal-bench-"))
    root.chmod(0o755)
    make_keys(root)
    try:
        yield root
    finally:
        shutil.rmtree(root)


def widen(root: Path, domains: Sequence[str]) -> None:
    """Give the zone the names of more domains, which all sign with the same key."""
    path = root / "zone.json"
    zone: dict[str, str] = json.loads(path.read_text())
    (record,) = zone.values()
    for domain in (DOMAIN, *domains):
        zone[f"rsa._domainkey.{domain}"] = record
        zone[f"_dmarc.{domain}"] = "v=DMARC1; p=none"
        zone[domain] = "v=spf1 ip4:192.0.2.0/24 -all"
    path.write_text(json.dumps(zone))


def written(root: Path, role: str, domains: Sequence[str]) -> Iterator[Transaction]:
    """Yield a message of each domain, signed where it is to be verified."""
    key = load_key(root / "rsa.pem")
    for domain in domains:
        octets = message(2_000).replace(DOMAIN.encode(), domain.encode())
        if role == "sign":
            yield Transaction.of(octets, macros=MACROS)
            continue
        octets = sign(octets, Intent(domain=domain, selector="rsa", key=key)) + octets
        yield Transaction.of(octets, macros=MACROS, connection=STRANGER)


def measured(
    root: Path, starts: Sequence[Start], role: str, domains: Sequence[str], pace: Pace
) -> dict[str, list[Row]]:
    """Return the rows of each peer; a peer of its own for each round knows no message."""
    transactions = list(written(root, role, domains))
    found: dict[str, list[Row]] = {}
    scripts: list[list[Recorded]] = []
    for start in starts:
        with start(root, role, "unix") as peer:
            made = once(peer.address, transactions[0]).octets
            wanted = b"DKIM-Signature" if role == "sign" else b"dkim=pass"
            assert wanted in made, (peer.name, made[:600])
            scripts.append([Recorded(peer.address, one) for one in transactions])
    for _ in range(pace.rounds):
        with ExitStack() as stack:
            peers = [stack.enter_context(start(root, role, "unix")) for start in starts]
            for peer, recorded in zip(peers, scripts, strict=True):
                for one in recorded:
                    one.address = peer.address
            for peer, made_row in zip(peers, rows(peers, scripts, pace), strict=True):
                found.setdefault(peer.name, []).append(made_row)
    return found


def rows(peers: Sequence[Peer], scripts: Sequence[Sequence[Recorded]], pace: Pace) -> list[Row]:
    """Send every peer its messages, one peer after the other at each tick."""
    before = [peer.cpu() for peer in peers]
    times: list[list[tuple[float, float]]] = [[] for _ in peers]
    begun = time.monotonic()
    for place in range(pace.messages):
        time.sleep(max(0.0, begun + place / pace.rate - time.monotonic()))
        for recorded, taken in zip(scripts, times, strict=True):
            taken.append(recorded[place % len(recorded)].timed())
    return [
        row((peer.cpu() - cpu) / pace.messages, taken)
        for peer, cpu, taken in zip(peers, before, times, strict=True)
    ]


def row(cpu: float, times: Sequence[tuple[float, float]]) -> Row:
    """Put together what one round said of a peer, in milliseconds."""
    ends = sorted(end for end, _ in times)
    whole = statistics.median(whole for _, whole in times)
    middle, late = ends[len(ends) // 2], ends[int(len(ends) * 0.99)]
    return Row(cpu * 1e3, whole * 1e3, middle * 1e3, late * 1e3)


def show(name: str, found: Sequence[Row]) -> None:
    whole, end, late = (statistics.median(column) for column in list(zip(*found, strict=True))[1:])
    least = min(one.cpu for one in found)
    print(f"{name:34}{least:8.2f}{whole:8.2f}{end:8.2f}{late:9.2f}", flush=True)


if __name__ == "__main__":
    main()
