"""The clock, and the resolver of a call: the one given or the system's, in a message's limits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from avowal.dkim.rules import Rules
from avowal.limits import Limits
from avowal.members import refuse_other

ZoneData: TypeAlias = Mapping[str, Any]


def moment(now: int | None) -> int:
    """Return a time in Unix seconds: the one given, or the present.  Raises UsageError."""
    if now is None:
        return int(time.time())
    refuse_other("now", now, int, what="Unix seconds as int")
    return now


def refuse_other_settings(rules: Rules, limits: Limits) -> None:
    """Refuse rules and limits that are none.  Raises UsageError."""
    refuse_other("rules", rules, Rules)
    refuse_other("limits", limits, Limits)


def resolver_of(resolver: Any) -> Any:
    """Return a resolver: the one given, one over given data, or the system's."""
    if resolver is None:
        return system_resolver()
    if isinstance(resolver, Mapping):
        from avowal.dns.zone import Zone  # noqa: PLC0415

        return Zone(resolver)
    return resolver


def limited(resolver: Any, limits: Limits) -> Any:
    """Wrap a resolver in the budget and deadline of one message."""
    from avowal.dns.limits import Limited  # noqa: PLC0415 - start-up stays short

    return Limited(
        resolver_of(resolver), questions=limits.dns_questions, seconds=limits.dns_seconds
    )


@lru_cache(maxsize=1)
def system_resolver() -> Any:
    """Return the shared, caching resolver over the system's DNS servers."""
    from avowal.dns.cache import Cached  # noqa: PLC0415 - a given resolver spares dnspython
    from avowal.dns.dnspython import DnsResolver  # noqa: PLC0415

    return Cached(DnsResolver())
