"""A progress bar on stderr, for work that lasts and a person who waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from avowal.cli.streams import draws

# Below this nobody waits long enough to need a bar, and rich would take longer than the work.
_WORTH_SHOWING = 32 << 20  # octets


@contextmanager
def bar(paths: Sequence[str]) -> Iterator[Callable[[int], object]]:
    """Give a function that takes octets as they are read.

    It draws only when stderr is a terminal and the files hold much together.
    """
    if not draws(sys.stderr) or (total := _octets(paths)) < _WORTH_SHOWING:
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda octets: progress.advance(task, octets)


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
