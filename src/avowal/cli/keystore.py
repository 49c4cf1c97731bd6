"""The key store as the commands take it: which one, and who writes into it."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from avowal.cli.exits import complain
from avowal.errors import StoreAwayError

if TYPE_CHECKING:
    from avowal.stores.key_database import DatabaseKeyStore

AGAIN = 10  # seconds until a store that is away is asked again
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
    """Give a store that is there; it is closed at the end.  Raises StoreError.

    Root works on another user's store as that user, and says so: key files and the store's own
    files that were root's could not be read by the service.
    """
    from avowal.stores.key_stores import open_key_store

    with _as_owner(name):
        store = open_key_store(name)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def awaited(name: str) -> Iterator[DatabaseKeyStore]:
    """Give a store as `opened` does, once its server answers; say so when that is not at once.

    Raises StoreError for a store that is not there, or is none.
    """
    said, store = None, None
    with ExitStack() as held:
        while store is None:
            try:
                store = held.enter_context(opened(name))
            except StoreAwayError as error:
                if str(error) != said:
                    said = str(error)
                    complain(f"{said}; nothing is done until the store is there")
                time.sleep(AGAIN)
        if said is not None:
            complain("the store is there")
        yield store


@contextmanager
def _as_owner(name: str) -> Iterator[None]:
    from avowal.keys.files import meant_for
    from avowal.stores.key_stores import path_of

    path = path_of(name)
    if os.geteuid() != 0 or not path:
        yield
        return
    owner = meant_for(path)
    if owner.user != 0:
        complain(f"{path} belongs to {owner.name}: this works as {owner.name}, not as root")
    with owner.assumed():
        yield


def who() -> str:
    """Return who runs the command, for the audit log: user and host, and who became root."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        user = str(os.getuid())
    became = os.environ.get("SUDO_USER")
    by = f" (sudo by {became})" if became and became != user else ""
    return f"{user}@{socket.gethostname()}{by}"
