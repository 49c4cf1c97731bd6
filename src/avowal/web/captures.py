"""The capture box that the command line names: failed messages of the daemon, read with a key.

A page asks for a message by the name of its file, which is of the form of captured messages and
nothing else.  What is decrypted stays in memory.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from avowal import paths
from avowal.crypto.age import AgeIdentities
from avowal.errors import KeyMaterialError, StoreError
from avowal.flow.captured import CapturedName
from avowal.text import printable
from avowal.web.analysis import Given
from avowal.web.hops import moment
from avowal.web.limits import CAPTURE_LOOKED_AT, CAPTURE_ROWS, MOST_IDENTITY
from avowal.web.mailbox import heading
from avowal.web.refusals import NOT_FOUND, TOO_LARGE, UNREADABLE_CAPTURE, NoPage

_ADDED: Final = 64 << 10  # octets that encryption adds, and more than that: 16 for each 64 KiB


class CaptureRow(NamedTuple):
    """One captured message; `note` says why neither From nor Subject are shown."""

    file: str
    when: str
    queue_id: str
    octets: int
    sender: str = ""
    subject: str = ""
    note: str = ""


class CaptureListing(NamedTuple):
    """One page of them, the newest first; `total` are there."""

    rows: tuple[CaptureRow, ...]
    total: int
    more: bool


class Captures:
    """A directory of captured messages, and the private keys to read them with."""

    def __init__(self, directory: str, identities: AgeIdentities) -> None:
        self.directory = directory
        self._identities = identities

    @classmethod
    def of(cls, directory: str, identity: str, password: bytes | None = None) -> Captures:
        """Read the file of private keys, and look whether the directory is one.

        `password` opens the file, where it is encrypted.  Raises KeyMaterialError, StoreError.
        """
        try:
            octets = paths.read(identity, MOST_IDENTITY)
        except OSError as error:
            raise KeyMaterialError(identity, error.strerror or str(error)) from None
        made = cls(directory, AgeIdentities.parse(octets, identity, password))
        made._names()
        return made

    def listing(self, page: int) -> CaptureListing:
        """Return a page, the first one 0.  Raises StoreError."""
        names = self._names()
        start = page * CAPTURE_ROWS
        rows = [self._row(name) for name in names[start : start + CAPTURE_ROWS]]
        more = len(names) > start + CAPTURE_ROWS
        return CaptureListing(tuple(row for row in rows if row is not None), len(names), more)

    def message(self, file: str, most: int) -> Given:
        """Decrypt a message, to be judged as at the time it came.  Raises NoPage."""
        name = CapturedName.read(file)
        if name is None:
            raise NoPage(NOT_FOUND)
        try:
            octets = self._decrypted(file, most)
        except OSError as error:
            raise NoPage(UNREADABLE_CAPTURE, f"{file}: {error.strerror}") from None
        except KeyMaterialError as fault:
            raise NoPage(UNREADABLE_CAPTURE, str(fault)) from None
        if octets is None or len(octets) > most:
            raise NoPage(TOO_LARGE, f"it has more than {most} octets")
        return Given(octets, file, at=name.received_at)

    def _names(self) -> list[CapturedName]:
        """Return the names of what is there, the newest first.  Raises StoreError."""
        try:
            found = map(CapturedName.read, os.listdir(self.directory))  # noqa: PTH208
            names = [name for name in found if name is not None]
        except OSError as error:
            raise StoreError(f"{self.directory}: {error.strerror}") from None
        return sorted(names, reverse=True)

    def _row(self, name: CapturedName) -> CaptureRow | None:
        """Return a row, None for a message that was erased since."""
        size = 0
        try:
            size = os.stat(self._path(name.file), follow_symlinks=False).st_size  # noqa: PTH116
            octets = self._decrypted(name.file, CAPTURE_LOOKED_AT)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _row(name, size, note=error.strerror or "cannot be read")
        except KeyMaterialError:
            return _row(name, size, note="is for another key")
        if octets is None:
            return _row(name, size, note="too large to be looked at in a list")
        sender, subject, _ = heading(octets)
        return _row(name, size, sender=sender, subject=subject)

    def _decrypted(self, file: str, most: int) -> bytes | None:
        """Return a message, None where its file is larger than `most` and what age adds.

        Raises OSError, KeyMaterialError.
        """
        descriptor = paths.opened(self._path(file), waits=False)
        with os.fdopen(descriptor, "rb") as opened:
            octets = opened.read(most + most // 1000 + _ADDED)
            if opened.read(1):
                return None
        return self._identities.decrypt(octets, file)

    def _path(self, file: str) -> str:
        return os.path.join(self.directory, file)  # noqa: PTH118


def _row(
    name: CapturedName, octets: int, sender: str = "", subject: str = "", note: str = ""
) -> CaptureRow:
    return CaptureRow(
        name.file, moment(name.received_at), name.queue_id, octets, sender, subject,
        printable(note, most=200),
    )  # fmt: skip
