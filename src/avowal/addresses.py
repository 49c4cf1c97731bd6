"""What reading an address field gives: mailboxes, problems, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from avowal.enums import Word
from avowal.names import DomainName, NameFault
from avowal.tokens import unquoted

_NAME = rb"[0-9A-Za-z_\x80-\xff-]"
_BEHIND_A_SIGN = re.compile(rb"@[ \t\r\n]*+([0-9A-Za-z_\x80-\xff.-]++)")
_PIECE = re.compile(rb"%b++(?:\.%b++)*" % (_NAME, _NAME))
_LONGEST_KNOWN = 1024  # octets; no name is longer
_MOST_PIECES = 20  # readings of one place that are followed; it counts as unreadable anyway


class Problem(Word):
    """What is unusual about a From field.

    Those in `HIDING` leave open who is shown as author: such a message passes no policy of
    an author, and nobody signs for it as one.
    """

    NO_FIELD = "no-field", "there is no From field"
    SEVERAL_FIELDS = "several-fields", "there is more than one From field"
    DAMAGED_NAME = "damaged-name", "a field name reads as From when stray octets are dropped"
    NO_ADDRESS = "no-address", "it holds no address"
    MALFORMED = "malformed", "it breaks the grammar of RFC 5322"
    UNREADABLE_DOMAIN = "unreadable-domain", "a domain in it cannot be read"
    AMBIGUOUS = "ambiguous", "readers differ in what they show of it"
    CONTROL_OCTETS = "control-octets", "it holds control octets"
    BARE_LINE_BREAK = "bare-line-break", "a bare CR or LF stands where a line could begin"
    ADDRESS_LITERAL = "address-literal", "an address has an IP address in place of a domain"
    TOO_MANY = "too-many", "it names more authors than are looked at"
    TOO_LARGE = "too-large", "it is larger than is looked at"


HIDING = frozenset(
    (
        Problem.DAMAGED_NAME,
        Problem.UNREADABLE_DOMAIN,
        Problem.AMBIGUOUS,
        Problem.CONTROL_OCTETS,
        Problem.BARE_LINE_BREAK,
        Problem.ADDRESS_LITERAL,
        Problem.TOO_MANY,
        Problem.TOO_LARGE,
    )
)

BEYOND_LIMITS = frozenset((Problem.TOO_MANY, Problem.TOO_LARGE))


class Fault(NamedTuple):
    """A problem and where it stands: the offset in the value of the field."""

    problem: Problem
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One author: local part as written (quotes included), and its domain.

    `domain` is None when it is an address literal or no name; `written_domain` has its
    octets without comments and white space.  `display` is the phrase before the angle
    bracket as it stands in the field, comments and encoded words included.
    """

    local_part: bytes
    domain: DomainName | None
    written_domain: bytes
    display: bytes = b""

    @property
    def user(self) -> bytes:
        """The local part without its quoting."""
        return unquoted(self.local_part)

    def __str__(self) -> str:
        return (self.local_part + b"@" + self.written_domain).decode("utf-8", "backslashreplace")


def distinct(names: Iterable[DomainName]) -> tuple[DomainName, ...]:
    """Return the names that differ by their A-labels, in the order of their first."""
    kept: dict[str, DomainName] = {}
    for name in names:
        kept.setdefault(name.ascii, name)
    return tuple(kept.values())


def name_of(written: bytes) -> DomainName | None:
    """Return the domain name, None for what is none."""
    return _known_name(written) if len(written) <= _LONGEST_KNOWN else None


@lru_cache(maxsize=4096)  # a field may say a thousand times what is no name
def _known_name(written: bytes) -> DomainName | None:
    try:
        return DomainName.parse(written)
    except NameFault:
        return None


def names_in(octets: bytes) -> Iterator[DomainName]:
    """Yield the names in octets that may each be shown as the domain, the first ones only."""
    for place, found in enumerate(islice(_PIECE.finditer(octets), _MOST_PIECES)):
        piece = found[0]
        name = name_of(piece) if place == 0 or b"." in piece else None
        if name is not None:
            yield name


def names_behind_signs(octets: bytes, most: int) -> Iterator[DomainName]:
    """Yield the names behind the first `most` ``@`` that have one, wherever they stand."""
    for found in islice(_BEHIND_A_SIGN.finditer(octets), most):
        yield from names_in(found[1])
