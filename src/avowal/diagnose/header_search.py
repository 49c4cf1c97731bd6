"""The search for the signed header: all combinations of values, the likely ones first.

What is signed is a row of fields in the order of h=; a hash of an equal beginning is kept and
copied.  Combinations are tried by their price in bits, the sum of what their values cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from avowal.diagnose.budget import Budget
from avowal.diagnose.header_slots import Alternative, Group

if TYPE_CHECKING:
    import hashlib

_AT_ONCE = 256  # candidates between two looks at the clock


class _SpentError(Exception):
    """The budget is spent."""


class HeaderSearch:
    """One search: `names` are those of h=, `tail` what is hashed behind the fields.

    `accepts` tells whether a digest is the one that was signed.
    """

    def __init__(
        self,
        names: Sequence[bytes],
        groups: Sequence[Group],
        tail: bytes,
        *,
        accepts: Callable[[bytes], bool],
        new: Callable[[], hashlib._Hash],
        budget: Budget,
        share: int,
    ) -> None:
        self._groups = groups
        self._tail = tail
        self._accepts = accepts
        self._new = new
        self._budget = budget
        self._left = share
        numbers = {group.name: number for number, group in enumerate(groups)}
        self._slots: list[tuple[int, int]] = []
        for place, name in enumerate(names):
            self._slots.append((numbers[name], names[:place].count(name)))
        self._by_price = [_by_price(group) for group in groups]
        self._free = [
            place
            for place, (number, mention) in enumerate(self._slots)
            if mention == 0 and len(groups[number].alternatives) > 1
        ]
        self._rest = self._most_behind()
        self._beyond = True  # whether no round before has tried combinations of this price
        self._may_be_fresh = self._fresh_behind()
        self._picked: list[Alternative] = [group.alternatives[0] for group in groups]

    def _most_behind(self) -> list[int]:
        """Return, for each slot, the highest price of all groups that begin at it or behind."""
        most = [0] * (len(self._slots) + 1)
        for place in range(len(self._slots) - 1, -1, -1):
            number, mention = self._slots[place]
            own = max(self._by_price[number]) if mention == 0 else 0
            most[place] = most[place + 1] + own
        return most

    def _fresh_behind(self) -> list[bool]:
        """Return, for each slot, whether a group that begins at it or behind has something new."""
        fresh = [False] * (len(self._slots) + 1)
        for place in range(len(self._slots) - 1, -1, -1):
            number, mention = self._slots[place]
            own = mention == 0 and any(one.fresh for one in self._groups[number].alternatives)
            fresh[place] = own or fresh[place + 1]
        return fresh

    def find(self, tried: int, most: int) -> tuple[Alternative, ...] | None:
        """Return the alternatives that were signed, a group each; None for none up to a price.

        Up to `tried` a round before has tried all combinations without anything new.
        """
        try:
            for price in range(most + 1):
                self._beyond = price > tried
                if self._deeper(0, self._new(), price, fresh=False):
                    return tuple(self._picked)
        except _SpentError:
            return None
        return None

    @property
    def complete(self) -> bool:
        """Whether everything was tried: the share was not used up."""
        return self._left > 0

    def _deeper(self, place: int, hashed: hashlib._Hash, left: int, *, fresh: bool) -> bool:
        """Hash on from a slot, with combinations that cost exactly `left`.

        `fresh` says that something before is new: without that, what costs no more than a
        round before went up to is left out.
        """
        wanted = fresh or self._beyond
        if not wanted and not self._may_be_fresh[place]:
            return False
        place, hashed = self._fixed(place, hashed)
        if place == len(self._slots):
            return left == 0 and wanted and self._ends(hashed)
        number, _ = self._slots[place]
        if place == self._free[-1]:
            return self._last(place, hashed, left, wanted=wanted)
        behind = self._rest[place + 1]
        for price, some in self._by_price[number].items():
            if price > left or left - price > behind:
                continue
            for one in some:
                self._picked[number] = one
                further = hashed.copy()
                further.update(one.forms[0])
                if self._deeper(place + 1, further, left - price, fresh=fresh or one.fresh):
                    return True
        return False

    def _fixed(self, place: int, hashed: hashlib._Hash) -> tuple[int, hashlib._Hash]:
        """Hash the slots in which nothing is left to choose."""
        forms: list[bytes] = []
        while place < len(self._slots):
            number, mention = self._slots[place]
            alternatives = self._groups[number].alternatives
            if mention == 0:
                if len(alternatives) > 1:
                    break
                self._picked[number] = alternatives[0]
            forms.append(self._picked[number].forms[mention])
            place += 1
        if forms:
            hashed = hashed.copy()
            hashed.update(b"".join(forms))
        return place, hashed

    def _last(self, place: int, hashed: hashlib._Hash, left: int, *, wanted: bool) -> bool:
        """Try the last group that has a choice: all behind it is hashed in one go."""
        number, _ = self._slots[place]
        some = self._by_price[number].get(left, ())
        behind = self._slots[place + 1 :]
        repeated = any(other == number for other, _ in behind)
        fixed = b"" if repeated else self._behind(behind)
        accepts, copy = self._accepts, hashed.copy
        for one in some:
            if not (wanted or one.fresh):
                continue
            self._spend()
            self._picked[number] = one
            candidate = copy()
            candidate.update(one.forms[0] + (self._behind(behind) if repeated else fixed))
            if accepts(candidate.digest()):
                return True
        return False

    def _behind(self, slots: Sequence[tuple[int, int]]) -> bytes:
        return b"".join([self._picked[n].forms[mention] for n, mention in slots]) + self._tail

    def _ends(self, hashed: hashlib._Hash) -> bool:
        self._spend()
        candidate = hashed.copy()
        candidate.update(self._tail)
        return self._accepts(candidate.digest())

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0 or not self._budget.header(1):
            raise _SpentError
        if self._left % _AT_ONCE == 0 and not self._budget.in_time():
            raise _SpentError


def _by_price(group: Group) -> dict[int, list[Alternative]]:
    sorted_by_price: dict[int, list[Alternative]] = {}
    for one in group.alternatives:
        sorted_by_price.setdefault(one.bits, []).append(one)
    return sorted_by_price
