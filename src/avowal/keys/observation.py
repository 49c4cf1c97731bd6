"""What every server says of a key's name: those of its zone, of an alias's zone, and resolvers.

A resolver's answer tells what one verifier sees.  Before a key signs, every verifier has to
see it, so each authoritative server is asked by itself, without recursion: one that lags, was
forgotten or shows another record to some is found.  A CNAME is followed to the zone it leads
to, whose servers are asked as well (RFC 1034 §3.6.2).

Nothing here judges what was seen: `avowal.keys.differences` says what keeps verifiers from
seeing one record everywhere, and the rotation decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from avowal.keys.lifecycle import Sight
from avowal.keys.sights import LAME, sight_of
from avowal.lookup import (
    NO_DATA,
    Answer,
    Failure,
    Outcome,
    Question,
    Resolver,
    Told,
    answers_of,
)
from avowal.valueclass import value

MOST_LABELS: Final = 30  # of a name whose zone is looked for: one question each
MOST_SERVERS: Final = 16  # names of servers of one zone; the root has 13
MOST_ADDRESSES: Final = 48  # of them together
MOST_ALIASES: Final = 4  # one after the other, each in a zone of its own
_SECONDS: Final = 60.0  # for all of it


class AsksServers(Protocol):
    """Asks name servers by their addresses; one `Told` each, in order."""

    def ask(self, addresses: Sequence[str], question: Question, /) -> tuple[Told, ...]: ...


class Named(NamedTuple):
    """A resolver that verifiers of ours use, and what to call it."""

    label: str
    resolver: Resolver


@value
class Observation:
    """What was seen at one name.

    `sights` holds one for each address of each server and one for each resolver; `at` is in
    Unix seconds.  `negative_ttl` is how long a resolver may remember that there is no record
    (RFC 2308 §5), in seconds, the longest of the zones'.  `problems` say why not every server
    was asked: while there is one, nothing follows from the sights.  `remarks` are no faults.
    """

    name: str
    at: int
    sights: tuple[Sight, ...] = ()
    negative_ttl: int = 0
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every server that verifiers may be sent to was found and asked."""
        return not self.problems and any(sight.authoritative for sight in self.sights)


class _Place(NamedTuple):
    """One address of a name server."""

    server: str
    address: str

    @property
    def label(self) -> str:
        return f"{self.server} ({self.address})"


class _Zone(NamedTuple):
    apex: str
    places: tuple[_Place, ...]


class _NotWhole(Exception):
    """Why the servers of a name cannot all be asked."""


class Observer:
    """Looks at names.  `resolvers` find the servers, the first of them, and are seen too."""

    def __init__(
        self,
        resolvers: Sequence[Named],
        servers: AsksServers,
        *,
        clock: Callable[[], float] = time.time,
        seconds: float = _SECONDS,
    ) -> None:
        self._resolvers = tuple(resolvers)
        self._servers = servers
        self._clock = clock
        self._seconds = seconds

    def look(self, name: str) -> Observation:
        """Ask everybody about the TXT record at a name.  Waits; never raises for answers."""
        look = _Look(name, self._resolvers, self._servers, int(self._clock()))
        return look.result(time.monotonic() + self._seconds)


