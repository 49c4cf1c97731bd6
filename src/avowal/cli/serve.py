"""``avowal serve``: the application's question over HTTP (docs/howto/serve.md)."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import click

from avowal import __version__
from avowal.cli.dns import Dns
from avowal.cli.event_option import events_option
from avowal.cli.exits import ExitStatus
from avowal.cli.listening import is_loopback, open_socket, shown
from avowal.cli.sign import duration
from avowal.cli.streams import echo
from avowal.errors import ConfigError, EnvironmentFault, UsageError

if TYPE_CHECKING:
    from avowal.serve.service import Service

_MOST_OCTETS = 1 << 20  # of a file of tokens
_DEFAULT_SOCKET = "inet:8893@localhost"


@click.command("serve")
@click.option(
    "--socket",
    "address",
    metavar="SOCKET",
    default=_DEFAULT_SOCKET,
    show_default=True,
    help="unix:PATH, inet:PORT@HOST, inet6:PORT@HOST or systemd:NAME.",
)
@click.option(
    "--mode", metavar="OCTAL", default="0660", show_default=True, help="Who may use a unix socket."
)
@click.option(
    "--tokens",
    metavar="FILE",
    help="Answer only who shows one of these tokens: one a line. Needed beyond this machine.",
)
@click.option("--zone", metavar="FILE", help="Take records from a zone file or JSON file.")
@click.option("--resolver", multiple=True, metavar="HOST:PORT", help="A name server to ask.")
@click.option(
    "--octets",
    type=click.IntRange(1 << 10, 1 << 30),
    default=64 << 20,
    show_default=True,
    help="The largest message.",
)
@click.option(
    "--seconds",
    type=duration,
    metavar="DURATION",
    default="60s",
    show_default=True,
    help="For a message to arrive.",
)
@click.option(
    "--messages",
    type=click.IntRange(1, 10_000),
    default=100,
    show_default=True,
    help="Messages that are examined at once.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 100_000),
    default=250,
    show_default=True,
    help="Connections that are open at once.",
)
@events_option
@click.option(
    "--reports",
    metavar="FILE",
    help="Take reports by POST /reports into this store. Needs --tokens or a unix socket.",
)
def command(
    *,
    address: str,
    mode: str,
    tokens: str | None,
    zone: str | None,
    resolver: tuple[str, ...],
    octets: int,
    seconds: int,
    messages: int,
    connections: int,
    events: str | None,
    reports: str | None,
) -> int:
    """Answer over HTTP whether messages are really from whom they say.

    Programs in any language POST a raw message to /verdict or /authenticate. Nothing of it is
    kept. SIGTERM ends the service when what came is answered.
    """
    try:
        from avowal.serve.server import Server
    except ImportError as missing:
        raise EnvironmentFault(f"{missing}: pip install 'avowal[serve]'") from None
    from avowal.milter import descriptors, notify
    from avowal.serve.limits import ServeLimits
    from avowal.serve.service import Service

    known = () if tokens is None else _tokens(tokens)
    limits = ServeLimits(octets=octets, seconds=seconds, messages=messages, connections=connections)
    descriptors.reserve(limits.connections)
    with Dns(zone=zone, resolver=resolver).opened() as asking:
        listener = open_socket(address, mode)
        try:
            private = listener.socket.family == socket.AF_UNIX
            service = Service(
                resolver=asking, version=__version__, tokens=known, private=private, limits=limits
            )
            _refuse_strangers(service, listener.socket, address)
            _keep(service, events, reports)
            notifier = notify.Notifier(os.environ)

            def ready() -> None:
                notifier.ready(f"serving on {address}")
                echo(f"serving on {shown(listener)}", err=True)

            Server(service, on_ready=ready, on_stop=notifier.stopping).serve_on(listener.socket)
        finally:
            listener.close()
    service.end()
    return ExitStatus.PASSED


def _keep(service: Service, events: str | None, reports: str | None) -> None:
    """Let a service keep what the command names.  Raises UsageError and StoreError."""
    _keep_events(service, events)
    _keep_reports(service, reports)


def _keep_events(service: Service, store: str | None) -> None:
    """Let a service keep events.  Raises StoreError."""
    if store is None:
        return
    from avowal.report.recorder import Recorder
    from avowal.serve.service import LOGGER
    from avowal.stores.events import event_opener

    service.host = socket.gethostname().lower()
    service.recorder = Recorder(
        event_opener(store), count=service.meters.events, tell=LOGGER.warning
    )


def _keep_reports(service: Service, store: str | None) -> None:
    """Let a service take reports.  Raises UsageError and StoreError."""
    if store is None:
        return
    if not service.authenticates:
        raise UsageError(
            "--reports: every program and page on this machine could write reports;"
            " give --tokens FILE or a unix socket"
        )
    from avowal.cli.reports_store import file_taker
    from avowal.serve.report_upload import ReportUploads

    service.uploads = ReportUploads(file_taker(store))


def _tokens(path: str) -> tuple[bytes, ...]:
    from avowal import paths
    from avowal.serve.service import tokens_in

    try:
        octets = paths.read(path, _MOST_OCTETS)
    except OSError as error:
        raise ConfigError(f"--tokens: {error.strerror}", file=path) from None
    return tokens_in(octets, path)


def _refuse_strangers(service: Service, listening: socket.socket, address: str) -> None:
    """Refuse to answer other machines without a token.  Raises UsageError."""
    if not service.authenticates and not is_loopback(listening):
        raise UsageError(
            f"--socket {address}: other machines could ask; give --tokens FILE,"
            " a unix socket or an address of the loopback interface"
        )
