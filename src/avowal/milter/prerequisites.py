"""What a configuration names in the world around the daemon: is it there, is it well written?

Nothing is opened that could disturb anybody: sockets are read as text, users looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from avowal import paths
from avowal.config.mistakes import Collector
from avowal.config.model import Configuration, Listener
from avowal.config.places import Path as Option
from avowal.config.places import Places, dotted
from avowal.crypto.age import AgeRecipients
from avowal.dns.servers import bracketed, given
from avowal.errors import AvowalError, ConfigError, StoreError
from avowal.milter import descriptors, sockets
from avowal.milter.outbox import Notes

_DNS_PORT = 53
_MOST_OCTETS = 256 << 20  # of a zone file
_Check = tuple[Option, Callable[[], object]]


def examine(configuration: Configuration, places: Places) -> None:
    """Look at everything named.  Raises Mistakes, each with its place."""
    mistakes = Collector(places)
    for path, check in (*_listeners(configuration), *_others(configuration)):
        try:
            check()
        except AvowalError as fault:
            mistakes.blame(path, fault)
    mistakes.raise_any()


def open_listener(listener: Listener, path: Option, places: Places) -> sockets.ListeningSocket:
    """Open a socket; say where it was asked for when it cannot be.

    Raises ConfigError and BindError.
    """
    try:
        return sockets.open_listener(listener)
    except sockets.BindError as fault:
        if places.near(path) is None:
            raise
        raise sockets.BindError(f"{named(path, places)}: {fault}") from None


def named(path: Option, places: Places) -> str:
    """Say which option it is about, as errors begin: ``file:line: key``."""
    place = places.near(path)
    return dotted(path) if place is None else f"{place.file}:{place.line}: {dotted(path)}"


def _listeners(configuration: Configuration) -> Iterator[_Check]:
    known: set[str] = set()
    for number, listener in enumerate(configuration.listeners):
        at = ("listeners", number)
        yield (*at, "socket"), partial(_socket, listener.socket, known)
        if listener.owner is not None:
            yield (*at, "owner"), partial(sockets.user_id, listener.owner)
        if listener.group is not None:
            yield (*at, "group"), partial(sockets.group_id, listener.group)


def _socket(text: str, known: set[str]) -> None:
    name = str(sockets.parse(text))
    if name in known:
        raise ConfigError(f"{name} is there twice", hint="one listener has a socket of its own")
    known.add(name)


def _others(configuration: Configuration) -> Iterator[_Check]:
    server, dns = configuration.server, configuration.dns
    yield ("server", "connections"), partial(descriptors.check, server.connections)
    if server.user is not None:
        yield ("server", "user"), partial(sockets.user_id, server.user)
    if server.group is not None:
        yield ("server", "group"), partial(sockets.group_id, server.group)
    root = Path(server.root or "/")
    if server.root is not None:
        yield ("server", "root"), partial(_directory, root)
    if server.directory is not None:
        inside = root / server.directory.lstrip("/") if server.root else Path(server.directory)
        yield ("server", "directory"), partial(_directory, inside)
    if server.metrics is not None:
        yield ("server", "metrics"), partial(_pages, server.metrics)
    for number, text in enumerate(dns.servers):
        address = partial(given, [bracketed(text)], port=_DNS_PORT, trust_ad=None)
        yield ("dns", "servers", number), address
    if dns.zone_file is not None:
        yield ("dns", "zone_file"), partial(_zone, dns.zone_file)
    kept = configuration.signing.publication_file
    if kept is not None:
        yield ("signing", "publication_file"), partial(_directory, Path(kept).absolute().parent)
    if configuration.events.store is not None:
        yield ("events", "store"), partial(_event_store, configuration.events.store)
    if configuration.reports.diagnostic_directory is not None:
        directory = configuration.reports.diagnostic_directory
        yield ("reports", "diagnostic_directory"), partial(Notes, directory)
    capture = configuration.capture
    if capture.directory is not None:
        yield ("capture", "directory"), partial(_directory, Path(capture.directory))
        yield ("capture", "recipients"), partial(AgeRecipients.parse, capture.recipients)


def _directory(path: Path) -> None:
    if not path.is_dir():
        raise ConfigError(f"{path} is no directory", hint="make it, or name another one")


def _pages(text: str) -> None:
    _, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ConfigError(f"{text!r} is no HOST:PORT", hint="such as 127.0.0.1:9891")


def _event_store(name: str) -> None:
    from avowal.stores.events import event_opener  # noqa: PLC0415 - few keep events

    event_opener(name)


def _zone(path: str) -> None:
    from avowal.dns.zone import Zone  # noqa: PLC0415 - for tests only

    try:
        Zone.from_octets(paths.read(path, _MOST_OCTETS), file=path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
