"""What To and Cc may have been: in another order, spelled anew, with subscribers taken out.

Mailman takes members with "nodup" out of Cc, writes names as Python's formataddr does, and in
version 2 leaves the rest in the order of a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from math import log2

from avowal.diagnose.address_words import (
    folded_by_exchange,
    list_spellings,
    spelled,
    split_addresses,
)
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_slots import Value, unfolded
from avowal.diagnose.recipient_rows import bases, one_each

# Most bits of a round of the search from which on something is worth its trouble.
_SECOND, _THIRD = 6, 10
_MOST_QUOTED = 8  # names each of which may have been quoted
_MOST_SETS = 9000


def recipients(case: HeaderCase, name: bytes, most: int) -> Iterator[Value]:
    """Yield values of To or Cc that cost up to `most` bits."""
    raw = case.first(name)
    shown = None if raw is None else unfolded(raw)
    mailboxes = _mailboxes(raw)
    is_cc = name == b"cc"
    if shown is None:
        yield Value(0, "", None)
    else:
        yield from _as_it_stands(shown, mailboxes, is_cc=is_cc)
    yield from _usually_spelled(case, mailboxes)
    if not is_cc:
        if shown is not None and raw is not None and b"\r\n" in raw:
            yield Value(6, "refolded", raw.partition(b":")[2].replace(b"\r\n ", b"").strip(b" \t"))
        return
    yield from _spelled(case, mailboxes, most)
    yield from _rows(case, mailboxes, most)


def steps_between(signed: bytes | None, came: bytes | None) -> Iterator[str]:
    """Yield what a list has done to the addresses of a field."""
    before, after = ([spelled(one).key for one in _mailboxes(raw)] for raw in (signed, came))
    if not {*before} <= {*after}:
        yield "cc-removed"
    if [one for one in before if one in after] != [one for one in after if one in before]:
        yield "cc-order"


def _mailboxes(raw: bytes | None) -> list[bytes]:
    return [] if raw is None else split_addresses(raw.partition(b":")[2])


def _as_it_stands(shown: bytes, mailboxes: list[bytes], *, is_cc: bool) -> Iterator[Value]:
    yield Value(1 if is_cc else 0, "", shown)
    for bits, step, row in list_spellings(mailboxes):
        yield Value(bits + 2 * (not is_cc), step, b", ".join(row))
        if len(row) > 1 and bits < 4:
            yield Value(bits + 5, "respelled", b",".join(row))
    if is_cc:
        yield Value(4, "field-added", None)


def _usually_spelled(case: HeaderCase, mailboxes: Sequence[bytes]) -> Iterator[Value]:
    """Yield the addresses as other messages spell them: servers take names away."""
    usual = [case.around.spellings(spelled(one).key, 2) for one in mailboxes]
    for number in (0, 1):
        row = [ways[number] if number < len(ways) else one
               for one, ways in zip(mailboxes, usual, strict=True)]  # fmt: skip
        if row != list(mailboxes):
            yield Value(5, "respelled", b", ".join(row))


def _spelled(case: HeaderCase, mailboxes: Sequence[bytes], most: int) -> Iterator[Value]:
    """Yield lists in which some names are spelled otherwise."""
    if most < _SECOND or not mailboxes:
        return
    for width in range(74, 81):
        for column in (3, 4):
            yield Value(6, "respelled", folded_by_exchange(mailboxes, width, column))
    parted = [spelled(one) for one in mailboxes]
    plain = [at for at, one in enumerate(parted) if one.written() != one.written(quoted=True)]
    plain = [at for at in plain if parted[at].name and b"=?" not in parted[at].name]
    if 0 < len(plain) <= _MOST_QUOTED:
        for mask in range(1, 1 << len(plain)):
            quoted = {at for bit, at in enumerate(plain) if mask >> bit & 1}
            row = [
                one.written(quoted=True) if at in quoted else one.written()
                for at, one in enumerate(parted)
            ]
            yield Value(4 + len(plain), "respelled", b", ".join(row))
    for at, one in enumerate(parted):
        ways = (*case.around.spellings(one.key, 4), one.address, b"<" + one.address + b">")
        for way in dict.fromkeys(ways):
            if way != mailboxes[at]:
                row = [*mailboxes[:at], way, *mailboxes[at + 1 :]]
                yield Value(5, "respelled", b", ".join(row))


def _rows(case: HeaderCase, mailboxes: list[bytes], most: int) -> Iterator[Value]:
    """Yield rows of addresses: some put back, in their order or in any."""
    pool = case.pool(tuple(mailboxes)) if most >= _SECOND else []
    for price, base in bases(case, mailboxes):
        if base and base is not mailboxes:
            for bits, _, row in list_spellings(base):
                yield Value(price + bits, "cc-author-added", b", ".join(row))
        yield from _one_put_back(base, pool, price, most)
        if not case.shuffles:
            yield from _known_put_back(case, base, price, most)
            yield from _two_put_back(base, pool, price, most)


def _one_put_back(
    base: Sequence[bytes], pool: Sequence[bytes], price: float, most: int
) -> Iterator[Value]:
    spellings = [row for bits, _, row in list_spellings(base) if bits < 4][
        : 4 if len(base) < 12 else 2
    ]
    for rank, mailbox in enumerate(pool):
        bits = price + 2 + log2(rank + 1) + log2(len(base) + 1)
        for number, row in enumerate(spellings):
            if round(bits + 2 * number) > most:
                continue
            for at in range(len(row) + 1):
                put = [*row[:at], mailbox, *row[at:]]
                yield Value(bits + 2 * number, "cc-removed", b", ".join(put))


def _two_put_back(
    base: Sequence[bytes], pool: Sequence[bytes], price: float, most: int
) -> Iterator[Value]:
    if most < _THIRD:
        return
    unlike = one_each(pool)[: 16 if len(base) < 14 else 10]
    for first, second in permutations(range(len(unlike)), 2):
        bits = price + 2 + 0.8 * (log2(1 + first) + log2(1 + second)) + 1.2 * log2(len(base) + 1)
        if round(bits) > most:
            continue
        for at in range(len(base) + 1):
            for behind in range(at, len(base) + 1):
                row = [*base[:at], unlike[first], *base[at:behind], unlike[second]]
                row += base[behind:]
                yield Value(bits, "cc-removed", b", ".join(row))


def _known_removed(case: HeaderCase, base: Sequence[bytes], most: int) -> list[bytes]:
    """Return whom the list is proven to take out, and who is missing here."""
    present = {spelled(one).key for one in base} | case.addressed()
    return [key for key, _ in case.profile.removed.most_common(most) if key not in present]


def _known_put_back(
    case: HeaderCase, base: Sequence[bytes], price: float, most: int
) -> Iterator[Value]:
    """Put subscribers back who are known to be taken out, beside neighbours they had before."""
    if most < _SECOND:
        return
    known = _known_removed(case, base, 14)
    number = 0
    for count, among in ((1, 14), (2, 14), (3, 11), (4, 9), (5, 7)):
        for chosen in combinations(known[:among], count):
            for row in _at_learned_places(case, list(base), chosen):
                number += 1
                bits = price + 2 + 1.5 * count + 0.3 * log2(number + 1)
                bits = min(9.0, bits) if most < _THIRD else bits
                yield Value(bits, "cc-removed", b", ".join(row))
                if number > _MOST_SETS:
                    return


def _at_learned_places(
    case: HeaderCase, row: list[bytes], chosen: Sequence[bytes]
) -> Iterator[list[bytes]]:
    if not chosen:
        yield row
        return
    key, *rest = chosen
    spelling = case.profile.spellings[key].most_common(1)[0][0]
    keys = [spelled(one).key for one in row]
    places = [
        keys.index(one) + 1 for one, _ in case.profile.before[key].most_common(8) if one in keys
    ][:2]
    places += [
        keys.index(one) for one, _ in case.profile.behind[key].most_common(8) if one in keys
    ][:1]
    for place in dict.fromkeys(places or [len(row)]):
        yield from _at_learned_places(case, [*row[:place], spelling, *row[place:]], rest)
