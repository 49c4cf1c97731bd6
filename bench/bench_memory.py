"""Peak memory of verifying and signing a message from a file, above a program that did nothing.

    python bench/bench_memory.py

Each figure is a process of its own: its peak resident set (VmHWM) behind the work, minus the
same behind imports, keys and a message of 2 KB.  Streaming means that both sizes cost the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
TARGET_MIB = 8.0
SIZES = {"25 MB": 25_000_000, "150 MB": 150_000_000}
WORKS = ("verify", "sign")

CHILD = """
import re, sys
from pathlib import Path
import avowal
from avowal.testing import RSA_2048, Zone, record_for, message
work, path = sys.argv[1:]
zone = Zone({"s._domainkey.example.com": record_for(RSA_2048)})
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
def sign(source):
    return avowal.sign(source, domain="example.com", selector="s", key=RSA_2048, now=1)
def verify(source):
    return [str(v.reason) for v in avowal.verify(source, zone, now=1)]
small = message()
verify(sign(small) + small)
before = peak()
result = {"sign": sign, "verify": verify}[work](Path(path))
assert work == "sign" or result == ["None"], result
print(peak() - before)
"""


def write_message(path: Path, octets: int) -> None:
    """Write a signed message, piece by piece."""
    import avowal  # noqa: PLC0415 - the parent only writes
    from avowal.testing import RSA_2048, message  # noqa: PLC0415

    line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n"
    unsigned = path.with_suffix(".unsigned")
    with unsigned.open("wb") as file:
        file.write(message(b""))
        for _ in range(octets // len(line) // 1000):
            file.write(line * 1000)
    own = avowal.sign(unsigned, domain="example.com", selector="s", key=RSA_2048, now=1)
    with path.open("wb") as file, unsigned.open("rb") as body:
        file.write(own)
        while chunk := body.read(1 << 20):
            file.write(chunk)
    unsigned.unlink()


def peak_mib(work: str, path: Path) -> float:
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, work, str(path)], capture_output=True, text=True, check=True
    )
    return int(ran.stdout) / 1024


def main() -> None:
    failed = False
    with tempfile.TemporaryDirectory(prefix="avowal-bench-") as folder:
        for name, octets in SIZES.items():
            path = Path(folder) / "message.eml"
            write_message(path, octets)
            for work in WORKS:
                mib = peak_mib(work, path)
                failed |= mib > TARGET_MIB
                print(f"{work:7} {name:>7}: peak {mib:5.1f} MiB above start-up")
    print(f"target {TARGET_MIB} MiB: {'missed' if failed else 'met'}")


if __name__ == "__main__":
    main()
