"""Tables whose keys are patterns of addresses: who signs for whom, whose mail is left alone.

A pattern is ``user@example.com``, ``example.com`` (everybody there), ``.example.com``
(everybody in its subdomains), ``user@.example.com``, ``user@*``, ``*``, or holds ``*`` for
anything elsewhere.  Upper and lower case are the same.  A lookup costs as much as the
domain has labels, however long the table; only patterns whose domain is a fragment
(``*example.com``) are tried one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from avowal.errors import SyntaxFault
from avowal.names import DomainName, NameFault

T = TypeVar("T")
Order = Literal["table", "specific"]


@dataclass(frozen=True, slots=True)
class AddressPattern:
    """A pattern, lower-cased: `local` is None for everybody.

    `domain` is a name in A-labels, ".name" for what is below it, or "*" for all; or, with
    `whole`, None, and the whole address is compared with the pieces between the stars.
    """

    local: str | None
    domain: str
    whole: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> AddressPattern:
        """Read a pattern.  Raises SyntaxFault."""
        lowered = text.strip().lower()
        local, at, domain = lowered.rpartition("@")
        if not lowered or (at and not local):
            raise SyntaxFault(0, f"{text!r} is no pattern for addresses: nothing before the @")
        if at and not domain:
            raise SyntaxFault(0, f"{text!r} is no pattern for addresses: nothing behind the @")
        if domain == "*" or not domain.strip("*"):
            return cls(None if not at or local == "*" else local, "*")
        if domain.startswith("*.") and "*" not in domain[2:]:
            domain = domain[1:]
        if "*" in domain:
            return cls(None, "", tuple(lowered.split("*")))
        name = _ascii(text, domain.removeprefix("."))
        return cls(None if not at or local == "*" else local, "." * domain.startswith(".") + name)


class _Entry(NamedTuple):
    number: int
    pieces: tuple[str, ...] | None  # of a local part with stars
    rank: int  # of the specific order


class AddressTable(Generic[T]):
    """An ordered table from patterns to values."""

    __slots__ = ("_buckets", "_values", "_wholes", "empty")

    def __init__(self, rows: Iterable[tuple[AddressPattern, T]]) -> None:
        self._values: list[T] = []
        self._buckets: dict[str, list[_Entry]] = {}
        self._wholes: list[tuple[int, tuple[str, ...]]] = []
        for number, (pattern, value) in enumerate(rows):
            self._values.append(value)
            if pattern.whole is not None:
                self._wholes.append((number, pattern.whole))
                continue
            local, pieces = pattern.local, None
            if local is not None and "*" in local:
                pieces, local = tuple(local.split("*")), None
            key = pattern.domain if local is None else f"{local}@{pattern.domain}"
            rank = _rank(pattern, pieces)
            self._buckets.setdefault(key, []).append(_Entry(number, pieces, rank))
        self.empty = not self._values

    def find(self, local_part: bytes, domain: DomainName, order: Order = "table") -> list[T]:
        """Return the values of all rows that match an address, the first to be taken first."""
        if not self._values:
            return []
        local = local_part.decode("utf-8", "backslashreplace").lower()
        found: list[tuple[int, int, int]] = []
        for depth, key in enumerate(_keys(domain.ascii)):
            for bucket in (f"{local}@{key}", key):
                if bucket in self._buckets:
                    found += [
                        (depth, entry.rank, entry.number)
                        for entry in self._buckets[bucket]
                        if entry.pieces is None or fits(entry.pieces, local)
                    ]
        if self._wholes:
            address = f"{local}@{domain.ascii}"
            found += [(_LAST, 0, n) for n, pieces in self._wholes if fits(pieces, address)]
        if order == "table":
            found.sort(key=lambda hit: hit[2])
        else:
            found.sort()
        return [self._values[number] for _, _, number in found]

    def __len__(self) -> int:
        return len(self._values)


_LAST = 1 << 16  # behind every label a domain can have


def _keys(domain: str) -> Iterable[str]:
    """Yield the domain, the parents it is below, and "*"."""
    yield domain
    dot = domain.find(".")
    while dot >= 0:
        yield domain[dot:]
        dot = domain.find(".", dot + 1)
    yield "*"


def _rank(pattern: AddressPattern, pieces: tuple[str, ...] | None) -> int:
    """Order of one domain: user@host, starred users, host."""
    return 0 if pattern.local is not None and pieces is None else 2 - bool(pieces)


def fits(pieces: tuple[str, ...], text: str) -> bool:
    """Whether a text is the pieces in order with anything between them; linear."""
    if len(text) < sum(map(len, pieces)):
        return False
    first, *middle, last = pieces
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _ascii(text: str, domain: str) -> str:
    try:
        return DomainName.parse(domain.encode()).ascii
    except NameFault as fault:
        raise SyntaxFault(0, f"{text!r} is no pattern for addresses: {fault.why}") from None
