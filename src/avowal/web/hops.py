"""The way of a message, host by host, as its Received fields tell it.

Whoever had the message before your own hosts could write any of them: what stands below the
first field that a host of yours wrote is a story, not evidence, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from avowal.dates import seconds_of
from avowal.message import Header
from avowal.text import printable
from avowal.web.limits import SEEN_HOPS
from avowal.web.report import Fact, Hop

_RECEIVED = b"received"
_MOST_READ = 2000  # octets of a Received field in which words are looked for
_MOST_NAMES = 60  # names of fields that are told of one host
_LIST = frozenset((b"list-id", b"list-post", b"x-mailman-version", b"list-unsubscribe"))


class Signed(NamedTuple):
    """A signature or a seal by its place in the header, and how it stands now."""

    place: int
    fact: Fact
    seal: bool = False


class Received(NamedTuple):
    """What one Received field says (RFC 5321 §4.4); "" for what it does not say."""

    by: str
    came_from: str
    protocol: str
    at: int | None

    @classmethod
    def of(cls, value: bytes) -> Received:
        """Read a value; never raises."""
        clauses, _, date = value.rpartition(b";")
        words = (clauses or value)[:_MOST_READ].split()
        said = {b"by": "", b"from": "", b"with": ""}
        for word, following in pairwise(words):
            key = word.lower()
            if key in said and not said[key]:
                said[key] = printable(following.strip(b"();,"), most=120)
        return cls(said[b"by"], said[b"from"], said[b"with"], seconds_of(date))


def hop_of(header: Header, place: int) -> int:
    """Return the number of the host that wrote at a place: 0 is where the message was made."""
    return sum(at > place for at in header.positions.get(_RECEIVED, ()))


def path(header: Header, signed: tuple[Signed, ...]) -> tuple[tuple[Hop, ...], int]:
    """Return the hosts from the first to the last, and how many more there are."""
    places = header.positions.get(_RECEIVED, [])[::-1]
    kept = places[: SEEN_HOPS - 1]
    ends = [*kept, -1 if len(kept) == len(places) else places[len(kept)]]
    hops = [_hop(header, (len(header), ends[0]), number=0, read=None, signed=signed)]
    before: int | None = None
    for number, place in enumerate(kept, 1):
        read = Received.of(header[place].value)
        gone = None if before is None or read.at is None else read.at - before
        made = _hop(header, (place, ends[number]), number=number, read=read, signed=signed)
        hops.append(replace(made, seconds=gone))
        before = read.at if read.at is not None else before
    return tuple(hops), len(places) - len(kept)


def _hop(
    header: Header,
    ends: tuple[int, int],
    *,
    number: int,
    read: Received | None,
    signed: tuple[Signed, ...],
) -> Hop:
    """Tell of one host: the fields from its own Received up to the next one's."""
    low, high = ends
    names = [header[at].raw.partition(b":")[0] for at in range(low - 1, high, -1)]
    here = [one for one in signed if high < one.place < low]
    return Hop(
        number=number,
        host="" if read is None else read.by,
        came_from="" if read is None else read.came_from,
        protocol="" if read is None else read.protocol,
        when="" if read is None or read.at is None else moment(read.at),
        added=_names(names),
        signed=tuple(one.fact for one in here if not one.seal),
        sealed=tuple(one.fact for one in here if one.seal),
        list_host=any(name.strip().lower() in _LIST for name in names),
    )


def _names(names: Sequence[bytes]) -> tuple[str, ...]:
    shown = tuple(printable(name, most=60) for name in names[:_MOST_NAMES])
    left = len(names) - len(shown)
    return (*shown, f"and {left} more") if left else shown


def moment(at: int) -> str:
    """Return Unix seconds as people write them, in UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at} s"
