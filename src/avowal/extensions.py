"""Key services and algorithms that other packages bring, put to use where an operator names them.

A package announces them as entry points: in `KEY_SERVICES` a method of `dkim.query`
under the name it has in q=, in `ALGORITHM_ENTRIES` a function without arguments that registers
an algorithm under the name it has in a=, in `SIGNING_KEYS` what opens private keys at URIs of a
scheme (`avowal.keys.places`).  Nothing is loaded because it is installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from avowal.config.mistakes import Collector
from avowal.config.model import Configuration
from avowal.config.places import Places
from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.query import register_query
from avowal.errors import UsageError
from avowal.keys.places import register_place

KEY_SERVICES = "avowal.key_services"
ALGORITHM_ENTRIES = "avowal.algorithms"
SIGNING_KEYS = "avowal.signing_keys"


def use_key_service(name: str) -> None:
    """Ask for keys by this method where a signature's q= names it.  Raises UsageError."""
    method = _loaded(KEY_SERVICES, name)
    if not callable(method):
        raise UsageError(f"{KEY_SERVICES}: {name} is no function of selector and domain")
    register_query(name, method)


def use_algorithm(name: str) -> None:
    """Sign and verify with this algorithm too; one that is registered stays.

    Raises UsageError.
    """
    if name in ALGORITHMS:
        return
    register = _loaded(ALGORITHM_ENTRIES, name)
    if not callable(register):
        raise UsageError(f"{ALGORITHM_ENTRIES}: {name} is no function that registers it")
    try:
        register()
    except Exception as error:
        raise UsageError(f"{ALGORITHM_ENTRIES}: {name} cannot be registered: {error}") from error
    if name not in ALGORITHMS:
        raise UsageError(f"{ALGORITHM_ENTRIES}: {name} registered no algorithm of that name")


def use_signing_keys(scheme: str) -> None:
    """Open private keys at URIs of this scheme by a package that brings it.  Raises UsageError."""
    opener = _loaded(SIGNING_KEYS, scheme)
    if not callable(opener):
        raise UsageError(f"{SIGNING_KEYS}: {scheme} is no function of a place")
    register_place(scheme, opener)


def use_all(configuration: Configuration, places: Places) -> None:
    """Put everything to use that a configuration names.  Raises Mistakes, with each that is not."""
    wanted = configuration.extensions
    mistakes = Collector(places)
    for option, use, names in (
        ("algorithms", use_algorithm, wanted.algorithms),
        ("key_services", use_key_service, wanted.key_services),
    ):
        for number, name in enumerate(names):
            try:
                use(name)
            except UsageError as fault:
                mistakes.add(("extensions", option, number), str(fault))
    mistakes.raise_any()


def _loaded(group: str, name: str) -> object:
    found = {entry.name: entry for entry in metadata.entry_points(group=group)}
    entry = found.get(name)
    if entry is None:
        raise UsageError(f"no installed package brings {name} ({group}): {_listed(found)}")
    try:
        loaded: object = entry.load()
    except Exception as error:
        raise UsageError(f"{name} ({entry.value}) cannot be loaded: {error}") from error
    return loaded


def _listed(names: Iterable[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "none does"
