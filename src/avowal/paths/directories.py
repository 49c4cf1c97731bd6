"""Directories held open, for those who read thousands of files in a few of them."""

from __future__ import annotations

import errno
import os
import stat

from avowal.paths.files import READ, directory, read
from avowal.paths.walk import Judge, Step

_MOST_OPEN = 32  # at once


class Directories:
    """Directories that were walked to and judged, held open while files in them are read.

    For thousands of files in a few directories.  A context; its files are judged one by one.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._open: dict[str, int] = {}

    def __enter__(self) -> Directories:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def read(self, path: str, most: int) -> bytes:
        """Read a file as `read` does.  Raises OSError, UnsafePathError."""
        above, name = os.path.split(path)
        at = self._open.get(above)
        if at is None:
            if name in {"", ".", ".."} or len(self._open) >= _MOST_OPEN:
                return read(path, most, self._judge)
            at = self._open[above] = directory(above or ".", self._judge)
        try:
            found = os.open(name, READ, dir_fd=at)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return read(path, most, self._judge)  # a link is walked and judged
        try:
            status = os.fstat(found)
            if stat.S_ISREG(status.st_mode):
                self._judge(Step(path, status, os.fstat(at)))
                return _all(found, most)
        finally:
            os.close(found)
        return read(path, most, self._judge)  # a pipe is waited for


def _all(descriptor: int, most: int) -> bytes:
    """Read a regular file, which gives less than was asked for at its end only."""
    octets = b""
    while len(octets) <= most:
        wanted = most + 1 - len(octets)
        more = os.read(descriptor, wanted)
        octets += more
        if len(more) < wanted:
            break
    return octets
