"""A progress bar on stderr, for work that lasts and a person who waits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from avowal.cli.streams import draws

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# Below both nobody waits long enough to need a bar, and rich would take longer than the work;
# what DNS makes slow shows one once it has lasted.
_WORTH_SHOWING = 32 << 20  # octets
_MANY = 1000  # files
_PATIENCE = 2.0  # seconds


@contextmanager
def bar(paths: Sequence[str]) -> Iterator[Callable[[int], object]]:
    """Give a function that takes octets as they are read.

    It draws only when stderr is a terminal, at once for files that hold much together or are
    many, otherwise when the work goes on and on.
    """
    if not draws(sys.stderr):
        yield _nothing
        return
    total = _octets(paths)
    shown = _Bar(total, at_once=total >= _WORTH_SHOWING or len(paths) >= _MANY)
    try:
        yield shown.advance
    finally:
        shown.stop()


class _Bar:
    """A bar that is drawn as soon as it is worth it."""

    def __init__(self, total: int, *, at_once: bool) -> None:
        self._total = total
        self._from = time.monotonic() + (0 if at_once else _PATIENCE)
        self._done = 0
        self._drawn: tuple[Progress, TaskID] | None = None

    def advance(self, octets: int) -> None:
        """Take the number of octets that were read."""
        self._done += octets
        if self._drawn is not None:
            progress, task = self._drawn
            progress.advance(task, octets)
        elif time.monotonic() >= self._from:
            self._drawn = _drawn(self._total, self._done)

    def stop(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            self._drawn[0].stop()


def _drawn(total: int, done: int) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )
    task = progress.add_task("", total=total, completed=done)
    progress.start()
    return progress, task


def _octets(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        try:
            total += os.stat(path).st_size  # noqa: PTH116 - one call per message of an archive
        except OSError:
            continue
    return total


def _nothing(octets: int) -> None:
    """Draw no bar."""
