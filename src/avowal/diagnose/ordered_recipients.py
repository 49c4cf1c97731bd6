"""Cc as a list wrote it in an order of its own: all orders of it, among the other signed fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.diagnose.budget import Budget
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_slots import Alternative, Group, Slots
from avowal.diagnose.order_search import MOST_BITS, Form, OrderSearch, Row
from avowal.diagnose.recipient_rows import Bounds, put_back, standing
from avowal.message import CRLF

_CC = b"cc"
_CHEAP = 12  # bits of sets and orders that are tried before dearer values of other fields
_FOLDS = (b", ", b",\r\n ", b",\r\n\t")  # between addresses, where each blank counts


@dataclass(slots=True)
class RecipientOrders:
    """The searches for one header, a round each; the first has the sets with few orders."""

    case: HeaderCase
    came: Sequence[bytes]
    accepts: Callable[[bytes], bool]
    budget: Budget
    _searches: list[tuple[Form, OrderSearch]] = field(default_factory=list)

    def found(
        self, number: int, groups: Sequence[Group], own: bytes
    ) -> tuple[list[Group], list[Alternative]] | None:
        """Return groups and what was signed of each; None for no hit in this round."""
        if number > 1:
            return None
        if not number:
            others = [group for group in groups if group.name != _CC]
            self._searches = [(form, self._search(form, others, own)) for form in self._forms()]
        most = self.budget.effort.orders
        first, last = ((0, _CHEAP), (_CHEAP + 1, MOST_BITS))[number]
        as_it_stands = list(standing(self.case, _CC, most))
        if number:
            return self._hit(
                [*as_it_stands, *put_back(self.case, _CC, Bounds(most, last))], first, last
            )
        found = self._hit(as_it_stands, first, last)
        return found or self._hit(list(put_back(self.case, _CC, Bounds(most, last))), first, last)

    def _hit(
        self, some: Sequence[Row], first: int, last: int
    ) -> tuple[list[Group], list[Alternative]] | None:
        for form, search in self._searches:
            hit = search.find(some, first, last)
            if hit is not None:
                raw = self._named() + form.comma.join(hit.mailboxes)
                mentions = self.case.signature.signed_names.count(_CC)
                cc = Alternative(0, "cc-order", (raw, *(None,) * (mentions - 1)), ())
                return [*search.groups, Group(_CC, (cc,))], [*hit.picked, cc]
        return None

    def _search(self, form: Form, others: Sequence[Group], own: bytes) -> OrderSearch:
        signature = self.case.signature
        return OrderSearch(
            signature.signed_names, _CC, others, own, form=form, accepts=self.accepts,
            new=HASHES[ALGORITHMS[signature.algorithm].hash_name], budget=self.budget,
        )  # fmt: skip

    def _forms(self) -> list[Form]:
        if self.case.signature.header_canon == "relaxed":
            return [Form(b"cc:", b", ", CRLF)]
        return [Form(self._named(), comma, CRLF) for comma in _FOLDS]

    def _named(self) -> bytes:
        return (self.came[0].partition(b":")[0] if self.came else b"Cc") + b": "


def recipient_orders(
    case: HeaderCase, slots: Slots, accepts: Callable[[bytes], bool], budget: Budget
) -> RecipientOrders | None:
    """Return the searches where a list may have thrown the order of a signed Cc away."""
    came = slots.instances(_CC)
    if _CC not in case.signature.signed_names or len(came) > 1:
        return None
    if came and not case.shuffles:
        return None
    return RecipientOrders(case, came, accepts, budget)
