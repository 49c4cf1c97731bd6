"""Options about DNS and time that several commands share, and the resolver they lead to.

The key records come from a file (`--zone`, `--replay`), from given name servers
(`--resolver`) or from the system's; `--record` keeps what they said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import click

from avowal.errors import ResolverSetupError, UsageError

F = TypeVar("F", bound=Callable[..., Any])


def moment(value: str | int) -> int:
    """Read Unix seconds, or ISO 8601, in UTC where it names no zone; return Unix seconds.

    Raises click.BadParameter.
    """
    text = str(value).strip()
    if text.isascii() and text.isdigit():
        return int(text)
    from datetime import UTC, datetime

    try:
        read = datetime.fromisoformat(text)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no time: write 1795500000 or 2026-11-24T08:00:00Z"
        ) from None


class Dns(NamedTuple):
    """Where answers come from, as the options say."""

    zone: str | None = None
    resolver: tuple[str, ...] = ()
    record: str | None = None
    replay: str | None = None

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Give the resolver; at the end of the block a recording is written.

        Raises UsageError, ConfigError, StoreError or ResolverSetupError.
        """
        if sum(1 for way in (self.zone, self.resolver, self.replay) if way) > 1:
            raise UsageError("--zone, --resolver and --replay exclude one another")
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

    def _chosen(self) -> Any:
        if self.zone is not None:
            from avowal.dns.zone import Zone

            return Zone.from_file(self.zone)
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


def dns_options(function: F) -> F:
    """Add the options about DNS; the function gets them as one `Dns` named `dns`."""
    from functools import wraps

    @wraps(function)
    def command(
        *args: Any,
        zone: str | None,
        resolver: tuple[str, ...],
        record: str | None,
        replay: str | None,
        **others: Any,
    ) -> Any:
        dns = Dns(zone=zone, resolver=resolver, record=record, replay=replay)
        return function(*args, dns=dns, **others)

    options = (
        click.option("--zone", metavar="FILE", help="Take records from a zone file or JSON file."),
        click.option(
            "--resolver",
            metavar="HOST:PORT",
            multiple=True,
            help="Ask this name server instead of the system's; may be repeated.",
        ),
        click.option("--record", metavar="FILE", help="Keep the answers of DNS in a file."),
        click.option("--replay", metavar="FILE", help="Take the answers from such a file."),
    )
    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    kept: F = decorated
    return kept


at_option = click.option(
    "--at",
    "now",
    type=moment,
    default=lambda: int(time.time()),
    show_default="now",
    metavar="TIME",
    help="Work as at this time: Unix seconds or ISO 8601.",
)

line_ends_option = click.option(
    "--line-ends",
    type=click.Choice(["auto", "wire", "stored"]),
    default="auto",
    show_default=True,
    help="auto: a file whose first line ends in a bare LF is converted to CRLF; "
    "stored: always; wire: octets as they are.",
)
