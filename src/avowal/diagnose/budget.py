"""What one explanation may cost; beyond it the search stops and says which limit it met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from avowal.valueclass import value


@value
class Effort:
    """How much is tried for one signature.

    `candidates` counts header sets, `orders` those that differ in the order of addresses alone,
    `header_octets` what is hashed for both; `spellings` counts different quoted-printable forms
    of a text; `lines` are those of bodies that are compared at each line end, `octets` all of
    bodies that are hashed.
    """

    candidates: int = 20_000
    orders: int = 400_000
    header_octets: int = 256 << 20
    spellings: int = 120
    lines: int = 300_000
    octets: int = 96 << 20


_OPEN_BODY = 8  # times fewer orders of addresses where the body is not found
USUAL = Effort()
THOROUGH = Effort(
    candidates=400_000,
    orders=20_000_000,
    header_octets=16 << 30,
    spellings=600,
    lines=3_000_000,
    octets=1 << 30,
)


def _never() -> bool:
    return False


@dataclass(slots=True)
class Budget:
    """What is left of an effort; `met` names the limits that were reached.

    `expired` tells that the time is up; whoever has a clock hands it in.
    """

    effort: Effort = USUAL
    expired: Callable[[], bool] = _never
    candidates: int = 0
    orders: int = 0
    header_octets: int = 0
    lines: int = 0
    octets: int = 0
    met: tuple[str, ...] = ()

    def body(self, lines: int, octets: int) -> bool:
        """Spend the hashing of some lines; False where it is beyond a limit."""
        self.lines += lines
        self.octets += octets
        if self.lines > self.effort.lines:
            self.meet("lines")
            return False
        if self.octets > self.effort.octets:
            self.meet("octets")
            return False
        return self.in_time()

    def header(self, candidates: int, octets: int) -> None:
        """Note header sets that were tried, and what was hashed of them."""
        self.candidates += candidates
        self.header_octets += octets

    def order(self, orders: int, octets: int) -> bool:
        """Spend some orders of addresses; False where they are beyond a limit."""
        if not self.affords(orders, octets) or not self.in_time():
            return False
        self.orders += orders
        self.header_octets += octets
        return True

    def affords(self, orders: int, octets: int) -> bool:
        """Whether so many orders, and octets hashed for them, are within the limits still."""
        if self.orders + orders > self.effort.orders:
            self.meet("orders")
            return False
        if self.header_octets + octets > self.effort.header_octets:
            self.meet("header-octets")
            return False
        return True

    def open_body(self, *, is_open: bool) -> None:
        """Take fewer orders where the signed body was not found: no header makes that whole."""
        if is_open:
            self.effort = replace(self.effort, orders=self.effort.orders // _OPEN_BODY)

    @property
    def headers_spent(self) -> bool:
        """Whether no more header sets may be tried."""
        used = self.candidates >= self.effort.candidates
        return used or self.header_octets >= self.effort.header_octets or "time" in self.met

    @property
    def bodies_spent(self) -> bool:
        """Whether no more bodies may be hashed."""
        return not {"lines", "octets", "time"}.isdisjoint(self.met)

    def in_time(self) -> bool:
        """Whether there is time left."""
        if self.expired():
            self.meet("time")
            return False
        return True

    def spelling(self, number: int) -> bool:
        """Whether so many spellings of a text may be tried."""
        if number > self.effort.spellings:
            self.meet("spellings")
            return False
        return True

    def meet(self, limit: str) -> None:
        """Note that a limit was reached."""
        if limit not in self.met:
            self.met = (*self.met, limit)
