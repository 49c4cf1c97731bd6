"""Tables in real databases: one `dsn:` each for PostgreSQL and MariaDB, over loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.database_servers import directory, free_port, postgresql, serving, unprivileged
from tests.milters import AVOWAL, Milter, inserted
from tests.mta.session import Transaction

from avowal.errors import StoreError
from avowal.stores.dsn import SqlSet
from avowal.testing import RSA_2048, message

sqlalchemy = pytest.importorskip("sqlalchemy")

_PLAIN_ROOT = "--auth-root-authentication-method=normal"
_SCHEMA = (
    "CREATE TABLE authors (author VARCHAR(100) PRIMARY KEY, key_name VARCHAR(50))",
    """CREATE TABLE dkim (name VARCHAR(50) PRIMARY KEY, domain VARCHAR(100),
       selector VARCHAR(63), private_key TEXT, active INTEGER)""",
)


def _fill(connection: object) -> None:
    assert isinstance(connection, sqlalchemy.Connection)
    for statement in _SCHEMA:
        connection.execute(sqlalchemy.text(statement))
    connection.execute(
        sqlalchemy.text("INSERT INTO authors VALUES ('example.com', 'main'), ('o''x', 'odd')")
    )
    connection.execute(
        sqlalchemy.text(
            "INSERT INTO dkim VALUES ('main', 'example.com', 's1', :key, 1),"
            " ('odd', 'example.net', NULL, 'ü', 0)"
        ),
        {"key": RSA_2048.pem().decode()},
    )


@contextmanager
def postgresql_server() -> Iterator[str]:
    with postgresql(_fill) as port:
        yield f"dsn:pgsql://avowal@{port}+127.0.0.1/postgres"


@contextmanager
def _mariadb() -> Iterator[str]:
    with directory() as place:
        data, port = str(place / "data"), free_port()
        common = ["--no-defaults", f"--datadir={data}"]
        subprocess.run(
            [*unprivileged(), "mariadb-install-db", *common, _PLAIN_ROOT, "--skip-test-db"],
            check=True, capture_output=True, cwd=place,
        )  # fmt: skip
        command = [
            "/usr/sbin/mariadbd", *common, "--bind-address=127.0.0.1", f"--port={port}",
            f"--socket={place}/s", f"--pid-file={place}/pid",
            "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        with serving(command, f"mysql+pymysql://root@127.0.0.1:{port}/mysql", _fill):
            yield f"dsn:mysql://root@{port}+127.0.0.1/mysql"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            (postgresql_server, "psycopg"), id="PostgreSQL",
            marks=pytest.mark.needs("setpriv"),
        ),
        pytest.param(
            (_mariadb, "pymysql"), id="MariaDB",
            marks=pytest.mark.needs("mariadbd", "mariadb-install-db", "setpriv"),
        ),
    ],
)  # fmt: skip
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    server, driver = request.param
    pytest.importorskip(driver)
    with server() as made:
        yield made


def _authors(dsn: str) -> str:
    return f"{dsn}/table=authors?keycol=author?datacol=key_name"


def _keys(dsn: str) -> str:
    return f"{dsn}/table=dkim?keycol=name?datacol=domain,selector,private_key"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        pytest.param("odd", ("example.net", "", "ü"), id="NULL and UTF-8"),
        pytest.param("absent", None, id="no row"),
        pytest.param("' OR '1'='1", None, id="SQL in a key"),
        pytest.param("a:b%c", None, id="what drivers give a meaning"),
    ],
)
def test_a_row_is_found_by_its_key(dsn: str, key: str, found: tuple[str, ...] | None) -> None:
    with closing(SqlSet(_keys(dsn).removeprefix("dsn:"))) as data:
        assert data.find(key, 3) == found


def test_a_quote_in_a_key_is_no_end_of_it(dsn: str) -> None:
    with closing(SqlSet(_authors(dsn).removeprefix("dsn:"))) as data:
        assert data.find("o'x") == ("odd",)


def test_a_filter_is_part_of_every_lookup(dsn: str) -> None:
    with closing(SqlSet(f"{_keys(dsn)}?filter=active=20=3D=201".removeprefix("dsn:"))) as data:
        assert data.find("odd", 3) is None
        assert data.find("main", 1) == ("example.com",)


def test_a_table_that_is_not_there_stops_the_start(dsn: str) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        SqlSet(f"{dsn}/table=nowhere?keycol=a?datacol=b".removeprefix("dsn:"))


def test_both_tables_in_a_database_sign_mail(dsn: str) -> None:
    conf = f"Background no\nMode s\nSigningTable {_authors(dsn)}\nKeyTable {_keys(dsn)}\n"
    with Milter(AVOWAL, conf) as milter:
        (outcome,) = milter.play(Transaction.of(message()))
    (signature,) = inserted(outcome, b"DKIM-Signature")
    assert b"d=example.com; s=s1;" in signature
