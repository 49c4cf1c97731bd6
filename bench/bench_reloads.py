"""Memory of `avowal milter` over reloads: what six leave beside what one does.

    python bench/bench_reloads.py [domains] [reloads]

Keys and rules of so many domains (10,000) are written, the daemon starts with two workers, and is
told to read them again so many times (6).  Printed are the proportional shares of memory (PSS:
what processes share counts once) of the supervisor and of its workers, in MiB, once each
generation is at work alone.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from avowal.crypto.signing import generate
from avowal.keys.records import record_text

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_PATIENCE = 300.0
_SETTLED = 2.0  # seconds
_WORKERS = 2


def written(root: Path, domains: int) -> Path:
    """Write a configuration, its keys and a zone."""
    zone, lines = {}, [f'[[listeners]]\nsocket = "unix:{root}/m.sock"']
    for number in range(domains):
        key, name = generate("ed25519"), f"d{number}.example"
        path = root / f"{name}.pem"
        path.write_bytes(key.pem())
        path.chmod(0o600)
        zone[f"s._domainkey.{name}"] = record_text(key)
        lines.append(f'[keys.k{number}]\ndomain = "{name}"\nselector = "s"\nfile = "{path}"')
    (root / "zone.json").write_text(json.dumps(zone))
    lines.append(f'[dns]\nzone_file = "{root}/zone.json"')
    lines.append(f"[server]\nworkers = {_WORKERS}\ndrain = 1\n")
    made = root / "avowal.toml"
    made.write_text("\n".join(lines))
    return made


def shares(pid: int) -> tuple[float, float]:
    """Return the MiB of a supervisor and of all its workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own, *others = (
        int(_PSS.findall(Path(f"/proc/{one}/smaps_rollup").read_text())[0]) / 1024
        for one in (pid, *children)
    )
    return own, sum(others)


def at_work(log: Path, generation: int, pid: int) -> None:
    """Wait until a generation serves, and its two workers are alone."""
    until = time.monotonic() + _PATIENCE
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while (
        f"generation {generation} at work" not in log.read_text()
        or len(children.read_text().split()) > _WORKERS
    ):
        if time.monotonic() > until:
            sys.exit(log.read_text()[-2000:])
        time.sleep(0.2)
    time.sleep(_SETTLED)


def main() -> None:
    domains = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    reloads = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    with TemporaryDirectory() as name:
        root = Path(name)
        path, log = written(root, domains), root / "log"
        with log.open("wb") as file:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "avowal", "milter", "--config", str(path)], stderr=file
            )
        try:
            for generation in range(1, reloads + 2):
                at_work(log, generation, daemon.pid)
                own, workers = shares(daemon.pid)
                print(
                    f"generation {generation}: {own + workers:.1f} MiB,"
                    f" {own:.1f} the supervisor's, {workers:.1f} the workers'",
                    flush=True,
                )
                if generation <= reloads:
                    daemon.send_signal(signal.SIGHUP)
        finally:
            daemon.terminate()
            daemon.wait(60)


if __name__ == "__main__":
    main()
