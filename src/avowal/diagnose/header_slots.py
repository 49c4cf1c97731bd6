"""The values that signed fields may have had, as what the product search is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from avowal._fast import relax_field
from avowal.diagnose.refolding import folded_otherwise
from avowal.dkim.signature import Signature
from avowal.message import CRLF, Field, Header

_FEW_BITS = 4  # below which values are folded otherwise too
_AGAINST_SHAPE = 6  # bits that contradicting the shape of h= costs


class Value(NamedTuple):
    """One value a field may have had, and its price in bits.

    `step` of the registry leads there, "" for none; `octets` stand behind the colon, None for
    no such field.
    """

    bits: float
    step: str
    octets: bytes | None


class Alternative(NamedTuple):
    """Values for every mention of a name in h=, from the bottom of the header upwards.

    `raws` are whole fields, None for no field; `forms` are the canonical octets.  `fresh` says
    that no round before had it.
    """

    bits: int
    step: str
    raws: tuple[bytes | None, ...]
    forms: tuple[bytes, ...]
    fresh: bool = True


class Group(NamedTuple):
    """The alternatives of one name, the cheapest first; its price is 0."""

    name: bytes
    alternatives: tuple[Alternative, ...]


class Slots:
    """Makes groups of the names in one signature's h=."""

    def __init__(self, header: Header, signature: Signature, own: int) -> None:
        self._relaxed = signature.header_canon == "relaxed"
        self._names = signature.signed_names
        self._raws: dict[bytes, list[bytes]] = {}
        self._known: dict[bytes, dict[tuple[bytes, ...], int]] = {}
        for place, raw in enumerate(header.raws):
            if place != own and header.names[place]:
                self._raws.setdefault(header.names[place], []).append(raw)
        self.order = tuple(dict.fromkeys(self._names))

    def instances(self, name: bytes) -> list[bytes]:
        """Return the fields of a name, top to bottom."""
        return self._raws.get(name, [])

    def group(
        self, name: bytes, values: Iterable[Value], *, present: bool | None, most: int, limit: int
    ) -> Group:
        """Make a group of at most `limit` alternatives that cost at most `most` bits."""
        best: dict[tuple[bytes, ...], Alternative] = {}
        for bits, step, raws in self._expanded(name, values, most + _AGAINST_SHAPE + 1):
            against = present is not None and (raws[0] is not None) != present
            price = round(bits) + _AGAINST_SHAPE * against
            if price > most + _AGAINST_SHAPE:
                continue
            forms = tuple(map(self._form, raws))
            if forms not in best or best[forms].bits > price:
                best[forms] = Alternative(price, step, raws, forms)
            if len(best) >= limit:
                break
        found = sorted(best.values(), key=lambda one: one.bits)
        if not found:
            raws = tuple(self._below(name, 0))
            found = [Alternative(0, "", raws, tuple(map(self._form, raws)))]
        least = found[0].bits
        old = self._known.setdefault(name, {})
        kept = [
            Alternative(bits - least, step, raws, forms, old.get(forms, most + 1) > bits)
            for bits, step, raws, forms, _ in found
            if bits <= most + least
        ]
        old.update((one.forms, one.bits + least) for one in kept)
        return Group(name, tuple(kept))

    def _expanded(
        self, name: bytes, values: Iterable[Value], dear: int
    ) -> Iterator[tuple[float, str, tuple[bytes | None, ...]]]:
        """Yield rows for all mentions of a name, made of values for the first below `dear`."""
        standing = self.instances(name)
        further = self._below(name, 1)[: self._names.count(name) - 1]
        alone = (None,) * len(further)
        if standing and not self._relaxed:
            yield 0, "", (standing[-1], *further)
            for number, made in enumerate(folded_otherwise(standing[-1])):
                yield 3 + number // 6, "refolded", (made, *further)
        named = (standing[-1].partition(b":")[0] if standing else name.title()) + b": "
        for bits, step, octets in values:
            if bits >= dear:
                continue
            raw = None if octets is None else named + octets
            if self._relaxed and not further:
                yield bits, step, (raw,)
                continue
            for price, why, written in self._ways(bits, step, raw, standing):
                yield price, why, (written, *further)
            if any(one is not None for one in further):
                yield bits + 2, step or "field-added", (raw, *alone)
        for skipped in range(1, len(standing)):
            yield 3, "field-added", tuple(self._below(name, skipped))

    def _ways(
        self, bits: float, step: str, raw: bytes | None, standing: Sequence[bytes]
    ) -> Iterator[tuple[float, str, bytes | None]]:
        """Yield a value; where each blank counts, folded in other ways too."""
        if raw is None or self._relaxed:
            yield bits, step, raw
            return
        only_folded = bool(standing) and raw.split() == standing[-1].split()
        yield bits, "refolded" if only_folded and raw != standing[-1] else step, raw
        if step and not only_folded and bits < _FEW_BITS:
            for number, made in enumerate(folded_otherwise(raw)):
                yield bits + 2 + number // 6, step, made

    def _below(self, name: bytes, skipped: int) -> list[bytes | None]:
        """Return the fields for all mentions when some at the bottom were not there."""
        count = self._names.count(name)
        rest: Sequence[bytes | None] = self.instances(name)[::-1][skipped:]
        return [*rest[:count], *[None] * (count - len(rest))]

    def _form(self, raw: bytes | None) -> bytes:
        if raw is None:
            return b""
        return (relax_field(raw, raw.index(b":")) if self._relaxed else raw) + CRLF


def unfolded(raw: bytes) -> bytes:
    """Return the value of a field in one line, without white space around it."""
    return raw.partition(b":")[2].replace(CRLF, b"").strip(b" \t")


def own_forms(field: Field, *, relaxed: bool) -> bytes:
    """Return the canonical octets of a signature's own field, which end what is signed."""
    return relax_field(field.raw, field.colon) if relaxed else field.raw
