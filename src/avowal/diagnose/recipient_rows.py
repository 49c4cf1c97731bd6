"""Sets of addresses that may have stood in Cc, in an order that the list has thrown away.

Mailman 2 takes members with "nodup" out of Cc and writes the others in the order of a
dictionary (its AvoidDuplicates; later versions leave Cc alone where nobody was taken out).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import combinations
from math import factorial, log2
from typing import NamedTuple

from avowal.diagnose.address_words import list_spellings, spelled, split_addresses
from avowal.diagnose.dictionary_order import fits, hashed
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.order_search import Row

_MOST_SPELLED = 6  # ways to write all names
_PUT_BACK = ((1, 64), (2, 40), (3, 18), (4, 12))  # how many at once, and of how many
_RANK = 0.9  # bits for each doubling of the place in the pool
_UNFIT = 4  # bits against what the order that is left speaks against
_UNLIKE = 2  # bits for a spelling unlike those beside it
_FEW = 5  # addresses whose orders are tried sooner than the table's slots are looked at


class Bounds(NamedTuple):
    """Most orders of a row, and the bits that it has to cost less than."""

    orders: int
    bits: int


def standing(case: HeaderCase, name: bytes, most: int) -> Iterator[Row]:
    """Yield what stands in a field in its spellings, where that has up to `most` orders."""
    for price, base in bases(case, _came(case, name)):
        if factorial(len(base)) <= most:
            yield from _spelled(price, base)


def put_back(case: HeaderCase, name: bytes, bounds: Bounds) -> Iterator[Row]:
    """Yield what stands there with some put back."""
    came = _came(case, name)
    pool = case.pool(tuple(came))
    for price, base in bases(case, came):
        yield from _put_back(case, price, base, pool, bounds)


def _came(case: HeaderCase, name: bytes) -> list[bytes]:
    raw = case.first(name)
    return [] if raw is None else split_addresses(raw.partition(b":")[2])


def bases(case: HeaderCase, came: list[bytes]) -> list[tuple[int, list[bytes]]]:
    """Return the addresses with and without the author, whom lists put there, with prices."""
    own = [one for one in came if spelled(one).key not in case.authors]
    rewritten = case.rewritten
    found = [(2 if rewritten else 0, came)]
    if len(own) < len(came):
        found.append((0 if rewritten else 3, own))
    return found


def _spelled(price: float, base: Sequence[bytes]) -> Iterator[Row]:
    if len(base) < 2:
        return
    against = _against([hashed(spelled(one).key) for one in base], ())
    for more, _, written in list(list_spellings(base))[:_MOST_SPELLED]:
        yield Row(price + 1 + more + against, tuple(written))


def _put_back(
    case: HeaderCase, price: float, base: Sequence[bytes], pool: Sequence[bytes], bounds: Bounds
) -> Iterator[Row]:
    """Yield a row with one to four put back, spelled as those beside them or as usual."""
    lists, proven = case.lists, case.profile.spellings
    people = [one for one in base if spelled(one).key not in lists]
    signed, alike = one_each(pool, people, proven), one_each(pool, people)
    yield from _with(price, base, list(dict.fromkeys((*signed, *pool))), bounds, _PUT_BACK[:1])
    ways = {tuple(one): more for more, one in ((_UNLIKE, one_each(pool)), (1, alike), (0, signed))}
    for one, more in ways.items():
        yield from _with(price + more, base, one, bounds, _PUT_BACK[1:])


def _with(
    price: float,
    base: Sequence[bytes],
    pool: Sequence[bytes],
    bounds: Bounds,
    counts: Sequence[tuple[int, int]],
) -> Iterator[Row]:
    left = [hashed(spelled(one).key) for one in base]
    for count, among in counts:
        orders = factorial(len(base) + count)
        least = price + 1.5 * count
        if orders > bounds.orders or least + log2(orders) >= bounds.bits:
            return
        some = pool[:among]
        taken = [hashed(spelled(one).key) for one in some]
        ranks = [_RANK * log2(1 + rank) for rank in range(len(some))]
        for chosen in combinations(range(len(some)), count):
            bits = least + sum([ranks[rank] for rank in chosen])
            if bits + log2(orders) >= bounds.bits:
                continue
            against = _against(left, [taken[rank] for rank in chosen])
            yield Row(bits + against, (*base, *[some[rank] for rank in chosen]))


def _against(left: Sequence[int], taken: Sequence[int]) -> int:
    if len(left) + len(taken) <= _FEW:
        return 0
    return 0 if fits(left, taken) else _UNFIT


def one_each(
    pool: Sequence[bytes], beside: Sequence[bytes] = (), proven: Container[bytes] = ()
) -> list[bytes]:
    """Return one spelling of each mailbox: with a name or without, as most of those beside it.

    Where none is beside it, and of addresses that are `proven` to be taken out, it is the first.
    """
    named = sum(b"<" in one for one in beside) * 2 >= len(beside)
    found: dict[bytes, bytes] = {}
    for one in pool:
        key = spelled(one).key
        unlike = key in found and named != (b"<" in found[key]) and named == (b"<" in one)
        if key not in found or (beside and key not in proven and unlike):
            found[key] = one
    return list(found.values())
