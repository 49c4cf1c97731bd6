"""Tag lists, base64 and the slots of values in Python alone: the other half of `_pure`."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from types import MemberDescriptorType

_FWS = b" \t\r\n"
_TAG_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")
_LONGEST_KNOWN_TAG_NAME = 32  # octets with the FWS around it
_TAG_LIST_OCTETS = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100)) + _FWS
_USUAL_DIGITS = 18
_NO_FOLD = re.compile(rb"\r(?!\n[ \t])|(?<!\r)\n")


def tag_list(octets: bytes, most: int) -> dict[str, bytes]:
    """Read a tag list (RFC 6376 §3.2): the values by their names, in their order.

    A value comes without the FWS around it.  FWS behind the last ; is no tag, and no octets are
    no tags.  Raises ValueError of offset and reason: for the first octet that no list holds, else
    for the first line break that is no fold, else for the tag beyond `most`, else for the first
    spec without a name or with one that was there.
    """
    if not octets:
        return {}
    _refuse_strange_octets(octets)
    specs = octets.split(b";", most + 1)
    if len(specs) > 1 and not specs[-1].strip(_FWS):
        specs.pop()
    if len(specs) > most:
        raise ValueError(sum(map(len, specs[:most])) + most, f"more than {most} tags")
    values: dict[str, bytes] = {}
    start = 0
    for spec in specs:
        written, equals, value = spec.partition(b"=")
        short = len(written) <= _LONGEST_KNOWN_TAG_NAME
        name = _known_tag_name(written) if short else _tag_name(written)
        if not equals or name is None:
            raise ValueError(start, "expected a tag name and =")
        if name in values:
            raise ValueError(start, f"the tag {name}= stands twice")
        values[name] = value.strip(_FWS)
        start += len(spec) + 1
    return values


def tag_place(octets: bytes, name: str) -> tuple[int, int]:
    """Return where the value of the first tag of a name stands, the FWS around it included.

    octets[start:stop] is all between = and ;.  Raises KeyError where there is no such tag.
    """
    wanted, start = name.encode(), 0
    for spec in octets.split(b";"):
        written, equals, _ = spec.partition(b"=")
        if equals and written.strip(_FWS) == wanted:
            return start + len(written) + 1, start + len(spec)
        start += len(spec) + 1
    raise KeyError(name)


def base64_octets(text: bytes) -> bytes | None:
    """Decode base64 with FWS anywhere (RFC 6376 §2.10); None for what is no base64."""
    digits = text.translate(None, _FWS)
    try:
        octets = binascii.a2b_base64(digits, strict_mode=True)
    except binascii.Error:
        return None
    return octets if len(digits) == (len(octets) + 2) // 3 * 4 else None  # else padding too many


def read_usual(
    values: dict[str, bytes], kinds: dict[str, object], read: dict[str, object]
) -> list[str]:
    """Read the values of tags as far as their kinds say how; return the names of the others.

    What was read is put into `read` under its name.  A kind is a dict of the words that the value
    may be and what each stands for, `int` for a number of up to 18 digits, `bytes` for base64 that
    is not empty, anything else for a value that somebody else has to read.  Tags without a kind are
    passed over.
    """
    rest = []
    for name, octets in values.items():
        kind = kinds.get(name)
        found: object = None
        if isinstance(kind, dict):
            found = kind.get(octets)
        elif kind is int:
            found = int(octets) if octets.isdigit() and len(octets) <= _USUAL_DIGITS else None
        elif kind is bytes:
            found = base64_octets(octets) or None
        if found is not None:
            read[name] = found
        elif kind is not None:
            rest.append(name)
    return rest


def fill(
    target: object, slots: tuple[MemberDescriptorType, ...], values: tuple[object, ...]
) -> None:
    """Put values into the slots of an object that refuses to be changed."""
    for slot, value in zip(slots, values, strict=True):
        slot.__set__(target, value)


def no_fold(octets: bytes) -> int:
    """Return where the first CR or LF stands that is no part of a fold, -1 for none (§2.8 FWS)."""
    breaks = octets.count(b"\n")
    if breaks == octets.count(b"\r") == octets.count(b"\r\n\t") + octets.count(b"\r\n "):
        return -1  # a tenth of the price of the expression
    found = _NO_FOLD.search(octets)
    return -1 if found is None else found.start()


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
