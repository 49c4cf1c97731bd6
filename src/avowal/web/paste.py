"""What a message may have lost before it came here: signs that it is not what was sent.

A signature that fails over a pasted message says nothing about the mail.  Each row of the
table looks for one loss; none of them judges a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from avowal.message import Header
from avowal.web.report import Said

_LOOKED_AT = 256 << 10  # octets of a body in which signs are looked for
_SOURCE = "take the message from your program's “show source” or “save as” instead of copying it"


class Arrived(NamedTuple):
    """A message as it came: the octets as given, and the header and body that were read."""

    octets: bytes
    header: Header
    body: bytes
    pasted: bool


class _Sign(NamedTuple):
    """A sign of a loss, and whether it is looked for in pastes only."""

    sentence: str
    holds: Callable[[Arrived], bool]
    pasted: bool = False


def _has(name: bytes) -> Callable[[Arrived], bool]:
    return lambda came: name in came.header.positions


def _no_received(came: Arrived) -> bool:
    return not _has(b"received")(came)


def _folds_of_blanks(came: Arrived) -> bool:
    folded = [raw for raw in came.header.raws if b"\r\n" in raw]
    return len(folded) > 1 and all(b"\r\n        " in raw for raw in folded)


def _no_fields_first(came: Arrived) -> bool:
    return bool(came.header.names) and not came.header.names[0]


def _no_blank_at_dashes(came: Arrived) -> bool:
    body = came.body[:_LOOKED_AT]
    return b"\r\n--\r\n" in body and b"\r\n-- \r\n" not in body


def _no_end(came: Arrived) -> bool:
    return bool(came.body) and not came.body.endswith(b"\r\n")


def _mixed_ends(came: Arrived) -> bool:
    octets = came.octets[:_LOOKED_AT]
    crlf, lf = octets.count(b"\r\n"), octets.count(b"\n")
    return 0 < crlf < lf


def _bare_cr(came: Arrived) -> bool:
    octets = came.octets[:_LOOKED_AT]
    return octets.count(b"\r") > octets.count(b"\r\n")


_SIGNS = (
    _Sign("no Received field: this is not how it was delivered, or its header was cut",
          _no_received),
    _Sign("the first line is no field: something stands before the message", _no_fields_first),
    _Sign("every folded line begins with eight blanks: they may have been tabs",
          _folds_of_blanks),
    _Sign("“--” stands alone on a line: programs write “-- ”, whose blank a copy loses",
          _no_blank_at_dashes, pasted=True),
    _Sign("characters that could not be read were replaced (U+FFFD): those octets are lost",
          lambda came: b"\xef\xbf\xbd" in came.octets[:_LOOKED_AT]),
    _Sign("no-break spaces stand in it: web pages put them where blanks were",
          lambda came: b"\xc2\xa0" in came.octets[:_LOOKED_AT], pasted=True),
    _Sign("the last line has no end", _no_end),
    _Sign("line ends are mixed, CRLF and LF", _mixed_ends),
    _Sign("a carriage return stands alone", _bare_cr),
    _Sign("there is no header field From: a part of the message is missing",
          lambda came: b"from" not in came.header.positions),
)  # fmt: skip


def losses(came: Arrived) -> tuple[Said, ...]:
    """Return what was probably lost, and what to do about it."""
    return tuple(_losses(came))


def _losses(came: Arrived) -> Iterator[Said]:
    found = [one.sentence for one in _SIGNS if (came.pasted or not one.pasted) and one.holds(came)]
    if came.pasted:
        yield Said(who="pasted", text="a browser wrote each line end anew, as CRLF")
    for sentence in found:
        yield Said(who="seen", text=sentence)
    if found or came.pasted:
        yield Said(who="do", text=_SOURCE)
