#!/usr/bin/env python3
"""The inspector: the first page, a large message, and memory over many messages.

    python bench/bench_web.py [MESSAGES]

Starts `avowal web` as a user does and asks it over its socket.  Prints seconds, sizes, and the
resident memory of the process after each hundred messages; the last hundreds must not rise.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import httpx

LESSONS = Path(__file__).parents[1] / "src" / "avowal" / "web" / "lessons"
LARGE = 25 << 20


def resident(process: subprocess.Popen[str]) -> float:
    """The resident memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    command = [
        sys.executable, "-m", "avowal", "web", "--listen", "127.0.0.1:0",
        "--zone", str(LESSONS / "zone.json"),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        link = re.findall(r"http://\S+", running.stderr.readline())[0]
        try:
            measure(link, running, count)
        finally:
            running.terminate()


def measure(link: str, running: subprocess.Popen[str], count: int) -> None:
    base = link.partition("/enter")[0]
    with httpx.Client(base_url=base, follow_redirects=True, timeout=60) as client:
        page = client.get(link.removeprefix(base)).text
        token = re.findall(r'name="token" value="([^"]+)"', page)[0]
        best = min(_timed(lambda: client.get("/")) for _ in range(20))
        print(f"first page: {best * 1000:.1f} ms, {len(page.encode())} octets")
        good = (LESSONS / "good.eml").read_bytes()
        broken = (LESSONS / "list.eml").read_bytes()
        large = good + b"a line of text that is quite ordinary\r\n" * (LARGE // 39)
        seconds = _timed(lambda: _give(client, token, large))
        print(f"{len(large) >> 20} MB: {seconds:.2f} s")
        print(f"after it: {resident(running):.1f} MB")
        for number in range(1, count + 1):
            _give(client, token, broken if number % 2 else good)
            if number % 100 == 0:
                print(f"{number} messages: {resident(running):.1f} MB")


def _give(client: httpx.Client, token: str, octets: bytes) -> None:
    answer = client.post("/message", data={"token": token}, files={"file": ("x.eml", octets)})
    assert answer.status_code == 200, answer.text


def _timed(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
