"""Who writes key records into a zone, as the options of a command say."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import click

from avowal import paths
from avowal.cli.shared_options import gathered
from avowal.cli.streams import echo
from avowal.errors import ResolverSetupError, UsageError

if TYPE_CHECKING:
    from avowal.keys.publishing import Publisher
    from avowal.keys.zone_files import Render

_MOST_OCTETS = 64 << 10  # of a file with a TSIG key
_WAYS = (
    "watch, zone-file:PATH, octodns:PATH, dns-endpoint:PATH, rfc2136:ADDRESS or lexicon:PROVIDER"
)


class PublisherOptions(NamedTuple):
    """How records come into the zone."""

    publish: str = "watch"
    zone_name: str | None = None
    tsig_key: str | None = None
    reload_command: str | None = None
    ttl: int = 3600

    def publisher(self) -> Publisher:
        """Return the publisher.  Raises UsageError, ConfigError, ResolverSetupError, OSError."""
        from avowal.keys.publishing import Watch
        from avowal.keys.zone_files import ZoneFile

        way, _, where = self.publish.partition(":")
        if way == "watch" and not where:
            _refuse("--tsig-key", self.tsig_key, way)
            _refuse("--reload-command", self.reload_command, way)
            return Watch(echo, ttl=self.ttl)
        if way == "rfc2136" and where:
            _refuse("--reload-command", self.reload_command, way)
            return self._dynamic_update(where)
        if way == "lexicon" and where:
            from avowal.keys.lexicon_records import LexiconRecords

            _refuse("--tsig-key", self.tsig_key, way)
            _refuse("--reload-command", self.reload_command, way)
            return LexiconRecords(where, self._zone(way), ttl=self.ttl)
        if way in {"zone-file", "octodns", "dns-endpoint"} and where:
            _refuse("--tsig-key", self.tsig_key, way)
            reload = shlex.split(self.reload_command or "")
            return ZoneFile(where, self._render(way), ttl=self.ttl, reload=reload)
        raise UsageError(f"--publish {self.publish!r}: write {_WAYS}")

    def _render(self, way: str) -> Render:
        from avowal.keys.zone_files import dns_endpoint, octodns, zone_include

        if way == "zone-file":
            return zone_include
        return octodns(self._zone(way)) if way == "octodns" else dns_endpoint("avowal-keys")

    def _zone(self, way: str) -> str:
        if self.zone_name is None:
            raise UsageError(f"--publish {way}: name the zone with --zone-name")
        return self.zone_name.removesuffix(".").lower()

    def _dynamic_update(self, server: str) -> Publisher:
        from avowal.dns.update import TsigKey, Updater
        from avowal.stores.dynamic_update import DynamicUpdate

        key = None
        if self.tsig_key is not None:
            text = paths.read(self.tsig_key, _MOST_OCTETS).decode("utf-8", "replace")
            key = TsigKey.parse(text, file=self.tsig_key)
        try:
            return DynamicUpdate(Updater(server, self._zone("rfc2136"), key), ttl=self.ttl)
        except ResolverSetupError as fault:
            raise UsageError(f"--publish rfc2136: {fault}") from None


def _refuse(option: str, given: str | None, way: str) -> None:
    if given is not None:
        raise UsageError(f"{option} is not for --publish {way}")


publisher_options = gathered(
    "publishing",
    PublisherOptions,
    ("publish", "zone_name", "tsig_key", "reload_command", "ttl"),
    click.option(
        "--publish",
        metavar="WAY",
        default="watch",
        show_default=True,
        help=f"Who writes records into the zone: {_WAYS}.",
    ),
    click.option("--zone-name", metavar="NAME", help="The zone that is written."),
    click.option(
        "--tsig-key", metavar="FILE", help="The key for rfc2136, as tsig-keygen writes it."
    ),
    click.option(
        "--reload-command", metavar="COMMAND", help="Run this when the file has been written."
    ),
    click.option(
        "--ttl",
        type=click.IntRange(1, 7 * 86400),
        default=3600,
        show_default=True,
        help="TTL of the records, in seconds.",
    ),
)
