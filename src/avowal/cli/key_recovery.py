"""Finding retired keys in archives: the work of `avowal keys recover`.

First every message is read once, and a bounded number of samples kept for each selector.
Then the keys are looked for side by side in processes, those with the most mail first; each
that is found is written to the archive at once, so that what is interrupted goes on there.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import NamedTuple

from avowal.calls.arguments import read_header
from avowal.cli import exits, sources
from avowal.cli.exits import ExitStatus
from avowal.cli.outcomes import outcomes
from avowal.errors import UsageError
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.keys.recovery import PAIRS, Modulus, Recovered, Sample, recover
from avowal.keys.samples import samples_of
from avowal.line_ends import LineEnds
from avowal.names import DomainName, NameFault

_KEPT = 64  # samples of a selector; the others are counted


class Wanted(NamedTuple):
    """Which signatures are looked at."""

    domain: str | None = None
    selector: str | None = None
    line_ends: LineEnds = "auto"

    def includes(self, domain: str, selector: str) -> bool:
        """Whether a selector is one of them."""
        return _is(self.domain, domain) and _is(self.selector, selector)


class Samples:
    """The samples of one selector that promise most, and how many there were."""

    __slots__ = ("best", "count")

    def __init__(self) -> None:
        self.best: list[Sample] = []
        self.count = 0

    def add(self, sample: Sample) -> None:
        """Take one more."""
        self.count += 1
        self.best.append(sample)
        if len(self.best) == 2 * _KEPT:
            self.cut()

    def cut(self) -> None:
        """Keep those with the least doubt; of equal ones the first."""
        self.best.sort(key=lambda sample: sample.doubt)
        del self.best[_KEPT:]


class Found(NamedTuple):
    """What was found at one selector."""

    domain: str
    selector: str
    messages: int
    looked_at: int
    keys: tuple[Recovered, ...]


class Recovery:
    """One run; `output` names the archive."""

    def __init__(
        self, output: str, *, pairs: int = PAIRS, jobs: int = 1, as_json: bool = False
    ) -> None:
        """Read the archive, where there is one.  Raises ConfigError and OSError."""
        self._output = output
        self._archive = KeyArchive.load(output) if Path(output).exists() else KeyArchive()
        moduli = (Modulus.of_record(key.record) for key in self._archive)
        self._known = dict.fromkeys(key for key in moduli if key is not None)
        self._pairs = pairs
        self._jobs = jobs
        self._write = _write_json if as_json else _write_text

    def run(self, paths: Sequence[str], wanted: Wanted) -> int:
        """Do it all; return the exit status.  Raises UsageError."""
        self._save()  # before hours of work: can it be written?
        samples: dict[tuple[str, str], Samples] = {}
        statuses = {ExitStatus.PASSED}

        def read(_: sources.MessageOrigin, chunks: Iterator[bytes]) -> None:
            header, body = read_header(chunks, line_ends=wanted.line_ends)
            for signature, sample in samples_of(header, body):
                at = signature.domain.ascii, signature.selector.ascii
                if wanted.includes(*at):
                    samples.setdefault(at, Samples()).add(sample)

        for outcome in outcomes(paths, read):
            if outcome is not None:
                exits.complain(outcome[1])
                statuses.add(ExitStatus.UNUSABLE)
        ordered = sorted(samples.items(), key=lambda item: (-item[1].count, item[0]))
        if not samples and statuses == {ExitStatus.PASSED}:
            exits.complain(
                "no RSA signature that is looked for stands over the body that was signed"
            )
        any_key = False
        for found in self._searched(ordered):
            any_key = any_key or bool(found.keys)
            self._keep(found)
            self._write(found)
        if not any_key:
            statuses.add(ExitStatus.NOT_PASSED)
        return exits.worst(*statuses)

    def _searched(self, ordered: Sequence[tuple[tuple[str, str], Samples]]) -> Iterator[Found]:
        """Look for the keys, several at a time; what is found first comes first."""
        searches: dict[Future[list[Recovered]], tuple[tuple[str, str], Samples]] = {}
        context = get_context("spawn")
        with contextlib.ExitStack() as stack:
            pool: ProcessPoolExecutor | None = None
            for (domain, selector), samples in ordered:
                samples.cut()
                keys = self._by_known(samples)
                left = len(samples.best) - sum(len(key.samples) for key in keys)
                if left < 2:
                    yield _found(domain, selector, samples, keys)
                    continue
                if pool is None:
                    pool = ProcessPoolExecutor(self._jobs, context, initializer=_obey)
                    stack.callback(_stop, pool)
                known = tuple(self._known)
                future = pool.submit(_search, samples.best, known, self._pairs)
                searches[future] = (domain, selector), samples
            for future in as_completed(searches):
                (domain, selector), samples = searches[future]
                yield _found(domain, selector, samples, future.result())

    def _by_known(self, samples: Samples) -> list[Recovered]:
        return [found for found in recover(samples.best, self._known, pairs=0) if found.known]

    def _keep(self, found: Found) -> None:
        for key in found.keys:
            self._known[key.key] = None
            times = [sample.when for sample in key.samples if sample.when is not None]
            self._archive.add(
                ArchivedKey(
                    domain=found.domain,
                    selector=found.selector,
                    record=key.key.record,
                    source=KeySource.RECOVERED,
                    first=min(times, default=None),
                    last=max(times, default=None),
                    messages=len(key.samples),
                )
            )
        if found.keys:
            self._save()

    def _save(self) -> None:
        try:
            self._archive.save(self._output)
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(f"--output {self._output}: it cannot be written: {why}") from None


def _search(samples: list[Sample], known: tuple[Modulus, ...], pairs: int) -> list[Recovered]:
    """Look for the keys of one selector, in a process of its own."""
    return list(recover(samples, known, pairs=pairs))


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the processes, whatever they are doing."""
    pool.shutdown(wait=False, cancel_futures=True)
    for process in active_children():
        process.terminate()


