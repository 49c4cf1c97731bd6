"""The product search: every combination up to a price, once, whatever the groups."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import product
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.diagnose.budget import Budget, Effort
from avowal.diagnose.header_search import HeaderSearch
from avowal.diagnose.header_slots import Alternative, Group
from avowal.diagnose.presence import was_present
from avowal.dkim.signature import Signature
from avowal.message import Field

PRICES = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=4)


def groups_of(prices: list[list[int]], known: set[tuple[int, int]]) -> list[Group]:
    return [
        Group(
            b"f%d" % number,
            tuple(
                Alternative(
                    price - min(row),
                    "",
                    (b"",),
                    (b"f%d:%d\r\n" % (number, at),),
                    fresh=(number, at) not in known,
                )
                for at, price in sorted(enumerate(row), key=lambda pair: pair[1])
            ),
        )
        for number, row in enumerate(prices)
    ]


def tried(groups: list[Group], before: int, most: int) -> list[bytes]:
    """What is compared in a search that finds nothing."""
    seen: list[bytes] = []

    def accepts(digest: bytes) -> bool:
        seen.append(digest)
        return False

    names = [group.name for group in groups]
    search = HeaderSearch(
        names, groups, b"tail", accepts=accepts, new=hashlib.sha256, budget=Budget(), share=10_000
    )
    assert search.find(before, most) is None
    assert search.complete
    return seen


def expected(groups: list[Group], most: int) -> set[bytes]:
    rows = product(*(group.alternatives for group in groups))
    return {
        hashlib.sha256(b"".join(one.forms[0] for one in row) + b"tail").digest()
        for row in rows
        if sum(one.bits for one in row) <= most
    }


@given(PRICES, st.integers(0, 10))
def test_every_combination_up_to_a_price_is_tried_once(prices: list[list[int]], most: int) -> None:
    groups = groups_of(prices, set())
    seen = tried(groups, -1, most)
    assert len(seen) == len(set(seen))
    assert set(seen) == expected(groups, most)


@given(PRICES, st.integers(0, 6), st.integers(0, 6), st.data())
def test_a_later_round_tries_the_rest(
    prices: list[list[int]], first: int, more: int, data: st.DataObject
) -> None:
    every = [(number, at) for number, row in enumerate(prices) for at in range(len(row))]
    cheapest = {(number, row.index(min(row))) for number, row in enumerate(prices)}
    known = cheapest | set(data.draw(st.lists(st.sampled_from(every))))
    old = [
        Group(group.name, tuple(one for one in group.alternatives if not one.fresh))
        for group in groups_of(prices, known)
    ]
    before = expected(old, first)
    seen = tried(groups_of(prices, known), first, first + more)
    assert len(seen) == len(set(seen))
    assert set(seen) == expected(groups_of(prices, known), first + more) - before


def test_a_hit_names_what_was_signed() -> None:
    groups = groups_of([[0, 1, 2], [0, 3]], set())
    target = hashlib.sha256(b"f0:2\r\nf1:1\r\ntail").digest()
    search = HeaderSearch(
        [b"f0", b"f1"], groups, b"tail", accepts=target.__eq__, new=hashlib.sha256,
        budget=Budget(), share=100,
    )  # fmt: skip
    found = search.find(-1, 5)
    assert found is not None
    assert [one.forms[0] for one in found] == [b"f0:2\r\n", b"f1:1\r\n"]


def test_a_search_stops_at_its_share() -> None:
    groups = groups_of([[0] * 4] * 4, set())
    budget = Budget(Effort(candidates=100))
    search = HeaderSearch(
        [group.name for group in groups], groups, b"", accepts=lambda digest: False,
        new=hashlib.sha256, budget=budget, share=10,
    )  # fmt: skip
    assert search.find(-1, 9) is None
    assert (search.complete, budget.candidates) == (False, 10)


def test_a_search_stops_at_the_octets_that_may_be_hashed() -> None:
    groups = groups_of([[0] * 4] * 4, set())
    budget = Budget(Effort(header_octets=100))  # the last field is 6 octets, and hashed each time
    search = HeaderSearch(
        [group.name for group in groups], groups, b"", accepts=lambda digest: False,
        new=hashlib.sha256, budget=budget, share=1000,
    )  # fmt: skip
    assert search.find(-1, 9) is None
    assert not search.complete
    assert budget.met == ("header-octets",)
    assert budget.headers_spent


class Counted:
    """A hash that counts how often one was copied."""

    copies = 0

    def __init__(self, hashed: hashlib._Hash | None = None) -> None:
        self._hashed = hashed or hashlib.sha256()

    def copy(self) -> Counted:
        Counted.copies += 1
        return Counted(self._hashed.copy())

    def update(self, octets: bytes) -> None:
        self._hashed.update(octets)

    def digest(self) -> bytes:
        return self._hashed.digest()


@given(PRICES, st.integers(0, 10), st.integers(-1, 6))
def test_nothing_is_hashed_that_leads_to_no_candidate(
    prices: list[list[int]], most: int, before: int
) -> None:
    groups = groups_of(prices, {(number, 0) for number in range(len(prices))})
    budget = Budget()
    search = HeaderSearch(
        [group.name for group in groups], groups, b"", accepts=lambda digest: False,
        new=cast("Callable[[], hashlib._Hash]", Counted), budget=budget, share=10_000,
    )  # fmt: skip
    Counted.copies = 0
    search.find(before, most)
    levels = max(1, sum(len(group.alternatives) > 1 for group in groups))
    assert Counted.copies <= budget.candidates * levels


# -- what h= tells of presence -------------------------------------------------------------------


def signature(names: str, domain: str = "example.com") -> Signature:
    raw = f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s; h={names}; bh=AAAA; b=AAAA"
    return Signature.parse(Field.of(raw.encode()))


GOOGLE = "cc:to:subject:date:from:from:to:cc:subject:date:reply-to"


@pytest.mark.parametrize(
    ("names", "domain", "name", "present"),
    [
        pytest.param("from:to:cc", "example.com", b"cc", None, id="once tells nothing"),
        pytest.param("from:cc:cc", "example.com", b"cc", True, id="twice it was there"),
        pytest.param(
            "from:from:to:to:date:date:subject:subject:cc",
            "example.com",
            b"cc",
            False,
            id="once among names that stand twice: it was absent",
        ),
        pytest.param(GOOGLE, "gmail.com", b"reply-to", False, id="Google's guard"),
        pytest.param("from:to:cc", "gmail.com", b"cc", True, id="Google before 2022"),
    ],
)
def test_what_h_says_of_a_field(names: str, domain: str, name: bytes, present: bool | None) -> None:
    assert was_present(name, signature(names, domain)) is present


def test_a_signer_that_leaves_a_name_out_signs_what_is_there() -> None:
    assert was_present(b"cc", signature("from:cc"), {b"cc"}) is True


@pytest.mark.parametrize("name", [b"list-id", b"list-archive", b"resent-to", b"precedence"])
def test_what_lists_add_may_be_absent_though_a_signer_names_it_only_sometimes(name: bytes) -> None:
    names = b"from:" + name
    assert was_present(name, signature(names.decode()), {name}) is None
