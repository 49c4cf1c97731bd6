"""Messages as programs have them: octets, a binary file or a path, read up to the body."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeAlias

from avowal.canonical import Octets
from avowal.dkim.signer import refuse_beyond
from avowal.errors import UsageError
from avowal.header_reader import HeaderReader
from avowal.limits import DEFAULT, Limits
from avowal.message import (
    Header,
    LineEnds,
    WireForm,
    field_count,
    split,
    wire_form,
)

Source: TypeAlias = bytes | bytearray | memoryview | BinaryIO | os.PathLike[str]
Chunks: TypeAlias = Iterator[bytes]

_CHUNK = 256 << 10  # octets read from a file at a time
_PIECE = 64 << 10  # octets worked on at a time where several look at them


def read_header(
    source: bytes | Chunks,
    *,
    line_ends: LineEnds = "auto",
    limits: Limits = DEFAULT,
) -> tuple[Header, Iterable[Octets]]:
    """Read a message up to its body: the header, and the chunks of the body in wire form.

    A header that goes beyond the limits is not whole: `Header.beyond` says so.
    """
    form = wire_form(line_ends)
    if isinstance(source, bytes):
        octets = source if form is None else form.feed(source) + form.finish()
        section, body = split(octets)
        return _header(section, limits), (body,)
    return _streamed(source if form is None else _converted(source, form), limits)


def _header(section: bytes, limits: Limits) -> Header:
    if len(section) <= limits.header_octets and field_count(section) <= limits.header_fields:
        return Header.parse(section)
    reader = HeaderReader(limits=limits)
    reader.feed(section)
    return reader.finish()


def _streamed(chunks: Chunks, limits: Limits) -> tuple[Header, Chunks]:
    reader = HeaderReader(limits=limits)
    for chunk in chunks:
        body = reader.feed(chunk)
        if body is not None and reader.header is not None:
            return reader.header, itertools.chain((body,), chunks)
    return reader.finish(), iter(())


def _converted(chunks: Chunks, form: WireForm) -> Chunks:
    for chunk in chunks:
        yield form.feed(chunk)
    yield form.finish()


def signable(chunks: bytes | Chunks, line_ends: LineEnds) -> tuple[Header, Iterable[Octets]]:
    """Read a message as it will be sent.  Raises IntentError."""
    if isinstance(chunks, bytes) and len(chunks) > _CHUNK:
        # Signing looks at a body several times: each piece while the processor still has it.
        octets = chunks
        chunks = (octets[at : at + _PIECE] for at in range(0, len(octets), _PIECE))
    header, body = read_header(chunks, line_ends=line_ends)
    refuse_beyond(header)
    return header, body


@contextmanager
def opened(source: Source) -> Iterator[bytes | Chunks]:
    """Give the octets at hand, or the chunks of a file that is closed behind them."""
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, os.PathLike):
        with open(source, "rb") as file:  # noqa: PTH123 - pathlib costs the command 6 ms
            yield iter(lambda: file.read(_CHUNK), b"")
    elif hasattr(source, "read"):
        yield iter(lambda: _octets(source.read(_CHUNK)), b"")
    else:
        raise UsageError(
            f"a message is octets, a binary file or a path object, not {type(source).__name__}"
        )


def _octets(chunk: Any) -> bytes:
    if not isinstance(chunk, bytes):
        raise UsageError("the file is open for text: open it in binary mode ('rb')")
    return chunk
