"""Verifying where descriptors are few: questions queue, and what ends them is said truly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="no limits of descriptors on this system")

# A process of its own: what has run out of descriptors cannot report its tests.  It verifies
# once first: a module cannot be imported either where no file can be opened.
PROGRAM = """
import asyncio, json, os, resource, sys
from collections import Counter
from avowal import averify
from avowal.dns.dnspython import DnsResolver
from tests.dnsd import NameServer

SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.example; s=s; h=from; bh=aGFzaA==; b=c2ln\\r\\n"
    b"From: a@example.com\\r\\n\\r\\nx\\r\\n"
)

async def ask(address, limit, taken):
    await averify(SIGNED % 0, DnsResolver([address]), now=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    resolver = DnsResolver([address])
    files = []
    while taken:
        try:
            files.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            break
    verdicts = await asyncio.gather(
        *(averify(SIGNED % number, resolver, now=1) for number in range(200))
    )
    for file in files:
        os.close(file)
    return Counter((str(v[0].reason), v[0].explanation.rpartition(": ")[2]) for v in verdicts)

with NameServer('x.example. 300 IN TXT "v"\\n') as server:
    found = asyncio.run(ask(server.address, 40, sys.argv[1] == "taken"))
print(json.dumps([[*words, count] for words, count in found.items()]))
"""


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        pytest.param("free", ["no-key", "no such name"], id="fewer-than-messages"),
        pytest.param("taken", ["key-unavailable", "no socket left on this host"], id="none-left"),
    ],
)
def test_averify_where_descriptors_are_few(free: str, expected: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, free],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [[*expected, 200]]
