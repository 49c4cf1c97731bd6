"""Key stores: the facts of all kinds for SQLite and the directory; files, faults, versions."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.key_store_facts import FACTS, KEY, ROTATION, change, holds

from avowal.errors import StoreError
from avowal.keys.audit import first_fault
from avowal.keys.store import KeyStore
from avowal.stores.key_schema import MIGRATIONS, NEWEST
from avowal.stores.key_stores import (
    back_up,
    create_key_store,
    migrate_key_store,
    open_key_store,
    restore,
)

KINDS = ("sqlite", "directory")
FILES = {"sqlite": "", "directory": "/keys.jsonl"}


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:{tmp_path}/keys"


@pytest.fixture
def pair(name: str) -> Iterator[tuple[KeyStore, KeyStore]]:
    with closing(create_key_store(name)) as one, closing(open_key_store(name)) as two:
        yield one, two


def file_of(name: str) -> Path:
    kind, _, path = name.partition(":")
    return Path(path + FILES[kind])


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_every_kind_keeps_the_facts(
    fact: Callable[[KeyStore, KeyStore], None], pair: tuple[KeyStore, KeyStore]
) -> None:
    assert holds(fact, *pair)


def test_what_was_written_is_there_the_next_time(name: str) -> None:
    with closing(create_key_store(name)) as store:
        store.commit(change(keys=(KEY,)))
    with closing(open_key_store(name)) as store:
        assert store.keys() == (KEY,)


def test_a_store_that_is_not_there_is_not_made_by_opening_it(name: str) -> None:
    with pytest.raises(StoreError, match="avowal keys store create"):
        open_key_store(name)
    assert not Path(name.partition(":")[2]).exists()


def test_a_directory_that_is_not_there_is_named_with_what_makes_it(tmp_path: Path) -> None:
    """To make a store is no advice to whoever just tried."""
    with pytest.raises(StoreError, match=f"there is no directory {tmp_path}/gone: .*install -d"):
        create_key_store(f"sqlite:{tmp_path}/gone/keys")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("", "empty name", id="nothing"),
        pytest.param("directory:", "write directory:PATH", id="a directory without a path"),
        pytest.param("sqlite:", "write sqlite:PATH", id="a file without a path"),
        pytest.param("mysql://u:secret@h/d", "mysql://….*no such store", id="MySQL"),
        pytest.param("postgresqll://h/d", "no such store", id="a slip"),
    ],
)
def test_what_names_no_store_is_not_taken_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=said) as caught:
        create_key_store(name)
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_can_read_the_file(name: str) -> None:
    old = os.umask(0)
    try:
        with closing(create_key_store(name)) as store:
            store.commit(change(keys=(KEY,)))
    finally:
        os.umask(old)
    assert stat.S_IMODE(file_of(name).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o602, 0o604, 0o620])
def test_a_file_that_others_can_read_or_change_is_refused(name: str, mode: int) -> None:
    create_key_store(name).close()
    file_of(name).chmod(mode)
    with pytest.raises(StoreError, match="others may read or change it"):
        open_key_store(name)


def test_a_link_is_no_store(tmp_path: Path) -> None:
    create_key_store(f"{tmp_path}/keys").close()
    (tmp_path / "link").symlink_to("keys")
    with pytest.raises(StoreError, match="no regular file"):
        open_key_store(f"{tmp_path}/link")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"not a database" * 100, "no SQLite database", id="something else"),
        pytest.param(None, "no key store of avowal", id="another database"),
    ],
)
def test_what_is_no_key_store_is_left_alone(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "keys"
    if content is None:
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("CREATE TABLE t (a)")
    else:
        path.write_bytes(content)
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=said):
        create_key_store(str(path))
    assert path.read_bytes() == before


def test_a_locked_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avowal.stores.key_sqlite._WAIT_SECONDS", 0.0)
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"keys: another program holds it locked"):
            store.commit(change(keys=(KEY,)))


def test_a_full_disk_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store:
        store._database._connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]
        many = tuple(change(who="x" * 5000).deeds * 200)
        with pytest.raises(StoreError, match="the disk is full: nothing was written"):
            store.commit(change(keys=(KEY,), deeds=many))
        assert store.keys() == ()


def test_a_directory_that_is_locked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.stores.key_directory._WAIT_SECONDS", 0.0)
    with closing(create_key_store(f"directory:{tmp_path}/keys")) as store:
        with (tmp_path / "keys" / "lock").open() as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(StoreError, match="keys: another program holds it locked"):
                store.commit(change(keys=(KEY,)))
        store.commit(change(keys=(KEY,)))


def test_a_directory_on_a_full_disk_keeps_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(create_key_store(f"directory:{tmp_path}/keys")) as store:
        store.commit(change(keys=(KEY,)))
        with monkeypatch.context() as patch:
            patch.setattr("avowal.paths.replace", full)
            with pytest.raises(StoreError, match="the disk is full: nothing was written"):
                store.commit(change(keys=(replace(KEY, record="new"),)))
        assert store.keys() == (KEY,)


def test_a_store_where_others_may_put_another_is_refused(name: str, tmp_path: Path) -> None:
    create_key_store(name).close()
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="others may put files into it"):
        open_key_store(name)


def test_the_audit_log_cannot_be_changed_by_a_statement(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store:
        store.commit(change(keys=(KEY,)))
    with closing(sqlite3.connect(path)) as other:
        for statement in ("UPDATE audit_log SET who = 'x'", "DELETE FROM audit_log"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                other.execute(statement)


def test_who_takes_the_guard_away_is_found(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store:
        store.commit(change(keys=(KEY,)))
        store.commit(change(keys=(KEY,)))
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("DROP TRIGGER audit_log_no_UPDATE")
            other.execute("UPDATE audit_log SET who = 'x' WHERE number = 2")
        fault = first_fault(store.audit())
    assert fault is not None
    assert fault.number == 2


# -- versions of the schema ------------------------------------------------------------------


def test_migrations_lead_down_and_up_again_and_keep_the_keys(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store:
        store.commit(change(keys=(KEY,)))
    for to in (*range(NEWEST - 1, 0, -1), *range(2, NEWEST + 1)):
        migrate_key_store(path, to)
    with closing(open_key_store(path)) as store:
        assert store.keys() == (KEY,)
        assert first_fault(store.audit()) is None


def test_every_step_down_undoes_its_step_up() -> None:
    assert all(step.down for step in MIGRATIONS[1:])


def test_a_store_of_an_older_release_is_refused_until_it_is_migrated(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    create_key_store(path).close()
    migrate_key_store(path, NEWEST - 1)
    with pytest.raises(StoreError, match="run avowal keys store migrate"):
        open_key_store(path)


def test_a_release_stops_when_a_newer_one_migrates_the_store_beside_it(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    with closing(create_key_store(path)) as store:
        with closing(sqlite3.connect(path)) as newer, newer:
            newer.execute(
                "UPDATE avowal_keys_meta SET number = ? WHERE name = 'schema'", (NEWEST + 1,)
            )
        for call in (store.keys, lambda: store.commit(change(keys=(KEY,)))):
            with pytest.raises(StoreError, match=f"migrate --to {NEWEST}"):
                call()


def test_an_older_release_leaves_the_store_of_a_newer_one_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "keys")
    create_key_store(path).close()
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE avowal_keys_meta SET number = 99 WHERE name = 'schema'")
    with pytest.raises(StoreError, match="its schema is 99"):
        migrate_key_store(path)


# -- backups ---------------------------------------------------------------------------------


@pytest.mark.parametrize("to", KINDS)
def test_a_backup_is_restored_to_every_kind(name: str, to: str, tmp_path: Path) -> None:
    with closing(create_key_store(name)) as store:
        store.commit(change(keys=(KEY,)))
        assert back_up(store, str(tmp_path / "backup")) == 2
        with closing(restore(f"{to}:{tmp_path}/new", str(tmp_path / "backup"))) as new:
            assert (new.keys(), list(new.audit())) == (store.keys(), list(store.audit()))


def test_a_backup_is_never_written_over(name: str, tmp_path: Path) -> None:
    with closing(create_key_store(name)) as store:
        (tmp_path / "backup").write_text("mine")
        with pytest.raises(StoreError, match="exists already"):
            back_up(store, str(tmp_path / "backup"))


def test_a_store_with_content_is_not_restored_over(name: str, tmp_path: Path) -> None:
    with closing(create_key_store(name)) as store:
        store.commit(change(keys=(KEY,)))
        back_up(store, str(tmp_path / "backup"))
    with pytest.raises(StoreError, match="has content"):
        restore(name, str(tmp_path / "backup"))


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(lambda text: text[:-2], id="its last octets are gone"),
        pytest.param(lambda text: b"".join(text.splitlines(keepends=True)[:-1]), id="cut"),
        pytest.param(lambda text: text.replace(b"s1.pem", b"s2.pem"), id="changed"),
        pytest.param(lambda text: b"", id="empty"),
        pytest.param(lambda text: b"[]\n", id="something else"),
    ],
)
def test_half_a_backup_makes_no_store(tmp_path: Path, spoiled: Callable[[bytes], bytes]) -> None:
    backup = tmp_path / "backup"
    with closing(create_key_store(f"{tmp_path}/keys")) as store:
        store.commit(change(keys=(KEY,)))
        back_up(store, str(backup))
    backup.write_bytes(spoiled(backup.read_bytes()))
    with pytest.raises(StoreError, match="backup"):
        restore(f"{tmp_path}/new", str(backup))
    assert not (tmp_path / "new").exists()


def test_a_backup_larger_than_it_may_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.stores.key_stores.MAX_OCTETS", 10)
    (tmp_path / "backup").write_bytes(b"x" * 11)
    with pytest.raises(StoreError, match="too large"):
        restore(f"{tmp_path}/new", str(tmp_path / "backup"))


# -- killed at any moment --------------------------------------------------------------------

_WRITES = {
    "sqlite": frozenset({"execute"}),
    "directory": frozenset({"rename", "pwrite", "fsync", "fchmod", "open", "unlink", "close"}),
}


def _killed_writer(name: str, steps: int, version: int) -> int:
    """Commit in another process that kills itself at a step; return how it ended."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    left, writes = steps, _WRITES[name.partition(":")[0]]

    def step(frame: object, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and called.__name__ in writes:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        store = open_key_store(name)
        sys.setprofile(step)
        store.commit(change(rotations=(replace(ROTATION, version=version),)))
    finally:
        os._exit(0)


def test_a_writer_that_is_killed_at_any_step_leaves_all_of_its_change_or_nothing(
    name: str,
) -> None:
    create_key_store(name).close()
    ended, steps, version = -1, 0, 0
    while ended:
        ended = _killed_writer(name, steps, version)
        with closing(open_key_store(name)) as store:
            log = list(store.audit())
            before, version = version, max((one.version for one in store.rotations()), default=0)
        assert len(log) == version  # the change and what tells of it: both, or neither
        assert version in {before, before + 1}
        assert first_fault(log) is None
        steps += 1
    assert steps > 5
    assert version >= 1
