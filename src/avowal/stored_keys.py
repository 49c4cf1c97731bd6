"""The keys of a key store at work: opened where they are, taken anew when the store changes.

``store:example.com`` among the keys of a rule stands for the keys that sign for example.com now,
one for each algorithm.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

from msgspec.structs import replace

from avowal.config.keys import Key
from avowal.config.mistakes import Collector
from avowal.config.model import Configuration
from avowal.config.places import Path, Places
from avowal.crypto.signing import AnyKey, SigningKey
from avowal.errors import AvowalError, KeyMaterialError, StoreError, UsageError
from avowal.extensions import use_signing_keys
from avowal.keys import places as key_places
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.places import Opening
from avowal.keys.rotation_document import read_rotation
from avowal.keys.rotation_metrics import Gauges, exposition, gauges_of
from avowal.keys.rotation_runner import LEASE
from avowal.keys.store import Change, KeyStore, Use, signing_keys
from avowal.names import DomainName, NameFault
from avowal.stores.key_stores import open_key_store
from avowal.valueclass import value

LOGGER = logging.getLogger("avowal.keys")
PREFIX = "store:"
"""What begins a name that stands for the keys of a domain."""
_AWAY = 30.0  # seconds
_ENDED = frozenset({KeyState.REVOKED, KeyState.GONE})


@value(eq=False)
class StoredKey:
    """A key that signs for a domain, and what the store says of it."""

    managed: ManagedKey
    key: AnyKey


def open_private(uri: str, opening: Opening | None = None) -> AnyKey:
    """Return the key that signs at a place, by a package that brings it where there is one.

    Raises KeyMaterialError.
    """
    scheme, colon, _ = uri.partition(":")
    if scheme and colon and scheme not in key_places.schemes():
        try:
            _use(scheme)
        except UsageError as fault:
            raise KeyMaterialError(uri, str(fault)) from None
    return key_places.open_private(uri, opening)


def _use(scheme: str) -> None:
    """Open keys of a scheme from now on: our own ones cost their import only where one is."""
    if scheme == "pkcs11":
        from avowal.keys.token import open_token  # noqa: PLC0415 - few have a token

        key_places.register_place(scheme, open_token)
    elif scheme == "signer":
        from avowal.keys.signer import open_signer  # noqa: PLC0415 - few have a signer

        key_places.register_place(scheme, open_signer)
    elif scheme == "vault":
        from avowal.keys.vault import open_vault  # noqa: PLC0415 - few have a Vault

        key_places.register_place(scheme, open_vault)
    else:
        use_signing_keys(scheme)


def signing_for(
    store_name: str, domain: DomainName, opening: Opening | None = None
) -> tuple[StoredKey, ...]:
    """Return the keys that sign for a domain now, opened.

    Raises StoreError, and KeyMaterialError for a domain that has none.
    """
    with closing(open_key_store(store_name)) as store:
        managed = _signing(store, domain)
    return tuple(StoredKey(managed=one, key=open_private(one.private, opening)) for one in managed)


def _signing(store: KeyStore, domain: DomainName) -> tuple[ManagedKey, ...]:
    managed = signing_keys(store, domain)
    if not managed:
        why = "no key of the store signs for it (avowal keys store show)"
        raise KeyMaterialError(f"{PREFIX}{domain.ascii}", why)
    return managed


class StoredNames:
    """The keys of a store by the names of their records, opened once: what a signer answers for.

    Keys that are revoked or gone sign nothing any more.  Safe to use from several threads.
    """

    def __init__(self, store_name: str, opening: Opening | None = None) -> None:
        self._store = store_name
        self._opening = opening
        self._opened: dict[str, SigningKey] = {}

    def check(self) -> None:
        """See that the store can be read.  Raises StoreError."""
        open_key_store(self._store).close()

    def find(self, name: str) -> SigningKey:
        """Return the key of a name.  Raises KeyMaterialError."""
        try:
            with closing(open_key_store(self._store)) as store:
                managed = store.keys()
        except AvowalError as fault:
            raise KeyMaterialError(name, str(fault)) from None
        uris = {key.name: key.private for key in managed if key.state not in _ENDED}
        if name not in uris:
            raise KeyMaterialError(name, "no key of that name signs")
        uri = uris[name]
        found = self._opened.get(uri)
        if found is None:
            key = open_private(uri, self._opening)
            if not isinstance(key, SigningKey):
                raise KeyMaterialError(name, "a key that a signer cannot wait for")
            found = self._opened[uri] = key
        return found


class StoredDomains:
    """The domains whose keys are taken from a store, and whether other keys sign for them now.

    Whoever asks is told of a change once, and once of a store that cannot be read.
    """

    def __init__(self, store_name: str) -> None:
        self._store = store_name
        self._revision = -1
        self._known: Mapping[DomainName, tuple[ManagedKey, ...]] = {}
        self._failed = False
        self._again = 0.0
        self._told: tuple[int, tuple[Gauges, ...]] = -1, ()

    @property
    def domains(self) -> tuple[DomainName, ...]:
        """The domains that were read."""
        return tuple(self._known)

    def read(self, domains: Iterable[DomainName]) -> Mapping[DomainName, tuple[ManagedKey, ...]]:
        """Return the keys that sign for each domain.  Raises StoreError, KeyMaterialError."""
        with closing(open_key_store(self._store)) as store:
            self._revision = store.revision()
            self._known = {domain: _signing(store, domain) for domain in domains}
        return self._known

    def note_use(self) -> None:
        """Say in the store which keys this host takes, for a rotation to see, if it can be said."""
        host, now = socket.gethostname(), int(time.time())
        uses = tuple(
            Use(signer=host, domain=key.domain, selector=key.selector, at=now)
            for keys in self._known.values()
            for key in keys
        )
        if not uses:
            return
        try:
            with closing(open_key_store(self._store)) as store:
                store.commit(Change(who=host, at=now, uses=uses))
        except StoreError as fault:
            LOGGER.warning("%s: it is not noted which keys are in use here", fault)

    def rotations(self) -> str:
        """Return the metrics of the store's rotations.  Raises StoreError."""
        with closing(open_key_store(self._store)) as store:
            revision, leader = store.revision(), store.leader(LEASE)
            if revision != self._told[0]:
                found = tuple(gauges_of(read_rotation(kept.state)) for kept in store.rotations())
                self._told = revision, found
        return exposition(self._told[1], leader, int(time.time()))

    def changed(self) -> bool:
        """Whether other keys sign than those known.  Raises StoreError, once in a row.

        A store that is away is asked again after `_AWAY` seconds: a server may be waited for.
        """
        if self._failed and time.monotonic() < self._again:
            return False
        try:
            with closing(open_key_store(self._store)) as store:
                revision = store.revision()
                if revision == self._revision:
                    return False
                found = {domain: signing_keys(store, domain) for domain in self._known}
        except AvowalError:
            told, self._failed, self._again = self._failed, True, time.monotonic() + _AWAY
            if told:
                return False
            raise
        news = found != self._known
        self._failed, self._revision, self._known = False, revision, found
        return news


