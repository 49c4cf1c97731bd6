"""What starting costs: the command and the library, against a Python that imports cryptography.

    python bench/bench_command.py [ROUNDS]

The floor is what nobody can go below: an interpreter that imports what checks a signature and reads
the 2 KB message.  CPU time of whole processes, interleaved; figures are medians, ratios those of
the rounds.  Compiled modules are kept, as an installation has them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
ROUNDS = 25
TARGET = 1.3
FLOOR = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
with open(sys.argv[1], "rb") as file:
    file.read()
"""
LIBRARY = """
import sys, avowal
with open(sys.argv[1], "rb") as file:
    (verdict,) = avowal.verify(file, {sys.argv[2]: sys.argv[3]})
assert verdict.passed
"""
KEY_NAME = "s._domainkey.example.com"


def milliseconds(command: list[str], environment: dict[str, str]) -> float:
    """CPU time of one process from start to end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ended with {process.returncode}")
    return (used.ru_utime + used.ru_stime) * 1e3


def commands(folder: Path) -> dict[str, list[str]]:
    import avowal  # noqa: PLC0415 - the measured processes import for themselves
    from avowal.keys.records import txt_line  # noqa: PLC0415
    from avowal.testing import RSA_2048, message, record_for  # noqa: PLC0415

    text = message(b"A line of text, as people write it.\r\n" * 40)
    own = avowal.sign(text, domain="example.com", selector="s", key=RSA_2048)
    record = record_for(RSA_2048)
    file, zone, zone_file = folder / "message.eml", folder / "zone.json", folder / "zone"
    file.write_bytes(own + text)
    zone.write_text(json.dumps({KEY_NAME: record}))
    zone_file.write_text(txt_line(KEY_NAME, record) + "\n")
    python = [sys.executable, "-c"]
    verify = [sys.executable, "-m", "avowal", "verify", str(file)]
    return {
        "python": [*python, "pass"],
        "floor": [*python, FLOOR, str(file)],
        "import avowal": [*python, "import avowal"],
        "avowal.verify, a mapping": [*python, LIBRARY, str(file), KEY_NAME, record],
        "avowal --version": [sys.executable, "-m", "avowal", "--version"],
        "avowal verify, JSON": [*verify, "--zone", str(zone)],
        "avowal verify, zone file": [*verify, "--zone", str(zone_file)],
        "avowal verify, by click": [*verify, "--zone", str(zone_file), "--json"],
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(prefix="avowal-bench-") as folder:
        measured = commands(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(rounds + 1):
            for name, command in measured.items():
                spent = milliseconds(command, environment)
                if number:  # the first round compiles modules
                    taken[name].append(spent)
    ratios = {
        name: statistics.median(
            one / other for one, other in zip(times, taken["floor"], strict=True)
        )
        for name, times in taken.items()
    }
    for name, times in taken.items():
        print(f"{name:26} {statistics.median(times):6.1f} ms {ratios[name]:6.2f}")
    ratio = ratios["avowal verify, zone file"]
    met = "met" if ratio <= TARGET else "missed"
    print(f"avowal verify is {ratio:.2f} times the floor; target {TARGET}: {met}")


if __name__ == "__main__":
    main()
