"""The files of a directory of events: who may change them, and when one may go.

Two locks.  `changing` is held by the one process that packs or removes; `reading` is shared by
all that read parts.  A file that no row of the catalogue names goes when nobody reads.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from avowal.errors import StoreError
from avowal.stores import event_segments
from avowal.stores.parquet_catalog import Part, PartCatalog
from avowal.stores.parquet_engine import SPILLED
from avowal.stores.parquet_faults import Unreadable
from avowal.stores.segment_salvage import Salvaged, salvage

GROUP_OCTETS: Final = 64 << 20
"""Of segments that are packed together: what the engine has in memory."""
WAIT_SECONDS: Final = 60.0
"""For another process that packs, removes or reads."""
_STEP = 0.05
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class PartFiles:
    """Everything in a directory but its tables.  Methods raise StoreError."""

    def __init__(self, directory: str, catalog: PartCatalog) -> None:
        self.directory = directory
        self._catalog = catalog

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the one that packs or removes."""
        with self._locked("changing.lock", fcntl.LOCK_EX, WAIT_SECONDS):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the files where they are."""
        with self._locked("reading.lock", fcntl.LOCK_SH, WAIT_SECONDS):
            yield

    def waiting(self) -> bool:
        """Whether there is anything to pack."""
        with self._told():
            return event_segments.waiting(self.directory)

    def segments(self) -> Iterator[list[Path]]:
        """Take what waits and yield it in groups; what stands in a part already is removed."""
        with self._told():
            taken = event_segments.take(self.directory)
        done = self._catalog.packed()
        self.remove([one for one in taken if one.name in done])
        group: list[Path] = []
        octets = 0
        for one in taken:
            if one.name in done:
                continue
            with self._told():
                size = one.stat().st_size
            if group and octets + size > GROUP_OCTETS:
                yield group
                group, octets = [], 0
            group.append(one)
            octets += size
        if group:
            yield group

    def readable(
        self, group: list[Path], pack: Callable[[Sequence[str]], list[Part]]
    ) -> list[Part]:
        """Pack a group.  What cannot be read of one is set aside, and named with StoreError.

        The good lines of such a segment are packed the next time.
        """
        try:
            return pack([str(one) for one in group])
        except Unreadable as fault:
            for one in group:
                try:
                    pack([str(one)])
                except Unreadable:
                    with self._told():
                        found = salvage(one)
                    raise _set_aside(found, fault) from None
            raise

    def remove(self, segments: Sequence[Path]) -> None:
        """Remove segments that stand in parts."""
        if segments:
            with self._told():
                for one in segments:
                    one.unlink(missing_ok=True)
            self._catalog.forget([one.name for one in segments])

    def sweep(self, *, wait: bool = False) -> None:
        """Remove files that count no more; not while somebody reads, unless that is waited for."""
        seconds = WAIT_SECONDS if wait else 0.0
        try:
            with (
                self._locked("changing.lock", fcntl.LOCK_EX, seconds),
                self._locked("reading.lock", fcntl.LOCK_EX, seconds),
            ):
                self._sweep({part.name: part for part in self._catalog.parts()})
        except Busy:
            if wait:
                raise

    def _sweep(self, parts: dict[str, Part]) -> None:
        with self._told():
            for path in Path(self.directory).glob("day=*/*.parquet"):
                part = parts.get(path.name.partition(".")[0])
                if part is None or (not part.events and path.name.endswith(".events.parquet")):
                    path.unlink(missing_ok=True)
            for empty in Path(self.directory).glob("day=*"):
                with suppress(OSError):
                    empty.rmdir()
            for left in Path(self.directory, SPILLED).glob("*"):
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _locked(self, name: str, kind: int, seconds: float) -> Iterator[None]:
        path = f"{self.directory}/{name}"
        with self._told():
            descriptor = os.open(path, _LOCK, 0o600)
        try:
            until = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise Busy(f"{path}: another process holds it: try again") from None
                    time.sleep(_STEP)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"{error.filename or self.directory}: {error.strerror}") from None


def _set_aside(found: Salvaged, fault: StoreError) -> StoreError:
    if not found.kept:
        return StoreError(f"{found.aside}: is no segment and was set aside: {fault}")
    return StoreError(
        f"{found.aside}: {found.lost:,} lines cannot be read and were set aside there;"
        f" {found.kept:,} events of the segment are kept: run this again"
    )


class Busy(StoreError):
    """Another process has the files for now."""
