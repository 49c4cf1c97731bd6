"""How a signature field is written: the spelling of h=, the order of tags, the folds.

What a field says does not depend on its layout.  Ours is `AVOWAL`; another one serves those
who want a field octet for octet as another signer would have written it.

What one signer says is the same in message after message but for times, l= and bh=, and those
hardly change their lengths, by which alone a layout folds.  So a field is written with octets
that no value holds (`Template`), and they are replaced.  The finished field is read back all the
same (`unsigned`): a layout that goes by more than lengths can break no signature.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, TypeAlias

from avowal.errors import IntentError
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
    """A way to write the field; hashable, for what it writes is remembered by its lengths."""

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
        positions = header.positions
        for name, more, absent in _each_once(tuple(names), frozenset(oversigned)):
            places = positions.get(name)
            mentions = absent if places is None else len(places) + more
            if mentions:
                listed += [name] * mentions
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
def _each_once(
    names: tuple[bytes, ...], oversigned: frozenset[bytes]
) -> tuple[tuple[bytes, bool, bool], ...]:
    """Return each name, whether once more than it stands there, and whether where it does not."""
    each = dict.fromkeys((*names, *sorted(oversigned)))
    return tuple([(n, n in oversigned, n in oversigned or n == b"from") for n in each])


AVOWAL = Plain()


# -- what many messages share ----------------------------------------------------------------------

Tag: TypeAlias = tuple[str, tuple[bytes, ...]]
"""A tag, and the tokens of its value that a fold may stand between."""

# RFC 6376 §3.2: tag values hold no control characters but those of FWS.
_PLACES: Final = {"t": b"\x01", "x": b"\x02", "l": b"\x03", "bh": b"\x04"}
_PLACE: Final = re.compile(rb"\x01++|\x02++|\x03++|\x04++")
_OF_PLACE: Final = {octet[0]: name for name, octet in _PLACES.items()}


class Said(NamedTuple):
    """What a signer says in every message: the tags before the times, and those behind l=."""

    layout: Layout
    before: tuple[Tag, ...]
    behind: tuple[Tag, ...]


class Template(NamedTuple):
    """A field up to its empty b=, with places for values; `column` is the one behind it."""

    text: bytes
    places: tuple[tuple[str, slice], ...]
    column: int

    def filled(self, values: Mapping[str, bytes]) -> bytes:
        """Return the field with values of the lengths that it was written for."""
        return self.text % tuple([values[name][part] for name, part in self.places])


def written(
    said: Said, names: Sequence[bytes], lengths: Mapping[str, int], copies: tuple[bytes, ...] = ()
) -> Template:
    """Write a field for values of some lengths (RFC 6376 §3.5), in our order of tags.

    `lengths` are those of the values of t=, x= and l= that there are, and of bh=.  Raises
    IntentError for what a signer may not say.
    """
    values: dict[str, Tag] = {
        name: (name, (_PLACES[name] * length,)) for name, length in lengths.items()
    }
    body_hash = values.pop("bh")
    tags = [*said.before, *values.values(), *said.behind, ("h", _listed(names))]
    if copies:
        tags.append(("z", copies))
    text, column = said.layout.unsigned([*tags, body_hash, ("b", (b"",))])
    text = text.replace(b"%", b"%%")
    done: dict[str, int] = {}
    places = []
    for found in _PLACE.finditer(text):
        name = _OF_PLACE[found[0][0]]
        start = done.get(name, 0)
        done[name] = start + len(found[0])
        places.append((name, slice(start, done[name])))
    if any(lengths[name] != length for name, length in done.items()):
        raise IntentError("h=", "control characters are no part of a tag (RFC 6376 §3.2)")
    return Template(_PLACE.sub(b"%b", text), tuple(places), column)


@lru_cache(maxsize=256)
def remembered(
    said: Said, names: tuple[bytes, ...], lengths: tuple[tuple[str, int], ...]
) -> Template:
    """Do the same once: most messages of a domain sign the same names."""
    return written(said, names, dict(lengths))


def _listed(names: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return h= as tokens."""
    return tuple([(b":" if at else b"") + name for at, name in enumerate(names)])
