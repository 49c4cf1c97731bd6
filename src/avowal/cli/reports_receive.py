"""``avowal reports receive``: a mailbox of reports that an MTA delivers to by LMTP."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.listening import is_loopback, open_socket
from avowal.cli.reports_store import file_taker, store_option
from avowal.cli.streams import echo
from avowal.errors import EnvironmentFault, UsageError


@click.command("receive")
@store_option
@click.option(
    "--lmtp",
    "address",
    required=True,
    metavar="SOCKET",
    help="Where the MTA delivers: unix:PATH, HOST:PORT, inet:PORT@HOST or systemd:NAME.",
)
@click.option(
    "--mode", metavar="OCTAL", default="0660", show_default=True, help="Who may use a unix socket."
)
def receive(*, store: str, address: str, mode: str) -> int:
    """Take report mails from an MTA by LMTP into a store, each report once.

    A mail is answered when its reports stand in the store. One without a report is taken too,
    and the log says why; where the store cannot be written, the MTA is told to try again.
    SIGTERM ends it.
    """
    try:
        from avowal.contrib.report_lmtp import serve
    except ImportError as missing:
        raise EnvironmentFault(f"{missing}: pip install 'avowal[lmtp]'") from None
    from avowal.milter.notify import Notifier

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's line for each command
    take = file_taker(store)
    listener = open_socket(_specification(address), mode)
    try:
        if listener.socket.family != socket.AF_UNIX and not is_loopback(listener.socket):
            raise UsageError(
                f"--lmtp {address}: other machines could write reports; LMTP has no password:"
                " use a unix socket or an address of the loopback interface"
            )
        notifier = Notifier(os.environ)

        def ready() -> None:
            notifier.ready(f"taking reports on {address}")
            echo(f"taking reports on {address}", err=True)

        async def run() -> None:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            await serve(listener.socket, take, stop, ready=ready)
            notifier.stopping()

        asyncio.run(run())
    finally:
        listener.close()
    return ExitStatus.PASSED


def _specification(address: str) -> str:
    """Return a socket as the configuration writes it: HOST:PORT is what Postfix has."""
    scheme, _, _rest = address.partition(":")
    if scheme in {"unix", "inet", "inet6", "systemd"}:
        return address
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--lmtp {address}: no socket such as unix:PATH or 127.0.0.1:2003")
    scheme = "inet6" if ":" in host else "inet"
    return f"{scheme}:{port}@{host.strip('[]')}"
