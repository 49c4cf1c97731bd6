"""The laws of a rotation, judged over what happened, by true time and by nothing that it knew.

R1  No message is signed with a key that a verifier cannot see whose answer came from a server
    of the zone, or from a cache within its TTL.  Excused: what a server began to show of itself
    after the last look at it, for nobody can know; it counts from the moment a look has shown it.
R2  No record goes while mail that its key signed is under way; a stolen key's may.
R3  Once a key signed, one does, or an alert says that none can; and then none is taken away.
R4  A selector never has a second key.
R5  A private half is published only when no cache holds the key.
R6  The rotation never believes that more time passed than did.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.rotation_dns import BEGINNING, NEVER, Episode, Server
from tests.laws.rotation_world import DOMAIN, Glance, Span, World


def violations(world: World) -> Iterator[str]:
    """Give every law that was broken, with its evidence."""
    record = world.record
    for span in record.decided:
        yield from _unseen(world, span)
    yield from _cut_off(world)
    yield from (f"R3 at {at}: nobody signs, and nobody says so" for at in record.gaps[:1])
    yield from (f"R3 at {at}: a key went while none signed" for at in record.unserved[:1])
    used = [key.selector.ascii for key in world.rotation.keys]
    if len(set(used)) != len(used):
        yield f"R4 {used}"
    yield from _exposed(world)
    yield from (f"R6 at {at}" for at in record.hasty[:1])


def _unseen(world: World, span: Span) -> Iterator[str]:
    name = f"{span.selector}._domainkey.{DOMAIN.ascii}"
    wanted = world.record.records[span.selector]
    for server in world.zone.servers:
        looks = _looks(world, server, span.selector)
        for episode in server.episodes(name):
            if episode.shown == wanted:
                continue
            start = max(span.start, episode.start, _known(episode, looks))
            end = min(span.end, world.now, episode.end + episode.ttl)
            if start < end:
                yield (
                    f"R1 {span.selector} signed {span.start}-{span.end}: {server.name} showed"
                    f" {episode.shown!r} {episode.start}-{episode.end}, ttl {episode.ttl}"
                )


def _known(episode: Episode, looks: list[Glance], *, late: int = BEGINNING) -> int:
    """Return from when it could be known what a server showed; for what was never given, ever."""
    if not episode.fault and late == BEGINNING:
        return BEGINNING
    known = [one.known for one in looks if episode.start <= one.at < episode.end]
    return min(known, default=NEVER)


def _cut_off(world: World) -> Iterator[str]:
    schedule = world.rotation.schedule  # these spans are the same in all that are drawn
    under_way = schedule.queue_lifetime + schedule.signature_lifetime
    for selector, removed in world.record.removed.items():
        if selector in world.record.stolen:
            continue
        for span in world.record.signed:
            if span.selector == selector and removed < span.end + under_way:
                yield f"R2 {selector} was removed at {removed}, and signed until {span.end}"


def _exposed(world: World) -> Iterator[str]:
    """A server that joined counts from the first look at it, as for R1."""
    for selector, at in world.record.private.items():
        name = f"{selector}._domainkey.{DOMAIN.ascii}"
        for server in world.zone.servers:
            looks = _looks(world, server, selector)
            yield from (
                f"R5 {selector} was exposed at {at}: {server.name} showed it until {one.end}"
                for one in server.episodes(name)
                if one.shown == world.record.records[selector]
                and max(one.start, _known(one, looks, late=server.joined)) < at < one.end + one.ttl
            )


def _looks(world: World, server: Server, selector: str) -> list[Glance]:
    return [
        one
        for one in world.record.glances
        if one.server == server.name and one.selector == selector
    ]
