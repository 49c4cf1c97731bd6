"""Hashing: one body pass for all signatures, and the header data of each (RFC 6376 §3.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avowal.canonical import BODY_FORMS, HEADER_FORMS, BodyForm, Octets, relaxed_fields
from avowal.crypto.algorithms import new_hash
from avowal.message import CRLF, Field, Header


class BodyHash:
    """The hash of one canonical form, whole or up to `length` octets (l=).

    After the body ended: `digest`, and `count`, the octets of the canonical body as far
    as they were looked at (None where no length was asked for).
    """

    __slots__ = ("_hash", "count", "length")

    def __init__(self, hash_name: str, length: int | None) -> None:
        self._hash: Any = new_hash(hash_name)
        self.length = length
        self.count = None if length is None else 0

    @property
    def update(self) -> Callable[[Octets], None]:
        """Where the canonical octets go."""
        if self.length is None:
            whole: Callable[[Octets], None] = self._hash.update
            return whole
        return self._update_up_to_length

    @property
    def digest(self) -> bytes:
        """The hash so far."""
        made: bytes = self._hash.digest()
        return made

    @property
    def satisfied(self) -> bool:
        """Whether more of the body cannot change anything that will be asked."""
        return self.length is not None and self.count is not None and self.count > self.length

    def _update_up_to_length(self, octets: Octets) -> None:
        assert self.length is not None and self.count is not None  # noqa: S101 - for the checker
        room = self.length - self.count
        if room > 0:
            self._hash.update(octets[:room])
        self.count += len(octets)


class BodyHasher:
    """Hashes a body in as many forms as the signatures ask for, each form made once."""

    __slots__ = ("_canonicalizers", "_hashes")

    def __init__(self) -> None:
        self._hashes: dict[tuple[str, str, int | None], BodyHash] = {}
        self._canonicalizers: list[BodyForm] | None = None

    def register(self, form: str, hash_name: str, length: int | None) -> BodyHash:
        """Ask for a hash; equal requests share one.  All come before the first `feed`."""
        wanted = (form, hash_name, length)
        if wanted not in self._hashes:
            self._hashes[wanted] = BodyHash(hash_name, length)
        return self._hashes[wanted]

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        for canonicalizer in self._started():
            canonicalizer.feed(chunk)
        return self.wanting

    def finish(self) -> None:
        """End the body."""
        for canonicalizer in self._started():
            canonicalizer.finish()

    @property
    def wanting(self) -> bool:
        """Whether some hash still needs octets."""
        for body_hash in self._hashes.values():
            if not body_hash.satisfied:
                return True
        return False

    def _started(self) -> list[BodyForm]:
        if self._canonicalizers is None:
            sinks: dict[str, list[Callable[[Octets], None]]] = {}
            for (form, _, _), body_hash in self._hashes.items():
                sinks.setdefault(form, []).append(body_hash.update)
            self._canonicalizers = [BODY_FORMS[form](_fan(s)) for form, s in sinks.items()]
        return self._canonicalizers


def header_data(
    header: Header, names: tuple[bytes, ...], form: str, own: Field, *, place: int = -1
) -> bytes:
    """Return what a signature signs: the selected fields, then its own without b= (§3.7).

    `own` has its b= emptied already; `place` is where it stands in the header, -1 when
    it is about to be added.
    """
    places = header.select(names, except_at=place)
    if form == "relaxed":
        selected = relaxed_fields(header, places)
    else:
        canonical = HEADER_FORMS[form]
        selected = b"".join([canonical(*header[at]) + CRLF for at in places])
    return selected + HEADER_FORMS[form](own.raw, own.colon)


def _fan(sinks: list[Callable[[Octets], None]]) -> Callable[[Octets], None]:
    if len(sinks) == 1:
        return sinks[0]

    def spread(octets: Octets) -> None:
        for sink in sinks:
            sink(octets)

    return spread
