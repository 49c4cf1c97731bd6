"""The canonical forms and the tag list, in Python alone: reference and fallback of `_kernel`.

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
from typing import TypeVar

Row = TypeVar("Row", bound=tuple[str, bytes, int, int])

WINDOW = 16 * 1024
"""Octets of a body worth taking in one go: a clean window is found out sooner."""

# `number in octets` is a quarter of the price of `b"..." in octets`.
_HTAB, _LF, _VT, _FF, _CR, _SP, _COLON = b"\t\n\v\f\r :"

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"([!-9;-~]++)[ \t]*+")  # RFC 5322 §3.6.8 ftext, §4.5.8 obs WSP
_LONGEST_KNOWN_NAME = 64
_WSP_RUN = re.compile(rb"[ \t]++")
_SPACES = re.compile(rb"  ++")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_FWS = b" \t\r\n"
_TAG_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")
_LONGEST_KNOWN_TAG_NAME = 32  # octets with the FWS around it
_TAG_LIST_OCTETS = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100)) + _FWS
_NO_FOLD = re.compile(rb"\r(?!\n[ \t])|(?<!\r)\n")
_CR_TO_LF = bytes.maketrans(b"\r", b"\n")
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


def select_places(positions: dict[bytes, list[int]], names: tuple[bytes, ...]) -> list[int]:
    """Return for each mention of a name its last place not yet taken (RFC 6376 §5.4.2).

    A mention without one contributes nothing.
    """
    mentions: dict[bytes, int] = {}
    chosen = []
    for name in names:
        present = positions.get(name)
        if present:
            mentions[name] = mention = mentions.get(name, 0) + 1
            if mention <= len(present):
                chosen.append(present[-mention])
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


def bare_lf(octets: bytes) -> int:
    """Return where the first LF stands that no CR stands before, -1 when there is none."""
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return -1
    return _first(_BARE_LF, octets)


def bare_break(octets: bytes) -> int:
    """Return where the first such LF or CR that no LF follows stands, -1 when there is none."""
    breaks = octets.count(b"\r\n")
    if octets.count(b"\n") == breaks == octets.count(b"\r"):
        return -1
    return _first(_BARE, octets)


def lf_to_crlf(octets: bytes) -> bytes:
    """Return the octets with every LF that no CR stands before made CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def breaks_to_crlf(octets: bytes) -> bytes:
    """Return them with every CR that no LF follows made CRLF too."""
    return octets.replace(b"\r\n", b"\n").translate(_CR_TO_LF).replace(b"\n", b"\r\n")


def column_after(octets: bytes, column: int, most: int) -> int:
    """Return how many octets stand behind the last LF, -1 when it took over `most` to one.

    `column` is how many stood behind the last one before these octets.  It leaps from LF to LF,
    as far as a line may reach.
    """
    size = len(octets)
    if column < 0 or most <= column:
        return -1
    start = 0
    reach = most - column
    while reach <= size:
        start = octets.rfind(b"\n", start, reach) + 1
        if start == 0:
            return -1
        reach = start + most
    last = octets.rfind(b"\n", start)
    if last >= 0:
        return size - 1 - last
    return size - start if start else column + size


def tag_list(octets: bytes, most: int, kind: type[Row]) -> dict[str, Row]:
    """Read a tag list (RFC 6376 §3.2): under each name a `kind` of (name, value, start, stop).

    Names stand in their order; a value comes without the FWS around it, octets[start:stop] is
    all between = and ;.  FWS behind the last ; is no tag, and no octets are no tags.  Raises
    ValueError of offset and reason: for the first octet that no list holds, else for the first
    line break that is no fold, else for the tag beyond `most`, else for the first spec without
    a name or with one that was there.
    """
    if not octets:
        return {}
    _refuse_strange_octets(octets)
    specs = octets.split(b";", most + 1)
    if len(specs) > 1 and not specs[-1].strip(_FWS):
        specs.pop()
    if len(specs) > most:
        raise ValueError(sum(map(len, specs[:most])) + most, f"more than {most} tags")
    tags: dict[str, Row] = {}
    stop = -1
    for spec in specs:
        start = stop + 1
        stop = start + len(spec)
        written, equals, value = spec.partition(b"=")
        short = len(written) <= _LONGEST_KNOWN_TAG_NAME
        name = _known_tag_name(written) if short else _tag_name(written)
        if not equals or name is None:
            raise ValueError(start, "expected a tag name and =")
        if name in tags:
            raise ValueError(start, f"the tag {name}= stands twice")
        row = name, value.strip(_FWS), start + len(written) + 1, stop
        tags[name] = tuple.__new__(kind, row)
    return tags


def no_fold(octets: bytes) -> int:
    """Return where the first CR or LF stands that is no part of a fold, -1 for none (§2.8 FWS)."""
    breaks = octets.count(b"\n")
    if breaks == octets.count(b"\r") == octets.count(b"\r\n\t") + octets.count(b"\r\n "):
        return -1  # a tenth of the price of the expression
    return _first(_NO_FOLD, octets)


def _refuse_strange_octets(octets: bytes) -> None:
    strange = octets.translate(None, _TAG_LIST_OCTETS)
    if strange:
        raise ValueError(octets.index(strange[:1]), f"octet 0x{strange[0]:02x} is not allowed")
    if b"\n" in octets or b"\r" in octets:
        bare = no_fold(octets)
        if bare >= 0:
            raise ValueError(bare, "a line break that is no fold")


def _tag_name(written: bytes) -> str | None:
    """Return the name in what stands before =, None where it is none."""
    name = written.strip(_FWS)
    return name.decode() if _TAG_NAME.fullmatch(name) else None


_known_tag_name = lru_cache(maxsize=512)(_tag_name)  # the same few names in all mail


def _first(expression: re.Pattern[bytes], octets: bytes) -> int:
    found = expression.search(octets)
    return -1 if found is None else found.start()


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
