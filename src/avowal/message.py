"""A message as octets: header fields exactly as on the wire, and the body behind them.

The wire form has CRLF line ends (RFC 5321 §2.3.8) and is the only form that is
hashed.  A message at rest is brought into it by asking for it: `Message.from_stored` or
`wire_form`, which says the rule.  Nothing here decodes, unfolds or repairs.

On the wire a bare CR, a bare LF, a NUL and 8-bit octets are ordinary octets.  A line of the
header section that is no field stays in its place as a field without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from avowal._fast import (
    bare_break,
    field_at,
    index_names,
    listed_header,
    places_of,
    relax_fields,
    scan_header,
    select_places,
    signed_fields,
    split_header,
)
from avowal.limits import Limits
from avowal.line_ends import as_sent
from avowal.members import refuse_other, refuse_single
from avowal.overflow import Beyond
from avowal.valueclass import value

if TYPE_CHECKING:
    from avowal._pure import Index

CRLF = b"\r\n"
_BLANK_LINE = b"\r\n\r\n"


class Field(NamedTuple):
    """One header field: its octets without the final CRLF, and where its colon stands.

    `colon` is -1 for a line that is no field.
    """

    raw: bytes
    colon: int

    @classmethod
    def of(cls, raw: bytes) -> Field:
        """Build a field from its octets, with or without the final CRLF.  Raises UsageError."""
        refuse_other("a field", raw, bytes)
        raw = raw.removesuffix(CRLF)
        return cls(raw, raw.find(b":"))

    @property
    def name(self) -> bytes:
        """The name, lower-cased, without the white space before the colon."""
        return self.raw[: max(self.colon, 0)].rstrip(b" \t").lower()

    @property
    def value(self) -> bytes:
        """All octets behind the colon, folds included."""
        return self.raw[self.colon + 1 :]


class Header:
    """The header section: its fields from top to bottom.

    `raws`, `names` and `colons` run in parallel and are not to be changed; of a section that was
    read `within` limits they are made when somebody asks.  `repeated` are the names that stand
    more than once.  `beyond` is None where the header is whole; else it tells of what stands
    beyond a limit and was not kept.  `lone_cr`: a CR alone was read as a line end in the message;
    `has_bare_break`: a CR or LF stands alone in some field.
    """

    __slots__ = (
        "_index", "_size", "beyond", "colons", "count", "has_bare_break", "lone_cr", "names",
        "positions", "raws", "repeated",
    )  # fmt: skip
    has_bare_break: bool

    def __init__(
        self,
        raws: list[bytes],
        names: list[bytes],
        colons: list[int],
        beyond: Beyond | None = None,
    ) -> None:
        self.raws = raws
        self.names = names
        self.colons = colons
        self.count = len(raws)
        self.beyond, self.lone_cr = beyond, False
        self._size: int | None = None  # in octets, once somebody asked
        self._index: Index | None = None  # the kernel's, of a section that is not split
        self.positions, self.repeated = index_names(names)
        """For each lower-cased name the places of its fields, top to bottom, b"" for none; and
        the names that stand more than once."""

    @classmethod
    def within(cls, octets: bytes, limits: Limits) -> tuple[Header, memoryview] | None:
        """Read a message whose header is within the limits, up to its body; else None, soon."""
        found = scan_header(octets, limits.header_octets, limits.header_fields)
        if found is None:
            return None
        header = cls.__new__(cls)
        header._index, header.count, size, header.repeated = found
        header._size, header.beyond, header.lone_cr = size, None, False
        return header, memoryview(octets)[size + len(CRLF) :]

    @classmethod
    def parse(cls, octets: bytes) -> Header:
        """Split a header section (with or without its final CRLF) into fields."""
        refuse_other("a header", octets, bytes, bytearray, memoryview)
        return cls(*split_header(octets))

    @classmethod
    def of(cls, fields: Iterable[Field], *, beyond: Beyond | None = None) -> Header:
        """Build a header from fields in their order."""
        kept = list(fields)
        return cls([f.raw for f in kept], [f.name for f in kept], [f.colon for f in kept], beyond)

    def __getattr__(self, name: str) -> object:
        """Work out what is asked for the first time: fields of a section that was not split."""
        if name in {"raws", "names", "colons"} and self._index is not None:
            lists = self.raws, self.names, self.colons = listed_header(self._index)
            return dict(zip(("raws", "names", "colons"), lists, strict=True))[name]
        if name == "positions":
            self.positions, _ = index_names(self.names)
            return self.positions
        if name == "has_bare_break":  # looked for in one go: calls cost more than octets here
            self.has_bare_break = bare_break(b" ".join(self.raws)) >= 0
            return self.has_bare_break
        raise AttributeError(f"a header has no {name}")

    def places(self, name: bytes) -> Sequence[int]:
        """Return the places of the fields of one lower-cased name, top to bottom."""
        if self._index is not None:
            return places_of(self._index, name)
        return self.positions.get(name, ())

    def named(self, name: bytes) -> tuple[Field, ...]:
        """Return the fields of one lower-cased name, top to bottom."""
        raws, colons = self.raws, self.colons
        return tuple([Field(raws[at], colons[at]) for at in self.positions.get(name, ())])

    def select(self, names: Iterable[bytes], *, except_at: int = -1) -> list[int]:
        """Return the places of the fields that lower-cased h= names stand for.

        For each mention the physically last instance not yet taken; a mention
        without one contributes nothing (RFC 6376 §5.4.2).  `except_at` is the
        place of the signature under work, which is never taken (§3.7).
        """
        if type(names) in {str, bytes}:
            refuse_single("names", names, bytes)
        return select_places(self.positions, tuple(names), except_at, self.count)

    def signed(self, names: tuple[bytes, ...], *, relaxed: bool, except_at: int = -1) -> bytes:
        """Return the fields that `select` chooses in relaxed or simple form (§3.4), with CRLFs.

        Raises ValueError for a line that has no relaxed form, for it is no field.
        """
        if self._index is not None:
            return signed_fields(self._index, names, except_at, relaxed)
        raws, places = self.raws, self.select(names, except_at=except_at)
        if relaxed:
            return relax_fields(raws, self.names, self.colons, places)
        return b"".join([raws[place] + CRLF for place in places])

    def excess(self, limits: Limits) -> Beyond | None:
        """Tell of the limit the header goes beyond, read to its end or not; None within them."""
        if self.beyond is not None:
            return self.beyond
        if self.count > limits.header_fields:
            return Beyond(limit="header_fields", fields=self.count, counts={})
        if self._size is None:
            self._size = sum(map(len, self.raws)) + 2 * self.count
        if self._size > limits.header_octets:
            return Beyond(limit="header_octets", fields=self.count, counts={})
        return None

    @property
    def octets(self) -> bytes:
        """The section with every field's final CRLF, without the blank line."""
        return b"".join([part for raw in self.raws for part in (raw, CRLF)])

    def __getitem__(self, place: int) -> Field:
        if self._index is not None and place >= 0:
            return tuple.__new__(Field, field_at(self._index, place))
        return Field(self.raws[place], self.colons[place])

    def __iter__(self) -> Iterator[Field]:
        return map(Field, self.raws, self.colons)

    def __len__(self) -> int:
        return self.count

    def __reduce__(self) -> tuple[object, ...]:
        kept = self.raws, self.names, self.colons, self.beyond
        return type(self), kept, (None, {"lone_cr": self.lone_cr})

    def __repr__(self) -> str:
        return f"<Header of {len(self)} fields>"


