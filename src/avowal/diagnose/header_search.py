"""The search for the signed header: all combinations of values, the likely ones first.

What is signed is a row of fields in the order of h=; a hash of an equal beginning is kept and
copied.  Combinations are tried by their price in bits, the sum of what their values cost; no
beginning is hashed that no combination of that price goes on from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from avowal.diagnose.budget import Budget
from avowal.diagnose.header_slots import Alternative, Group

if TYPE_CHECKING:
    import hashlib

_AT_ONCE = 256  # candidates between two looks at the clock


class _SpentError(Exception):
    """The budget is spent."""


class _Level(NamedTuple):
    """A group with a choice, where h= names it first, and what is hashed up to the next one.

    `behind` are the slots between, as numbers of groups and mentions; `octets` their canonical
    form where no choice changes it, else None.
    """

    number: int
    by_price: dict[int, list[Alternative]]
    behind: tuple[tuple[int, int], ...]
    octets: bytes | None


class HeaderSearch:
    """One search: `names` are those of h=, `tail` what is hashed behind the fields.

    `accepts` tells whether a digest is the one that was signed.  No more than `share`
    combinations are tried.
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
        left = max(0, budget.effort.candidates - budget.candidates)
        self._left = self._most = max(0, min(share, left))
        self._by_share = self._most < left
        self._octets = max(0, budget.effort.header_octets - budget.header_octets)
        self._picked: list[Alternative] = [group.alternatives[0] for group in groups]
        self._begin, self._levels = self._laid_out(names)
        self._any, self._fresh = self._attainable()
        self._beyond = True  # whether no round before has tried combinations of this price

    def _laid_out(self, names: Sequence[bytes]) -> tuple[bytes, list[_Level]]:
        """Return what is hashed before the first choice, and the choices in their order."""
        numbers = {group.name: number for number, group in enumerate(self._groups)}
        runs: list[list[tuple[int, int]]] = [[]]
        choices: list[int] = []
        for place, name in enumerate(names):
            number, mention = numbers[name], names[:place].count(name)
            if not mention and len(self._groups[number].alternatives) > 1:
                choices.append(number)
                runs.append([])
            else:
                runs[-1].append((number, mention))
        levels = []
        for place, (number, run) in enumerate(zip(choices, runs[1:], strict=True)):
            fixed = {*choices}.isdisjoint(other for other, _ in run)
            last = self._tail if place == len(choices) - 1 else b""
            octets = self._forms(run) + last if fixed else None
            levels.append(_Level(number, _by_price(self._groups[number]), tuple(run), octets))
        return self._forms(runs[0]), levels

    def _attainable(self) -> tuple[list[int], list[int]]:
        """Return, for each level, the sums of prices from there on, a bit each.

        The second are those with something new among them.
        """
        every, fresh = [1], [0]
        for level in reversed(self._levels):
            sums = new = 0
            for price, some in level.by_price.items():
                sums |= every[-1] << price
                new |= (every if any(one.fresh for one in some) else fresh)[-1] << price
            every.append(sums)
            fresh.append(new)
        return every[::-1], fresh[::-1]

    def find(self, tried: int, most: int) -> tuple[Alternative, ...] | None:
        """Return the alternatives that were signed, a group each; None for none up to a price.

        Up to `tried` a round before has tried all combinations without anything new.
        """
        begun, octets = self._new(), self._octets
        begun.update(self._begin)
        try:
            for price in range(most + 1):
                self._beyond = price > tried
                if self._costs(0, price, wanted=self._beyond) and self._deeper(
                    0, begun, price, wanted=self._beyond
                ):
                    return tuple(self._picked)
        except _SpentError:
            if self._octets < 0:
                self._budget.meet("header-octets")
            elif self._left < 0 and not self._by_share:
                self._budget.meet("candidates")
        finally:
            self._budget.header(self._most - max(self._left, 0), octets - self._octets)
        return None

    @property
    def complete(self) -> bool:
        """Whether everything was tried: the share was not used up."""
        return self._left > 0 and self._octets >= 0

    def _costs(self, at: int, left: int, *, wanted: bool) -> bool:
        """Whether choices from a level on may cost exactly `left`, and are worth trying."""
        return bool((self._any if wanted else self._fresh)[at] >> left & 1)

    def _deeper(self, at: int, hashed: hashlib._Hash, left: int, *, wanted: bool) -> bool:
        """Hash on from a level, with choices that cost exactly `left`.

        Not `wanted` is what costs no more than a round before went up to and has nothing new.
        """
        if at == len(self._levels):
            self._spend(len(self._tail))
            candidate = hashed.copy()
            candidate.update(self._tail)
            return self._accepts(candidate.digest())
        level = self._levels[at]
        if at == len(self._levels) - 1:
            return self._last(level, hashed, left, wanted=wanted)
        for price, some in level.by_price.items():
            if price > left or not self._any[at + 1] >> (left - price) & 1:
                continue
            for one in some:
                known = not (wanted or one.fresh)
                if known and not self._costs(at + 1, left - price, wanted=False):
                    continue
                self._picked[level.number] = one
                further = hashed.copy()
                further.update(one.forms[0] + self._behind(level))
                if self._deeper(at + 1, further, left - price, wanted=not known):
                    return True
        return False

    def _last(self, level: _Level, hashed: hashlib._Hash, left: int, *, wanted: bool) -> bool:
        """Try the last choice: all behind it is hashed in one go."""
        accepts, copy, fixed = self._accepts, hashed.copy, level.octets
        for one in level.by_price.get(left, ()):
            if not (wanted or one.fresh):
                continue
            self._picked[level.number] = one
            behind = self._behind(level) + self._tail if fixed is None else fixed
            octets = one.forms[0] + behind
            self._spend(len(octets))
            candidate = copy()
            candidate.update(octets)
            if accepts(candidate.digest()):
                return True
        return False

    def _behind(self, level: _Level) -> bytes:
        return self._forms(level.behind) if level.octets is None else level.octets

    def _forms(self, slots: Sequence[tuple[int, int]]) -> bytes:
        return b"".join([self._picked[number].forms[mention] for number, mention in slots])

    def _spend(self, octets: int) -> None:
        self._left -= 1
        self._octets -= octets
        if (
            self._left < 0
            or self._octets < 0
            or not (self._left % _AT_ONCE or self._budget.in_time())
        ):
            raise _SpentError


def _by_price(group: Group) -> dict[int, list[Alternative]]:
    sorted_by_price: dict[int, list[Alternative]] = {}
    for one in group.alternatives:
        sorted_by_price.setdefault(one.bits, []).append(one)
    return sorted_by_price