def with_stored_keys(
    configuration: Configuration, places: Places, stored: StoredDomains | None = None
) -> Configuration:
    """Return the configuration with the keys that its store has now; `stored` knows which.

    Each key that signs for a domain becomes an entry, which the rules name.  Raises Mistakes.
    """
    mistakes = Collector(places)
    wanted = dict(_wanted(configuration, mistakes))
    mistakes.raise_any()
    if not wanted:
        return configuration
    stored = stored or StoredDomains(configuration.signing.key_store)
    try:
        found = stored.read(dict.fromkeys(wanted.values()))
    except AvowalError as fault:
        mistakes.blame(("signing", "key_store"), fault)
        mistakes.raise_any()
        raise
    keys = dict(configuration.keys)
    names: dict[str, tuple[str, ...]] = {}
    for name, domain in wanted.items():
        entries = {f"{name}/{one.selector.ascii}": _entry(one) for one in found[domain]}
        keys |= entries
        names[name] = tuple(entries)
    return _renamed(replace(configuration, keys=keys), names)


def _wanted(configuration: Configuration, mistakes: Collector) -> Iterator[tuple[str, DomainName]]:
    """Yield the names that stand for keys of the store, and the domains they are of."""
    signing = configuration.signing
    for option, given in (
        ("rules", [rule.keys for rule in signing.rules]),
        ("resign", [rule.keys for rule in signing.resign]),
    ):
        for number, names in enumerate(given):
            for name in names:
                if name.startswith(PREFIX):
                    path = ("signing", option, number, "keys")
                    yield from _named(name, name.removeprefix(PREFIX), path, mistakes)


def _named(
    name: str, domain: str, path: Path, mistakes: Collector
) -> Iterator[tuple[str, DomainName]]:
    try:
        yield name, DomainName.parse(domain.encode())
    except NameFault as fault:
        mistakes.add(path, f"{domain!r}: {fault.why}")


def _entry(managed: ManagedKey) -> Key:
    return Key(
        domain=managed.domain.text,
        selector=managed.selector.ascii,
        private=managed.private,
        algorithm=managed.algorithm,
    )


def _renamed(configuration: Configuration, names: Mapping[str, tuple[str, ...]]) -> Configuration:
    """Return the configuration whose rules name each key that a name stands for."""

    def each(given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for name in given for one in names.get(name, (name,)))

    signing = configuration.signing
    rules = tuple(replace(rule, keys=each(rule.keys)) for rule in signing.rules)
    resign = tuple(replace(rule, keys=each(rule.keys)) for rule in signing.resign)
    return replace(configuration, signing=replace(signing, rules=rules, resign=resign))
