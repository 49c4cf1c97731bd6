"""KeyTable and SigningTable, in OpenDKIM's order of lookups."""

from __future__ import annotations

from pathlib import Path

import pytest

from avowal.errors import KeyMaterialError
from avowal.keys.opendkim import KeyTable, SigningRequest, SigningTable, TableKey, probes
from avowal.stores.opening import open_data_set


def key(row: str, author: str = "author.example") -> TableKey | None:
    return KeyTable(open_data_set(f"csl:name={row}")).key("name", author)


@pytest.mark.parametrize(
    ("row", "domain", "path", "inline", "algorithm"),
    [
        pytest.param("example.com:s:/k/a.pem", "example.com", "/k/a.pem", None, None, id="path"),
        pytest.param("%:s:/k/%.pem", "author.example", "/k/author.example.pem", None, None, id="%"),
        pytest.param("example.com:s:./a", "example.com", "./a", None, None, id="relative"),
        pytest.param("example.com:s:../a", "example.com", "../a", None, None, id="above"),
        pytest.param("example.com:s:MII%", "example.com", None, "MII%", None, id="the key itself"),
        pytest.param(
            "example.com:s:/k/a:ed25519-sha256", "example.com", "/k/a", None, "ed25519-sha256",
            id="algorithm",
        ),
        pytest.param("example.com:s:/k/a:b", "example.com", "/k/a:b", None, None, id="a colon"),
    ],
)  # fmt: skip
def test_a_row_names_domain_selector_and_key(
    row: str, domain: str, path: str | None, inline: str | None, algorithm: str | None
) -> None:
    found = key(row)
    assert found is not None
    assert (found.domain, found.path, found.inline, found.algorithm) == (
        domain, path, inline, algorithm,
    )  # fmt: skip


@pytest.mark.parametrize("row", ["example.com", "example.com:s", "example.com::/k", "a b:s:/k"])
def test_a_row_that_is_no_key_is_refused(row: str) -> None:
    with pytest.raises(KeyMaterialError, match="name"):
        key(row)


def test_an_unknown_name_is_none() -> None:
    assert KeyTable(open_data_set("csl:a=b")).key("c", "author.example") is None


def requests(table: str, author: str, *, every: bool = False) -> list[str]:
    local_part, _, domain = author.partition("@")
    found = SigningTable(open_data_set(table)).requests(local_part, domain, every=every)
    return [request.key for request in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("a@x.y.example x.y.example", "a@x.y.example"), ("x.y.example a@.y.example", "x.y.example"),
        ("a@.y.example .y.example", "a@.y.example"), (".y.example a@.example", ".y.example"),
        ("a@.example .example", "a@.example"), (".example a@*", ".example"), ("a@* *", "a@*"),
        ("* b@x.y.example", "*"),
    ],
)  # fmt: skip
def test_the_more_specific_row_comes_first(keys: str, expected: str) -> None:
    one, other = keys.split()
    for table in (f"csl:{one}={one},{other}={other}", f"csl:{other}={other},{one}={one}"):
        assert requests(table, "a@x.y.example") == [expected]


def test_every_match_signs_where_that_is_wanted() -> None:
    table = "csl:a@x.example=k1,x.example=k2,*=k3,b@x.example=k4"
    assert requests(table, "a@x.example", every=True) == ["k1", "k2", "k3"]


def test_patterns_count_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("*@y.example k1\n* k2\n*@x.example k3\n")
    assert requests(f"refile:{path}", "a@x.example", every=True) == ["k2", "k3"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("k", SigningRequest("k")), ("%", SigningRequest("x.example")),
        ("k:%", SigningRequest("k", "x.example")), ("k:b@%", SigningRequest("k", "b@x.example")),
        ("k:", SigningRequest("k")),
    ],
)  # fmt: skip
def test_a_percent_sign_is_the_authors_domain(value: str, expected: SigningRequest) -> None:
    table = SigningTable(open_data_set(f"csl:*={value}"))
    assert table.requests("a", "x.example") == (expected,)


def test_a_lookup_asks_as_often_as_the_domain_has_labels() -> None:
    assert len(list(probes("a", "a." * 100 + "example"))) == 2 * (101 + 1)
