"""The key store as the commands take it: which one, and who writes into it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from avowal.stores.key_database import DatabaseKeyStore

DEFAULT_STORE = "/var/lib/avowal/keys.db"
store_option = click.option(
    "--store",
    "store_name",
    envvar="AVOWAL_KEY_STORE",
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    metavar="STORE",
    help="The key store: a file, directory:PATH, or postgresql://USER@HOST/DATABASE.",
)


@contextmanager
def opened(name: str) -> Iterator[DatabaseKeyStore]:
    """Give a store that is there; it is closed at the end.  Raises StoreError."""
    from avowal.stores.key_stores import open_key_store

    store = open_key_store(name)
    try:
        yield store
    finally:
        store.close()


def who() -> str:
    """Return who runs the command, for the audit log: user and host, and who became root."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        user = str(os.getuid())
    became = os.environ.get("SUDO_USER")
    by = f" (sudo by {became})" if became and became != user else ""
    return f"{user}@{socket.gethostname()}{by}"
