"""The capture box: messages whose author's signature failed, encrypted, for a while.

A file for each, named by when it came and its queue id, that only the user of the daemon can
open and only the owner of the key can read.  Number, size and age are bounded: what is beyond
is not kept, what is older is erased.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from avowal import paths
from avowal.config.model import Capture
from avowal.crypto.age import AgeRecipients
from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.flow.captured import CapturedName

_MODE = 0o600
_HERE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FullBoxError(StoreError):
    """There is no room for one more."""


class _Kept(NamedTuple):
    name: str
    size: int
    changed: float


class CaptureBox:
    """A directory of encrypted messages.  Workers share it; `now` is in Unix seconds."""

    def __init__(
        self,
        options: Capture,
        recipients: AgeRecipients,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._recipients = recipients
        self._now = now

    @classmethod
    def of(cls, options: Capture) -> CaptureBox | None:
        """Return the box that is configured, None for none.  Raises KeyMaterialError."""
        if options.directory is None:
            return None
        return cls(options, AgeRecipients.parse(options.recipients))

    def take(self, octets: bytes, queue_id: str | None, received_at: int) -> str:
        """Keep a message; return the name of its file.

        Raises FullBoxError where there are too many or too much, StoreError for what fails.
        """
        encrypted = self._recipients.encrypt(octets)
        name = CapturedName.of(received_at, queue_id).file
        with self._opened() as (directory, path):
            kept = self._young(directory)
            options = self._options
            if len(kept) >= options.most_files:
                raise FullBoxError(f"{path} holds {len(kept)} files: capture.most_files is reached")
            if sum(one.size for one in kept) + len(encrypted) > options.most_octets:
                raise FullBoxError(f"{path} is full: capture.most_octets is reached")
            with paths.Place(directory, name, f"{path}/{name}").new(_MODE) as descriptor:
                paths.write_all(descriptor, encrypted)
        return name

    def erase_old(self) -> None:
        """Erase what is older than `days`.  Raises StoreError."""
        with self._opened() as (directory, _):
            self._young(directory)

    @contextmanager
    def _opened(self) -> Iterator[tuple[int, str]]:
        """Open the directory for us alone; refuse one that others may enter."""
        path = self._options.directory or ""
        try:
            walked = paths.directory(path)
            try:
                directory = os.open(".", _HERE, dir_fd=walked)  # one that can be locked
            finally:
                os.close(walked)
            try:
                status = os.fstat(directory)
                if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
                    raise StoreError(f"{path}: others may enter it: make it the daemon's, mode 700")
                fcntl.flock(directory, fcntl.LOCK_EX)
                yield directory, path
            finally:
                os.close(directory)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None

    def _young(self, directory: int) -> list[_Kept]:
        """Erase what is too old and return the rest; other files are not ours to touch."""
        end = self._now() - self._options.days * DAY
        young = []
        for name in os.listdir(directory):
            if CapturedName.read(name) is None:
                continue
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if status.st_mtime < end:
                    os.unlink(name, dir_fd=directory)
                else:
                    young.append(_Kept(name, status.st_size, status.st_mtime))
        return young
