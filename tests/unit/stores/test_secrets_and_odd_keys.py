"""No password of a data source is shown anywhere; no key of a stranger's stops a look-up."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.config.redaction import redacted
from avowal.errors import AvowalError
from avowal.keys.opendkim import KeyTable
from avowal.opendkim.command import run
from avowal.opendkim.query_mode import query
from avowal.opendkim.settings import compiled
from avowal.stores.dsn import Source, SqlSet
from avowal.stores.opening import open_data_set, why_not

SECRET = "s3cret"
_REST = "db.example/mail/table=t?keycol=k?datacol=v"
SPECS = [
    pytest.param(f"dsn:pgsql://mail:{SECRET}@1+127.0.0.1/d/table=t?keycol=k?datacol=v", id="whole"),
    pytest.param(f"dsn:pgsql://mail:{SECRET}@127.0.0.1/d", id="no-columns"),
    pytest.param(f"dsn:pgsql://mail:{SECRET}@127.0.0.1", id="no-database"),
    pytest.param(f"dsn:oracle://mail:{SECRET}@h/d/table=t?keycol=k?datacol=v", id="no-driver"),
    pytest.param(f"dsn:pgsql://mail:p/{SECRET}@{_REST}", id="a-slash-in-it"),
    pytest.param(f"dsn:pgsql://mail:p@{SECRET}@{_REST}", id="an-at-in-it"),
    pytest.param(f"dsn:pgsql://mail:p=2F{SECRET}@1+{_REST}", id="escaped"),
    pytest.param(f"dsn:pgsql://mail:p/x={SECRET}@h/d", id="like-an-option"),
    pytest.param(f"pgsql://mail:{SECRET}@{_REST}", id="without-dsn"),
    pytest.param(f"dns:pgsql://mail:{SECRET}@{_REST}", id="misspelled"),
    pytest.param(f"dsn:mysql://mail:{SECRET}@h/d/tabel=t", id="unknown-option"),
]


@pytest.mark.parametrize("spec", SPECS)
def test_no_error_shows_a_password(spec: str) -> None:
    with pytest.raises(AvowalError) as caught:
        open_data_set(spec)
    assert SECRET not in f"{caught.value!r} {caught.value} {why_not(caught.value)}"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("option", ["KeyTable", "InternalHosts", "TestDNSData", "Mode", "Minimum"])
def test_no_error_of_a_configuration_shows_a_password(
    tmp_path: Path, spec: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "opendkim.conf"
    path.write_text(f"{option} {spec}\nSigningTable {spec}\n")
    conf = read_conf(str(path))
    assert SECRET not in repr(conf)
    with pytest.raises(AvowalError) as caught:
        compiled(conf)
    assert SECRET not in str(caught.value)
    assert run(["-n", "-x", str(path)]) != 0
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("spec", SPECS)
def test_query_mode_shows_no_password(spec: str) -> None:
    out, complaints = io.StringIO(), io.StringIO()
    assert query(io.StringIO(f"{spec}\nk/1\n"), out, complaints) == 70
    assert SECRET not in out.getvalue() + complaints.getvalue()


def test_no_repr_shows_a_password(tmp_path: Path) -> None:
    assert SECRET not in repr(Source.parse(f"pgsql://mail:{SECRET}@{_REST}"))
    sqlite3.connect(tmp_path / "d").execute("CREATE TABLE t (k, v)").connection.close()
    directory = str(tmp_path).replace("/", "=2F")
    with closing(SqlSet(f"sqlite3://u:{SECRET}@{directory}/d/table=t?keycol=k?datacol=v")) as data:
        assert SECRET not in repr(data)


def test_a_list_of_keys_is_not_named_by_its_contents() -> None:
    table = KeyTable(open_data_set(f"csl:k=bad..domain:s:{SECRET}"))
    with pytest.raises(AvowalError) as caught:
        table.key("k", "example.com")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dsn:pgsql://u:p@h/d", "dsn:pgsql://u:***@h/d"),
        ("-d dsn:mysql://u:p@h/d -s x@y", "-d dsn:mysql://u:***@h/d -s x@y"),
        ("https://h:8080/a and b@c", "https://h:8080/a and b@c"),
        ("csl:a=b:c", "csl:a=b:c"),
        ("inet:8891@localhost", "inet:8891@localhost"),
    ],
)
def test_a_password_is_taken_out_and_nothing_else(text: str, expected: str) -> None:
    assert redacted(text) == expected


# -- keys ------------------------------------------------------------------------------------

LATIN_1 = b"j\xf6rg@example.com".decode("utf-8", "surrogateescape")
ODD = [
    pytest.param(LATIN_1, id="latin-1"),
    pytest.param("\ud800", id="half-a-character"),
    pytest.param("a\0b", id="NUL"),
    pytest.param("", id="nothing"),
    pytest.param("x" * 100_000, id="very-long"),
    pytest.param("\U0001f600", id="beyond-the-basic-plane"),
    pytest.param("%_'\"\\;--", id="punctuation"),
]


@pytest.fixture(params=["dsn", "mdb", "db", "file", "refile", "csl"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    kind = request.param
    path = tmp_path / "set"
    if kind == "dsn":
        sqlite3.connect(path).execute("CREATE TABLE t (k TEXT, v TEXT)").connection.close()
        directory = str(tmp_path).replace("/", "=2F")
        return open_data_set(f"dsn:sqlite3://{directory}/set/table=t?keycol=k?datacol=v")
    if kind == "mdb":
        lmdb = pytest.importorskip("lmdb")
        lmdb.open(str(path)).close()
    elif kind == "db":
        berkeleydb = pytest.importorskip("berkeleydb")
        made = berkeleydb.db.DB()
        made.open(str(path), dbtype=berkeleydb.db.DB_HASH, flags=berkeleydb.db.DB_CREATE)
        made.put(b"other", b"x")
        made.close()
    else:
        path.write_text("other x\n")
    return open_data_set("csl:other=x" if kind == "csl" else f"{kind}:{path}")


@pytest.mark.parametrize("key", ODD)
def test_a_key_that_no_row_can_have_is_not_there(data: Any, key: str) -> None:
    assert data.find(key) is None


def test_a_key_is_found_by_its_octets(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(tmp_path / "d")) as environment, environment.begin(write=True) as writing:
        writing.put(b"j\xf6rg@example.com", b"k\xf6y")
    found = open_data_set(f"mdb:{tmp_path / 'd'}").find(LATIN_1)
    assert found == (b"k\xf6y".decode("utf-8", "surrogateescape"),)
    out = io.StringIO()
    query(io.StringIO(f"mdb:{tmp_path / 'd'}\n{LATIN_1}/1\n"), out, io.StringIO())
    assert out.getvalue() == "'k\\xf6y'\n"


@pytest.mark.parametrize("asked", ["k/\u00b2", "k/" + "9" * 5000, "k/-1", "k", "k/x"])
def test_an_odd_number_of_fields_is_an_invalid_query(asked: str) -> None:
    assert query(io.StringIO(f"csl:k=v\n{asked}\n"), io.StringIO(), io.StringIO()) == 64


def test_an_environment_may_be_opened_again_while_it_is_open(tmp_path: Path) -> None:
    """Two tables in one file, and a reload while the old configuration is still at work."""
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as writing:
        writing.put(b"a", b"1")
    first = open_data_set(f"mdb:{tmp_path}")
    second = open_data_set(f"mdb:{tmp_path}")
    assert first.find("a") == second.find("a") == ("1",)
    del first
    assert second.find("a") == ("1",)


@pytest.mark.parametrize(
    ("text", "secret", "shown"),
    [
        pytest.param(
            "psycopg: port 1, password p", "p", "psycopg: port 1, password ***", id="short"
        ),
        pytest.param("user=u password='abc'", "abc", "user=u password='***'", id="quoted"),
        pytest.param("xsecret9y", "secret9", "x***y", id="long-ones-anywhere"),
    ],
)
def test_a_password_is_taken_out_and_its_letters_are_not_told(
    text: str, secret: str, shown: str
) -> None:
    assert redacted(text, secret) == shown
