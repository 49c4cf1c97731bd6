"""When DNS was last seen to show each of our keys, in memory that processes share.

All workers of all generations look at the same octets: what one of them found, the others
know at once, and so does a worker that comes later.  With a file the findings outlast the
daemon; without one they are in a file that nobody else sees.

A file is `MAGIC` and records of 24 octets: 16 that name a key (a hash of where its record
has to be and of its public half), and a number of 8, the time in Unix seconds of the last
answer: positive where DNS showed the key, negative where not, 0 while nothing is known.
Records are only ever added while processes look at them, so their places stay.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

from avowal import paths
from avowal.errors import StoreError
from avowal.names import DomainName, Selector, key_name

MAGIC: Final = b"avowalK1"
_NAME: Final = 16
_NUMBER: Final = Struct("<q")
_MOST_OCTETS: Final = 16 << 20  # some 700,000 keys
_RECORD: Final = _NAME + _NUMBER.size


class Sighting:
    """What is known of one key: `when` is the time of the last answer, signed as in the file."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytearray | mmap.mmap | None = None, at: int = 0) -> None:
        self._octets = bytearray(_NUMBER.size) if octets is None else octets
        self._at = at

    @property
    def when(self) -> int:
        """The time, negative if the key was not there, 0 while nothing is known."""
        found: int = _NUMBER.unpack_from(self._octets, self._at)[0]
        return found

    @when.setter
    def when(self, when: int) -> None:
        _NUMBER.pack_into(self._octets, self._at, when)

    @property
    def shown(self) -> bool | None:
        """Whether DNS shows the key; None while that is not known."""
        when = self.when
        return None if when == 0 else when > 0


def name_of(selector: Selector, domain: DomainName, public_octets: bytes) -> bytes:
    """Return the octets that name a key in the file; another key at the name is another one."""
    where = key_name(selector, domain).encode()
    return sha256(where + b"\0" + public_octets).digest()[:_NAME]


class Sightings:
    """The files in use; one object lives as long as the process that starts the others."""

    def __init__(self) -> None:
        self._open: dict[str | None, int] = {}

    def of(self, names: Sequence[bytes], path: str | None) -> list[Sighting]:
        """Return what is known of keys, each with a place to note more.

        Raises StoreError for a file that cannot be used.
        """
        try:
            descriptor = self._open.get(path)
            if descriptor is None:
                descriptor = self._open[path] = _opened(path, frozenset(names))
            return _placed(descriptor, names)
        except paths.UnsafePathError:
            raise
        except OSError as error:
            raise StoreError(f"{path or 'temporary file'}: {error.strerror}") from None

    def close(self) -> None:
        """Close the files; what was handed out stays of use."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def _opened(path: str | None, wanted: frozenset[bytes]) -> int:
    """Open a file, without the records of keys that are gone: nobody looks at it yet."""
    if path is None:
        with tempfile.TemporaryFile(prefix="avowal-keys-") as made:
            descriptor = os.dup(made.fileno())
        _append(descriptor, MAGIC)
        return descriptor
    before = [one for one in _records(path) if one[:_NAME] in wanted]
    descriptor = -1
    try:
        with paths.place(path) as there, there.new(0o600) as made:
            _append(made, MAGIC + b"".join(before))
            descriptor = os.dup(made)
    except OSError:
        if descriptor >= 0:
            os.close(descriptor)
        raise
    return descriptor


def _records(path: str) -> list[bytes]:
    """Read the records of a file; one that is not ours, or was cut, says nothing."""
    try:
        octets = paths.read(path, _MOST_OCTETS, waits=False)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EFBIG}:
            return []
        raise
    if not octets.startswith(MAGIC):
        return []
    stop = len(octets) - _RECORD + 1
    return [octets[at : at + _RECORD] for at in range(len(MAGIC), stop, _RECORD)]


def _placed(descriptor: int, names: Iterable[bytes]) -> list[Sighting]:
    octets = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    ends = range(len(MAGIC), len(octets), _RECORD)
    places = {octets[at : at + _NAME]: at + _NAME for at in ends}
    size, added = len(octets), []
    for name in names:
        if name not in places:
            places[name] = size + _NAME
            size += _RECORD
            added.append(name + bytes(_NUMBER.size))
    if added:
        _append(descriptor, b"".join(added))
    shared = mmap.mmap(descriptor, size)
    return [Sighting(shared, places[name]) for name in names]


def _append(descriptor: int, octets: bytes) -> None:
    """Write at the end, all or an error: a page without room on disk would kill whoever looks."""
    paths.write_all(descriptor, octets, os.fstat(descriptor).st_size)
