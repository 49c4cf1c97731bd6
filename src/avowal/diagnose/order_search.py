"""The search for the order of addresses that a list has thrown away.

Mailman 2 writes Cc in the order of a dictionary, and without some subscribers.  What is left is
a set of addresses: every order of it may be what was signed.  An order costs one hash, and those
that begin alike share the hash of that beginning, so that many more orders can be tried than
whole combinations of fields.  Sets are tried by what they cost, in bits and in orders together,
each with the likely values of all other fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from math import factorial, log2
from typing import TYPE_CHECKING, NamedTuple

from avowal.diagnose.budget import Budget
from avowal.diagnose.header_slots import Alternative, Group

if TYPE_CHECKING:
    import hashlib

_MOST_OTHERS = 200  # combinations of the other fields, with each of which all orders are tried
MOST_BITS = 60  # of a set, its orders and the other fields together
_AT_ONCE = 4  # addresses at the end whose orders are not hashed by their beginnings


class Row(NamedTuple):
    """Addresses that may have stood there in any order, and the price of their being these."""

    bits: float
    mailboxes: tuple[bytes, ...]

    @property
    def cost(self) -> int:
        """The price of the set and of finding the order, in bits."""
        return round(self.bits + log2(factorial(len(self.mailboxes))))


class Form(NamedTuple):
    """What is hashed around the addresses: the name before them, commas, the end of the line."""

    begin: bytes
    comma: bytes
    end: bytes


class _Others(NamedTuple):
    """One combination of all other fields: what is hashed before the addresses, and behind."""

    picked: tuple[Alternative, ...]
    before: hashlib._Hash
    behind: bytes


class Order(NamedTuple):
    """A hit: the addresses as they stood, and what the other groups were."""

    mailboxes: tuple[bytes, ...]
    picked: tuple[Alternative, ...]


class OrderSearch:
    """One search: `names` are those of h=, `groups` those of all fields but `name`.

    `accepts` tells whether a digest is the one that was signed; `tail` is hashed behind the
    fields.
    """

    def __init__(
        self,
        names: Sequence[bytes],
        name: bytes,
        groups: Sequence[Group],
        tail: bytes,
        *,
        form: Form,
        accepts: Callable[[bytes], bool],
        new: Callable[[], hashlib._Hash],
        budget: Budget,
    ) -> None:
        self._names = names
        self._at = list(names).index(name)
        self._numbers = {group.name: number for number, group in enumerate(groups)}
        self.groups = groups
        self._tail = tail
        self._form = form
        self._accepts = accepts
        self._new = new
        self._budget = budget
        self._others: dict[int, list[_Others]] = {}
        self._made = 0

    def find(self, rows: Sequence[Row], first: int = 0, last: int = MOST_BITS) -> Order | None:
        """Return the order that was signed; None where none fits, or beyond the budget.

        Only what costs `first` to `last` bits is tried.
        """
        left = sorted((row.cost, row.mailboxes) for row in rows)
        for total in range(first, last + 1):
            left = [one for one in left if self._affords(one[1])]
            for cost, row in left:
                if cost > total:
                    break
                for others in self._costing(total - cost):
                    orders = factorial(len(row))
                    if not self._budget.order(orders, orders * (len(others.behind) + _size(row))):
                        break
                    found = self._any_order(others, row)
                    if found is not None:
                        return Order(found, others.picked)
            if not left or not self._budget.in_time():
                return None
        return None

    def _affords(self, row: tuple[bytes, ...]) -> bool:
        orders = factorial(len(row))
        return self._budget.affords(orders, orders * (len(self._tail) + _size(row)))

    def _any_order(self, others: _Others, row: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        hashed = others.before.copy()
        hashed.update(self._form.begin)
        return self._ordered(hashed, row, self._form.end + others.behind)

    def _ordered(
        self, hashed: hashlib._Hash, rest: tuple[bytes, ...], behind: bytes
    ) -> tuple[bytes, ...] | None:
        copy, comma = hashed.copy, self._form.comma
        if len(rest) <= _AT_ONCE:
            accepts, join = self._accepts, comma.join
            for order in permutations(rest):
                candidate = copy()
                candidate.update(join(order) + behind)
                if accepts(candidate.digest()):
                    return order
            return None
        for at, mailbox in enumerate(rest):
            further = copy()
            further.update(mailbox + comma)
            found = self._ordered(further, rest[:at] + rest[at + 1 :], behind)
            if found is not None:
                return (mailbox, *found)
        return None

    def _costing(self, price: int) -> list[_Others]:
        """Return the combinations of the other fields that cost exactly a price."""
        if price not in self._others:
            self._others[price] = [self._hashed(one) for one in self._picks(price)]
        return self._others[price]

    def _picks(self, price: int, number: int = 0) -> Iterator[tuple[Alternative, ...]]:
        if number == len(self.groups):
            if not price and self._made < _MOST_OTHERS:
                self._made += 1
                yield ()
            return
        for one in self.groups[number].alternatives:
            if one.bits > price or self._made >= _MOST_OTHERS:
                break
            for rest in self._picks(price - one.bits, number + 1):
                yield (one, *rest)

    def _hashed(self, picked: tuple[Alternative, ...]) -> _Others:
        forms: list[bytes] = []
        for place, name in enumerate(self._names):
            mention = self._names[:place].count(name)
            number = self._numbers.get(name)
            forms.append(b"" if number is None else picked[number].forms[mention])
        before = self._new()
        before.update(b"".join(forms[: self._at]))
        return _Others(picked, before, b"".join(forms[self._at :]) + self._tail)


def _size(row: tuple[bytes, ...]) -> int:
    """Return about how many octets of addresses are hashed for each order of them."""
    return _AT_ONCE * sum(map(len, row)) // max(1, len(row))
