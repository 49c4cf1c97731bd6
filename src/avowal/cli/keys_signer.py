"""``avowal keys signer``: a process of its own that holds the keys and signs for others."""

from __future__ import annotations

import logging
import signal
import socket
from typing import TYPE_CHECKING

import click

from avowal.cli.keystore import store_option
from avowal.cli.streams import echo

if TYPE_CHECKING:
    from avowal.milter.sockets import ListeningSocket


@click.command("signer")
@click.option(
    "--listen", "path", required=True, metavar="SOCKET", help="The unix socket to listen at."
)
@click.option("--owner", metavar="USER", help="Who owns the socket.")
@click.option("--group", metavar="GROUP", help="The group of the socket.")
@click.option(
    "--mode",
    default="0600",
    show_default=True,
    help="The permissions of the socket, in octal: who may connect may sign.",
)
@store_option
def command(*, path: str, owner: str | None, group: str | None, mode: str, store_name: str) -> None:
    """Hold the keys of the store, and sign digests for whoever may connect.

    Others name a key by signer:SOCKET?key=s1._domainkey.example.com.  Until SIGTERM.
    """
    from avowal.keys.secrecy import keep_memory_private
    from avowal.keys.signer import Signer
    from avowal.stored_keys import StoredNames

    keep_memory_private()
    names = StoredNames(store_name)
    names.check()
    listening = _listening(path, owner, group, mode)
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: listening.socket.shutdown(socket.SHUT_RDWR))
    echo(f"{path}: signing", err=True)
    try:
        Signer(names.find).serve(listening.socket)
    finally:
        listening.close()


def _listening(path: str, owner: str | None, group: str | None, mode: str) -> ListeningSocket:
    from avowal.config.model import Listener
    from avowal.errors import UsageError
    from avowal.milter.sockets import open_listener

    digits = mode.removeprefix("0")
    if len(digits) != 3 or digits.strip("01234567"):
        raise UsageError(f"--mode {mode!r}: three octal digits, such as 0660")
    return open_listener(Listener(socket=f"unix:{path}", owner=owner, group=group, mode=mode))
