"""The daemon beside OpenDKIM behind a real Postfix, in one run.

    python bench/bench_milter_postfix.py [messages] [sessions]

smtp-source sends to Postfix, whose milter is nobody, avowal or OpenDKIM, and Postfix hands
on to smtp-sink.  Messages per second until all are accepted, and CPU of the filter per
message.  Needs root and postfix.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from milter_peers import Peer, avowal, make_keys, opendkim
from tests.mailloop import Postfix, answers, free_port, until, workplace

ROUNDS = 3


def spec(peer: Peer) -> str:
    """The milter as Postfix writes it."""
    if peer.address.startswith("unix:"):
        return peer.address
    port, _, host = peer.address.removeprefix("inet:").partition("@")
    return f"inet:{host}:{port}"


def send(port: int, number: int, sessions: int, size: int) -> float:
    """Send messages through Postfix; return the seconds until all were accepted."""
    started = time.perf_counter()
    subprocess.run(
        [shutil.which("smtp-source", path="/usr/sbin:/usr/bin") or "smtp-source",
         "-s", str(sessions), "-m", str(number), "-l", str(size),
         "-f", "alice@sender.example", "-t", "bob@receiver.example", f"127.0.0.1:{port}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    sessions = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with workplace() as root, ExitStack() as stack:
        make_keys(root)
        sink = free_port()
        process = subprocess.Popen(
            [shutil.which("smtp-sink", path="/usr/sbin:/usr/bin") or "smtp-sink", "-u", "nobody",
             f"127.0.0.1:{sink}", "1000"], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(process.kill)
        until(lambda: answers(sink))
        peers: list[Peer | None] = [None]
        for kind in ("unix", "inet"):
            peers.append(stack.enter_context(avowal(root, "sign", kind)))
            if shutil.which("opendkim", path="/usr/sbin:/usr/bin"):
                peers.append(stack.enter_context(opendkim(root, "sign", kind)))
        for one in root.glob("*.sock"):
            one.chmod(0o666)
        loops = []
        for place, peer in enumerate(peers):
            milter = "" if peer is None else spec(peer)
            postfix = Postfix(root, f"p{place}", milter=milter, relay=sink)
            loops.append((peer, stack.enter_context(postfix)))
        print(f"{'':28}{'msg/s':>8}{'CPU ms':>8}", flush=True)
        for size in (2_000, 20_000):
            rows: dict[str, list[tuple[float, float]]] = {}
            for _ in range(ROUNDS):
                for peer, postfix in loops:
                    before = 0.0 if peer is None else peer.cpu()
                    wall = send(postfix.port, number, sessions, size)
                    cpu = 0.0 if peer is None else peer.cpu() - before
                    kind = "" if peer is None else peer.address.partition(":")[0]
                    name = "no milter" if peer is None else f"{peer.name} {kind}"
                    rows.setdefault(name, []).append((number / wall, cpu / number * 1e3))
                    until(lambda p=postfix: p.queued == 0, seconds=120)
            for name, found in rows.items():
                rate, cpu = (statistics.median(column) for column in zip(*found, strict=True))
                print(f"{size // 1000:3} KB {name:22}{rate:8.0f}{cpu:8.2f}", flush=True)


if __name__ == "__main__":
    main()
