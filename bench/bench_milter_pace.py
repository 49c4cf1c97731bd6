"""The daemon at the pace of a real server, beside OpenDKIM: what a message costs when it is alone.

    python bench/bench_milter_pace.py [messages] [pause in ms]

A connection for each message over a unix socket, one after the other, with a pause before each
(5 ms): processor caches are cold, as on a server that has other things to do.  `known` is the
same message again and again; of `new` ones each is by another domain, whose key, SPF and policy
nobody has seen: caches of answers and of records are cold too.  CPU of the daemon per message;
time of the whole transaction, and from the end of the message to the answer.  DNS is a file.
Rounds are interleaved.  CPU is the figure to trust; times depend on what else the machine does.
"""

from __future__ import annotations

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

ROUNDS = 3
STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")
MACROS = {"i": b"QID1", "j": b"mx.receiver.example"}
Start = Callable[[Path, str, str], AbstractContextManager[Peer]]


class Row(NamedTuple):
    cpu: float
    whole: float
    end: float
    end_p99: float


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    pause = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.005
    starts: list[Start] = [avowal, partial(avowal, policies=True)]
    if shutil.which("opendkim", path="/usr/sbin:/usr/bin"):
        starts.append(opendkim)
    print(f"load {os.getloadavg()[0]:.1f}, {number} messages, {pause * 1000:.0f} ms between them")
    print(f"{'ms':34}{'CPU':>8}{'whole':>8}{'end':>8}{'end p99':>9}")
    with workplace() as root:
        domains = [f"d{place}.example" for place in range(number)]
        widen(root, domains)
        for role in ("sign", "verify"):
            for name, found in measured(root, starts, role, [DOMAIN], (number, pause)).items():
                show(f"{role:7}known {name}", found)
        for name, found in measured(root, starts, "verify", domains, (number, pause)).items():
            show(f"verify new   {name}", found)


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
    root: Path, starts: Sequence[Start], role: str, domains: Sequence[str], load: tuple[int, float]
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
    for _ in range(ROUNDS):
        for start, recorded in zip(starts, scripts, strict=True):
            with ExitStack() as stack:
                peer = stack.enter_context(start(root, role, "unix"))
                for one in recorded:
                    one.address = peer.address
                found.setdefault(peer.name, []).append(row(peer, recorded, *load))
    return found


def row(peer: Peer, recorded: Sequence[Recorded], number: int, pause: float) -> Row:
    times = []
    before = peer.cpu()
    for place in range(number):
        time.sleep(pause)
        times.append(recorded[place % len(recorded)].timed())
    cpu = (peer.cpu() - before) / number * 1e3
    ends = sorted(end for end, _ in times)
    whole = statistics.median(whole for _, whole in times)
    return Row(cpu, whole * 1e3, ends[number // 2] * 1e3, ends[int(number * 0.99)] * 1e3)


def show(name: str, rows: Sequence[Row]) -> None:
    median = Row(*(statistics.median(column) for column in zip(*rows, strict=True)))
    figures = f"{median.cpu:8.2f}{median.whole:8.2f}{median.end:8.2f}{median.end_p99:9.2f}"
    print(f"{name:34}{figures}", flush=True)


if __name__ == "__main__":
    main()
