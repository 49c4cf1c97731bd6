"""Which of our keys DNS shows, looked at again and again.

A key whose record is not published makes signatures that fail everywhere; a `WatchedKey`
says so by `withheld` until the record is there.  Nothing here asks or waits: `Watch.due`
names the keys whose turn has come, `check` (in `keys.check`) is the question, and whoever
runs the watch asks it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from avowal.crypto.signing import AnyKey, PrivateKey
from avowal.keys.check import KeyCheck
from avowal.names import DomainName, Selector

UNPUBLISHED_SECONDS = 30  # until a key that is missing in DNS is looked for again
PUBLISHED_SECONDS = 3600  # and one that was there


class WatchedKey:
    """A private key, and whether it may sign; signs like the key itself."""

    __slots__ = ("key", "withheld")

    def __init__(self, key: PrivateKey, *, withheld: bool) -> None:
        self.key = key
        self.withheld = withheld

    @property
    def algorithm(self) -> str:
        """The algorithm a= it signs with."""
        return self.key.algorithm

    @property
    def public_octets(self) -> bytes:
        """The public half, so that signatures can be checked before they leave."""
        return self.key.public_octets

    def sign(self, digest: bytes, /) -> bytes:
        """Sign a SHA-256 digest."""
        return self.key.sign(digest)


def is_withheld(key: AnyKey) -> bool:
    """Whether a key must not sign for now, because DNS does not show its record."""
    return isinstance(key, WatchedKey) and key.withheld


@dataclass(slots=True)
class Watched:
    """A key under watch and what was last found.

    `changed_at` is when its file was changed, in Unix seconds, None for a key without a
    file; `due` is in the watch's own seconds.
    """

    name: str
    domain: DomainName
    selector: Selector
    key: WatchedKey
    changed_at: float | None = None
    due: float = 0.0
    found: KeyCheck | None = None

    @property
    def state(self) -> float:
        """1 if DNS shows the key, 0 if not or another one, NaN while that is not known."""
        if self.found is None or self.found.temporary:
            return math.nan
        return float(self.found.problem is None)


@dataclass(slots=True)
class Watch:
    """All keys under watch; with `strict` those that DNS does not show are withheld."""

    strict: bool
    keys: list[Watched] = field(default_factory=list)

    def due(self, now: float) -> list[Watched]:
        """Return the keys to look for now."""
        return [one for one in self.keys if one.due <= now]

    def note(self, one: Watched, found: KeyCheck, now: float) -> bool:
        """Note what was found; return whether that is news.

        An answer that was not had changes nothing: a key that may sign goes on signing.
        """
        before = one.found
        published = found.problem is None
        one.due = now + (PUBLISHED_SECONDS if published else UNPUBLISHED_SECONDS)
        if found.temporary and before is not None:
            return False
        one.found = found
        if self.strict and not found.temporary:
            one.key.withheld = not published
        return before is None or before.problem != found.problem

    @property
    def withheld(self) -> Iterable[Watched]:
        """The keys that may not sign."""
        return (one for one in self.keys if one.key.withheld)
