"""How a signature field is written: the spelling of h=, the order of tags, the folds.

What a field says does not depend on its layout.  Ours is `AVOWAL`; another one serves those
who want a field octet for octet as another signer would have written it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Protocol, TypeAlias

from avowal.fold import Folder, fold_tags
from avowal.message import Header

FIELD_NAME = b"DKIM-Signature"
_BASE64_TAGS = frozenset(("bh",))

Tags: TypeAlias = Iterable[tuple[str, Sequence[bytes]]]
"""Tags in the order of RFC 6376 §3.5, b= last; a value as the tokens a fold may stand between."""


class Folding(Protocol):
    """A way to fold a signature."""

    def base64(self, text: bytes, column: int) -> bytes:
        """Return the value of b= with its folds, to be written from a column on."""


class Layout(Folding, Protocol):
    """A way to write the field."""

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """Return h= for the lower-cased names to sign; letter case is the layout's choice."""

    def unsigned(self, tags: Tags) -> tuple[bytes, int]:
        """Return the field with its empty b=, and the column behind it."""


class Plain:
    """Our own: lower-case names grouped, lines of at most 78 octets."""

    def __init__(self, field_name: bytes = FIELD_NAME) -> None:
        self._field_name = field_name

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """List every instance of the wanted names, and one more of the oversigned.

        From is listed even where there is none: it must be (RFC 6376 §5.4).
        """
        listed: list[bytes] = []
        for name in _each_once(tuple(names), frozenset(oversigned)):
            mentions = len(header.positions.get(name, ())) + (name in oversigned)
            mentions = mentions or name == b"from"
            listed.extend([name] * mentions)
        return tuple(listed)

    def unsigned(self, tags: Tags) -> tuple[bytes, int]:
        """Write ``DKIM-Signature: v=1; ...; b=``."""
        folder = fold_tags(self._field_name, tags, base64=_BASE64_TAGS)
        return folder.octets, folder.column

    def base64(self, text: bytes, column: int) -> bytes:
        """Break base64 wherever a line is full."""
        folder = Folder(b" " * column)
        folder.base64(text)
        return folder.octets[column:]


@lru_cache(maxsize=64)
def _each_once(names: tuple[bytes, ...], oversigned: frozenset[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys((*names, *sorted(oversigned))))


AVOWAL = Plain()