class _Look:
    """One look: the zones on the way, the sights so far."""

    def __init__(
        self, name: str, resolvers: Sequence[Named], servers: AsksServers, at: int
    ) -> None:
        self._name = name
        self._resolvers = resolvers
        self._servers = servers
        self._at = at
        self._until = 0.0
        self._negative_ttls = [0]
        self._problems: list[str] = []
        self._remarks: list[str] = []

    def result(self, until: float) -> Observation:
        self._until = until
        try:
            sights = self._authoritative(self._name, MOST_ALIASES)
        except _NotWhole as why:
            self._problems.append(str(why))
            sights = ()
        return Observation(
            name=self._name,
            at=self._at,
            sights=(*sights, *self._resolved()),
            negative_ttl=max(self._negative_ttls),
            problems=tuple(self._problems),
            remarks=tuple(self._remarks),
        )

    def _authoritative(self, name: str, aliases_left: int) -> tuple[Sight, ...]:
        """Ask the servers of a name's zone, and those of the zone its alias leads to."""
        zone = self._zone_of(name)
        addresses = [place.address for place in zone.places]
        told = self._servers.ask(addresses, Question(name))
        self._start_of_authority(zone, self._servers.ask(addresses, Question(zone.apex, "SOA")))
        places = self._within_reach(zone.places, told)
        aliases = sorted({one.alias for _, one in places if one.alias is not None})
        if not aliases:
            return tuple(self._sight(place, one) for place, one in places)
        if len(aliases) > 1:
            raise _NotWhole(
                f"{name}: its servers name different targets of a CNAME: {', '.join(aliases)}; "
                "wait until all have the same zone"
            )
        if aliases_left == 0:
            raise _NotWhole(f"{name}: more than {MOST_ALIASES} aliases one after the other")
        behind = self._authoritative(aliases[0], aliases_left - 1)
        return (*(self._aliased(place, one, behind) for place, one in places), *behind)

    def _ask(self, *questions: Question) -> tuple[Answer, ...]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise _NotWhole("looking took too long: some name server is very slow")
        return answers_of(self._resolvers[0].resolver, questions, left)

    def _zone_of(self, name: str) -> _Zone:
        """Find the zone that a name is in, by its NS records, and the addresses of its servers."""
        labels = name.split(".")
        if len(labels) > MOST_LABELS:
            raise _NotWhole(f"{name}: more than {MOST_LABELS} labels")
        names = [".".join(labels[place:]) for place in range(len(labels))]
        alias, *found = self._ask(Question(name, "CNAME"), *(Question(one, "NS") for one in names))
        for candidate, answer in zip(names, found, strict=True):
            if candidate == name and alias.records:
                continue  # the NS records are those of the alias
            if answer.outcome is Outcome.FOUND:
                return _Zone(candidate, self._places(candidate, answer))
            if answer.failure is not None:
                raise _NotWhole(
                    f"{candidate}: its name servers are not known: {answer.failure.value}"
                )
        raise _NotWhole(f"{name}: no zone above it has name servers")

    def _places(self, apex: str, found: Answer) -> tuple[_Place, ...]:
        servers = sorted(record.decode("ascii", "replace").lower() for record in found.records)
        if len(servers) > MOST_SERVERS:
            raise _NotWhole(f"{apex}: more than {MOST_SERVERS} name servers")
        questions = [Question(one, rrtype) for one in servers for rrtype in ("A", "AAAA")]
        answers = self._ask(*questions)
        places = []
        for server, answer in zip((one.name for one in questions), answers, strict=True):
            places += [_Place(server, record.decode("ascii")) for record in answer.records]
        for server in servers:
            if not any(place.server == server for place in places):
                self._problems.append(
                    f"{apex}: its name server {server} has no address: mend its A record, or "
                    "take it out of the NS records"
                )
        if len(places) > MOST_ADDRESSES:
            raise _NotWhole(f"{apex}: more than {MOST_ADDRESSES} addresses of name servers")
        return tuple(places)

    def _start_of_authority(self, zone: _Zone, told: Iterable[Told]) -> None:
        """Note how long an absence is remembered, and which servers have an older zone."""
        serials: dict[str, int] = {}
        for place, one in zip(zone.places, told, strict=True):
            soa = _numbers_of_soa(one.answer)
            if soa is not None and one.answer is not None:
                serials[place.label] = soa[0]
                self._negative_ttls.append(min(one.answer.ttl, soa[-1]))
        newest = max(serials.values(), default=0)
        self._remarks += [
            f"{label}: serial {serial} of {zone.apex}, another server has {newest}"
            for label, serial in serials.items()
            if serial != newest
        ]

    def _within_reach(
        self, places: Sequence[_Place], told: Sequence[Told]
    ) -> list[tuple[_Place, Told]]:
        """Leave out a family of addresses that this host cannot reach at all (no IPv6 here)."""
        pairs = list(zip(places, told, strict=True))
        for six in (True, False):
            family = [pair for pair in pairs if (":" in pair[0].address) is six]
            if 0 < len(family) < len(pairs) and all(_is_out_of_reach(one) for _, one in family):
                pairs = [pair for pair in pairs if pair not in family]
                kind = "IPv6" if six else "IPv4"
                self._remarks.append(f"this host has no way to {kind}: not asked over it")
        return pairs

    def _sight(self, place: _Place, told: Told) -> Sight:
        return sight_of(
            place.label,
            self._at,
            told.answer,
            problem=None if told.authoritative or _has_failed(told) else LAME,
        )

    def _aliased(self, place: _Place, told: Told, behind: Sequence[Sight]) -> Sight:
        """What a server shows that sends verifiers on, by what the others show."""
        seen = self._sight(place, told if told.answer else replace(told, answer=NO_DATA))
        if told.alias is None or seen.problem is not None:
            return seen
        records = {sight.record for sight in behind}
        if len(records) > 1 or any(sight.problem for sight in behind):
            return replace(seen, record=None, problem=f"sends to {told.alias}, which differs")
        ttl = max(sight.ttl for sight in behind)
        return replace(seen, record=records.pop(), ttl=max(seen.ttl, ttl))

    def _resolved(self) -> Iterator[Sight]:
        for named in self._resolvers:
            left = max(self._until - time.monotonic(), 0.0)
            (answer,) = answers_of(named.resolver, (Question(self._name),), left)
            yield sight_of(named.label, self._at, answer, authoritative=False)


def _has_failed(told: Told) -> bool:
    return told.answer is not None and told.answer.failure is not None


def _is_out_of_reach(told: Told) -> bool:
    return told.answer is not None and told.answer.failure is Failure.UNREACHABLE


def _numbers_of_soa(answer: Answer | None) -> list[int] | None:
    """Return the five numbers of a SOA, None for what is none."""
    if answer is None or len(answer.records) != 1:
        return None
    numbers = answer.records[0].split()[2:]
    return [int(one) for one in numbers] if len(numbers) == 5 else None
