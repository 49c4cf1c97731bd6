"""Where a command has the answers of DNS from.

The key records come from a file (`--zone`, `--replay`), from given name servers
(`--resolver`) or from the system's; `--record` keeps what they said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from avowal.errors import ResolverSetupError, UsageError
from avowal.lookup import AsyncResolver, Resolver


class EitherResolver(Resolver, AsyncResolver, Protocol):
    """A resolver for synchronous and asynchronous callers."""


class Dns(NamedTuple):
    """Where answers come from, as the options say."""

    zone: str | None = None
    origin: str | None = None
    resolver: tuple[str, ...] = ()
    record: str | None = None
    replay: str | None = None

    @contextmanager
    def opened(self) -> Iterator[EitherResolver]:
        """Give the resolver; at the end of the block a recording is written.

        Raises UsageError, ConfigError, StoreError or ResolverSetupError.
        """
        if sum(1 for way in (self.zone, self.resolver, self.replay) if way) > 1:
            raise UsageError("--zone, --resolver and --replay exclude one another")
        if self.origin is not None and self.zone is None:
            raise UsageError("--origin belongs to --zone")
        resolver = self._chosen()
        if self.record is None:
            yield resolver
            return
        from avowal.dns.recorder import Recorder

        recorder = Recorder(resolver)
        try:
            yield recorder
        finally:
            recorder.save(self.record)

    def _chosen(self) -> EitherResolver:
        if self.zone is not None:
            from avowal.dns.zone import Zone

            return Zone.from_file(self.zone, self.origin)
        if self.replay is not None:
            from avowal.dns.recorder import Replayer

            return Replayer.load(self.replay)
        from avowal.dns.cache import Cached
        from avowal.dns.dnspython import DnsResolver

        if not self.resolver:
            return Cached(DnsResolver())
        try:
            return Cached(DnsResolver(self.resolver))
        except ResolverSetupError as fault:
            raise UsageError(f"--resolver: {fault}") from None
