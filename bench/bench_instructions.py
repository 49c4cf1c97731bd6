"""Instructions per message, by callgrind: a figure that no busy machine changes.

    python bench/bench_instructions.py [--only verify-rsa-t2k ...] [--write] [--check]

One process under valgrind does every case: a few messages that fill the caches, then, between two
marks (callgrind_marks.c, compiled for the occasion), those that are counted.  All cases take about
half a minute.  bench/instructions.toml is the budget: `--check` fails where a case costs more than
3 % above it, `--write` writes down what was measured.  The counts are those of one processor's
instruction set, one Python and one OpenSSL: the budget names them, and `--check` on others says so
and holds nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import bench_core
from bench.corpus import message
from cryptography.hazmat.backends.openssl import backend

import avowal
from avowal import _fast
from avowal.crypto import ed25519

BUDGET = Path(__file__).with_name("instructions.toml")
MARKS = Path(__file__).with_name("callgrind_marks.c")
# Messages; the first fill every cache, and are as many as it takes to load libsodium.
_WARM, _COUNTED = 70, 20
_ROOM = 1.03
_CASE = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


def work(name: str) -> Callable[[], object]:
    """Return what a case does once: `verify-rsa-t2k`, `sign-ed-t2k-simple`, `limit-sign-ed-t2k`."""
    words = name.split("-")
    limit = words[0] == "limit"
    operation, selector, size, *form = words[1:] if limit else words
    case = bench_core.Case(operation, selector, form[0] if form else "relaxed", size)
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
            yield f"{operation}-{selector}-t2k-simple"


def machine() -> str:
    """Name what the counts depend on beside avowal."""
    sodium = "" if ed25519.libsodium() is None else ", libsodium"
    kernel = "C kernel" if _fast.COMPILED else "no kernel"
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    openssl = " ".join(backend.openssl_version_text().split()[:2])
    return f"{platform.machine()}, {python}, {openssl}{sodium}, {kernel}"


def run(marks: str, cases: Sequence[str]) -> None:
    """Do each case between its marks: the process that valgrind runs."""
    library = ctypes.CDLL(marks)
    for name in cases:
        once = work(name)
        for _ in range(_WARM):
            once()
        gc.collect()  # a collection of all that lives falls on no case by chance
        library.begin()
        for _ in range(_COUNTED):
            once()
        library.end(name.encode())


def counted(cases: Sequence[str]) -> dict[str, int]:
    """Return the instructions of one message of each case."""
    with tempfile.TemporaryDirectory() as directory:
        marks, out = Path(directory, "marks.so"), Path(directory, "out")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", marks, MARKS], check=True)
        command = [
            "valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}",
            sys.executable, __file__, "--run", str(marks), "--only", *cases,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            sys.exit(f"valgrind gave up: {done.stderr[-500:]}")
        found = {}
        for dump in Path(directory).glob("out.*"):
            text = dump.read_text()
            case, total = _CASE.search(text), _TOTAL.search(text)
            if case is not None and total is not None:
                found[case[1]] = round(int(total[1]) / _COUNTED)
        return found


def written(measured: dict[str, int]) -> str:
    lines = ["# Instructions per message, written by bench_instructions.py --write"]
    lines += [f'machine = "{machine()}"', "", "[instructions]"]
    return "\n".join([*lines, *(f"{name} = {count}" for name, count in sorted(measured.items()))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", help="these cases only")
    parser.add_argument("--write", action="store_true", help="write the budget")
    parser.add_argument("--check", action="store_true", help="fail beyond the budget")
    parser.add_argument("--run", metavar="MARKS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = options.only or list(names())
    if options.run:
        run(options.run, cases)
        return
    missing = [program for program in ("valgrind", "cc") if shutil.which(program) is None]
    if missing:
        print(f"left out: {' and '.join(missing)} not installed")
        return
    held = tomllib.loads(BUDGET.read_text()) if BUDGET.exists() else {}
    budget: dict[str, int] = held.get("instructions", {})
    measured = counted(cases)
    for name in cases:
        allowed = budget.get(name)
        beside = "" if allowed is None else f"  {measured[name] / allowed:.3f} of the budget"
        print(f"{name:28}{measured[name]:>12,}{beside}")
    if options.write:
        BUDGET.write_text(written(budget | measured) + "\n")
    elif options.check:
        check(measured, budget, held.get("machine"))


def check(measured: dict[str, int], budget: dict[str, int], held_for: str | None) -> None:
    """Exit with a sentence where a case is beyond its budget."""
    if held_for != machine():
        print(f"nothing was held: the budget is for {held_for}, this is {machine()}")
        return
    if unknown := measured.keys() - budget.keys():
        sys.exit(f"no budget for {', '.join(sorted(unknown))}: run it with --write first")
    if over := [name for name, count in measured.items() if count > _ROOM * budget[name]]:
        sys.exit(f"more instructions than the budget allows: {', '.join(over)}")
    print("within the budget")


if __name__ == "__main__":
    main()
