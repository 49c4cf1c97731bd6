"""How many selectors' keys are found again in archives that have two intact messages of them.

    bench/recovered_keys.py --selectors 40 --state FILE ARCHIVE.git...   # goes on where FILE ends

An archive is a public-inbox repository: each commit's file ``m`` is one message.  Of all
selectors with two RSA signatures over bodies that are intact, some are drawn at random; the
state file keeps what was found of each, and the key archive (`--output`) the keys.  A common
divisor takes half a minute of one core.  Nothing of a message is written anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import explained_archives as archives

from avowal.cli.key_recovery import Samples
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.keys.recovery import Modulus, recover
from avowal.keys.samples import samples_of


def selectors(paths: list[str], count: int) -> dict[str, Samples]:
    """Read `count` messages of each archive; return the samples of every selector."""
    found: dict[str, Samples] = {}
    for path in paths:
        for message in archives.messages(path, count):
            for signature, sample in samples_of(message.header, [message.body]):
                name = f"{signature.domain.ascii} {signature.selector.ascii}"
                found.setdefault(name, Samples()).add(sample)
    return found


def drawn(found: dict[str, Samples], seed: str) -> Iterator[str]:
    """Yield the selectors with two intact messages, in a random order."""
    names = sorted(name for name, samples in found.items() if samples.count > 1)
    random.Random(seed).shuffle(names)
    yield from names


class Tally:
    """What was found of each selector, kept in a file after each."""

    def __init__(self, state: Path, output: Path) -> None:
        self._state, self._output = state, output
        self.rows: dict[str, dict[str, float]] = (
            json.loads(state.read_text()) if state.exists() else {}
        )
        self._keys = KeyArchive.load(str(output)) if output.exists() else KeyArchive()

    def search(self, name: str, samples: Samples) -> None:
        samples.cut()
        start = time.process_time()
        read = (Modulus.of_record(key.record) for key in self._keys)
        known = list(dict.fromkeys(key for key in read if key is not None))
        keys = list(recover(samples.best, known))
        self.rows[name] = {
            "messages": samples.count,
            "looked at": len(samples.best),
            "keys": len(keys),
            "verified": sum(len(one.samples) for one in keys),
            "known": sum(one.known for one in keys),
            "seconds": round(time.process_time() - start, 1),
        }
        domain, _, selector = name.partition(" ")
        for one in keys:
            times = [sample.when for sample in one.samples if sample.when is not None]
            self._keys.add(
                ArchivedKey(
                    domain=domain,
                    selector=selector,
                    record=one.key.record,
                    source=KeySource.RECOVERED,
                    first=min(times, default=None),
                    last=max(times, default=None),
                    messages=len(one.samples),
                )
            )
        self._keys.save(str(self._output))
        self._state.write_text(json.dumps(self.rows, indent=0))
        print(name, self.rows[name], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count selectors whose keys are found again.")
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--messages", type=int, default=6000, help="messages of each archive")
    parser.add_argument("--selectors", type=int, default=40, help="how many are drawn")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the key archive")
    given = parser.parse_args()
    os.nice(5)
    found = selectors(given.archives, given.messages)
    several = sum(samples.count > 1 for samples in found.values())
    print(f"{len(found)} selectors, {several} with two intact messages", flush=True)
    tally = Tally(given.state, given.output)
    chosen = list(islice(drawn(found, given.seed), given.selectors))
    for name in chosen:
        if name not in tally.rows:
            tally.search(name, found[name])
    rows = [tally.rows[name] for name in chosen]
    with_key = sum(row["keys"] > 0 for row in rows)
    print(
        f"{with_key} of {len(rows)} selectors ({100 * with_key / max(1, len(rows)):.0f} %), "
        f"{sum(row['known'] > 0 for row in rows)} of them by a key known before"
    )


if __name__ == "__main__":
    main()
