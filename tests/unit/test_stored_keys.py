"""Keys of a store in a configuration: expanded by rules, changes told once, faults with places."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from avowal.config.mistakes import Mistakes
from avowal.config.model import Configuration
from avowal.config.places import NOWHERE
from avowal.config.toml import parse
from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.audit import deed
from avowal.keys.files import write_key
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.places import Place, file_uri
from avowal.keys.registration import registered
from avowal.keys.store import Change
from avowal.names import DomainName
from avowal.stored_keys import StoredDomains, StoredNames, open_private, with_stored_keys
from avowal.stores.key_database import DatabaseKeyStore
from avowal.stores.key_stores import create_key_store
from avowal.testing import ED25519, RSA_2048

DOMAIN = DomainName.parse(b"example.com")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatabaseKeyStore]:
    with closing(create_key_store(f"{tmp_path}/keys.db")) as store:
        for selector, key in (("e1", ED25519), ("r1", RSA_2048)):
            write_key(tmp_path / f"{selector}.pem", key)
            keep(store, managed(tmp_path, selector))
        yield store


def managed(path: Path, selector: str) -> ManagedKey:
    uri = file_uri(str(path / f"{selector}.pem"))
    return registered(
        open_private(uri), domain=DOMAIN, selector=DomainName.parse(selector.encode()),
        private=uri, state=KeyState.SIGNING, now=1,
    )  # fmt: skip


def keep(store: DatabaseKeyStore, *keys: ManagedKey) -> None:
    store.commit(Change(who="test", at=1, deeds=(deed("test", "x"),), keys=keys))


def configuration(tmp_path: Path, *names: str) -> Configuration:
    listed = ", ".join(f'"{name}"' for name in names)
    text = (
        f'[signing]\nkey_store = "{tmp_path}/keys.db"\n'
        f'[[signing.rules]]\nfrom = "example.com"\nkeys = [{listed}]\n'
    )
    return parse(text.encode()).configuration


@pytest.mark.usefixtures("store")
def test_a_name_stands_for_every_key_that_signs(tmp_path: Path) -> None:
    made = with_stored_keys(configuration(tmp_path, "a", "store:example.com", "b"), NOWHERE)
    (rule,) = made.signing.rules
    assert rule.keys == ("a", "store:example.com/e1", "store:example.com/r1", "b")
    assert made.keys["store:example.com/r1"].private == f"file:{tmp_path}/r1.pem"


def test_a_configuration_without_such_names_needs_no_store(tmp_path: Path) -> None:
    given = configuration(tmp_path, "a")
    assert with_stored_keys(given, NOWHERE) is given


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("store:example.net", "no key of the store signs", id="no key"),
        pytest.param("store:a..b", "keys", id="no domain"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_cannot_sign_is_a_mistake_with_its_option(
    tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(Mistakes, match=r"signing\.(key_store|rules)") as caught:
        with_stored_keys(configuration(tmp_path, name), NOWHERE)
    assert said in str(caught.value)


def test_a_store_that_is_missing_is_a_mistake_of_key_store(tmp_path: Path) -> None:
    with pytest.raises(Mistakes, match=r"signing\.key_store: .*there is no key store"):
        with_stored_keys(configuration(tmp_path, "store:example.com"), NOWHERE)


def test_a_change_of_other_things_is_none(store: DatabaseKeyStore, tmp_path: Path) -> None:
    stored = StoredDomains(f"{tmp_path}/keys.db")
    stored.read([DOMAIN])
    other = replace(managed(tmp_path, "r1"), domain=DomainName.parse(b"example.net"))
    keep(store, other)
    stored.note_use()
    assert not stored.changed()


def test_a_change_is_told_once(store: DatabaseKeyStore, tmp_path: Path) -> None:
    stored = StoredDomains(f"{tmp_path}/keys.db")
    stored.read([DOMAIN])
    keep(store, replace(managed(tmp_path, "r1"), state=KeyState.DRAINING))
    assert (stored.changed(), stored.changed()) == (True, False)


def test_a_store_that_is_away_is_told_once(store: DatabaseKeyStore, tmp_path: Path) -> None:
    stored = StoredDomains(f"{tmp_path}/keys.db")
    stored.read([DOMAIN])
    (tmp_path / "keys.db").rename(tmp_path / "gone")
    with pytest.raises(StoreError):
        stored.changed()
    assert not stored.changed()


def test_a_key_that_is_revoked_is_found_by_no_name(store: DatabaseKeyStore, tmp_path: Path) -> None:
    names = StoredNames(f"{tmp_path}/keys.db")
    assert names.find("r1._domainkey.example.com").algorithm == "rsa-sha256"
    keep(store, replace(managed(tmp_path, "r1"), state=KeyState.REVOKED))
    with pytest.raises(KeyMaterialError, match="no key of that name signs"):
        names.find("r1._domainkey.example.com")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "no URI"), ("/etc/k.pem", "no URI"), ("file://host/k", "no URI"),
        ("file:/k#x", "no URI"), ("file:/k?x", "no URI"), ("file:/k?mode=0", "is none of"),
        ("unheard:/k", "no installed package brings unheard"), ("file:/absent", "No such file"),
        ("pkcs11:token=a", "needs token"), ("signer:/s", "needs key"),
        ("signer:/nowhere/s?key=x", "the signer: "), ("file:/\udc80", "No such file"),
    ],
)  # fmt: skip
def test_a_place_that_holds_no_key_is_named(uri: str, why: str) -> None:
    with pytest.raises(KeyMaterialError, match=why):
        open_private(uri)


def test_a_path_may_have_any_characters() -> None:
    uri = file_uri("/a b?c#d;e", "/p&q=r")
    place = Place.parse(uri)
    assert (place.path, place.option("passphrase-file")) == ("/a b?c#d;e", "/p&q=r")


def test_a_token_and_a_signer_cost_nothing_where_there_is_none() -> None:
    code = (
        "import sys, avowal.stored_keys;"
        "print({'avowal.keys.token', 'avowal.keys.signer', 'pkcs11', 'sqlite3'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ran.stdout == b"set()\n"
