"""`avowal serve` under clients of every kind at once: documented answers only, memory flat.

`bench/soak_serve.py` does the same with 50 clients for a minute.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")
pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra: test)")

from tests.serve_clients import KINDS, LARGEST, ZONE, Client, Kind

COMMAND = [sys.executable, "-c", "from avowal.cli import main; main()", "serve"]
EACH = {"honest": 25, "slow": 2, "broken": 10, "huge": 3, "malicious": 8}
SLACK = 24 << 10  # KiB: what the allocator keeps of other requests than those before


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    path = f"{tmp_path}/s"
    arguments = ["--socket", f"unix:{path}", "--zone", f"{tmp_path}/zone.json",
                 "--octets", str(LARGEST), "--messages", "20"]  # fmt: skip
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("serving on ")
        yield path, process
        process.kill()


async def repeat(kind: Kind, client: Client, times: int) -> None:
    for _ in range(times):
        await kind(client)


async def a_round(path: str, seed: int) -> list[Client]:
    clients = []
    async with asyncio.TaskGroup() as group:
        for number, (name, kind) in enumerate(KINDS.items()):
            for one in range(3):
                client = Client(path, random.Random(seed * 100 + number * 10 + one), pause=0.001)
                clients.append(client)
                group.create_task(repeat(kind, client, EACH[name]))
    return clients


def resident(process: subprocess.Popen[str]) -> int:
    """KiB of memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (found,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return int(found)


def test_all_kinds_of_clients_get_documented_answers_and_memory_stays(
    service: tuple[str, subprocess.Popen[str]],
) -> None:
    path, process = service
    answers: Counter[str] = Counter()
    sizes = []
    for seed in range(3):
        for client in asyncio.run(a_round(path, seed)):
            assert client.faults == []
            answers += Counter(client.answers)
        sizes.append(resident(process))
    assert answers["honest 200"] > 0
    assert answers["huge 413"] > 0
    assert answers["mutated 400"] > 0
    assert sizes[-1] <= sizes[0] + SLACK
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
