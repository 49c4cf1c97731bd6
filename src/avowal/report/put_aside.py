"""Rows of a store read to their end before the first is used, and not held in memory.

What is made of them takes hours, and no transaction of a store may.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Final, TypeAlias

Row: TypeAlias = tuple[str, bytes, int]
_IN_MEMORY_OCTETS: Final = 8 << 20  # more goes to a file without a name
_HEAD: Final = struct.Struct("=HIQ")  # octets of the domain, of the facts; messages


@contextmanager
def put_aside(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Read all rows; give them back one by one within the block."""
    with SpooledTemporaryFile(_IN_MEMORY_OCTETS) as file:
        for domain, facts, number in rows:
            name = domain.encode()
            file.write(_HEAD.pack(len(name), len(facts), number) + name + facts)
        file.seek(0)
        yield _read(file)


def _read(file: SpooledTemporaryFile[bytes]) -> Iterator[Row]:
    while head := file.read(_HEAD.size):
        sizes: tuple[int, int, int] = _HEAD.unpack(head)
        name, facts, number = sizes
        yield file.read(name).decode(), file.read(facts), number
