from __future__ import annotations

import time

import pytest

from avowal.config.addresses import AddressPattern, AddressTable, Order
from avowal.errors import SyntaxFault
from avowal.names import DomainName


def table(*patterns: str) -> AddressTable[str]:
    return AddressTable([(AddressPattern.parse(p), p) for p in patterns])


def found(rows: AddressTable[str], address: str, order: Order = "table") -> list[str]:
    local, _, domain = address.rpartition("@")
    return rows.find(local.encode(), DomainName.parse(domain.encode()), order)


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        pytest.param("a@example.com", "a@example.com", True, id="address"),
        pytest.param("a@example.com", "b@example.com", False, id="other-user"),
        pytest.param("A@Example.COM", "a@example.com", True, id="pattern-in-capitals"),
        pytest.param("a@example.com", "A@EXAMPLE.com", True, id="address-in-capitals"),
        pytest.param("example.com", "any@example.com", True, id="domain"),
        pytest.param("example.com", "any@sub.example.com", False, id="domain-without-subdomains"),
        pytest.param(".example.com", "a@sub.example.com", True, id="below"),
        pytest.param(".example.com", "a@deep.sub.example.com", True, id="far-below"),
        pytest.param(".example.com", "a@example.com", False, id="below-is-not-the-domain"),
        pytest.param("a@.example.com", "a@sub.example.com", True, id="user-below"),
        pytest.param("a@.example.com", "b@sub.example.com", False, id="other-user-below"),
        pytest.param("*", "a@example.com", True, id="star"),
        pytest.param("*@*", "a@example.com", True, id="stars"),
        pytest.param("a@*", "a@example.com", True, id="user-anywhere"),
        pytest.param("a@*", "b@example.com", False, id="other-user-anywhere"),
        pytest.param("*@example.com", "a@example.com", True, id="star-user"),
        pytest.param("*@*.example.com", "a@sub.example.com", True, id="star-label"),
        pytest.param("*@*.example.com", "a@example.com", False, id="star-label-needs-a-label"),
        pytest.param("j*n@example.com", "john@example.com", True, id="star-inside-user"),
        pytest.param("j*n@example.com", "joe@example.com", False, id="star-inside-other-user"),
        pytest.param("ab*ba@example.com", "aba@example.com", False, id="pieces-do-not-overlap"),
        pytest.param("*example.com", "a@badexample.com", True, id="fragment"),
        pytest.param("*@exam*.com", "a@example.com", True, id="star-inside-domain"),
        pytest.param("*@exam*.com", "a@sample.com", False, id="star-inside-other-domain"),
        pytest.param("bücher.example", "a@xn--bcher-kva.example", True, id="u-label"),
        pytest.param("a@b@example.com", "a@b@example.com", True, id="the-last-at-counts"),
        pytest.param("+tag*@example.com", "+tag.x@example.com", True, id="plain-characters"),
    ],
)
def test_a_pattern_fits(pattern: str, address: str, fits: bool) -> None:
    assert bool(found(table(pattern), address)) is fits


def test_the_table_order_takes_the_higher_row_first() -> None:
    rows = table("*", "example.com", "a@example.com", ".com")
    assert found(rows, "a@example.com") == ["*", "example.com", "a@example.com", ".com"]


def test_the_specific_order_is_that_of_opendkim() -> None:
    # as measured (keys.opendkim.probes): level by level, not as opendkim.conf(5) lists it
    rows = table(
        "*", "a@*", ".com", ".example.com", "a@.com", "a@.example.com", "mail.example.com",
        "a@mail.example.com",
    )  # fmt: skip
    assert found(rows, "a@mail.example.com", "specific") == [
        "a@mail.example.com", "mail.example.com", "a@.example.com", ".example.com", "a@.com",
        ".com", "a@*", "*",
    ]  # fmt: skip


def test_equal_patterns_stay_in_order() -> None:
    rows = AddressTable([(AddressPattern.parse("example.com"), n) for n in range(3)])
    assert rows.find(b"a", DomainName.parse(b"example.com")) == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "@example.com", "a@exa mple.com", "a@..com", "a@-\x00"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(SyntaxFault):
        AddressPattern.parse(text)


def test_a_lookup_does_not_grow_with_the_table() -> None:
    def seconds(rows: AddressTable[str]) -> float:
        started = time.thread_time()
        for _ in range(300):
            found(rows, "user@host.example.com")
        return time.thread_time() - started

    small = table(*(f"u{n}@d{n}.example" for n in range(10)))
    large = table(*(f"u{n}@d{n}.example" for n in range(20_000)))
    assert min(seconds(large) for _ in range(3)) < 5 * min(seconds(small) for _ in range(3))
