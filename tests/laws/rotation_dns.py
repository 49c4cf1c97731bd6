"""Name servers and caches of a made world, with all that can go wrong: for the laws of rotation.

Time is true time here, in seconds.  What a server shows is kept as a history, so that a judge
can tell afterwards which answers any cache may have held at any time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from avowal.keys.lifecycle import Sight

BEGINNING = -(10**9)
NEVER = 10**12


@dataclass(slots=True)
class Fault:
    """What a server shows in place of what it was given, for a while."""

    start: int
    end: int
    shown: str | None
    ttl: int


@dataclass(slots=True)
class Episode:
    """One unbroken span in which a server showed one text; `fault` if nobody asked for that."""

    start: int
    end: int
    shown: str | None
    ttl: int
    fault: bool


@dataclass(slots=True)
class Server:
    """One authoritative server: it may lag, be silent, forget, show something else."""

    name: str
    lag: int
    negative_ttl: int
    ttl: int
    joined: int = BEGINNING
    left: int = NEVER
    silent_until: int = BEGINNING
    given: dict[str, list[tuple[int, str | None]]] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)

    def give(self, name: str, text: str | None, now: int) -> None:
        """Take what the publisher says; it is shown after the lag, and ends what was wrong."""
        given = self.given.setdefault(name, [])
        at = max(now + self.lag, given[-1][0] + 1 if given else BEGINNING)
        given.append((at, text))
        for fault in self.faults.get(name, ()):
            if fault.end > at:
                fault.end = max(at, fault.start)

    def spoil(self, name: str, fault: Fault) -> None:
        """Show something else from now on; one thing at a time."""
        faults = self.faults.setdefault(name, [])
        if not faults or faults[-1].end <= fault.start:
            faults.append(fault)

    def shows(self, name: str, at: int) -> tuple[str | None, int]:
        """Return the text and its TTL."""
        for fault in reversed(self.faults.get(name, ())):
            if fault.start <= at < fault.end:
                return fault.shown, fault.ttl
        text: str | None = None
        for since, given in self.given.get(name, ()):
            if since <= at:
                text = given
        return text, (self.negative_ttl if text is None else self.ttl)

    def episodes(self, name: str) -> Iterator[Episode]:
        """Give what it showed, from its joining to its leaving."""
        faults = self.faults.get(name, ())
        marks = {self.joined, self.left, *(at for at, _ in self.given.get(name, ()))}
        marks |= {at for fault in faults for at in (fault.start, fault.end)}
        times = sorted(at for at in marks if self.joined <= at <= self.left)
        for start, end in pairwise(times):
            shown, ttl = self.shows(name, start)
            wrong = any(fault.start <= start < fault.end for fault in faults)
            joined_late = start == self.joined > BEGINNING
            yield Episode(start, end, shown, ttl, wrong or joined_late)


@dataclass(slots=True)
class Resolver:
    """A caching resolver that the observer asks too."""

    name: str
    kept: dict[str, tuple[str | None, int]] = field(default_factory=dict)

    def answer(
        self, name: str, at: int, servers: list[Server], draw: random.Random
    ) -> tuple[str | None, int] | None:
        """Return the text and what is left of its TTL; None for no answer."""
        text, until = self.kept.get(name, (None, BEGINNING))
        if until <= at:
            up = [server for server in servers if server.silent_until <= at]
            if not up:
                return None
            text, ttl = draw.choice(up).shows(name, at)
            until = at + ttl
            self.kept[name] = text, until
        return text, until - at


@dataclass(slots=True)
class Zone:
    """The servers of a zone, and the resolvers that are configured."""

    servers: list[Server]
    resolvers: list[Resolver]
    draw: random.Random

    def present(self, at: int) -> list[Server]:
        """Return the servers of the zone at a time."""
        return [server for server in self.servers if server.joined <= at < server.left]

    def give(self, name: str, text: str | None, now: int) -> None:
        """Publish."""
        for server in self.servers:
            server.give(name, text, now)

    def look(self, name: str, at: int) -> tuple[Sight, ...]:
        """Ask everybody."""
        sights = []
        for server in self.present(at):
            if server.silent_until > at:
                sights.append(_silent(server.name, at, authoritative=True))
                continue
            text, ttl = server.shows(name, at)
            sights.append(
                Sight(server=server.name, at=at, authoritative=True, record=text, ttl=ttl)
            )
        for resolver in self.resolvers:
            found = resolver.answer(name, at, self.present(at), self.draw)
            if found is None:
                sights.append(_silent(resolver.name, at, authoritative=False))
                continue
            sights.append(
                Sight(
                    server=resolver.name,
                    at=at,
                    authoritative=False,
                    record=found[0],
                    ttl=found[1],
                )
            )
        return tuple(sights)


def _silent(name: str, at: int, *, authoritative: bool) -> Sight:
    return Sight(server=name, at=at, authoritative=authoritative, problem="no reply")
