"""Which of our keys DNS shows, looked at again and again.

A key whose record is not published makes signatures that fail everywhere; a `WatchedKey`
says so by `withheld` until the record is there.  While nothing is known, because nobody has
asked yet or DNS does not answer, it says so by `unknown`: that is not the same.  Nothing
here asks or waits: `Watch.due` names the keys whose turn has come, `check` (in
`keys.check`) is the question, and whoever runs the watch asks it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from avowal.crypto.signing import AnyKey, AsyncSigningKey, SigningKey
from avowal.keys.check import KeyCheck
from avowal.keys.sightings import Sighting
from avowal.names import DomainName, Selector

UNPUBLISHED_SECONDS = 30  # until a key that is missing in DNS is looked for again
PUBLISHED_SECONDS = 3600  # and one that was there
MISSING_SECONDS = 3600  # how long it counts that a key was missing, while DNS is silent


class Checkable(Protocol):
    """A key whose record can be compared with its public half, wherever it signs."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public_octets(self) -> bytes: ...


class _UnderWatch:
    """A key, and whether it may sign.  With `strict` it is withheld while DNS does not show it."""

    __slots__ = ("key", "sighting", "strict")

    def __init__(self, key: Checkable, sighting: Sighting, *, strict: bool) -> None:
        self.key = key
        self.sighting = sighting
        self.strict = strict

    @property
    def withheld(self) -> bool:
        """Whether it must not sign: DNS said that its record is not there."""
        return self.strict and self.sighting.shown is False

    @property
    def unknown(self) -> bool:
        """Whether it is not known if it may sign: DNS has not said anything."""
        return self.strict and self.sighting.shown is None

    @property
    def algorithm(self) -> str:
        """The algorithm a= it signs with."""
        return self.key.algorithm

    @property
    def public_octets(self) -> bytes:
        """The public half, so that signatures can be checked before they leave."""
        return self.key.public_octets


class WatchedKey(_UnderWatch):
    """A private key under watch; signs like the key itself."""

    __slots__ = ()

    def sign(self, digest: bytes, /) -> bytes:
        """Sign a SHA-256 digest."""
        assert isinstance(self.key, SigningKey)  # noqa: S101 - `watched` chose this class by it
        return self.key.sign(digest)


class WatchedRemoteKey(_UnderWatch):
    """A key under watch that answers asynchronously: a token, a signer, a cloud's service."""

    __slots__ = ()

    async def asign(self, digest: bytes, /) -> bytes:
        """Sign a SHA-256 digest."""
        assert isinstance(self.key, AsyncSigningKey)  # noqa: S101 - as above
        return await self.key.asign(digest)


class WatchedOutsideKey(WatchedKey, WatchedRemoteKey):
    """A key under watch that signs either way."""

    __slots__ = ()


def watched(key: Checkable, sighting: Sighting, *, strict: bool) -> WatchedKey | WatchedRemoteKey:
    """Put a key under watch; it signs in the ways that it did before."""
    if not isinstance(key, AsyncSigningKey):
        return WatchedKey(key, sighting, strict=strict)
    kind = WatchedOutsideKey if isinstance(key, SigningKey) else WatchedRemoteKey
    return kind(key, sighting, strict=strict)


def is_withheld(key: AnyKey) -> bool:
    """Whether a key must not sign for now, because DNS does not show its record."""
    return isinstance(key, _UnderWatch) and key.withheld


def is_unknown(key: AnyKey) -> bool:
    """Whether it has to be known if DNS shows a key's record, and is not."""
    return isinstance(key, _UnderWatch) and key.unknown


@dataclass(slots=True)
class Watched:
    """A key under watch.

    `changed_at` is when its file was changed, None for a key without a file; `retry_at` when
    to ask again where DNS gave no answer; both in Unix seconds.  `problem` is what the log
    was last told, None for nothing and "" for none.
    """

    name: str
    domain: DomainName
    selector: Selector
    key: WatchedKey | WatchedRemoteKey
    changed_at: float | None = None
    retry_at: float = 0.0
    problem: str | None = None

    @property
    def state(self) -> float:
        """1 if DNS shows the key, 0 if not or another one, NaN while that is not known."""
        shown = self.key.sighting.shown
        return math.nan if shown is None else float(shown)

    @property
    def due(self) -> float:
        """When to look for it again."""
        when = self.key.sighting.when
        seconds = PUBLISHED_SECONDS if when > 0 else UNPUBLISHED_SECONDS
        return max(self.retry_at, abs(when) + seconds if when else 0.0)


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
        That a key was missing counts for `MISSING_SECONDS`, and then nothing is known.
        """
        problem, sighting = found.problem or "", one.key.sighting
        if found.temporary:
            one.retry_at = now + UNPUBLISHED_SECONDS
            if sighting.when < 0 and -sighting.when < now - MISSING_SECONDS:
                sighting.when = 0
            elif one.problem is not None or sighting.when:
                return False
        else:
            sighting.when = max(int(now), 1) * (-1 if problem else 1)
        news = one.problem != problem
        one.problem = problem
        return news

    def states(self) -> dict[str, int]:
        """Return how many keys DNS shows, not, and of how many that is not known."""
        found = Counter(one.key.sighting.shown for one in self.keys)
        return {"shown": found[True], "missing": found[False], "unknown": found[None]}

    @property
    def withheld(self) -> Iterable[Watched]:
        """The keys that may not sign."""
        return (one for one in self.keys if one.key.withheld)