def _obey() -> None:
    """End at once when the user wants to: a common divisor takes half a minute."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _found(domain: str, selector: str, samples: Samples, keys: Sequence[Recovered]) -> Found:
    return Found(domain, selector, samples.count, len(samples.best), tuple(keys))


def _is(wanted: str | None, name: str) -> bool:
    if wanted is None:
        return True
    try:
        return DomainName.parse(wanted.encode()).ascii == name
    except NameFault:
        return False


# -- what is written ---------------------------------------------------------------------


def _write_text(found: Found) -> None:
    where = f"{found.domain} {found.selector}"
    if not found.keys:
        few = found.looked_at < 2
        why = "one message: two are needed" if few else f"not found in {found.looked_at} messages"
        print(f"{where}: {why}")
    for one in found.keys:
        verified = f"{len(one.samples)} of {found.looked_at} messages"
        more = "" if found.looked_at == found.messages else f" ({found.messages} in all)"
        known = ", known already" if one.known else ""
        print(f"{where}: {one.key.bits} bits, verifies {verified}{more}{_span(one)}{known}")


def _span(found: Recovered) -> str:
    times = [sample.when for sample in found.samples if sample.when is not None]
    if not times:
        return ""
    first, last = (_day(at) for at in (min(times), max(times)))
    return f", {first}" if first == last else f", {first} to {last}"


def _day(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"t={at}"


def _write_json(found: Found) -> None:
    keys = [
        {
            "bits": one.key.bits,
            "record": one.key.record,
            "messages": len(one.samples),
            "known": one.known,
        }
        for one in found.keys
    ]
    print(
        json.dumps(
            {
                "domain": found.domain,
                "selector": found.selector,
                "messages": found.messages,
                "looked_at": found.looked_at,
                "keys": keys,
            }
        )
    )
