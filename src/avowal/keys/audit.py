"""The audit log of a key store: who did what, when, each entry bound to the one before.

An entry is an object of text and whole numbers.  Its hash is SHA-256 over its canonical JSON
(RFC 8785), which holds the hash of the entry before as `previous`; the first has 64 zeros.
Whoever keeps the number and the hash of the last entry, its head, can show later that nothing
up to it was changed, left out or put in: a log that was written anew has another head.
docs/reference/key-store.md has the format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final

from avowal.errors import UsageError
from avowal.valueclass import value

BEGINNING: Final = "0" * 64
"""What the first entry of a log has as `previous`."""


@value
class Deed:
    """What is to be written in the log: `what` was done to `subject` (``s1.example.com``).

    `detail` is a JSON object of texts, made by `deed`: it can be compared and kept.
    """

    what: str
    subject: str
    detail: str = "{}"


def deed(what: str, subject: str, **detail: object) -> Deed:
    """Return a deed; details that are None are left out, others written as text."""
    told = {name: str(given) for name, given in detail.items() if given is not None}
    return Deed(what=what, subject=subject, detail=canonical(told))


@value
class AuditEntry:
    """One entry of the log; numbers begin with 1 and have no gaps."""

    number: int
    at: int
    who: str
    what: str
    subject: str
    detail: str
    previous: str
    hash: str

    def as_object(self) -> dict[str, object]:
        """Return the members of the entry as they are exported."""
        return self._hashed() | {"hash": self.hash}

    def _hashed(self) -> dict[str, object]:
        return {
            "number": self.number,
            "at": self.at,
            "who": self.who,
            "what": self.what,
            "subject": self.subject,
            "detail": json.loads(self.detail),
            "previous": self.previous,
        }

    def computed(self) -> str:
        """Return the hash that the entry has to have.  Raises ValueError for no JSON."""
        return sha256(canonical(self._hashed()).encode()).hexdigest()


@value
class Head:
    """The last entry of a log by number and hash; 0 and zeros for an empty one."""

    number: int = 0
    hash: str = BEGINNING

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read ``NUMBER:HASH``.  Raises UsageError."""
        number, _, digest = text.strip().partition(":")
        is_digest = len(digest) == len(BEGINNING) and not digest.strip("0123456789abcdef")
        if not (number.isascii() and number.isdigit() and len(number) <= 18 and is_digest):
            raise UsageError(f"{text!r} is no head of an audit log: NUMBER:HASH, of 64 hex digits")
        return cls(number=int(number), hash=digest)


def chained(head: Head, who: str, at: int, deeds: Iterable[Deed]) -> Iterator[AuditEntry]:
    """Yield the entries that come after a head."""
    number, previous = head.number, head.hash
    for one in deeds:
        number += 1
        entry = AuditEntry(
            number=number,
            at=at,
            who=who,
            what=one.what,
            subject=one.subject,
            detail=one.detail,
            previous=previous,
            hash="",
        )
        previous = entry.computed()
        yield replace(entry, hash=previous)


@value
class AuditFault:
    """The first entry of a log that is not as it was written, and what is wrong there."""

    number: int
    why: str


def first_fault(entries: Iterable[AuditEntry], held: Head | None = None) -> AuditFault | None:
    """Return the first entry that was tampered with; None for a log that is whole.

    `held` is a head that somebody noted outside: without it a log that was cut at its end, or
    written anew from an entry on, cannot be told from a whole one.
    """
    number, previous = 0, BEGINNING
    for entry in entries:
        number += 1
        why = _fault_of(entry, number, previous, held)
        if why is not None:
            return AuditFault(number=number, why=why)
        previous = entry.hash
    if held is not None and held.number > number:
        why = f"missing: the log ends with entry {number}, the head that was held is {held.number}"
        return AuditFault(number=number + 1, why=why)
    return None


def _fault_of(entry: AuditEntry, number: int, previous: str, held: Head | None) -> str | None:
    if entry.number != number:
        return f"missing: entry {entry.number} stands where {number} should"
    if entry.previous != previous:
        return "does not follow from the entry before: one was changed, removed or put in"
    try:
        computed = entry.computed()
    except ValueError:
        return "changed: its details are no JSON"
    if computed != entry.hash:
        return "changed: its content does not have its hash"
    if held is not None and held.number == number and held.hash != entry.hash:
        return "another than the head that was held: the log was written anew"
    return None


def canonical(members: Mapping[str, object]) -> str:
    """Return the canonical JSON (RFC 8785) of text and whole numbers.  Raises UsageError."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the audit log takes no half of a surrogate pair") from None
    return text


def entry_of(members: Mapping[str, object]) -> AuditEntry:
    """Read an entry as `as_object` gives it.  Raises ValueError, TypeError."""
    detail = members.get("detail")
    if not isinstance(detail, dict):
        raise TypeError("detail is no object")
    return AuditEntry(
        number=_number(members, "number"),
        at=_number(members, "at"),
        who=_text(members, "who"),
        what=_text(members, "what"),
        subject=_text(members, "subject"),
        detail=json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        previous=_text(members, "previous"),
        hash=_text(members, "hash"),
    )


def _number(members: Mapping[str, object], name: str) -> int:
    found = members.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise TypeError(f"{name} is no whole number")
    return found


def _text(members: Mapping[str, object], name: str) -> str:
    found = members.get(name)
    if not isinstance(found, str):
        raise TypeError(f"{name} is no text")
    return found
