"""Hashing: one body pass for all signatures, and the header data of each (RFC 6376 §3.7).

Signatures without bh=, for archives, have one hash over header and body.
draft-allman-dkim-base-00 (July 2005, §3.4, §3.4.2), -01 (October 2005, §3.8) and
draft-ietf-dkim-base-00 (February 2006, §3.7) hash, in this order: the signed fields, CRLF, the
body up to l=, CRLF, and the signature's own field without the value of b=.  An octet of any of
them that changes breaks the signature.  The first of them has one form of its own, nowsp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from avowal.canonical import (
    BODY_FORMS,
    DRAFT_BODY_FORMS,
    DRAFT_HEADER_FORMS,
    HEADER_FORMS,
    BodyForm,
    Octets,
    Sink,
    nowsp_field,
)
from avowal.crypto.algorithms import HASHES
from avowal.message import CRLF, Field, Header

if TYPE_CHECKING:
    import hashlib

    from avowal.dkim.signature import Signature


class _Stream:
    """One canonical form as it streams by: its hash, and what that was at each length asked for.

    However many signatures end at lengths of their own (l=), the octets are hashed once.
    """

    __slots__ = ("_ahead", "_asked", "_hash", "_states", "count")

    def __init__(self, hash_name: str, before: bytes | None) -> None:
        self._hash: hashlib._Hash = HASHES[hash_name]()
        if before:
            self._hash.update(before)
        self._asked: dict[int | None, BodyHash] = {}
        self._ahead: list[int] = []  # lengths not reached yet, the nearest last
        self._states: dict[int, hashlib._Hash] = {}
        self.count = 0

    def ask(self, length: int | None) -> BodyHash:
        """Ask for the hash up to a length, of everything for None; equal requests share one."""
        made = self._asked.get(length)
        if made is None:
            made = self._asked[length] = BodyHash(self, length)
            if length is not None:
                self._ahead = sorted({*self._ahead, length}, reverse=True)
        return made

    @property
    def sink(self) -> Callable[[Octets], None]:
        """What takes the canonical octets; `count` stays 0 where no length was asked for."""
        if self._ahead:
            return self._update
        whole: Callable[[Octets], None] = self._hash.update
        return whole

    @property
    def wanting(self) -> bool:
        """Whether some hash still needs octets: the one that reaches furthest tells."""
        for body_hash in self._asked.values():
            if not body_hash.exceeded:
                return True
        return False

    def digest(self, length: int | None, behind: bytes = b"") -> bytes:
        """Return the hash up to a length, of what there is where it was not reached."""
        state = self._hash if length is None else self._states.get(length, self._hash)
        if behind:
            state = state.copy()
            state.update(behind)
        made: bytes = state.digest()
        return made

    def _update(self, octets: Octets) -> None:
        start = 0
        while self._ahead and self._ahead[-1] <= self.count + len(octets):
            length = self._ahead.pop()
            stop = length - self.count
            self._hash.update(octets[start:stop])
            self._states[length] = self._hash.copy()
            start = stop
        if self._ahead or None in self._asked:
            self._hash.update(octets[start:])
        self.count += len(octets)


class BodyHash:
    """The hash of one canonical form, whole or up to `length` octets (l=).

    After the body ended: `digest`, and `count`, the octets of the canonical body as far
    as they were looked at (None where no length was asked for).
    """

    __slots__ = ("_stream", "length")

    def __init__(self, stream: _Stream, length: int | None) -> None:
        self._stream = stream
        self.length = length

    @property
    def count(self) -> int | None:
        """How many octets there were."""
        return None if self.length is None else self._stream.count

    @property
    def digest(self) -> bytes:
        """The hash so far."""
        return self._stream.digest(self.length)

    def followed_by(self, octets: bytes) -> bytes:
        """Return the hash with something behind the body."""
        return self._stream.digest(self.length, octets)

    @property
    def exceeded(self) -> bool:
        """Whether the body goes on behind what l= covers."""
        return self.length is not None and self._stream.count > self.length


_Form: TypeAlias = tuple[str, str, bytes | None]  # form, hash, digest of what stands before


class BodyHasher:
    """Hashes a body in as many forms as the signatures ask for, each form made once."""

    __slots__ = ("_canonicalizers", "_streams", "_whole")

    def __init__(self) -> None:
        self._streams: dict[_Form, _Stream] = {}
        self._whole = False  # whether the body is wanted to its end
        self._canonicalizers: list[BodyForm] | None = None

    def register(
        self,
        form: str,
        hash_name: str,
        length: int | None,
        *,
        counted: bool = False,
        before: bytes | None = None,
    ) -> BodyHash:
        """Ask for a hash; equal requests share one.  All come before the first `feed`.

        `counted` asks how long the whole canonical body is, where l= covers a part.  `before`
        is hashed in front of the body, in the form of the drafts (see above); None for today's.
        """
        if length is None or counted:
            self._whole = True
        mark = None if before is None else HASHES["sha256"](before).digest()
        stream = self._streams.get((form, hash_name, mark))
        if stream is None:
            stream = self._streams[form, hash_name, mark] = _Stream(hash_name, before)
        return stream.ask(length)

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        for canonicalizer in self._canonicalizers or self._started():
            canonicalizer.feed(chunk)
        return self._whole or self.wanting

    def finish(self) -> None:
        """End the body."""
        for canonicalizer in self._canonicalizers or self._started():
            canonicalizer.finish()

    @property
    def wanting(self) -> bool:
        """Whether some hash still needs octets."""
        if self._whole:
            return True
        for stream in self._streams.values():
            if stream.wanting:
                return True
        return False

    def _started(self) -> list[BodyForm]:
        if self._canonicalizers is None:
            sinks: dict[type[BodyForm], list[Sink]] = {}
            for (name, _, before), stream in self._streams.items():
                form = (BODY_FORMS if before is None else DRAFT_BODY_FORMS)[name]
                sinks.setdefault(form, []).append(stream.sink)
            self._canonicalizers = []
            for form, several in sinks.items():
                self._canonicalizers.append(form(several[0] if len(several) == 1 else fan(several)))
        return self._canonicalizers


def header_data(
    header: Header, names: tuple[bytes, ...], form: str, own: Field, *, place: int = -1
) -> bytes:
    """Return what a signature signs: the selected fields, then its own without b= (§3.7).

    `own` has its b= emptied already; `place` is where it stands in the header, -1 when
    it is about to be added.
    """
    return fields_data(header, names, form, place=place) + DRAFT_HEADER_FORMS[form](*own)


def fields_data(header: Header, names: tuple[bytes, ...], form: str, *, place: int = -1) -> bytes:
    """Return the selected fields, each with its CRLF."""
    if form in HEADER_FORMS:
        return header.signed(names, relaxed=form == "relaxed", except_at=place)
    chosen = header.select(names, except_at=place)  # nowsp, of the first draft
    return b"".join([nowsp_field(*header[at]) + CRLF for at in chosen])


def before_body(header: Header, signature: Signature, place: int) -> bytes:
    """Return what a signature without bh= hashes before the body."""
    form = signature.header_canon
    return fields_data(header, signature.signed_names, form, place=place) + CRLF


def signed_digest(
    new_hash: Callable[[bytes], hashlib._Hash],
    header: Header,
    signature: Signature,
    place: int,
    body: BodyHash,
) -> bytes:
    """Return the digest that was signed: of the header, without bh= of header and body."""
    form, own = signature.header_canon, signature.unsigned_field
    if signature.body_hash is None:
        return body.followed_by(CRLF + DRAFT_HEADER_FORMS[form](*own))
    data = header_data(header, signature.signed_names, form, own, place=place)
    digest: bytes = new_hash(data).digest()
    return digest


def fan(sinks: list[Sink]) -> Sink:
    """Return a sink that gives octets to all of these."""
    if len(sinks) == 1:
        return sinks[0]

    def spread(octets: Octets) -> None:
        for sink in sinks:
            sink(octets)

    return spread
