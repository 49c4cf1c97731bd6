"""Messages that come wrapped: a byte order mark, Apple Mail's .emlx, compressed files.

What is certain is unwrapped, and said; the rest is named with what to do.
"""

from __future__ import annotations

import io
import re
from typing import IO

from avowal.cli.exits import complain
from avowal.errors import UsageError

_MARK = b"\xef\xbb\xbf"  # U+FEFF in UTF-8
_ENOUGH = 16  # octets at the beginning of a file that tell
_EMLX = re.compile(rb"([0-9]{1,9}) *\r?\n")  # the octets of the message, before it
_OTHERS = (
    (b"\x1f\x8b", "compressed by gzip", "gzip -dc"),
    (b"BZh", "compressed by bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\x00", "compressed by xz", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -dc"),
    (b"PK\x03\x04", "a ZIP archive", "unzip -p"),
    (b"\xff\xfe", "text in UTF-16", "iconv -f utf-16 -t utf-8"),
    (b"\xfe\xff", "text in UTF-16", "iconv -f utf-16 -t utf-8"),
    (b"\xd0\xcf\x11\xe0", "an Outlook message (.msg)", "msgconvert --outfile -"),
)


class Unusable(UsageError):
    """A source that holds no message, or cannot be read."""


def unwrapped(file: IO[bytes], name: str) -> IO[bytes]:
    """Return a file that begins with the message.  Raises Unusable for what is no message."""
    beginning = file.peek(_ENOUGH)[:_ENOUGH] if isinstance(file, io.BufferedReader) else b""
    wrapping = _wrapping(beginning, name)
    if wrapping is None:
        return file
    complain(f"warning: {name}: {wrapping} was passed over")
    if beginning.startswith(_MARK):
        file.read(len(_MARK))
        return file
    return io.BufferedReader(_Part(file, int(file.readline())))


def refuse_wrapped(beginning: bytes, name: str) -> None:
    """Raise Unusable for octets that cannot be signed as they stand."""
    wrapping = _wrapping(beginning, name)
    if wrapping is not None:
        raise Unusable(f"{name}: {wrapping} is no part of a message: take it away, then sign")


def _wrapping(beginning: bytes, name: str) -> str | None:
    for magic, what, tool in _OTHERS:
        if beginning.startswith(magic):
            raise Unusable(f"{name}: {what}, no message: use {tool} FILE | avowal ... -")
    if beginning.startswith(_MARK):
        return "a byte order mark"
    return "what Apple Mail puts around an .emlx" if _EMLX.match(beginning) else None


class _Part(io.RawIOBase):
    """The first octets of a file that is open."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Read what is left, no more."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        octets = self._file.read(min(len(view), self._left))
        view[: len(octets)] = octets
        self._left -= len(octets)
        return len(octets)
