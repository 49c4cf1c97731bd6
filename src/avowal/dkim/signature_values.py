"""The types of what the tags of a signature field say: for the type checker alone.

`avowal.dkim.signature` reads them; nothing loads this module when a message is verified.
"""

from __future__ import annotations

from typing import TypedDict

from avowal.names import DomainName, Identity, Selector


class SignatureValues(TypedDict):
    """By tag, what its reader returns (RFC 6376 §3.5).

    None for an absent tag; those that a field must have were looked for before.
    """

    a: str
    b: bytes
    bh: bytes | None
    c: tuple[str, str]
    d: DomainName
    h: tuple[bytes, ...]
    i: Identity | None
    l: int | None  # noqa: E741 - the tag's name
    q: tuple[str, ...]
    s: Selector
    t: int | None
    x: int | None
