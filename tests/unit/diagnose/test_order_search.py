"""Addresses whose order a list has thrown away: which sets are tried, and all orders of each."""

from __future__ import annotations

import hashlib
import random
from itertools import permutations

import pytest

from avowal.diagnose.budget import Budget, Effort
from avowal.diagnose.dictionary_order import fits, hashed, slots
from avowal.diagnose.header_slots import Alternative, Group
from avowal.diagnose.order_search import _MOST_OTHERS, MOST_BITS, Form, OrderSearch, Row
from avowal.diagnose.recipient_rows import _MOST_SPELLED, _spelled, one_each

FORM = Form(b"cc:", b", ", b"\r\n")
NAMES = [b"from", b"cc", b"subject"]
GROUPS = [
    Group(b"from", (Alternative(0, "", (b"",), (b"from:a\r\n",)),)),
    Group(
        b"subject",
        (
            Alternative(0, "", (b"",), (b"subject:[t] x\r\n",)),
            Alternative(2, "subject-tag", (b"",), (b"subject:x\r\n",)),
        ),
    ),
]
FIVE = (b"a@x", b"b@x", b"c@x", b"d@x", b"e@x")


def search(wanted: bytes, orders: int = 400_000) -> OrderSearch:
    return OrderSearch(
        NAMES, b"cc", GROUPS, b"tail", form=FORM, new=hashlib.sha256,
        accepts=hashlib.sha256(wanted).digest().__eq__, budget=Budget(Effort(orders=orders)),
    )  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(FIVE))[::17], ids=repr)
def test_any_order_is_found(order: tuple[bytes, ...]) -> None:
    wanted = b"from:a\r\ncc:" + b", ".join(order) + b"\r\nsubject:[t] x\r\ntail"
    found = search(wanted).find([Row(1, FIVE)])
    assert found is not None
    assert found.mailboxes == order


def test_orders_are_tried_with_the_likely_values_of_the_other_fields() -> None:
    found = search(b"from:a\r\ncc:b@x, a@x\r\nsubject:x\r\ntail").find([Row(1, FIVE[:2])])
    assert found is not None
    assert [one.step for one in found.picked] == ["", "subject-tag"]


def test_each_order_is_tried_once_for_each_combination_and_counted() -> None:
    one = search(b"")
    seen: list[bytes] = []
    one._accepts = lambda digest: bool(seen.append(digest))
    assert one.find([Row(1, FIVE)]) is None
    assert len(seen) == len(set(seen)) == 2 * 120 == one._budget.orders


def test_a_set_with_more_orders_than_are_left_is_passed_over_and_the_limit_named() -> None:
    one = search(b"from:a\r\ncc:b@x, a@x\r\nsubject:x\r\ntail", orders=100)
    assert one.find([Row(0, FIVE), Row(9, FIVE[:2])]) is not None
    assert one._budget.met == ("orders",)


def test_a_set_that_needs_more_octets_than_may_be_hashed_is_passed_over() -> None:
    one = search(b"from:a\r\ncc:b@x, a@x\r\nsubject:x\r\ntail")
    one._budget.effort = Effort(header_octets=1000)
    assert one.find([Row(0, FIVE), Row(9, FIVE[:2])]) is not None
    assert one._budget.met == ("header-octets",)


def test_what_costs_less_was_tried_in_the_round_before() -> None:
    one = search(b"from:a\r\ncc:b@x, a@x\r\nsubject:x\r\ntail")
    assert one.find([Row(1, FIVE[:2])], 0, 3) is None
    assert one.find([Row(1, FIVE[:2])], 4, 4) is not None


def test_orders_are_tried_with_so_many_combinations_of_the_others() -> None:
    many = tuple(Alternative(0, "", (b"",), (b"from:%d\r\n" % at,)) for at in range(300))
    one = search(b"")
    one.groups = [Group(b"from", many), *GROUPS[1:]]
    assert one.find([Row(0, FIVE[:1])]) is None
    assert one._budget.orders == _MOST_OTHERS


def test_what_costs_more_than_all_rounds_is_not_tried() -> None:
    one = search(b"")
    assert one.find([Row(MOST_BITS + 1, FIVE[:1])]) is None
    assert one._budget.orders == 0


def test_so_many_ways_to_write_all_names_are_tried() -> None:
    rows = list(_spelled(0, [b'"A B" <a@x>', b"C D <c@x>"]))
    assert len(rows) == _MOST_SPELLED


def test_strings_are_hashed_as_python_2_did() -> None:
    assert hashed(b"a") == 12416037344  # hash('a') there, on 64 bits
    assert hashed(b"") == 0


@pytest.mark.parametrize(
    ("count", "size"), [(0, 8), (5, 8), (6, 32), (21, 32), (22, 128), (85, 128), (86, 512)]
)
def test_a_dictionary_grows_at_two_thirds(count: int, size: int) -> None:
    assert slots(count) == size


def written(keys: list[bytes], taken: set[bytes]) -> list[bytes]:
    """What Python 2 wrote, slot by slot: a slow oracle."""
    table: list[bytes | None] = [None] * 8
    held: list[bytes] = []
    for key in keys:
        _put(table, key)
        held.append(key)
        if slots(len(held)) != len(table):
            old = [one for one in table if one is not None]
            table = [None] * slots(len(held))
            for one in old:
                _put(table, one)
    return [one for one in table if one is not None and one not in taken]


def _put(table: list[bytes | None], key: bytes) -> None:
    number, at, mask = hashed(key), hashed(key), len(table) - 1
    while table[at & mask] is not None:
        at = 5 * at + number + 1
        number >>= 5
    table[at & mask] = key


def test_what_a_dictionary_wrote_fits_and_another_order_seldom_does() -> None:
    draw, right, wrong = random.Random(3), 0, 0
    for number in range(300):
        keys = [b"p%d@n%d.example" % (draw.randrange(10**6), number) for _ in range(9)]
        taken = keys[:2]
        left = written(keys, set(taken))
        right += fits([hashed(one) for one in left], [hashed(one) for one in taken])
        draw.shuffle(left)
        wrong += fits([hashed(one) for one in left], [hashed(one) for one in taken])
    assert right > 285  # the others stand in a slot that an address out of its own took first
    assert wrong < 60


def test_an_address_out_of_its_slot_tells_of_one_that_was_taken_out() -> None:
    keys = [hashed(b"p%d@example.net" % number) for number in range(400)]
    early = next(one for one in keys if one & 31 == 9)
    late = next(one for one in keys if one & 31 == 20)
    taker = next(one for one in keys if one & 31 == 20 and one != late)
    others = [next(one for one in keys if one & 31 == slot) for slot in (25, 27, 29)]
    assert not fits([late, early, *others], [others[0] + 1])
    assert fits([late, early, *others], [taker])


@pytest.mark.parametrize(
    ("beside", "chosen"),
    [
        pytest.param([b"B <b@x>", b"C <c@x>", b"d@x"], b"A <a@x>", id="with names"),
        pytest.param([b"b@x", b"c@x", b"D <d@x>"], b"a@x", id="without"),
        pytest.param([], b"A <a@x>", id="the usual spelling where nobody is"),
    ],
)
def test_an_address_is_put_back_as_those_beside_it_are_written(
    beside: list[bytes], chosen: bytes
) -> None:
    assert one_each([b"A <a@x>", b"a@x"], beside) == [chosen]


def test_an_address_that_is_proven_to_be_taken_out_is_spelled_as_it_was_signed() -> None:
    assert one_each([b"A <a@x>", b"a@x"], [b"b@x"], {b"a@x"}) == [b"A <a@x>"]
