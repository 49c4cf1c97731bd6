"""The front door: verify and sign in one line, from octets or a file.

Reads the clock and files, chooses a resolver where none is given, and drives the core.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from avowal.canonical import Octets
from avowal.dkim import rules as rules_module
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.errors import IntentError, UsageError
from avowal.limits import DEFAULT, Limits
from avowal.lookup import AsyncResolver, Resolver, arun, run
from avowal.message import (
    Field,
    Header,
    HeaderReader,
    HeaderTooLarge,
    LineEnds,
    WireForm,
    looks_stored,
    refuse_many_fields,
    split,
)

if TYPE_CHECKING:
    from avowal.crypto.signing import SigningKey
    from avowal.dkim.intent import Intent
    from avowal.dkim.legacy import ArchiveVerifier

    AnyVerifier: TypeAlias = Verifier | ArchiveVerifier

Source: TypeAlias = bytes | bytearray | memoryview | BinaryIO | os.PathLike[str]
Chunks: TypeAlias = Iterator[bytes]
ZoneData: TypeAlias = Mapping[str, Any]

_CHUNK = 256 << 10  # octets read from a file at a time
_PIECE = 64 << 10  # octets worked on at a time where several look at them
# The one verdict on a message whose header was not read to its end.
TOO_LARGE = (
    Verification(
        field=Field(b"", -1),
        place=-1,
        reason=Reason.TOO_LARGE,
        detail="the header section is beyond Limits.header_octets or header_fields",
    ),
)


def verify(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> tuple[Verification, ...]:
    r"""Verify all DKIM signatures of a message; an empty tuple says it carries none.

    With `Rules.read_domainkeys` (the archive rules) DomainKeys' are among them.

    `source` is the message's octets, a binary file open for reading, or a path.
    `resolver` defaults to the system's DNS servers; a mapping of names to records serves
    as one.  `now` is the time of receipt in Unix seconds, by default the present.
    `line_ends` "auto" takes a message whose first line ends in a bare LF for a stored
    file and converts it; "wire" hashes the octets as they are, "stored" always converts.

    No octets and no answers make it raise; an unreadable file raises OSError.

    >>> from avowal.testing import Zone
    >>> verify(b"From: a@example.com\r\n\r\nHello\r\n", Zone({}))
    ()
    """
    with opened(source) as chunks:
        verifier, body = _begun(chunks, now, rules, limits, line_ends)
        if verifier is None:
            return TOO_LARGE
        keys = run(verifier.keys(), limited(resolver, limits))
        return _ended(verifier, body, keys)


async def averify(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> tuple[Verification, ...]:
    """Do what `verify` does, waiting for DNS without blocking."""
    with opened(source) as chunks:
        verifier, body = _begun(chunks, now, rules, limits, line_ends)
        if verifier is None:
            return TOO_LARGE
        keys = await arun(verifier.keys(), limited(resolver, limits))
        return _ended(verifier, body, keys)


def sign(
    source: Source,
    *intents: Intent,
    domain: str | None = None,
    selector: str | None = None,
    key: SigningKey | str | os.PathLike[str] | bytes | None = None,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
    **options: Any,
) -> bytes:
    """Sign a message and return the DKIM-Signature field(s), each with its CRLF.

    Put them on top of the message's wire form.  Give `domain`, `selector` and `key` (a
    key, the path of its file, or PEM octets) and further options of `Intent`, or give one
    `Intent` per signature.  Bare CR and LF count as CRLF, as they must be sent.

    Raises UsageError (IntentError, KeyMaterialError) only, or OSError for the file.
    """
    if key is not None:
        intents = (*intents, intent_of(domain, selector, key, options))
    elif domain is not None or selector is not None or options:
        raise IntentError("key", "a domain, a selector and a key belong together")
    from avowal.dkim.signer import Signer  # noqa: PLC0415 - verifying does not pay for it

    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        signer = Signer(header, intents, now=moment(now), accept_malformed=accept_malformed)
        for chunk in body:
            signer.feed(chunk)
        fields = signer.finish()
    return b"".join([field.raw + b"\r\n" for field in fields])


async def asign(
    source: Source,
    *intents: Intent,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
) -> bytes:
    """Do what `sign` does with intents whose keys may answer asynchronously (`asign`)."""
    from avowal.dkim.signer import Signer  # noqa: PLC0415 - verifying does not pay for it

    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        signer = Signer(header, intents, now=moment(now), accept_malformed=accept_malformed)
        for chunk in body:
            signer.feed(chunk)
        fields = await signer.afinish()
    return b"".join([field.raw + b"\r\n" for field in fields])


def read_header(
    source: bytes | Chunks,
    *,
    line_ends: LineEnds = "auto",
    limits: Limits = DEFAULT,
    bare_cr: bool = False,
) -> tuple[Header, Iterable[Octets]]:
    """Read a message up to its body: the header, and the chunks of the body in wire form.

    `bare_cr` also turns a bare CR into CRLF where line ends are converted.
    Raises HeaderTooLarge.
    """
    first = source if isinstance(source, bytes) else _beginning(source, limits)
    form = None
    if line_ends == "stored" or (line_ends == "auto" and looks_stored(first)):
        form = WireForm(bare_cr=bare_cr)
    if isinstance(source, bytes):
        octets = source if form is None else form.feed(source) + form.finish()
        header, body = split(octets)
        if len(header) > limits.header_octets:
            raise HeaderTooLarge(limits.header_octets, "a header beyond the limit")
        refuse_many_fields(header, limits.header_fields)
        return Header.parse(header), (body,)
    chunks = itertools.chain((first,), source)
    return _streamed(_converted(chunks, form) if form is not None else chunks, limits)


def _beginning(chunks: Chunks, limits: Limits) -> bytes:
    """Join chunks until they hold the end of the first line, which tells the form."""
    pieces: list[bytes] = []
    octets = 0
    for chunk in chunks:
        pieces.append(chunk)
        octets += len(chunk)
        if b"\n" in chunk or octets > limits.header_octets:
            break
    return b"".join(pieces)


def _streamed(chunks: Chunks, limits: Limits) -> tuple[Header, Chunks]:
    reader = HeaderReader(limit=limits.header_octets, fields=limits.header_fields)
    for chunk in chunks:
        body = reader.feed(chunk)
        if body is not None and reader.header is not None:
            return reader.header, itertools.chain((body,), chunks)
    return reader.finish(), iter(())


def _converted(chunks: Chunks, form: WireForm) -> Chunks:
    for chunk in chunks:
        yield form.feed(chunk)
    yield form.finish()


def _begun(
    chunks: bytes | Chunks, now: int | None, rules: Rules, limits: Limits, line_ends: LineEnds
) -> tuple[AnyVerifier | None, Iterable[Octets]]:
    """Read the header; no verifier when it is beyond the limit."""
    try:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
    except HeaderTooLarge:
        return None, ()
    if rules.read_domainkeys:
        from avowal.dkim.legacy import ArchiveVerifier  # noqa: PLC0415 - archives only

        return ArchiveVerifier(header, now=moment(now), rules=rules, limits=limits), body
    return Verifier(header, now=moment(now), rules=rules, limits=limits), body


def _ended(verifier: AnyVerifier, body: Iterable[Octets], keys: Any) -> tuple[Verification, ...]:
    if verifier.wants_body:
        for chunk in body:
            if not verifier.feed(chunk):
                break
    return verifier.finish(keys)


def signable(chunks: bytes | Chunks, line_ends: LineEnds) -> tuple[Header, Iterable[Octets]]:
    """Read a message as it will be sent, bare CR and LF as CRLF.  Raises IntentError."""
    ends: LineEnds = "wire" if line_ends == "wire" else "stored"
    if isinstance(chunks, bytes) and len(chunks) > _CHUNK:
        # Signing looks at a body several times: each piece while the processor still has it.
        octets = chunks
        chunks = (octets[at : at + _PIECE] for at in range(0, len(octets), _PIECE))
    try:
        return read_header(chunks, line_ends=ends, bare_cr=True)
    except HeaderTooLarge as fault:
        raise IntentError("header", str(fault)) from None


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


def intent_of(
    domain: str | None, selector: str | None, key: Any, options: dict[str, Any]
) -> Intent:
    """Make an intent of the parts of a call, its key read.  Raises UsageError."""
    from avowal.dkim.intent import Intent  # noqa: PLC0415 - verifying does not pay for it
    from avowal.keys.files import load_key  # noqa: PLC0415

    if domain is None or selector is None:
        raise IntentError("d=, s=", "a domain and a selector are needed with a key")
    if isinstance(key, str | bytes | os.PathLike):
        key = load_key(key)
    try:
        return Intent(domain=domain, selector=selector, key=key, **options)
    except TypeError as error:
        raise UsageError(str(error)) from None


def moment(now: int | None) -> int:
    """Return a time in Unix seconds: the one given, or the present."""
    return int(time.time()) if now is None else now


def limited(resolver: Any, limits: Limits) -> Any:
    """Wrap a resolver in the budget and deadline of one message."""
    if resolver is None:
        resolver = system_resolver()
    elif isinstance(resolver, Mapping):
        from avowal.dns.zone import Zone  # noqa: PLC0415

        resolver = Zone(resolver)
    from avowal.dns.limits import Limited  # noqa: PLC0415

    return Limited(resolver, questions=limits.dns_questions, seconds=limits.dns_seconds)


@lru_cache(maxsize=1)
def system_resolver() -> Any:
    """Return the shared, caching resolver over the system's DNS servers."""
    from avowal.dns.cache import Cached  # noqa: PLC0415 - a given resolver spares dnspython
    from avowal.dns.dnspython import DnsResolver  # noqa: PLC0415

    return Cached(DnsResolver())
