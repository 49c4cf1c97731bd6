"""Compressed data that expands without measure, made in an instant."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def gzip_bomb(octets: int, *, beginning: bytes = b"<feedback>") -> bytes:
    """Return gzip data that expands to so many octets: one flushed block, again and again."""
    block = 16 << 20
    first = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = first.compress(beginning) + first.flush(zlib.Z_FULL_FLUSH)
    again = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = again.compress(b" " * block) + again.flush(zlib.Z_FULL_FLUSH)
    return _HEADER + head + body * (octets // block)


def gzipped(octets: bytes) -> bytes:
    """Return gzip data, the same on every Python: the octet for the system says unknown."""
    written = bytearray(gzip.compress(octets, mtime=0))
    written[9] = 255  # RFC 1952 §2.3.1, OS
    return bytes(written)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, octets in members:
            archive.writestr(zipfile.ZipInfo(name), octets, method)  # of 1980, always
    return written.getvalue()
