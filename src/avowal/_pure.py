"""The inner loops over octets, in Python alone: reference and fallback of `_kernel`.

Both modules hold the same functions with the same results and exceptions; the
property tests compare them.  Which one serves is decided in `_fast`.  State,
streaming and the choice of fields belong to `canonical` and `message`.

Only SP and HTAB are white space (RFC 6376 §2.8): a bare CR, a bare LF, NUL, VT and
FF are ordinary octets.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TypeAlias

from avowal._pure_lines import (
    bare_break,
    bare_lf,
    breaks_to_crlf,
    column_after,
    final_line_ends,
    lf_to_crlf,
)
from avowal._pure_tags import base64_octets, fill, no_fold, read_usual, tag_list, tag_place

__all__ = [
    "WINDOW",
    "Index",
    "bare_break",
    "bare_lf",
    "base64_octets",
    "breaks_to_crlf",
    "column_after",
    "field_at",
    "fill",
    "final_line_ends",
    "index_names",
    "lf_to_crlf",
    "listed_header",
    "no_fold",
    "places_of",
    "read_usual",
    "relax_body",
    "relax_field",
    "relax_fields",
    "scan_header",
    "select_places",
    "signed_fields",
    "split_header",
    "tag_list",
    "tag_place",
]  # fmt: skip

Index: TypeAlias = tuple[list[bytes], list[bytes], list[int], dict[bytes, list[int]]]

WINDOW = 16 * 1024
"""Octets of a body worth taking in one go: a clean window is found out sooner."""

# `number in octets` is a quarter of the price of `b"..." in octets`.
_HTAB, _LF, _VT, _FF, _CR, _SP, _COLON = b"\t\n\v\f\r :"

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"([!-9;-~]++)[ \t]*+")  # RFC 5322 §3.6.8 ftext, §4.5.8 obs WSP
_LONGEST_KNOWN_NAME = 64
_WSP_RUN = re.compile(rb"[ \t]++")
_SPACES = re.compile(rb"  ++")
_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_SPACE_BITS = bytes(_SP ^ _HTAB if octet == _SP else 0 for octet in range(256))


def split_header(
    block: bytes, most: int = sys.maxsize, /
) -> tuple[list[bytes], list[bytes], list[int]]:
    """Split a header section into parallel lists: raw fields, names, colons.

    Fields end at a CRLF that neither SP nor HTAB follows; the last one may lack it.  Raw
    fields come without that CRLF, names lower-cased and without the white space before
    the colon.  A line that is no field (no colon, no name, or a name of other octets
    than 33..126) has the name b"" and the colon -1.  Of more than `most` fields one more than
    `most` are split.
    """
    raws = _FIELD_END.split(block, most + 1 if most < sys.maxsize else 0)
    if not raws[-1]:
        raws.pop()
    del raws[most + 1 :]
    names = []
    colons = []
    for raw in raws:
        colon = raw.find(b":")
        name = b""
        if 0 < colon <= _LONGEST_KNOWN_NAME:
            name = _known_name(raw[:colon])
        elif colon > 0:
            name = _name(raw[:colon])
        names.append(name)
        colons.append(colon if name else -1)
    return raws, names, colons


def index_names(names: list[bytes]) -> tuple[dict[bytes, list[int]], set[bytes]]:
    """Return for each name its places from the top, and which names have several."""
    positions: dict[bytes, list[int]] = {}
    repeated: set[bytes] = set()
    for place, name in enumerate(names):
        if name in positions:
            positions[name].append(place)
            repeated.add(name)
        else:
            positions[name] = [place]
    return positions, repeated


def select_places(
    positions: dict[bytes, list[int]], names: tuple[bytes, ...], except_at: int, count: int
) -> list[int]:
    """Return for each mention of a name its last place not yet taken (RFC 6376 §5.4.2).

    A mention without one contributes nothing, and the place `except_at` is never taken.
    `positions` are those that `index_names` makes of `count` names.
    """
    left: dict[bytes, list[int]] = {}
    chosen = []
    for name in names:
        if name in positions and name not in left:
            left[name] = [place for place in positions[name] if place != except_at]
        if left.get(name):
            chosen.append(left[name].pop())
    return chosen


def relax_field(raw: bytes, colon: int) -> bytes:
    """Return the relaxed form of one field, without its final CRLF (RFC 6376 §3.4.2).

    Raises ValueError when no colon stands at that offset of `raw`.
    """
    _expect_colon(raw, colon)
    name = raw[:colon].rstrip(b" \t").lower()
    return name + b":" + _relaxed_value(raw[colon + 1 :])


def relax_fields(
    raws: list[bytes], names: list[bytes], colons: list[int], places: list[int]
) -> bytes:
    """Return the relaxed forms of the fields at `places`, each with its CRLF.

    The other lists are those of `split_header`.  Raises IndexError for a place that is
    not there, ValueError for one whose colon is not.
    """
    relaxed: list[bytes] = []
    for place in places:
        if place < 0:
            raise IndexError("no field there")
        raw = raws[place]
        name = names[place]
        colon = colons[place]
        _expect_colon(raw, colon)
        relaxed += (name, b":", _relaxed_value(raw[colon + 1 :]), b"\r\n")
    return b"".join(relaxed)


def scan_header(
    octets: bytes, most_octets: int, most_fields: int
) -> tuple[Index, int, int, set[bytes]] | None:
    """Find the fields of a message's header, up to the first blank line; None beyond a limit.

    Returns an index that only the functions below look into, the number of fields, the size of
    the section in octets, and which names several fields have.  Fields and names are those of
    `split_header`.
    """
    size = 0
    if not octets.startswith(b"\r\n"):
        end = octets.find(b"\r\n\r\n")
        size = len(octets) if end < 0 else end + 2
    if size > most_octets:
        return None
    raws, names, colons = split_header(octets[:size], most_fields)
    if len(raws) > most_fields:
        return None
    positions, repeated = index_names(names)
    return (raws, names, colons, positions), len(raws), size, repeated


def listed_header(index: Index) -> tuple[list[bytes], list[bytes], list[int]]:
    """Return the fields of an index as `split_header` does."""
    return index[:3]


def places_of(index: Index, name: bytes) -> list[int]:
    """Return the places of the fields of a lower-cased name, from the top."""
    return list(index[3].get(name, ()))


def field_at(index: Index, place: int) -> tuple[bytes, int]:
    """Return the field at a place and its colon.  Raises IndexError."""
    if not 0 <= place < len(index[0]):
        raise IndexError("no field there")
    return index[0][place], index[2][place]


def signed_fields(
    index: Index,
    names: tuple[bytes, ...],
    except_at: int,
    relaxed: bool,  # noqa: FBT001 - a keyword would cost the kernel more
) -> bytes:
    """Return the fields that `select_places` chooses in relaxed form or as they are (§3.4.1-2).

    Each has its CRLF.  Raises ValueError for a line that has no relaxed form, for it is no field.
    """
    raws, there, colons, positions = index
    places = select_places(positions, names, except_at, len(raws))
    if relaxed:
        return relax_fields(raws, there, colons, places)
    return b"".join([raws[place] + b"\r\n" for place in places])


def relax_body(window: bytes | bytearray | memoryview) -> bytes | memoryview:
    """Return a window of a body with its white space reduced (RFC 6376 §3.4.4 a).

    Each SP or HTAB before another one or before CRLF goes, a remaining HTAB becomes SP;
    so one at the end of the window stays, and the caller cuts where that is right.  A
    window without white space comes back as it is, without a copy.
    """
    octets = bytes(window)
    if _HTAB in octets:
        octets = octets.translate(_TAB_TO_SPACE)
    elif _SP not in octets:
        return octets
    # One match of the expression costs as much as 32 octets of arithmetic, and the number
    # of runs is the sender's choice.
    runs = octets.count(b"  ")
    if runs * 32 > len(octets):
        octets = _squeezed(octets)
    elif runs:
        octets = _SPACES.sub(b" ", octets)
    return octets.replace(b" \r\n", b"\r\n")


def _squeezed(octets: bytes) -> bytes:
    """Reduce runs of SP to one, at a price that does not depend on where they are.

    `octets` holds no HTAB, so HTAB can mark what goes.  The octets are the digits of one
    integer: `spaces` has SP^HTAB at every SP, `spaces & spaces >> 8` only at those that
    another SP follows.
    """
    spaces = int.from_bytes(octets.translate(_SPACE_BITS), "little")
    marked = int.from_bytes(octets, "little") ^ (spaces & (spaces >> 8))
    return marked.to_bytes(len(octets), "little").translate(None, b"\t")


def _relaxed_value(value: bytes) -> bytes:
    if _CR in value:
        # Two steps find no fold that the octets did not hold: what the first leaves
        # behind a CRLF is an SP, and the second looks for HTAB.
        value = value.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    if _CR in value or _LF in value or _VT in value or _FF in value:
        return _WSP_RUN.sub(b" ", value).strip(b" ")
    return b" ".join(value.split())  # which would split at those four too


def _name(octets: bytes) -> bytes:
    """Return what stands before the colon as a name, b"" when it is none."""
    match = _NAME.fullmatch(octets)
    return match[1].lower() if match else b""


_known_name = lru_cache(maxsize=1024)(_name)  # the same few names in all mail


def _expect_colon(raw: bytes, colon: int) -> None:
    if not 0 <= colon < len(raw) or raw[colon] != _COLON:
        raise ValueError("no colon there")
