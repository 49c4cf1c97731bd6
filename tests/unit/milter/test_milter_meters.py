"""What is counted: series stay bounded however many domains there are."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("prometheus_client")
_SCRIPT = """
from avowal.flow.actions import Actions
from avowal.flow.record import Made, MessageRecord
from avowal.flow.trace import Trace
from avowal.milter import meters
from avowal.milter.durations import Durations

directory = meters.prepare()
try:
    counts = meters.Prometheus(0)
    for number in range(meters.MOST_NAMES + 50):
        name = f"d{number}.example"
        made = (Made(domain=name, selector="s", algorithm="rsa-sha256"),)
        record = MessageRecord(action="accept", treatment="sign", why="", made=made)
        counts.message(Actions(record=record, trace=Trace()), Durations(0.1, None))
        counts.published(name, "s", 1.0)
        counts.key_changed(name, "s", 1.0)
    counts.keys({"shown": 1, "missing": 2, "unknown": 3})
    print(counts.text().decode())
finally:
    meters.remove(directory)
"""


def test_domains_beyond_the_first_hundred_are_counted_as_others() -> None:
    """In a process of its own: prometheus_client keeps one kind of values for a process."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True
    )
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("#")]
    signed = [line for line in lines if line.startswith("avowal_signed_total{")]
    other = 'avowal_signed_total{algorithm="rsa-sha256",domain="other",selector="other"} 50.0'
    assert len(signed) == 101
    assert other in signed
    assert len([line for line in lines if line.startswith("avowal_key_published{")]) == 100
    assert len([line for line in lines if line.startswith("avowal_key_changed_")]) == 100
    assert 'avowal_keys{state="missing"} 2.0' in lines
