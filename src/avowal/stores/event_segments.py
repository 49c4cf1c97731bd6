"""Segments: events as they come, in files that only grow, until they are packed.

Each writer has a file of its own, so that writers never wait for each other.  A line is an
event; what its kind of message is (`EventKey`) stands in full where the segment has it for the
first time, and is named by its digest from there on.  The lines are CSV (RFC 4180), which
DuckDB reads.  The name of a segment tells its form: programs before the second form may still
write, or have left, segments whose lines end before the rules.

Whoever packs takes a segment by giving it another name while nobody writes it; its writer
notices and begins another.  What a killed process had written stays, but for a line that it
was in the middle of.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from avowal import paths
from avowal.errors import StoreError
from avowal.keys.trust import Account
from avowal.report.event import Event, digest
from avowal.report.event_store import LostEvents
from avowal.stores.sqlite_events import SqliteEvents

COLUMNS: Final = (
    ("time", "BIGINT"), ("host", "VARCHAR"), ("key", "UUID"), ("queue_id", "VARCHAR"),
    ("domain", "VARCHAR"), ("reported", "BOOLEAN"), ("source", "VARCHAR"), ("facts", "VARCHAR"),
    ("rules", "VARCHAR"),
)  # fmt: skip
"""Of a line; `domain` to `facts` are empty where the segment has the kind already."""
FIRST_FORM: Final = COLUMNS[:-1]
"""Of a line of the first form, which had no rules."""
LEDGER: Final = "ledger.db"
"""The SQLite file beside segments and parts: what counts, what was sent, what was lost."""
MOST_OCTETS: Final = 64 << 20
"""Of a segment; then its writer begins another."""
_LIVE = ".segment"
TAKEN: Final = ".taken"
DAMAGED: Final = ".damaged"
_FORM = ".2"  # before the suffix
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KNOWN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_SYNC_SECONDS = 1.0  # what a power cut can take
_TAIL = 1 << 20  # octets looked through for the end of the last whole line
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SegmentWriter:
    """Writes events to segments in a directory; one thread uses it."""

    def __init__(self, directory: str) -> None:
        """Make the directory where there is none.  Raises StoreError."""
        self._directory = directory
        self._descriptor: int | None = None
        self._path = directory
        self._kinds: set[bytes] = set()
        self._synced = 0.0
        make_private(directory)

    def append(self, events: Sequence[Event]) -> None:
        """Write events: all of them or none.  Raises StoreError."""
        if not events:
            return
        try:
            with self._held() as descriptor:
                self._write(descriptor, events)
        except OSError as error:
            raise StoreError(f"{error.filename or self._path}: {error.strerror}") from None

    def note_lost(self, lost: LostEvents) -> None:
        """Count events that were dropped, in the ledger: segments hold what is there."""
        require_ledger(self._directory)
        with closing(SqliteEvents(f"{self._directory}/{LEDGER}")) as ledger:
            ledger.note_lost(lost)

    def close(self) -> None:
        """Let go of the segment."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._kinds = set()

    @contextmanager
    def _held(self) -> Iterator[int]:
        """Give a segment that stands under its name, locked: nobody takes it meanwhile."""
        while True:
            if self._descriptor is None:
                self._path = f"{self._directory}/{time.time_ns():x}-{token_hex(6)}{_FORM}{_LIVE}"
                self._descriptor = os.open(self._path, _NEW, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if _stands(self._path, self._descriptor):
                break
            self.close()  # it was taken
        try:
            yield self._descriptor
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            if os.fstat(self._descriptor).st_size >= MOST_OCTETS:
                self.close()

    def _write(self, descriptor: int, events: Sequence[Event]) -> None:
        new: set[bytes] = set()
        lines = []
        for event in events:
            octets = event.key.octets()
            name = digest(octets)
            fresh = name not in self._kinds and name not in new
            if fresh:
                new.add(name)
            lines.append(_line(event, name, octets if fresh else None))
        end = os.fstat(descriptor).st_size
        try:
            paths.write_all(descriptor, b"".join(lines), end)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        self._kinds |= new
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            os.fdatasync(descriptor)
            self._synced = time.monotonic()


def _stands(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(Path(path).lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _line(event: Event, name: bytes, facts: bytes | None) -> bytes:
    queue_id = b"" if event.queue_id is None else _quoted(event.queue_id)
    head = b"%d,%b,%b,%b," % (event.time, _quoted(event.host), name.hex().encode(), queue_id)
    text = event.rules_text()
    rules = b"" if text is None else _quoted(text)
    if facts is None:
        return b"%b,,,,%b\n" % (head, rules)
    key = event.key
    domain, source = key.policy_domain, key.source
    return b"%b%b,%b,%b,%b,%b\n" % (
        head,
        b"" if domain is None else _quoted(domain),
        b"true" if key.is_reported else b"false",
        b"" if source is None else _quoted(source),
        b'"%b"' % facts.replace(b'"', b'""'),
        rules,
    )


def _quoted(text: str) -> bytes:
    if not text.isprintable():
        text = _CONTROL.sub("?", text)  # a line is a line; no MTA names a message so
    return b'"%b"' % text.encode("utf-8", "replace").replace(b'"', b'""')


def make_private(directory: str) -> None:
    """Make a directory that only its owner may enter, where there is none.

    Raises StoreError for one that others may write, or that belongs to another user: what root
    would write there, its owner could not read.
    """
    try:
        paths.make_directory(directory)
        descriptor = paths.directory(directory)
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}") from None
    if status.st_uid != os.geteuid():
        owner = Account.owning(status).name
        raise StoreError(f"{directory}: belongs to {owner}: run this as {owner}")
    if status.st_mode & 0o022:
        raise StoreError(f"{directory}: others may write there: chmod 700 {directory}")


def require_ledger(directory: str) -> None:
    """See that parts do not stand alone: none of them would count.  Raises StoreError."""
    parts = next(Path(directory).glob("day=*"), None)
    if parts is not None and not Path(directory, LEDGER).exists():
        raise StoreError(
            f"{directory}: {parts.name} is there without {LEDGER}, which says what counts:"
            " bring it back from a backup, or move the days away to begin anew"
        )


# -- taking ------------------------------------------------------------------------------------


def waiting(directory: str) -> bool:
    """Whether there is anything to pack.  Raises OSError."""
    return any(path.suffix in {_LIVE, TAKEN} for path in Path(directory).iterdir())


def take(directory: str) -> list[Path]:
    """Take all segments; return their paths, those that were taken before too.

    One process at a time does this.  Raises OSError.
    """
    for path in sorted(Path(directory).glob(f"*{_LIVE}")):
        with suppress(FileNotFoundError):
            _take(path)
    return sorted(Path(directory).glob(f"*{TAKEN}"))


def _take(path: Path) -> None:
    descriptor = os.open(path, _KNOWN)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # its writer holds this while it writes a batch
        whole = _whole(descriptor)
        if whole:
            os.ftruncate(descriptor, whole)
            path.rename(path.with_suffix(TAKEN))
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _whole(descriptor: int) -> int:
    """Return how many octets end with a line: a killed writer may have left a part of one."""
    size = os.fstat(descriptor).st_size
    begin = max(0, size - _TAIL)
    return begin + os.pread(descriptor, size - begin, begin).rfind(b"\n") + 1


def columns_of(path: str) -> Sequence[tuple[str, str]]:
    """Return what the lines of a segment have."""
    return COLUMNS if _FORM in Path(path).stem else FIRST_FORM


def set_aside(path: Path) -> Path:
    """Give a segment that cannot be read a name under which nobody looks for it again."""
    return path.rename(path.with_suffix(DAMAGED))


def remove_damaged(directory: str, *, before: int = 0, naming: str | None = None) -> None:
    """Remove segments that were set aside: old ones, or those in which an address stands."""
    for path in Path(directory).glob(f"*{DAMAGED}"):
        try:
            old = path.stat().st_mtime < before
            if old or (naming is not None and naming.encode() in path.read_bytes()):
                path.unlink()
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
