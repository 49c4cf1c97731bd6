"""Data sets by their specification: lists, files, patterns, SQL, LMDB."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from avowal.errors import StoreError, SyntaxFault
from avowal.stores.datasets import kind_of, split_fields
from avowal.stores.dsn import Source, SqlSet
from avowal.stores.keyed import BerkeleySet, LmdbSet
from avowal.stores.opening import open_data_set


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "set"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("csl:a,b", ("csl", "a,b")), ("a, b", ("csl", "a, b")), ("file:x", ("file", "x")),
        ("/etc/x", ("file", "/etc/x")), ("/etc/x.db", ("db", "/etc/x.db")),
        ("refile:/x", ("refile", "/x")), ("mdb:/x", ("mdb", "/x")), ("a=b:c", ("csl", "a=b:c")),
        ("default=%:s:/k/%", ("csl", "default=%:s:/k/%")), ("2001:db8::1", ("csl", "2001:db8::1")),
    ],
)  # fmt: skip
def test_the_specification_tells_the_kind(spec: str, kind: tuple[str, str]) -> None:
    assert kind_of(spec) == kind


@pytest.mark.parametrize(
    "spec", ["ldap://x", "lua:/x", "memcache:x/y", "erlang:n@h:c:m:f", "odd:x"]
)
def test_unsupported_kinds_are_named(spec: str) -> None:
    with pytest.raises(SyntaxFault, match="data set"):
        open_data_set(spec)


@pytest.mark.parametrize(
    ("spec", "key", "found"),
    [
        ("csl:a,b", "b", ("",)), ("a , b", "b", ("",)), ("A", "a", ("",)), ("a", "c", None),
        ("a=1:2", "a", ("1", "2")), ("a=1=2", "a", ("1=2",)), ("", "", None),
    ],
)  # fmt: skip
def test_a_list_is_looked_up(spec: str, key: str, found: tuple[str, ...] | None) -> None:
    assert open_data_set(spec).find(key, 2) == found


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        pytest.param("a\n", "a", ("",), id="a bare key"),
        pytest.param("  a \t b:c \n", "a", ("b", "c"), id="white space between"),
        pytest.param("A x # y\n", "a", ("x",), id="case and comment"),
        pytest.param("a x\na y\n", "a", ("x",), id="the first of equal keys"),
        pytest.param("a x:y:z\n", "a", ("x", "y:z"), id="the last field takes the rest"),
        pytest.param("# a\n\n", "a", None, id="nothing"),
    ],
)
def test_a_file_is_looked_up(
    text: str, key: str, found: tuple[str, ...] | None, tmp_path: Path
) -> None:
    assert open_data_set(f"file:{file(tmp_path, text)}").find(key, 2) == found


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="absent: No such file"):
        open_data_set(f"file:{tmp_path / 'absent'}")


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("*@example.com", "a@example.com", True), ("*@example.com", "a@example.com.org", False),
        ("a*c*e", "abcde", True), ("a*c*e", "abde", False), ("ab*ba", "aba", False),
        ("*", "", True), ("a.c", "abc", False), ("A@B", "a@b", True), ("a", "ab", False),
    ],
)  # fmt: skip
def test_only_the_star_is_special_in_patterns(
    pattern: str, key: str, fits: bool, tmp_path: Path
) -> None:
    found = open_data_set(f"refile:{file(tmp_path, pattern + ' x')}").find(key)
    assert (found is not None) is fits


def test_patterns_match_in_time_linear_in_the_key(tmp_path: Path) -> None:
    data = open_data_set(f"refile:{file(tmp_path, 'a*' * 200 + 'b x')}")
    assert data.find("a" * 200_000) is None


def test_fields_lose_the_space_around_them() -> None:
    assert split_fields(" a : b ", 3) == ("a", "b")


# -- SQL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "mysql://u:p=40ss@3306+db.example/dkim/table=keys?keycol=id?datacol=a,b",
            ("mysql", "u", "p@ss", "db.example", 3306, "dkim", "keys", "id", ("a", "b"), None),
            id="all of it",
        ),
        pytest.param(
            "pgsql://db/dkim/table=t?keycol=k?datacol=v?filter=on=20=3D=20true",
            ("pgsql", None, None, "db", None, "dkim", "t", "k", ("v",), "on = true"),
            id="escapes and a filter",
        ),
        pytest.param(
            "sqlite3:///var/lib/dkim.db/table=t?keycol=k?datacol=v",
            ("sqlite3", None, None, "var/lib", None, "dkim.db", "t", "k", ("v",), None),
            id="a file",
        ),
    ],
)
def test_a_dsn_is_taken_apart(text: str, expected: tuple[object, ...]) -> None:
    source = Source.parse(text)
    assert (
        source.backend, source.user, source.password, source.host, source.port, source.database,
        source.table, source.key_column, source.data_columns, source.filter,
    ) == expected  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("mysql", id="no form"),
        pytest.param("oracle://h/d/table=t?keycol=k?datacol=v", id="no driver"),
        pytest.param("mysql://h/d/table=t?keycol=k", id="no columns"),
        pytest.param("mysql://h/d/table=t=3B?keycol=k?datacol=v", id="SQL in a name"),
        pytest.param("mysql://h/d/tabel=t", id="an unknown option"),
    ],
)
def test_a_dsn_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SyntaxFault):
        Source.parse(text)


@pytest.fixture
def database(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "keys.db") as connection:
        connection.execute("CREATE TABLE dkim (id TEXT, domain TEXT, selector TEXT, on_ INTEGER)")
        connection.executemany(
            "INSERT INTO dkim VALUES (?, ?, ?, ?)",
            [("k1", "example.com", "s1", 1), ("k2", "example.net", None, 0)],
        )
    connection.close()
    directory = str(tmp_path).replace("/", "=2F")
    return f"dsn:sqlite3://{directory}/keys.db/table=dkim?keycol=id?datacol=domain,selector"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("k1", ("example.com", "s1")), ("k2", ("example.net", "")), ("k3", None),
        ("' OR 1=1 --", None),
    ],
)  # fmt: skip
def test_a_database_is_looked_up(database: str, key: str, found: tuple[str, ...] | None) -> None:
    with closing(open_data_set(database)) as data:
        assert data.find(key, 2) == found


def test_a_filter_narrows_a_database(database: str) -> None:
    with closing(open_data_set(f"{database}?filter=on_=20=3D=201")) as data:
        assert data.find("k2") is None


def test_a_database_can_be_listed(database: str) -> None:
    with closing(open_data_set(database)) as data:
        assert isinstance(data, SqlSet)
        assert [(row.key, row.value) for row in data] == [
            ("k1", "example.com:s1"),
            ("k2", "example.net:"),
        ]


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    spec = "dsn:pgsql://u:secret@1+127.0.0.1/d/table=t?keycol=k?datacol=v"
    with pytest.raises(StoreError, match=r"dsn:pgsql://127\.0\.0\.1/d/t") as caught:
        open_data_set(spec)
    assert "secret" not in str(caught.value)


# -- key-value files -----------------------------------------------------------------------------


def test_an_lmdb_environment_is_looked_up(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"example.com", b"a:b\0")
    data = open_data_set(f"mdb:{tmp_path}")
    assert isinstance(data, LmdbSet)
    assert data.find("EXAMPLE.com", 2) == ("a", "b")
    assert data.find("absent") is None


def test_a_berkeley_db_is_looked_up(tmp_path: Path) -> None:
    db = pytest.importorskip("berkeleydb").db
    made = db.DB()
    made.open(str(tmp_path / "x.db"), dbtype=db.DB_HASH, flags=db.DB_CREATE)
    made.put(b"example.com", b"a:b")
    made.close()
    data = open_data_set(str(tmp_path / "x.db"))
    assert isinstance(data, BerkeleySet)
    assert data.find("example.com", 2) == ("a", "b")


@pytest.mark.parametrize("spec", ["mdb:/absent", "db:/absent.db"])
def test_a_key_value_file_that_is_not_there_is_named(spec: str) -> None:
    pytest.importorskip("lmdb" if spec.startswith("mdb") else "berkeleydb")
    with pytest.raises(StoreError, match="absent"):
        open_data_set(spec)
