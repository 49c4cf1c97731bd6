"""Publishing key records by dynamic update of the zone (RFC 2136)."""

from __future__ import annotations

from collections.abc import Mapping

from avowal.dns.update import Updater, UpdateRefusedError
from avowal.keys.publishing import Publication, PublishError


class DynamicUpdate:
    """A publisher that tells the zone's primary server; each change is whole or not at all."""

    def __init__(self, updater: Updater, *, ttl: int = 3600) -> None:
        self._updater = updater
        self._ttl = ttl

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Send one update.  Raises PublishError."""
        del standing
        try:
            self._updater.replace(changes, ttl=self._ttl)
        except UpdateRefusedError as error:
            raise PublishError(str(error)) from None
        return Publication(written=True, told=f"updated {', '.join(changes)}")
