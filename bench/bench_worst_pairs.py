"""How much more the worst inputs of a pair cost than a harmless one: the table of the reference.

``python bench/bench_worst_pairs.py``; what is measured stands in tests/test_worst_pairs.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.test_worst_pairs import PAIRS, seconds


def main() -> None:
    """Print one row for each pair: the harmless time in ms, and the worst ratio."""
    print("| pair | harmless, ms | worst | times |")
    print("|---|---|---|---|")
    for name, made in PAIRS.items():
        pair = made()
        harmless = seconds(pair.work, pair.harmless, 0)
        ratios = {
            variant: seconds(pair.work, octets, 0) / harmless
            for variant, octets in pair.worst.items()
        }
        worst = max(ratios, key=lambda variant: ratios[variant])
        print(f"| {name} | {harmless * 1000:.1f} | {worst} | {ratios[worst]:.1f} |")


if __name__ == "__main__":
    main()
