"""For whom a message would be signed: its author, by the fields or macro the operator chose.

A message with several From fields has no author here: which one is shown differs from
reader to reader (RFC 6376 §8.15), so nobody can vouch for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from avowal.config.addresses import AddressTable
from avowal.config.model import Signing
from avowal.flow.transaction import Transaction
from avowal.limits import DEFAULT, Limits
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName, NameFault

T = TypeVar("T")


class Author(NamedTuple):
    """One author: local part as written, and domain."""

    local_part: bytes
    domain: DomainName

    def __str__(self) -> str:
        return f"{self.local_part.decode('utf-8', 'backslashreplace')}@{self.domain.text}"


@dataclass(frozen=True, slots=True)
class Authorship:
    """The authors in their order and where they were found; or why there are none.

    `written` is the whole From field as it was read, None where it was not looked at.
    `refused` says that a field is there whose author cannot be told for certain: nobody signs.
    """

    authors: tuple[Author, ...] = ()
    source: str = ""
    problem: str = ""
    written: Authors | None = None
    refused: bool = False


def authorship(
    signing: Signing, transaction: Transaction, header: Header, *, limits: Limits = DEFAULT
) -> Authorship:
    """Find the authors of a message.  Raises nothing."""
    found = _written(signing, transaction, header, limits)
    if not found.authors and not found.refused and signing.default_author is not None:
        default = _read(signing.default_author.encode())
        if default:
            return Authorship(default, "default_author")
    return found


def _written(
    signing: Signing, transaction: Transaction, header: Header, limits: Limits
) -> Authorship:
    if signing.author_macro is not None:
        name = signing.author_macro.strip("{}")
        authors = _read(transaction.macros.get(name, b""))
        problem = "" if authors else f"macro {name} names no author"
        return Authorship(authors, f"macro {name}", problem)
    for name in signing.author_fields:
        fields = header.named(name.lower().encode())
        if not fields:
            continue
        if len(fields) > 1 and not signing.accept_malformed:
            return Authorship(source=name, problem=f"there are {len(fields)} {name} fields")
        from_field = name.lower() == "from"
        # accept_malformed takes the first of several; what else reads as From counts all the same
        whole = from_field and len(fields) == 1
        read = (
            Authors.of(header, limits=limits)
            if whole
            else Authors.parse(fields[0].value, limits=limits)
        )
        written = read if whole else None
        if read.doubt is not None:
            problem = f"{name} names nobody for certain: {read.doubt.sentence}"
            return Authorship(source=name, problem=problem, written=written, refused=True)
        authors = _with_domains(read)
        problem = "" if authors else f"{name} names no address"
        return Authorship(authors=authors, source=name, problem=problem, written=written)
    names = " or ".join(signing.author_fields)
    return Authorship(problem=f"there is no {names} field")


def _read(value: bytes) -> tuple[Author, ...]:
    return _with_domains(Authors.parse(value))


def _with_domains(read: Authors) -> tuple[Author, ...]:
    return tuple([Author(m.local_part, m.domain) for m in read.mailboxes if m.domain is not None])


def address_of(octets: bytes) -> Author | None:
    """Split an envelope address; None when its domain is no name."""
    local_part, _, domain = octets.rpartition(b"@")
    try:
        return Author(local_part, DomainName.parse(domain.removesuffix(b".")))
    except NameFault:
        return None


def listed(table: AddressTable[T], addresses: Iterable[bytes]) -> Iterator[tuple[bytes, Author, T]]:
    """Yield the addresses that a table lists, as written and as read, with the first entry."""
    for written in addresses if len(table) else ():
        address = address_of(written)
        entries = [] if address is None else table.find(*address)
        if address is not None and entries:
            yield written, address, entries[0]
