"""Signatures that are no tag lists: OpenDKIM gives a whole message up for one."""

from __future__ import annotations

from avowal.dkim.signature import FIELD_NAME, REQUIRED
from avowal.message import Header

_MISSING = tuple(name for name in REQUIRED if name != "bh")
_NUMBERS = (b"t", b"x")


def syntax_fault(header: Header) -> str | None:
    """Return what makes OpenDKIM give a whole message up: a signature that is no tag list.

    A tag that stands twice is none of its concerns; our verifier refuses that signature.
    """
    for field in header.named(FIELD_NAME):
        why = _tag_list_fault(field.value)
        if why is not None:
            return why
    return None


def _tag_list_fault(value: bytes) -> str | None:
    names, at = set(), 0
    specs = value.split(b";")
    for spec in specs:
        name, equals, text = spec.partition(b"=")
        name = name.strip()
        at += len(spec)
        if not equals and name:
            if spec is specs[-1]:
                return "tag without value at end of signature data"
            return f"syntax error in signature data (ASCII 0x3b at offset {at})"
        if name in _NUMBERS and not text.strip().isdigit():
            return f'invalid "{name.decode()}" value in signature data'
        names.add(name.decode("ascii", "replace"))
        at += 1
    return None if names.issuperset(_MISSING) else "missing parameter(s) in signature data"
