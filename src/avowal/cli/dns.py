"""Where a command has the answers of DNS from.

The key records come from a file (`--zone`, `--replay`, `--keys-from`), from given name
servers (`--resolver`) or from the system's; `--record` keeps what they said.
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
    keys_from: str | None = None

    @contextmanager
    def opened(self) -> Iterator[EitherResolver]:
        """Give the resolver; at the end of the block a recording is written.

        Raises UsageError, ConfigError, StoreError or ResolverSetupError.
        """
        if sum(1 for way in (self.zone, self.resolver, self.replay, self.keys_from) if way) > 1:
            more = ", --keys-from" if self.keys_from else ""
            raise UsageError(f"--zone, --resolver{more} and --replay exclude one another")
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
        if self.keys_from is not None:
            return _archive(self.keys_from)
        from avowal.dns.cache import Cached
        from avowal.dns.dnspython import DnsResolver

        if not self.resolver:
            return Cached(DnsResolver())
        try:
            return Cached(DnsResolver(self.resolver))
        except ResolverSetupError as fault:
            raise UsageError(f"--resolver: {fault}") from None


def _archive(name: str) -> EitherResolver:
    """Return the archive in a file, or in a key store (``store:NAME``)."""
    from avowal.keys.archive import KeyArchive

    if not name.startswith("store:"):
        return KeyArchive.load(name)
    from avowal.cli.keystore import DEFAULT_STORE, opened

    with opened(name.removeprefix("store:") or DEFAULT_STORE) as store:
        return KeyArchive(store.archived())
