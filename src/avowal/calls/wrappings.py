"""Messages that come wrapped: a byte order mark, Apple Mail's .emlx, compressed files.

What is certain is unwrapped, and said; the rest is named with what to do.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from avowal.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_UNPACKED = 64 << 30  # octets that come out of one compressed file
_MARK = b"\xef\xbb\xbf"  # U+FEFF in UTF-8
_ENOUGH = 16  # octets at the beginning of a file that tell
_EMLX = re.compile(rb"([0-9]{1,9}) *\r?\n")  # the octets of the message, before it
_OTHERS = (
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -dc"),
    (b"PK\x03\x04", "a ZIP archive", "unzip -p"),
    (b"\xff\xfe", "text in UTF-16", "iconv -f utf-16 -t utf-8"),
    (b"\xfe\xff", "text in UTF-16", "iconv -f utf-16 -t utf-8"),
    (b"\xd0\xcf\x11\xe0", "an Outlook message (.msg)", "msgconvert --outfile -"),
)


class Unusable(UsageError):
    """A source that holds no message, or cannot be read."""


def unwrapped(file: IO[bytes], name: str) -> tuple[IO[bytes], str | None]:
    """Return a file that begins with the message, and what was around it.

    Raises Unusable for what is no message; so does reading on from a damaged compressed file.
    """
    beginning = _beginning(file)
    around = []
    packing = _packing(beginning)
    if packing is not None:
        what, opened = packing
        around.append(what)
        file = io.BufferedReader(_Unpacked(opened(file), name))
        beginning = _beginning(file)
        again = _packing(beginning)
        if again is not None:
            raise Unusable(f"{name}: {what}, and within it {again[0]}: unpack it once")
    wrapping = _wrapping(beginning, name)
    if wrapping is not None:
        around.append(wrapping)
        if beginning.startswith(_MARK):
            file.read(len(_MARK))
        else:
            file = cut(file, int(file.readline()))
    return file, " and ".join(around) or None


def cut(file: IO[bytes], length: int) -> IO[bytes]:
    """Return a file of the next octets of another one."""
    return io.BufferedReader(_Part(file, length))


def refuse_wrapped(beginning: bytes, name: str) -> None:
    """Raise Unusable for octets that cannot be signed as they stand."""
    packing = _packing(beginning)
    wrapping = packing[0] if packing is not None else _wrapping(beginning, name)
    if wrapping is not None:
        raise Unusable(f"{name}: {wrapping} is no part of a message: take it away, then sign")


def _beginning(file: IO[bytes]) -> bytes:
    return file.peek(_ENOUGH)[:_ENOUGH] if isinstance(file, io.BufferedReader) else b""


def _packing(beginning: bytes) -> tuple[str, Callable[[IO[bytes]], IO[bytes]]] | None:
    """Return how a file is compressed, and what reads it."""
    if beginning.startswith(b"\x1f\x8b"):
        from gzip import GzipFile  # noqa: PLC0415 - start-up stays short

        return "compression by gzip", lambda file: GzipFile(fileobj=file)  # type: ignore[return-value]
    if beginning.startswith(b"BZh"):
        from bz2 import BZ2File  # noqa: PLC0415

        return "compression by bzip2", BZ2File
    if beginning.startswith(b"\xfd7zXZ\x00"):
        from lzma import LZMAFile  # noqa: PLC0415

        return "compression by xz", LZMAFile
    return None


def _wrapping(beginning: bytes, name: str) -> str | None:
    for magic, what, tool in _OTHERS:
        if beginning.startswith(magic):
            raise Unusable(f"{name}: {what}, no message: use {tool} FILE | avowal ... -")
    if beginning.startswith(_MARK):
        return "a byte order mark"
    return "what Apple Mail puts around an .emlx" if _EMLX.match(beginning) else None


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, so far as it may."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._left = MOST_UNPACKED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what comes next.  Raises Unusable."""
        view = memoryview(buffer)
        try:
            octets = self._file.read(len(view))
        except (EOFError, zlib.error, ValueError, OSError, _lzma_fault()) as error:
            why = str(error) or type(error).__name__
            raise Unusable(f"{self._name}: a damaged compressed file: {why}") from None
        self._left -= len(octets)
        if self._left < 0:
            raise Unusable(
                f"{self._name}: unpacked over {MOST_UNPACKED >> 30} GiB: unpack it first"
            )
        view[: len(octets)] = octets
        return len(octets)


def _lzma_fault() -> type[Exception]:
    from lzma import LZMAError  # noqa: PLC0415 - start-up stays short

    return LZMAError


class _Part(io.RawIOBase):
    """The first octets of a file that is open."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is left, no more."""
        view = memoryview(buffer)
        octets = self._file.read(min(len(view), self._left))
        view[: len(octets)] = octets
        self._left -= len(octets)
        return len(octets)
