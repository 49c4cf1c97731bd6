"""How Postfix and Sendmail differ, as tables, and what they make of a filter's modifications.

Measured on Postfix 3.7.11 and 3.10.13 and Sendmail 8.17.1; what was not measured is said so.
The tests and the load generator play these MTAs, so that a signature can be checked over the
octets that would leave them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from avowal.errors import PeerError
from avowal.message import CRLF
from avowal.milter.packets import (
    AddHeader,
    ChangeHeader,
    HeaderField,
    InsertHeader,
    Modification,
    ReplaceBody,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """One kind of MTA.

    `macros` are the names sent for each command where the filter requests none; `late_queue_id`
    says that ``i`` exists only from the second recipient on; `placeholders` is the number of
    fields below the own Received that only the MTA's list knows.
    """

    name: str
    macros: Mapping[str, tuple[str, ...]]
    aborts_after_message: bool
    late_queue_id: bool
    placeholders: int
    adds_beside_same_name: bool
    forgets_deleted: bool
    contiguous_body: bool
    reject: bytes
    tempfail: bytes


_CONNECTION = ("j", "{daemon_name}", "{daemon_addr}", "v", "_")

POSTFIX = Flavour(
    name="Postfix",
    macros={
        "C": _CONNECTION,
        "M": ("{auth_type}", "{auth_authen}", "{mail_addr}", "{mail_host}", "{mail_mailer}"),
        "R": ("i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"),
        "T": ("i",),
        "L": ("i",),
        "N": ("i",),
        "B": ("i",),
        "E": ("i",),
    },
    aborts_after_message=True,
    late_queue_id=True,
    placeholders=0,
    adds_beside_same_name=False,
    forgets_deleted=True,
    contiguous_body=True,
    reject=b"550 5.7.1 Command rejected",
    tempfail=b"451 4.7.1 Service unavailable - try again later",
)
SENDMAIL = Flavour(
    name="Sendmail",
    macros={
        "C": ("j", "_", "{daemon_name}", "{if_name}"),
        "M": ("i", "{auth_type}", "{auth_authen}", "{mail_addr}", "{mail_host}", "{mail_mailer}"),
        "R": ("{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"),
        "E": ("{msg_id}",),
    },
    aborts_after_message=False,
    late_queue_id=False,
    # Indices 2 and 3 were measured to land below the own Received, 99 at the end; the default
    # sendmail.cf has eight H lines behind Received, which is taken for the number between.
    placeholders=8,
    adds_beside_same_name=True,
    # Not measured; the arranged order (highest index first) makes no difference.
    forgets_deleted=False,
    contiguous_body=False,
    reject=b"554 5.7.1 Command rejected",
    tempfail=b"451 4.3.2 Please try again later",
)


@dataclass(slots=True)
class _Line:
    """A field in the MTA's list; `shown` where a filter saw it or made it."""

    name: bytes
    value: bytes
    own: bool = False
    hidden: bool = False
    deleted: bool = False


@dataclass(slots=True, kw_only=True)
class Spool:
    """A message in the MTA's queue, to which modifications are applied one after another."""

    flavour: Flavour
    received: HeaderField
    fields: Sequence[HeaderField]
    body: bytes
    exact_octets: bool = True
    _lines: list[_Line] = field(init=False)
    _chunks: list[bytes] | None = field(init=False, default=None)
    _body_closed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        own = _Line(self.received.name, self.received.value, own=True)
        unseen = [_Line(b"", b"", hidden=True) for _ in range(self.flavour.placeholders)]
        self._lines = [own, *unseen, *(_Line(f.name, f.value) for f in self.fields)]

    def apply(self, modifications: Iterable[Modification]) -> None:
        """Apply the modifications of header and body; the others are the envelope's.

        Raises PeerError where the MTA would break off.
        """
        for one in modifications:
            if isinstance(one, ReplaceBody):
                self._replace(one.chunk)
                continue
            if self._chunks is not None and self.flavour.contiguous_body:
                self._body_closed = True
            if isinstance(one, InsertHeader):
                self._lines.insert(one.index, self._made(one))
            elif isinstance(one, AddHeader):
                self._add(self._made(one))
            elif isinstance(one, ChangeHeader):
                self._change(one)

    def _replace(self, chunk: bytes) -> None:
        if self._body_closed:
            raise PeerError("body replacement can't be mixed with other modifications")
        self._chunks = [*(self._chunks or ()), chunk]

    def _made(self, one: InsertHeader | AddHeader | ChangeHeader) -> _Line:
        return _Line(one.name, one.value if self.exact_octets else b" " + one.value)

    def _add(self, line: _Line) -> None:
        place = len(self._lines)
        if self.flavour.adds_beside_same_name:
            same = self._counted(line.name)
            place = same[0] if same else place
        self._lines.insert(place, line)

    def _counted(self, name: bytes) -> list[int]:
        """Return the places of the fields of a name that count for a change."""
        wanted = name.lower()
        return [
            place
            for place, line in enumerate(self._lines)
            if line.name.lower() == wanted
            # The own Received counts once something stands above it.
            and not (line.own and place == 0)
            and not (line.deleted and self.flavour.forgets_deleted)
        ]

    def _change(self, one: ChangeHeader) -> None:
        counted = self._counted(one.name)
        index = max(one.index, 1)
        if index > len(counted):
            if one.value:
                self._add(self._made(one))
            return
        line = self._lines[counted[index - 1]]
        if one.value:
            line.value = self._made(one).value
            line.deleted = False
        else:
            line.deleted = True

    @property
    def header(self) -> tuple[bytes, ...]:
        """The fields that leave, as wire octets without the final CRLF."""
        return tuple(
            line.name + b":" + self._wire(line)
            for line in self._lines
            if not line.hidden and not line.deleted
        )

    def _wire(self, line: _Line) -> bytes:
        # A CR LF within a value leaves as CR CR LF: every LF gets its CR.
        return line.value.replace(b"\n", CRLF)

    @property
    def octets(self) -> bytes:
        """The message that leaves."""
        body = self.body if self._chunks is None else b"".join(self._chunks)
        if body and not body.endswith(CRLF):
            body += CRLF
        return b"".join(part + CRLF for part in self.header) + CRLF + body
