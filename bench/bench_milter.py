"""The daemon beside OpenDKIM, straight over the milter protocol, in one run.

    python bench/bench_milter.py [messages per client] [clients]

For signing and verifying RSA-2048 relaxed/relaxed, 2 and 20 KB, unix and TCP sockets, a
connection for each message as Postfix has it: messages per second, CPU of the daemon per
message, and the time from the end of a message to the answer.  The line +DMARC evaluates
SPF and DMARC as well, which the others do not.  Rounds are interleaved.
CPU is the figure to trust; messages per second depend on what else the machine does.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from milter_peers import Recorded, avowal, load, make_keys, message, once, opendkim
from tests.mta.session import Transaction

from avowal.milter.packets import Connect

ROUNDS = 3
STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")
MACROS = {"i": b"QID1", "j": b"mx.receiver.example"}


class Row(NamedTuple):
    rate: float
    cpu: float
    p50: float
    p99: float


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    root = Path(tempfile.mkdtemp(prefix="avowal-bench-"))
    root.chmod(0o755)
    make_keys(root)
    whole = partial(avowal, policies=True)
    starters: list[tuple[Callable[..., object], int]] = [(avowal, 1), (avowal, 2), (whole, 1)]
    if shutil.which("opendkim", path="/usr/sbin:/usr/bin"):
        starters.append((opendkim, 1))
    print(f"{'':34}{'msg/s':>8}{'CPU ms':>8}{'p50 ms':>8}{'p99 ms':>8}")
    for kind in ("unix", "inet"):
        for role in ("sign", "verify"):
            for size in (2_000, 20_000):
                rows = measure(root, starters, (kind, role, size), (number, clients))
                show(rows, f"{role:7}{size // 1000:3} KB {kind:5}")
    shutil.rmtree(root)


def measure(
    root: Path,
    starters: list[tuple[Callable[..., object], int]],
    cell: tuple[str, str, int],
    amount: tuple[int, int],
) -> dict[str, list[Row]]:
    kind, role, size = cell
    octets = message(size)
    client = {} if role == "sign" else {"connection": STRANGER}
    with ExitStack() as stack:
        if role == "verify":
            signer = stack.enter_context(avowal(root, "sign", "unix"))
            outcome = once(signer.address, Transaction.of(octets, macros=MACROS))
            octets = outcome.octets
        peers = [
            stack.enter_context(start(root, role, kind, workers=n))  # type: ignore[arg-type]
            for start, n in starters
        ]
        transaction = Transaction.of(octets, macros=MACROS, **client)
        recorded = [Recorded(peer.address, transaction) for peer in peers]
        for peer in peers:  # what is measured is what is meant
            made = once(peer.address, transaction).octets
            wanted = b"DKIM-Signature" if role == "sign" else b"dkim=pass"
            assert wanted in made, (peer.name, made[:600])
        rows: dict[str, list[Row]] = {peer.name: [] for peer in peers}
        for _ in range(ROUNDS):
            for peer, script in zip(peers, recorded, strict=True):
                before = peer.cpu()
                wall, taken = load(script, *amount)
                cpu = peer.cpu() - before
                count = len(taken)
                rows[peer.name].append(
                    Row(count / wall, cpu / count * 1e3, taken[count // 2] * 1e3,
                        taken[int(count * 0.99)] * 1e3)
                )  # fmt: skip
    return rows


def show(rows: dict[str, list[Row]], cell: str) -> None:
    for name, found in rows.items():
        median = Row(*(statistics.median(column) for column in zip(*found, strict=True)))
        figures = f"{median.rate:8.0f}{median.cpu:8.2f}{median.p50:8.2f}{median.p99:8.2f}"
        print(f"{cell + name:34}{figures}", flush=True)


if __name__ == "__main__":
    main()
