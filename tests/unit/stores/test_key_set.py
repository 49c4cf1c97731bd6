"""A key store as OpenDKIM's KeyTable: rows that sign now, a change, a store that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.audit import deed
from avowal.keys.files import write_key
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.opendkim import KeyTable
from avowal.keys.places import file_uri, open_private
from avowal.keys.registration import registered
from avowal.keys.store import Change
from avowal.names import DomainName
from avowal.opendkim.keyring import Keyring
from avowal.stores.key_database import DatabaseKeyStore
from avowal.stores.key_set import StoredKeySet
from avowal.stores.key_stores import create_key_store
from avowal.stores.opening import open_data_set
from avowal.testing import ED25519, RSA_2048


def managed(path: Path, selector: str, state: KeyState) -> ManagedKey:
    uri = file_uri(str(path / f"{selector}.pem"))
    return registered(
        open_private(uri), domain=DomainName.parse(b"example.com"),
        selector=DomainName.parse(selector.encode()), private=uri, state=state, now=1,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseKeyStore]:
    monkeypatch.setattr("avowal.stores.key_set._PAUSE", 0.0)
    with closing(create_key_store(f"{tmp_path}/keys.db")) as store:
        for selector, key in (("e1", ED25519), ("r1", RSA_2048), ("r2", RSA_2048)):
            write_key(tmp_path / f"{selector}.pem", key)
            state = KeyState.SEEN if selector == "r2" else KeyState.SIGNING
            keep(store, managed(tmp_path, selector, state))
        yield store


def keep(store: DatabaseKeyStore, *keys: ManagedKey) -> None:
    store.commit(Change(who="test", at=1, deeds=(deed("test", "x"),), keys=keys))


def key_set(tmp_path: Path) -> StoredKeySet:
    found = open_data_set(f"store:{tmp_path}/keys.db")
    assert isinstance(found, StoredKeySet)
    return found


@pytest.mark.usefixtures("store")
def test_a_domain_is_the_name_of_its_rsa_key_and_an_algorithm_names_the_others(
    tmp_path: Path,
) -> None:
    table = KeyTable(key_set(tmp_path))
    selectors = {}
    for name in ("Example.com", "example.com/rsa-sha256", "example.com/ed25519-sha256"):
        row = table.key(name, "example.com")
        assert row is not None
        selectors[name] = row.selector, Keyring().key(row).algorithm
    assert set(selectors.values()) == {("r1", "rsa-sha256"), ("e1", "ed25519-sha256")}
    assert selectors["Example.com"] == ("r1", "rsa-sha256")
    assert table.key("example.net", "example.net") is None


@pytest.mark.usefixtures("store")
def test_the_rows_can_be_listed(tmp_path: Path) -> None:
    rows = {row.key: row.value for row in key_set(tmp_path)}
    assert rows["example.com"] == f"example.com:r1:{tmp_path}/r1.pem"


def test_another_key_signs_after_a_switch(store: DatabaseKeyStore, tmp_path: Path) -> None:
    data = key_set(tmp_path)
    old, new = (managed(tmp_path, f"r{n}", KeyState.SEEN) for n in (1, 2))
    keep(store, replace(old, state=KeyState.DRAINING), replace(new, state=KeyState.SIGNING))
    assert data.find("example.com", 3) == ("example.com", "r2", f"{tmp_path}/r2.pem")


def test_the_keys_that_are_known_go_on_when_the_store_is_gone(
    store: DatabaseKeyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = key_set(tmp_path)
    (tmp_path / "keys.db").rename(tmp_path / "gone")
    assert [data.find("example.com", 2) for _ in range(3)] == [("example.com", "r1")] * 3
    assert caplog.text.count("the keys that are known go on signing") == 1


def test_a_key_elsewhere_is_refused_where_it_would_sign(
    store: DatabaseKeyStore, tmp_path: Path
) -> None:
    key = managed(tmp_path, "r1", KeyState.SIGNING)
    keep(store, replace(key, private="signer:/s.sock?key=x"))
    row = KeyTable(key_set(tmp_path)).key("example.com", "example.com")
    assert row is not None
    with pytest.raises(KeyMaterialError):
        Keyring().key(row)


def test_a_store_that_is_not_there_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no key store"):
        key_set(tmp_path)
