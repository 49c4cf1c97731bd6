"""Signing rules of a table: in a file, in a database, for thousands of authors."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from avowal import rule_tables
from avowal.app import plan
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.flow.plan import Plan, SigningRule
from avowal.names import DomainName
from avowal.testing import ED25519

KEYS = "".join(
    f'[keys.{name}]\ndomain = "example.com"\nselector = "{name}"\n'
    f"inline = '''{ED25519.pem().decode()}'''\n"
    for name in ("main", "ed")
)


def compiled(table: str, more: str = "") -> Plan:
    text = f'{KEYS}\n[signing]\nrules_table = "{table}"\n{more}'
    loaded = parse(text.encode(), file="avowal.toml")
    return plan(loaded.configuration, loaded.places)


def rule_of(found: Plan, address: str) -> SigningRule:
    local, _, domain = address.partition("@")
    return found.rules.find(local.encode(), DomainName.parse(domain.encode()))[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.write_text(
        "# PATTERN  KEYS\n"
        "alice@example.com  main,ed\n"
        "*@news.example.com main:news@%\n"
        "example.com        ed\n"
    )
    return path


@pytest.fixture
def database(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "mail.db")) as opened:
        opened.execute("CREATE TABLE rules (author TEXT, key_names TEXT, identity TEXT)")
        rows = [("alice@example.com", "main,ed", None), ("*@news.example.com", "main", "news@%")]
        rows += [(f"user{n}@example.com", "ed", None) for n in range(5000)]
        opened.executemany("INSERT INTO rules VALUES (?, ?, ?)", rows)
        opened.commit()
    columns = "table=rules?keycol=author?datacol=key_names,identity"
    directory = str(tmp_path).replace("/", "=2F")
    return f"dsn:sqlite3://{directory}/mail.db/{columns}"


def test_a_file_holds_rules(file: Path) -> None:
    found = compiled(f"file:{file}")
    alice = rule_of(found, "alice@example.com")
    assert [use.name for use in alice.keys] == ["main", "ed"]
    assert rule_of(found, "x@news.example.com").identity == "news@%"
    assert [use.name for use in rule_of(found, "bob@example.com").keys] == ["ed"]


def test_a_rule_says_where_it_stands(file: Path) -> None:
    assert str(rule_of(compiled(f"file:{file}"), "bob@example.com").place) == f"file:{file} line 4"


def test_rules_of_the_configuration_stand_in_front(file: Path) -> None:
    own = '[[signing.rules]]\nfrom = "alice@example.com"\nkeys = ["ed"]\n'
    alice = rule_of(compiled(f"file:{file}", own), "alice@example.com")
    assert (alice.option, [use.name for use in alice.keys]) == ("signing.rules[1]", ["ed"])


def test_a_database_holds_thousands(database: str) -> None:
    pytest.importorskip("sqlalchemy")
    found = compiled(database)
    assert len(found.rules) == 5002
    assert rule_of(found, "alice@example.com").identity is None
    assert rule_of(found, "x@news.example.com").identity == "news@%"
    assert [use.name for use in rule_of(found, "user4999@example.com").keys] == ["ed"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a@example.com\n", "a@example.com: no key is named", id="no-key"),
        pytest.param("a@example.com mian\n", "there is no key mian", id="an-unknown-key"),
        pytest.param("@example.com main\n", "is no pattern for addresses", id="no-pattern"),
    ],
)
def test_a_bad_row_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules").write_text("example.com main\n" + text)
    with pytest.raises(ConfigError) as refused:
        compiled(f"file:{tmp_path}/rules")
    assert said in str(refused.value)
    assert "rules" in str(refused.value)
    assert "line 2" in str(refused.value) or ":2:" in str(refused.value)


@pytest.mark.parametrize(
    "table", ["file:/nowhere/rules", "csl:a=b", "dsn:nonsense", "lua:x", "rules"]
)
def test_a_table_that_cannot_be_read_is_told(table: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compiled(table)
    assert refused.value.key == "signing.rules_table"


def test_more_rows_than_are_taken_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_tables, "MOST_ROWS", 2)
    with pytest.raises(ConfigError, match="over 2 rows"):
        compiled(f"file:{file}")
