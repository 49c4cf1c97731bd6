"""Looking after our keys in DNS, beside the milter server of each worker.

Workers share what they find (`keys.sightings`): whoever comes first asks.  Before a worker
takes connections, everything that has to be known and is not is asked at once, side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable

from avowal.dns.limits import Limited
from avowal.keys.check import check
from avowal.keys.sightings import Sightings, name_of
from avowal.keys.watch import Watch, Watched
from avowal.lookup import arun
from avowal.milter.journal import LOGGER, Facts
from avowal.milter.service import Service

_TICK = 1.0
_APART = 3.0  # seconds by which a worker is later than the one before it
_AT_ONCE = 100
FIRST_SECONDS = 5.0
"""How long a worker may wait for DNS before it serves."""


_SIGHTINGS = Sightings()  # of this process, over its reloads


def recall(watch: Watch, path: str | None) -> None:
    """Let the keys know what is known of them already.  Raises StoreError."""
    names = [name_of(one.selector, one.domain, one.key.public_octets) for one in watch.keys]
    for one, sighting in zip(watch.keys, _SIGHTINGS.of(names, path), strict=True):
        one.key.sighting = sighting


async def ask_first(watch: Watch, service: Service) -> None:
    """Ask for the keys of which nothing is known, for `FIRST_SECONDS` at most."""
    unknown = [one for one in watch.keys if one.key.unknown]
    first = len(unknown) * service.place // max(service.options.workers, 1)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_SECONDS):
            await _look_for(watch, unknown[first:] + unknown[:first], service)


async def watching(watch: Watch, service: Service) -> None:
    """Look for the keys whose turn has come, until cancelled."""
    meters = service.meters
    for one in watch.keys:
        if one.changed_at is not None:
            meters.key_changed(one.domain.text, one.selector.text, one.changed_at)
    late = service.place * _APART
    while True:
        await _look_for(watch, watch.due(time.time() - late), service)
        if meters.on:
            for one in watch.keys:
                meters.published(one.domain.text, one.selector.text, one.state)
            meters.keys(watch.states())
        await asyncio.sleep(_TICK)


async def _look_for(watch: Watch, keys: Iterable[Watched], service: Service) -> None:
    """Ask for keys, some at once; those that another worker found meanwhile are known."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def look(one: Watched) -> None:
        async with places:
            if one.due <= time.time():
                await _look(watch, one, service)

    async with asyncio.TaskGroup() as group:
        for one in keys:
            group.create_task(look(one))


async def _look(watch: Watch, one: Watched, service: Service) -> None:
    resolver = Limited(service.resolver)
    found = await arun(check(one.key.key, one.selector, one.domain), resolver)
    if not watch.note(one, found, time.time()):
        return
    facts: Facts = {"key": one.name, "name": found.name}
    if found.problem is None:
        LOGGER.info("DNS shows the key", extra={"facts": facts})
        return
    facts["problem"] = found.problem
    if found.temporary:
        LOGGER.warning("DNS does not say whether it shows the key", extra={"facts": facts})
        return
    state = "it does not sign" if one.key.withheld else "it signs all the same"
    LOGGER.warning("DNS does not show the key: %s", state, extra={"facts": facts})