@value(kw_only=False)
class Message:
    """A whole message in memory: header, and body octets behind the blank line.

    `converted` says that line ends were converted from a stored form.
    """

    header: Header
    body: bytes
    converted: bool = False

    @classmethod
    def parse(cls, octets: bytes) -> Message:
        """Read a message in wire form; header-only and missing blank line are fine."""
        refuse_other("a message", octets, bytes)
        header, body = split(octets)
        return cls(Header.parse(header), bytes(body))

    @classmethod
    def from_stored(cls, octets: bytes) -> Message:
        """Read a message at rest, whatever its line ends, by the rule of `wire_form`."""
        refuse_other("a message", octets, bytes)
        wire = as_sent(octets)
        header, body = split(wire)
        return cls(Header.parse(header), bytes(body), converted=wire is not octets)

    @property
    def octets(self) -> bytes:
        """The message in wire form."""
        return self.header.octets + CRLF + self.body


def split(octets: bytes) -> tuple[bytes, memoryview]:
    """Cut a message at its first blank line: header section and body (RFC 5322 §2.1)."""
    if octets.startswith(CRLF):
        return b"", memoryview(octets)[2:]
    end = octets.find(_BLANK_LINE)
    if end < 0:
        return octets, memoryview(b"")
    return octets[: end + 2], memoryview(octets)[end + 4 :]
