"""Which Authentication-Results fields a border must delete (RFC 8601 §5).

A field that claims one of our authserv-ids did not come from us.  The id may hide behind
comments, quotes, folds, case, a final dot, U-labels, controls; a field that cannot be read
for certain is taken for a claim when it mentions one of our ids anywhere, since another
reader may see results in it (our decision: no text settles this).  To some (Python's `email`)
a bare CR or LF ends a line, and what stands behind it in any field is a field.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from avowal._fast import bare_break
from avowal.authres.grammar import (
    PayloadFault,
    VersionFault,
    parse,
    parse_beginning,
    refuse_costly,
)
from avowal.authres.identifiers import Identifiers
from avowal.authres.reader import FIELD_NAME
from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.members import refuse_single
from avowal.message import Header

_BREAK = re.compile(rb"(?:\r(?!\n)|(?<!\r)\n)(?![ \t])")  # no fold, by any line end
_UNPRINTABLE = re.compile(rb"[^!-~]++")
_LONGEST_ID = 1024  # characters; a domain name has 253


class Cause(Word):
    """Why a field has to go."""

    CLAIM = "claims-our-id", "it claims an authserv-id of ours (RFC 8601 §5)"
    MENTION = "malformed-mention", "it cannot be read and mentions an authserv-id of ours"
    TOO_LARGE = "too-large", "it is longer or odder than any results need: it was not read"
    VERSION = "unknown-version", "it is of a version that is not known (RFC 8601 §5)"
    NOT_KEPT = "not-kept", "it stands beyond a limit of the header: it was not read"
    HIDDEN = "hidden", "behind a bare line break it holds results in our name"
    NOT_ADMITTED = "not-admitted", "its authserv-id is not among those admitted (RFC 8601 §5)"


@dataclass(frozen=True, slots=True, order=True)
class Forgery:
    """One field to delete.

    `place` counts from 0 at the top of the header, `index` from 1 among all fields of `name`,
    as a milter counts.  The place of a field that was not kept is -1.
    """

    place: int
    index: int
    cause: Cause
    name: bytes = b"Authentication-Results"


def forged(
    header: Header,
    ids: Collection[str],
    *,
    below: Collection[str] = (),
    admitted: Collection[str] | None = None,
    limits: Limits = DEFAULT,
) -> tuple[Forgery, ...]:
    """Return the fields of an incoming message to delete, top to bottom.

    Those that stand beyond a limit (`Header.beyond`) are among them, whatever they say.
    `ids` are our authserv-ids, and so is every one below the domains of `below`.  With
    `admitted` every field goes whose id is not among those either, unreadable ones too.
    Delete from the last one upwards: each deletion changes the index of those below.  No
    octets make it raise, only ids that are no collection (UsageError).

    >>> header = Header.parse(b"Authentication-Results: (x) MX.Example.ORG. ; dkim=pass")
    >>> [str(forgery.cause) for forgery in forged(header, {"mx.example.org"})]
    ['claims-our-id']
    """
    refuse_single("ids", ids)
    refuse_single("below", below)
    if admitted is not None:
        refuse_single("admitted", admitted)
    places = header.positions.get(FIELD_NAME, ())
    unread = 0 if header.beyond is None else header.beyond.count(FIELD_NAME)
    if not places and not unread and not header.has_bare_break:
        return ()
    ours = _identifiers(frozenset(ids), frozenset(below))
    foreign = None if admitted is None else _identifiers(frozenset(admitted))
    found = []
    for index, place in enumerate(places, 1):
        cause = cause_of(header[place].value, ours, foreign, limits=limits)
        if cause is not None:
            found.append(Forgery(place, index, cause))
    known = {forgery.place for forgery in found}
    found += [one for one in hidden(header, ours, limits=limits) if one.place not in known]
    found.sort()
    behind = range(len(places) + 1, len(places) + unread + 1)
    return (*found, *(Forgery(-1, index, Cause.NOT_KEPT) for index in behind))


def hidden(header: Header, ours: Identifiers, *, limits: Limits = DEFAULT) -> Iterator[Forgery]:
    """Yield the fields of any name that hold results in our name behind a bare CR or LF."""
    for place, raw in enumerate(header.raws if header.has_bare_break else ()):
        if bare_break(raw) >= 0 and _holds_results(raw, ours, limits):
            name = header.names[place]
            index = bisect_left(header.positions[name], place) + 1
            yield Forgery(place, index, Cause.HIDDEN, name)


def _holds_results(raw: bytes, ours: Identifiers, limits: Limits) -> bool:
    _, *lines = _BREAK.split(raw)
    fields = [line.partition(b":") for line in lines if b":" in line]
    return any(
        _UNPRINTABLE.sub(b"", name).lower() == FIELD_NAME
        and cause_of(value, ours, None, limits=limits) is not None
        for name, _, value in fields
    )


def cause_of(
    value: bytes, ours: Identifiers, admitted: Identifiers | None, *, limits: Limits = DEFAULT
) -> Cause | None:
    """Return why a field with this value has to go; None when it may stay."""
    try:
        refuse_costly(value, limits)
    except PayloadFault:
        return Cause.TOO_LARGE
    authserv_id, fault = _beginning(value)
    if authserv_id is not None:
        if len(authserv_id) > _LONGEST_ID:
            return Cause.TOO_LARGE
        if ours.resembles(authserv_id):
            return Cause.CLAIM
    if isinstance(fault, VersionFault):
        return Cause.VERSION
    mentioned = ours.mentioned_in(value)
    if fault is None and (mentioned or admitted is not None):  # else it does not matter
        fault = _fault_in(value, limits)
    if fault is not None:
        authserv_id = None
        if mentioned:
            return Cause.MENTION
    if admitted is not None and (authserv_id is None or authserv_id not in admitted):
        return Cause.NOT_ADMITTED
    return None


def from_the_last(forgeries: Collection[Forgery]) -> Iterator[tuple[bytes, int]]:
    """Yield (name, index) in the order in which a milter can delete them one by one."""
    for forgery in sorted(forgeries, key=lambda forgery: forgery.index, reverse=True):
        yield forgery.name, forgery.index


@lru_cache(maxsize=64)
def _identifiers(ids: frozenset[str], below: frozenset[str] = frozenset()) -> Identifiers:
    """Compile ids of ours: those of the configuration, and the names of our MTAs."""
    return Identifiers(ids, below)


def _fault_in(value: bytes, limits: Limits) -> PayloadFault | None:
    try:
        parse(value, limits=limits)
    except PayloadFault as fault:
        return fault
    return None


def _beginning(value: bytes) -> tuple[str | None, PayloadFault | None]:
    """Return the id where it can be read, whatever follows it, and what is wrong so far."""
    try:
        return parse_beginning(value)
    except PayloadFault as fault:
        return None, fault
