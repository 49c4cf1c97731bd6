"""A file of a daemon's own, which it takes away at its end unless another one stands there."""

from __future__ import annotations

import os

from avowal.paths.files import Identity, place, remove, write_all


class OwnFile:
    """A file that stands at `path` from now on, in place of the file before or of nothing: no link.

    It is held open, so that no other file gets its number while this daemon would take a file
    of that number for its own.  Raises OSError, UnsafePathError.
    """

    def __init__(self, path: str, octets: bytes, mode: int) -> None:
        self._path = path
        self._held = -1
        with place(path) as there:
            there.file_status()
            with there.new(mode) as descriptor:
                write_all(descriptor, octets)
                status = os.fstat(descriptor)
                self._identity: Identity = status.st_dev, status.st_ino
                self._held = os.dup(descriptor)

    def remove(self) -> None:
        """Remove the name that still is this file's, and once.  Never raises."""
        held, self._held = self._held, -1
        if held >= 0:
            remove(self._path, self._identity)
            os.close(held)
