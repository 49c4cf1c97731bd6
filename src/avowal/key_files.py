"""The keys that a configuration of the daemon names: who has to be able to read them, and they."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from avowal import paths
from avowal.config.model import Configuration, Key
from avowal.crypto.signing import AnyKey, KnowsPublicKey
from avowal.errors import ConfigError, KeyMaterialError
from avowal.keys.files import TRIED_KEYS, load_key, read_password
from avowal.keys.places import Opening
from avowal.keys.sightings import Sighting
from avowal.keys.trust import Account
from avowal.keys.watch import Watch, Watched, watched
from avowal.milter.sockets import group_id, user_id
from avowal.names import DomainName, NameFault
from avowal.stored_keys import open_private

_KEPT = 10_000  # keys found by author domain; an RSA key takes some 2 kB


class KeyFiles:
    """Loads the keys of a configuration: from files, from itself, from systemd credentials.

    With a `watch`, keys of a known domain are put under it.  systemd's credentials are in
    the directory it names in the environment (systemd.exec(5), LoadCredential=).
    """

    def __init__(
        self,
        *,
        require_safe: bool = True,
        account: Account | None = None,
        watch: Watch | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._require_safe = require_safe
        self._account = account
        self._credentials = environment.get("CREDENTIALS_DIRECTORY")
        self._watch = watch
        self.directories: paths.Directories | None = None
        self._kept: dict[tuple[str, DomainName | None], AnyKey] = {}

    def __call__(self, name: str, key: Key, domain: DomainName | None, /) -> AnyKey:
        """Return the key of an entry.  Raises KeyMaterialError."""
        found = self._kept.get((name, domain))
        if found is None:
            found = self._load(name, key, domain)
            if self._watch is not None:
                found = _watched(self._watch, name, key, found)
            if len(self._kept) < _KEPT:
                self._kept[name, domain] = found
        return found

    def _load(self, name: str, key: Key, domain: DomainName | None) -> AnyKey:
        if key.private is not None:
            opening = Opening(account=self._account, require_safe=self._require_safe)
            return open_private(key.private, opening)
        password = self._password(key)
        if key.inline is not None:
            return load_key(key.inline.encode(), password=password)
        if key.credential is not None:
            if self._credentials is None:
                why = "systemd handed over no credentials: add LoadCredential= to the unit"
                raise KeyMaterialError(f"credential {key.credential}", why)
            path = str(Path(self._credentials) / key.credential)
            return load_key(path, password=password, require_safe=False)
        if key.file is None:
            raise KeyMaterialError(name, "no file, inline or credential says where the key is")
        path = key.file if domain is None else key.file.replace("%", domain.ascii)
        return load_key(
            path,
            password=password,
            require_safe=self._require_safe,
            account=self._account,
            tried=len(self._kept) < TRIED_KEYS,
            directories=self.directories,
        )

    def _password(self, key: Key) -> bytes | None:
        if key.password_file is None:
            return None
        return read_password(
            key.password_file, require_safe=self._require_safe, account=self._account
        )


def _watched(watch: Watch, name: str, entry: Key, loaded: AnyKey) -> AnyKey:
    """Put a key under watch, if it is clear where its record has to be."""
    try:
        domain = DomainName.parse((entry.domain or "").encode())
        selector = DomainName.parse(entry.selector.encode())
    except NameFault:
        return loaded  # compiling says what is wrong; `%` stands for many domains
    if not isinstance(loaded, KnowsPublicKey):
        return loaded  # there is nothing to compare its record with
    key = watched(loaded, Sighting(), strict=watch.strict)
    changed_at = None if entry.file is None else Path(entry.file).stat().st_mtime
    watch.keys.append(Watched(name, domain, selector, key, changed_at))
    return key


def account_of(configuration: Configuration) -> Account:
    """Return the user that the workers run as, for whom keys have to be safe."""
    server = configuration.server
    if server.user is None or os.geteuid() != 0:
        return Account.current()
    try:
        group = None if server.group is None else group_id(server.group)
        return Account.of(user_id(server.user), group)
    except ConfigError:  # `examine` says so
        return Account.current()


def key_notes(configuration: Configuration) -> Iterator[str]:
    """Yield what is to be said about who reads the keys, where all of them can be read.

    The supervisor reads them as whoever starts it, so a key that only root can read is no
    mistake; but it is one for a service that never was root.
    """
    user, account = configuration.server.user, account_of(configuration)
    if (
        user is not None
        and os.geteuid() != 0
        and str(user) not in {account.name, str(account.user)}
    ):
        yield f"keys were read as {account.name}, not as {user}: check as root to read them so"
        return
    with account.assumed():
        for name, key in configuration.keys.items():
            if (
                key.file is None
                or "%" in key.file
                or os.access(key.file, os.R_OK, effective_ids=True)
            ):
                continue
            yield (
                f"keys.{name}.file: {key.file}: {account.name} cannot read it:"
                " root has to start the daemon"
            )
