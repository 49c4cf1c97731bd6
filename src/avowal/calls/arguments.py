"""What the calls are given: a message, a resolver, the time, settings.

A message is octets, a binary file or a path, and is read up to its body; DNS is asked of the
resolver given or the system's.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from avowal._fast import bare_break
from avowal.canonical import Octets
from avowal.dkim.rules import Rules
from avowal.dkim.signer import refuse_beyond
from avowal.errors import UsageError
from avowal.header_reader import HeaderReader
from avowal.limits import DEFAULT, Limits
from avowal.line_ends import LineEnds, WireForm, wire_form
from avowal.members import refuse_other
from avowal.message import Header, split

if TYPE_CHECKING:
    from avowal.dns.cache import Cached
    from avowal.dns.limits import Limited
    from avowal.dns.zone import Zone
    from avowal.lookup import AsyncResolver, Resolver

R = TypeVar("R")


class Readable(Protocol):
    """A binary file, so far as a message is read from it."""

    def read(self, size: int = ..., /) -> bytes: ...


Source: TypeAlias = bytes | bytearray | memoryview | Readable | os.PathLike[str]
Chunks: TypeAlias = Iterator[bytes]
ZoneData: TypeAlias = Mapping[str, object]

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
    if isinstance(source, bytes) and bare_break(source) < 0:
        return _whole(source, limits)  # as nearly always: there is nothing to convert
    form = wire_form(line_ends)
    if isinstance(source, bytes):
        if form is None:
            return _whole(source, limits)
        header, body = _whole(form.feed(source) + form.finish(), limits)
        header.lone_cr = form.lone_cr
        return header, body
    if form is None:
        return _streamed(source, limits)
    header, chunks = _streamed(_converted(source, form), limits)
    header.lone_cr = form.lone_cr
    return header, _observed(chunks, form, header)


def _whole(octets: bytes, limits: Limits) -> tuple[Header, Iterable[Octets]]:
    found = Header.within(octets, limits)
    if found is not None:
        return found[0], (found[1],)
    section, body = split(octets)
    reader = HeaderReader(limits=limits)
    reader.feed(section)
    return reader.finish(), (body,)


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


def _observed(chunks: Chunks, form: WireForm, header: Header) -> Chunks:
    for chunk in chunks:
        header.lone_cr = form.lone_cr
        yield chunk


def signable(
    chunks: bytes | Chunks, line_ends: LineEnds, limits: Limits = DEFAULT
) -> tuple[Header, Iterable[Octets]]:
    """Read a message as it will be sent.  Raises IntentError."""
    if isinstance(chunks, bytes) and len(chunks) > _CHUNK:
        # Signing looks at a body several times: each piece while the processor still has it.
        octets = chunks
        chunks = (octets[at : at + _PIECE] for at in range(0, len(octets), _PIECE))
    header, body = read_header(chunks, line_ends=line_ends, limits=limits)
    refuse_beyond(header)
    return header, body


def _no_message(source: object) -> bytes:
    raise UsageError(
        f"a message is octets, a binary file or a path object, not {type(source).__name__}:"
        " an object that was parsed has lost the octets that were signed"
    )


def opened(
    source: Source | object, *, other: Callable[[object], bytes] = _no_message
) -> AbstractContextManager[bytes | Chunks]:
    """Give the octets at hand, or the chunks of a file that is closed behind them.

    What is neither is `other`'s to read; by default it is refused.  Raises UsageError.
    """
    return nullcontext(source) if isinstance(source, bytes) else _opened(source, other)


@contextmanager
def _opened(source: Source | object, other: Callable[[object], bytes]) -> Iterator[bytes | Chunks]:
    if isinstance(source, bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, os.PathLike):
        with open(source, "rb") as file:  # noqa: PTH123 - pathlib costs the command 6 ms
            yield iter(lambda: file.read(_CHUNK), b"")
    elif hasattr(source, "read"):
        yield iter(lambda: _octets(source.read(_CHUNK)), b"")
    else:
        yield other(source)


def _octets(chunk: object) -> bytes:
    if not isinstance(chunk, bytes):
        raise UsageError("the file is open for text: open it in binary mode ('rb')")
    return chunk


def moment(now: int | None) -> int:
    """Return a time in Unix seconds: the one given, or the present.  Raises UsageError."""
    if now is None:
        return int(time.time())
    if type(now) is not int:
        refuse_other("now", now, int, what="Unix seconds as int")
    return now


def refuse_other_settings(rules: Rules, limits: Limits) -> None:
    """Refuse rules and limits that are none.  Raises UsageError."""
    if type(rules) is not Rules:
        refuse_other("rules", rules, Rules)
    if type(limits) is not Limits:
        refuse_other("limits", limits, Limits)


def resolver_of(resolver: R | ZoneData | None) -> R | Zone | Cached:
    """Return a resolver: the one given, one over given data, or the system's."""
    if resolver is None:
        return system_resolver()
    if isinstance(resolver, Mapping):
        from avowal.dns.zone import Zone  # noqa: PLC0415

        return Zone(resolver)
    return resolver


def limited(resolver: Resolver | AsyncResolver, limits: Limits) -> Limited:
    """Wrap a resolver in the budget and deadline of one message."""
    from avowal.dns.limits import Limited  # noqa: PLC0415 - start-up stays short

    return Limited(resolver, questions=limits.dns_questions, seconds=limits.dns_seconds)


@lru_cache(maxsize=1)
def system_resolver() -> Cached:
    """Return the shared, caching resolver over the system's DNS servers."""
    from avowal.dns.cache import Cached  # noqa: PLC0415 - a given resolver spares dnspython
    from avowal.dns.dnspython import DnsResolver  # noqa: PLC0415

    return Cached(DnsResolver())
