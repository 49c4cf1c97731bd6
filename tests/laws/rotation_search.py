"""Searching for a world that breaks a law of rotation: ``python -m tests.laws.rotation_search``."""

from __future__ import annotations

import argparse
import sys

from tests.laws.rotation_judge import violations
from tests.laws.rotation_world import lived


def main() -> int:
    """Live through worlds; print what broke, and in which."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20_000, help="each world's life")
    options = parser.parse_args()
    broken = switches = 0
    for seed in range(options.first, options.first + options.worlds):
        world = lived(seed, until=options.seconds)
        switches += world.record.switches
        for one in violations(world):
            broken += 1
            sys.stdout.write(f"seed {seed}: {one}\n")
    sys.stdout.write(f"{options.worlds} worlds, {switches} switches, {broken} violations\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
