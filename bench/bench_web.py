#!/usr/bin/env python3
"""The inspector: the first page, a large message, and memory over many messages.

    python bench/bench_web.py [MESSAGES]

Starts `avowal web` as a user does and asks it over its socket.  Prints seconds, sizes, and the
resident memory of the process after each hundred messages; the last hundreds must not rise.  Of
the large message also what it took of a processor, which other work beside it does not change.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

import avowal
from avowal.testing import ED25519, message, record_for

LESSONS = Path(__file__).parents[1] / "src" / "avowal" / "web" / "lessons"
DOMAIN, SELECTOR = "example.com", "large"
LARGE = 25 << 20


def resident(process: subprocess.Popen[str]) -> float:
    """The resident memory of a process in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def processor(process: subprocess.Popen[str]) -> float:
    """The seconds a process has had of a processor."""
    fields = (
        Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as directory:
        zone = Path(directory, "zone.json")
        records = json.loads((LESSONS / "zone.json").read_text(encoding="utf-8"))
        zone.write_text(
            json.dumps({**records, f"{SELECTOR}._domainkey.{DOMAIN}": record_for(ED25519)})
        )
        run(count, zone)


def run(count: int, zone: Path) -> None:
    command = [
        sys.executable, "-m", "avowal", "web", "--listen", "127.0.0.1:0", "--zone", str(zone),
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
        large = message(b"a line of text that is quite ordinary\r\n" * (LARGE // 39))
        large = avowal.sign(large, domain=DOMAIN, selector=SELECTOR, key=ED25519) + large
        for octets, what in ((large, "as it was signed"), (_listed(large), "changed by a list")):
            before = processor(running)
            seconds = _timed(lambda given=octets: _give(client, token, given))
            taken = processor(running) - before
            load = os.getloadavg()[0]
            print(
                f"{len(octets) >> 20} MB, {what}: {seconds:.2f} s, {taken:.2f} of a processor,"
                f" load {load:.1f}"
            )
        print(f"after it: {resident(running):.1f} MB")
        for number in range(1, count + 1):
            _give(client, token, broken if number % 2 else good)
            if number % 100 == 0:
                print(f"{number} messages: {resident(running):.1f} MB")


def _listed(octets: bytes) -> bytes:
    return octets.replace(b"Subject: ", b"Subject: [list] ", 1) + b"_____\r\nthe list\r\n"


def _give(client: httpx.Client, token: str, octets: bytes) -> None:
    answer = client.post("/message", data={"token": token}, files={"file": ("x.eml", octets)})
    assert answer.status_code == 200, answer.text


def _timed(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
