"""Looking after our keys in DNS, beside the milter server of each worker."""

from __future__ import annotations

import asyncio
import time

from avowal.dns.limits import Limited
from avowal.keys.check import check
from avowal.keys.watch import Watch, Watched
from avowal.lookup import arun
from avowal.milter.journal import LOGGER
from avowal.milter.service import Service

_TICK = 1.0


async def watching(watch: Watch, service: Service) -> None:
    """Look for the keys whose turn has come, until cancelled."""
    for one in watch.keys:
        if one.changed_at is not None:
            service.meters.key_changed(one.domain.text, one.selector.text, one.changed_at)
    while True:
        for one in watch.due(time.monotonic()):
            await _look(watch, one, service)
        await asyncio.sleep(_TICK)


async def _look(watch: Watch, one: Watched, service: Service) -> None:
    resolver = Limited(service.resolver)
    found = await arun(check(one.key.key, one.selector, one.domain), resolver)
    news = watch.note(one, found, time.monotonic())
    service.meters.published(one.domain.text, one.selector.text, one.state)
    if not news or service.place:
        return
    facts: dict[str, str | int | float | bool] = {"key": one.name, "name": found.name}
    if found.problem is None:
        LOGGER.info("DNS shows the key", extra={"facts": facts})
    else:
        state = "it does not sign" if one.key.withheld else "it signs all the same"
        facts["problem"] = found.problem
        LOGGER.warning("DNS does not show the key: %s", state, extra={"facts": facts})
