"""The key store in a real PostgreSQL: the facts of all kinds, and two hosts that share it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.database_servers import postgresql
from tests.key_store_facts import FACTS, KEY, NOW, ROTATION, change, holds

from avowal.errors import StoreAwayError, StoreError
from avowal.keys.audit import first_fault
from avowal.keys.store import ConflictError, KeyStore
from avowal.stores.key_schema import NEWEST
from avowal.stores.key_stores import (
    back_up,
    create_key_store,
    migrate_key_store,
    open_key_store,
    restore,
)

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("psycopg")
_NUMBERS = itertools.count()
pytestmark = pytest.mark.needs("setpriv")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as port:
        yield f"postgresql://avowal@127.0.0.1:{port}"


@pytest.fixture
def name(server: str) -> str:
    engine = sqlalchemy.create_engine(server.replace(":", "+psycopg:", 1) + "/template1")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        made = f"keys{next(_NUMBERS)}"
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {made} STRATEGY file_copy"))
    engine.dispose()
    return f"{server}/{made}"


def run(name: str, statement: str) -> None:
    engine = sqlalchemy.create_engine(name.replace(":", "+psycopg:", 1))
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))
    finally:
        engine.dispose()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_it_keeps_the_facts_of_every_kind(
    fact: Callable[[KeyStore, KeyStore], None], name: str
) -> None:
    with closing(create_key_store(name)) as one, closing(open_key_store(name)) as two:
        assert holds(fact, one, two)


def test_two_hosts_have_one_leader_and_the_other_takes_over(name: str) -> None:
    """Each host counts one step of a rotation per turn, as often as it is the leader."""
    create_key_store(name).close()
    clock = iter(range(NOW, NOW + 10_000))
    told, guard = [], threading.Lock()

    def host(me: str, turns: int) -> None:
        with closing(open_key_store(name)) as store:
            for _ in range(turns):
                with guard:
                    now = next(clock)
                lease = store.take_lease("rotation", me, now=now, seconds=5)
                if lease is not None:
                    with suppress(ConflictError):
                        told.append((_step(store, lease, now), me))

    hosts = [threading.Thread(target=host, args=(f"mx{n}", 30)) for n in (1, 2)]
    for one in hosts:
        one.start()
    for one in hosts:
        one.join()
    with closing(open_key_store(name)) as store:
        (rotation,) = store.rotations()
        log = list(store.audit())
        assert first_fault(log) is None
        assert [int(entry.subject) for entry in log] == list(range(1, rotation.version + 1))
        last = store.leader("rotation")
        assert last is not None
        heir = store.take_lease("rotation", "mx3", now=last.until, seconds=5)
        assert heir is not None
        with pytest.raises(ConflictError, match="mx3"):
            _step(store, last, last.until)
    assert sorted(version for version, _ in told) == list(range(1, rotation.version + 1))


def _step(store: KeyStore, lease: object, now: int) -> int:
    rotation = next(iter(store.rotations()), ROTATION)
    number = rotation.version + 1
    deed = replace(change().deeds[0], subject=str(number))
    store.commit(change(rotations=(rotation,), deeds=(deed,), lease=lease, at=now))
    return number


def test_the_audit_log_cannot_be_changed_by_a_statement(name: str) -> None:
    with closing(create_key_store(name)) as store:
        store.commit(change(keys=(KEY,)))
    for statement in ("UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(Exception, match="only added to"):
            run(name, statement)


def test_a_backup_of_sqlite_is_restored_and_versions_go_both_ways(
    name: str, tmp_path: Path
) -> None:
    with closing(create_key_store(f"{tmp_path}/keys")) as store:
        store.commit(change(keys=(KEY,)))
        back_up(store, str(tmp_path / "backup"))
    restore(name, str(tmp_path / "backup")).close()
    assert migrate_key_store(name, 1) == NEWEST
    with pytest.raises(StoreError, match="migrate"):
        open_key_store(name)
    assert migrate_key_store(name) == 1
    with closing(open_key_store(name)) as store:
        assert store.keys() == (KEY,)


def test_a_database_that_the_server_does_not_know_is_not_waited_for(server: str) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        open_key_store(f"{server}/none")
    assert not isinstance(caught.value, StoreAwayError)


def test_a_server_that_is_away_is_named_without_the_password(unused_tcp_port: int) -> None:
    with pytest.raises(StoreAwayError, match="postgresql://u:") as caught:
        open_key_store(f"postgresql://u:secret@127.0.0.1:{unused_tcp_port}/d")
    assert "secret" not in str(caught.value)
