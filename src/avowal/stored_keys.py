"""The keys of a key store at work: opened where they are, taken anew when the store changes.

A name `store:example.com` stands for the keys that sign for example.com now, one for each
algorithm.  Where the store cannot be read, those that were known last go on.
"""

from __future__ import annotations

from contextlib import closing

from avowal.crypto.signing import AnyKey
from avowal.errors import KeyMaterialError, UsageError
from avowal.extensions import use_signing_keys
from avowal.keys import places
from avowal.keys.lifecycle import ManagedKey
from avowal.keys.places import Opening
from avowal.keys.store import signing_keys
from avowal.names import DomainName, NameFault
from avowal.stores.key_stores import open_key_store
from avowal.valueclass import value

PREFIX = "store:"


@value(eq=False)
class StoredKey:
    """A key that signs for a domain, and what the store says of it."""

    managed: ManagedKey
    key: AnyKey


def domain_of(name: str) -> DomainName | None:
    """Return the domain of a name such as ``store:example.com``; None for another name.

    Raises UsageError for what is no domain.
    """
    if not name.startswith(PREFIX):
        return None
    try:
        return DomainName.parse(name.removeprefix(PREFIX).encode())
    except NameFault as fault:
        raise UsageError(f"{name}: {fault.why}") from None


def open_private(uri: str, opening: Opening | None = None) -> AnyKey:
    """Return the key that signs at a place, by a package that brings it where there is one.

    Raises KeyMaterialError.
    """
    scheme = uri.partition(":")[0]
    if scheme and scheme not in places.schemes():
        try:
            use_signing_keys(scheme)
        except UsageError as fault:
            raise KeyMaterialError(uri, str(fault)) from None
    return places.open_private(uri, opening)


def signing_for(
    store_name: str, domain: DomainName, opening: Opening | None = None
) -> tuple[StoredKey, ...]:
    """Return the keys that sign for a domain now, opened.

    Raises StoreError, and KeyMaterialError for a domain that has none.
    """
    with closing(open_key_store(store_name)) as store:
        managed = signing_keys(store, domain)
    if not managed:
        why = f"no key of the store {store_name} signs for it"
        raise KeyMaterialError(f"{PREFIX}{domain.ascii}", why)
    return tuple(StoredKey(managed=one, key=open_private(one.private, opening)) for one in managed)
