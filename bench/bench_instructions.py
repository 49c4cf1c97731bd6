"""Instructions per message, by callgrind: a figure that no busy machine changes.

    python bench/bench_instructions.py [--only verify-rsa-t2k ...] [--write] [--check]

Each case runs in a process of its own under valgrind, once for a few messages and once for more;
the difference, divided, is what one message costs.  bench/instructions.toml is the budget:
`--check` fails where a case costs more than 3 % above it, `--write` writes down what was measured.
The counts are those of one processor's instruction set and of one OpenSSL: compare on one machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import bench_core
from bench.corpus import message

import avowal

BUDGET = Path(__file__).with_name("instructions.toml")
_FEW, _MORE = 50, 250  # messages; the first fill every cache
_ROOM = 1.03
_TOTAL = re.compile(r"Collected : (\d+)")


def work(name: str) -> Callable[[], object]:
    """Return what a case does once: `verify-rsa-t2k`, `limit-sign-ed-h20k` …"""
    words = name.split("-")
    limit = words[0] == "limit"
    operation, selector, size = words[1:] if limit else words
    case = bench_core.Case(operation, selector, "relaxed", size)
    octets = message(size)
    if operation == "verify":
        octets = avowal.sign(octets, bench_core.intent(case), now=bench_core.NOW) + octets
    return (bench_core.limit if limit else bench_core.ours)(case, octets)


def names() -> Iterator[str]:
    for operation in ("verify", "sign"):
        for selector in ("rsa", "ed"):
            for size in ("t2k", "h20k"):
                yield f"{operation}-{selector}-{size}"
                yield f"limit-{operation}-{selector}-{size}"


def counted(name: str, messages: int) -> int:
    """Return the instructions of a process that does a case so many times."""
    command = [
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
        sys.executable, __file__, "--run", name, str(messages),
    ]  # fmt: skip
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = _TOTAL.search(done.stderr)
    if found is None:
        sys.exit(f"callgrind gave no total: {done.stderr[-500:]}")
    return int(found[1])


def per_message(name: str) -> int:
    return round((counted(name, _MORE) - counted(name, _FEW)) / (_MORE - _FEW))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="these cases only")
    parser.add_argument("--write", action="store_true", help="write the budget")
    parser.add_argument("--check", action="store_true", help="fail beyond the budget")
    parser.add_argument("--run", nargs=2, metavar=("CASE", "TIMES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        once = work(options.run[0])
        for _ in range(int(options.run[1])):
            once()
        return
    if shutil.which("valgrind") is None:
        print("left out: valgrind is not installed")
        return
    budget = tomllib.loads(BUDGET.read_text()) if BUDGET.exists() else {}
    measured = {}
    for name in options.only or names():
        measured[name] = per_message(name)
        allowed = budget.get(name)
        beside = "" if allowed is None else f"  {measured[name] / allowed:.3f} of the budget"
        print(f"{name:28}{measured[name]:>12,}{beside}", flush=True)
    if options.write:
        lines = ["# Instructions per message, written by bench_instructions.py --write"]
        lines += [f"{name} = {count}" for name, count in sorted((budget | measured).items())]
        BUDGET.write_text("\n".join(lines) + "\n")
    if options.check and (unknown := measured.keys() - budget.keys()):
        sys.exit(f"no budget for {', '.join(sorted(unknown))}: run it with --write first")
    over = [n for n, c in measured.items() if n in budget and c > _ROOM * budget[n]]
    if options.check and over:
        sys.exit(f"more instructions than the budget allows: {', '.join(over)}")


if __name__ == "__main__":
    main()
