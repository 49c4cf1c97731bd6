"""A soak of avowal serve: 50 clients for a minute, slow, broken, huge and malicious ones too.

    python bench/soak_serve.py [seconds] [clients]

Every answer has to be one of the service's own document, every honest one the right judgement
(or 503), and the memory of the service must not grow after its first quarter of the time.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.serve_clients import KINDS, LARGEST, ZONE, Client

COMMAND = [sys.executable, "-c", "from avowal.cli import main; main()", "serve"]
SHARES = {"honest": 0.4, "slow": 0.2, "broken": 0.1, "huge": 0.1, "malicious": 0.2}
SLACK = 32 << 10  # KiB


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory(prefix="avowal-soak-") as folder:
        (Path(folder) / "zone.json").write_text(json.dumps(ZONE))
        arguments = ["--socket", f"unix:{folder}/s", "--zone", f"{folder}/zone.json",
                     "--octets", str(LARGEST), "--messages", "30", "--seconds", "5"]  # fmt: skip
        process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        print(process.stderr.readline().strip())
        clients, sizes = asyncio.run(soak(f"{folder}/s", process.pid, seconds, number))
        cpu = cpu_of(process.pid)
        process.send_signal(signal.SIGTERM)
        status = process.wait(120)
        noise = process.stderr.read()
    return report(clients, sizes, cpu, status, noise)


async def soak(
    path: str, pid: int, seconds: float, number: int
) -> tuple[list[Client], list[tuple[float, int]]]:
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(round(share * number), 1))]
    clients: list[Client] = []
    until = time.monotonic() + seconds

    async def play(name: str, client: Client) -> None:
        while time.monotonic() < until:
            await KINDS[name](client)

    sizes = []
    async with asyncio.TaskGroup() as group:
        for place, name in enumerate(kinds):
            clients.append(Client(path, random.Random(place)))
            group.create_task(play(name, clients[-1]))
        started = time.monotonic()
        while (now := time.monotonic()) < until:
            sizes.append((now - started, resident(pid)))
            await asyncio.sleep(1)
    return clients, sizes


def resident(pid: int) -> int:
    """KiB of memory."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0])


def cpu_of(pid: int) -> float:
    """Seconds of processor time."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


def report(
    clients: list[Client], sizes: list[tuple[float, int]], cpu: float, status: int, noise: str
) -> int:
    answers: Counter[str] = Counter()
    for client in clients:
        answers += Counter(client.answers)
    for word, count in sorted(answers.items()):
        print(f"{word:20}{count:8}")
    faults = [fault for client in clients for fault in client.faults]
    quarter = max(size for at, size in sizes if at <= sizes[-1][0] / 4 + 1)
    last = sizes[-1][1]
    print(f"memory in MiB: at the start {sizes[0][1] / 1024:.1f}, after a quarter at most "
          f"{quarter / 1024:.1f}, at most {max(s for _, s in sizes) / 1024:.1f}, "
          f"at the end {last / 1024:.1f}")  # fmt: skip
    print(f"{sum(answers.values())} requests, {cpu:.1f} s of CPU; ended with status {status}")
    for fault in faults[:20]:
        print("FAULT", fault)
    if noise:
        print("said on stderr:", noise[:2000])
    return 1 if faults or status or noise or last > quarter + SLACK else 0


if __name__ == "__main__":
    sys.exit(main())
