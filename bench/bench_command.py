"""Time of `avowal verify FILE --zone ZONE` on 2 KB, against a Python that imports cryptography.

    python bench/bench_command.py

The floor is what nobody can go below: an interpreter that imports what checks a signature and reads
the file.  Wall-clock time of whole processes, medians of interleaved rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
ROUNDS = 15
TARGET = 1.3
FLOOR = """
import sys
import cryptography.hazmat.primitives.asymmetric.rsa, cryptography.hazmat.primitives.serialization
open(sys.argv[1], "rb").read()
"""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    import avowal  # noqa: PLC0415 - the measured processes import for themselves
    from avowal.testing import RSA_2048, message, record_for  # noqa: PLC0415

    text = message(b"A line of text, as people write it.\r\n" * 40)
    own = avowal.sign(text, domain="example.com", selector="s", key=RSA_2048)
    with tempfile.TemporaryDirectory(prefix="avowal-bench-") as folder:
        file, zone = Path(folder) / "message.eml", Path(folder) / "zone.json"
        file.write_bytes(own + text)
        zone.write_text(json.dumps({"s._domainkey.example.com": record_for(RSA_2048)}))
        commands = {
            "python": [sys.executable, "-c", "pass"],
            "floor": [sys.executable, "-c", FLOOR, str(file)],
            "avowal --version": [sys.executable, "-m", "avowal", "--version"],
            "avowal verify": [
                sys.executable, "-m", "avowal", "verify", str(file), "--zone", str(zone),
            ],
        }  # fmt: skip
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                taken[name].append(seconds(command))
    pairs = zip(taken["avowal verify"], taken["floor"], strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    for name, times in taken.items():
        print(f"{name:18} {statistics.median(times) * 1e3:6.1f} ms")
    met = "met" if ratio <= TARGET else "missed"
    print(f"avowal verify is {ratio:.2f} times the floor; target {TARGET}: {met}")


if __name__ == "__main__":
    main()
