"""Tests come to an end wherever they are started: behind a terminal, in the background, by cron."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


def test_a_program_started_by_a_test_reads_no_terminal() -> None:
    assert subprocess.run(["cat"], capture_output=True, check=True, timeout=20).stdout == b""


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGQUIT])
def test_a_program_started_by_a_test_can_be_interrupted(ignored: signal.Signals) -> None:
    """As in `make test &` of a script: its shell ignores these (POSIX, Shell Commands 2.11)."""
    code = f"""
import runpy, signal, subprocess, sys
signal.signal({int(ignored)}, signal.SIG_IGN)
runpy.run_path(sys.argv[1])
started = subprocess.Popen(["sleep", "60"])
started.send_signal({int(ignored)})
sys.exit(started.wait(20) != -{int(ignored)})
"""
    ran = subprocess.run([sys.executable, "-c", code, str(CONFTEST)], timeout=60, check=False)
    assert ran.returncode == 0
