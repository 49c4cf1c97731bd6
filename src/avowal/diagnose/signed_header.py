"""Finding the header that was signed: groups of values for each name in h=, and the search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.diagnose import field_authors, field_mime, field_others, field_recipients, field_subject
from avowal.diagnose.broken_lines import joined_header
from avowal.diagnose.budget import Budget
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_search import HeaderSearch
from avowal.diagnose.header_slots import Alternative, Group, Slots, Value, own_forms, unfolded
from avowal.diagnose.ordered_recipients import recipient_orders
from avowal.diagnose.presence import was_present
from avowal.diagnose.refolding import STYLES, restyled
from avowal.dkim.signature import Signature
from avowal.message import Field, Header

# Most bits, alternatives of a group, and the share of the candidates, for each round.
_ROUNDS = ((5, 5000, 0.15), (9, 9000, 0.5), (12, 45_000, 1.0))
_FEW = (3, 100)  # bits, and alternatives of a group, where all fields are folded otherwise
_RESTYLED = 300  # candidates for each way to fold
_REFOLDED_BITS = 3  # that other fields may cost when the signature itself was refolded
_MOST_COPIED = 100  # fields in z= that are tried
_MOST_GAPS = 16  # blanks in a signature's field each of which may be new
_INNER = re.compile(rb"(?<=[\w+/=:]) (?=[\w+/=:])")  # a blank within a tag's value
_GAP = re.compile(rb";[ \t]++")


class HeaderProof(NamedTuple):
    """The signed fields, and the steps that lead back to them, names of the registry.

    `fields` holds, for each name in h= whose fields changed, those that were signed, from the
    bottom upwards, None where there was none.  `own` are the canonical octets of the
    signature's own field, with white space that it has lost or got since; `raw` is that field
    whole, where it is known.
    """

    fields: dict[bytes, tuple[bytes | None, ...]]
    steps: tuple[str, ...]
    own: bytes
    raw: bytes | None = None


def signed_header(
    case: HeaderCase,
    place: int,
    accepts: Callable[[bytes], bool],
    budget: Budget,
    *,
    rounds: int = len(_ROUNDS),
) -> HeaderProof | None:
    """Return the proof of what was signed, None for no hit.

    `accepts` tells whether the hash of some fields is what was signed; only the first `rounds`
    are searched.
    """
    header, broken = joined_header(case.header, place)
    if not broken:
        return _found(case, place, accepts, budget, rounds)
    found = _found(replace(case, header=header), place, accepts, budget, rounds)
    if found is None or not any(found.fields.get(name, ())[:1] for name in broken):
        return found
    return found._replace(steps=(*found.steps, "field-broken"))


def _found(
    case: HeaderCase,
    place: int,
    accepts: Callable[[bytes], bool],
    budget: Budget,
    rounds: int,
) -> HeaderProof | None:
    signature = case.signature
    slots = Slots(case.header, signature, place)
    new = HASHES[ALGORITHMS[signature.algorithm].hash_name]
    own = own_forms(signature.unsigned_field, relaxed=signature.header_canon == "relaxed")
    complete, tried = True, -1
    orders = recipient_orders(case, slots, accepts, budget) if rounds > 1 else None
    for number, (most, limit, share) in enumerate(_ROUNDS[:rounds]):
        left = int(budget.effort.candidates * share) - budget.candidates
        groups = _groups(case, slots, most, max(_FEW[1], min(limit, left)))
        search = HeaderSearch(
            signature.signed_names, groups, own, accepts=accepts, new=new, budget=budget, share=left
        )
        found = search.find(tried, most)
        if found is not None:
            return _proof(case, groups, found, own)
        complete = search.complete
        tried = most if complete else tried
        ordered = orders.found(number, groups, own) if orders is not None else None
        if ordered is not None:
            return _proof(case, *ordered, own)
        if number == 1:
            again = _refolded if signature.header_canon == "relaxed" else _restyled
            proof = again(case, place, groups, accepts, budget)
            if proof is not None:
                return proof
        if not budget.in_time():
            return None
        if budget.headers_spent:
            break
    if not complete:
        budget.meet("candidates")
    return None


def _groups(case: HeaderCase, slots: Slots, most: int, limit: int) -> list[Group]:
    """Make a group of values for each name in h=."""
    signature = case.signature
    sometimes = case.around.sometimes(signature)
    return [
        slots.group(
            name,
            _values(case, name, most),
            present=was_present(name, signature, sometimes, known=case.signer.had(name)),
            most=most,
            limit=limit,
        )
        for name in slots.order
    ]


def _restyled(
    case: HeaderCase,
    place: int,
    groups: list[Group],
    accepts: Callable[[bytes], bool],
    budget: Budget,
) -> HeaderProof | None:
    """Try all fields, and the signature's own, as if one server had folded them anew."""
    signature, came = case.signature, case.header.raws[place]
    new = HASHES[ALGORITHMS[signature.algorithm].hash_name]
    for style in STYLES:
        if budget.headers_spent:
            break
        header = Header.of([Field.of(restyled(style, raw)) for raw in case.header.raws])
        groups = _groups(replace(case, header=header), Slots(header, signature, place), *_FEW)
        for raw in dict.fromkeys((came, restyled(style, came))):
            tail = Signature.parse(Field.of(raw)).unsigned_field.raw
            search = HeaderSearch(
                signature.signed_names, groups, tail,
                accepts=accepts, new=new, budget=budget, share=_RESTYLED,
            )  # fmt: skip
            found = search.find(-1, _REFOLDED_BITS)
            if found is not None:
                step = "refolded" if raw == came else "signature-refolded"
                return _proof(case, groups, found, tail, step)._replace(raw=raw)
    return None


def _refolded(
    case: HeaderCase,
    place: int,
    groups: list[Group],
    accepts: Callable[[bytes], bool],
    budget: Budget,
) -> HeaderProof | None:
    """Try the signature's own field with other white space: servers fold it anew."""
    signature = case.signature
    own = own_forms(signature.unsigned_field, relaxed=True)
    new = HASHES[ALGORITHMS[signature.algorithm].hash_name]
    for tail, share in _other_folds(own):
        search = HeaderSearch(
            signature.signed_names, groups, tail,
            accepts=accepts, new=new, budget=budget, share=share,
        )  # fmt: skip
        found = search.find(-1, _REFOLDED_BITS)
        if found is not None:
            return _proof(case, groups, found, tail, "signature-refolded")
    return None


def _other_folds(own: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield a signature's field with other white space, and how many candidates that is worth."""
    name, _, value = own.partition(b":")
    tried = {value}
    gaps = _INNER.finditer(value)
    for share, changed in (
        (500, _GAP.sub(b";", value)),
        (500, re.sub(rb";[ \t]*+(?=.)", b"; ", value)),
        (500, _INNER.sub(b"", value)),
        (500, value.replace(b" ", b"")),
        *((100, value[: gap.start()] + value[gap.end() :]) for gap in islice(gaps, _MOST_GAPS)),
    ):
        if changed not in tried:
            tried.add(changed)
            yield name + b":" + changed, share


def _values(case: HeaderCase, name: bytes, most: int) -> Iterable[Value]:
    """Yield the values that a field may have had; those of other copies come first."""
    around = case.around
    for octets in around.copies(case.header, name):
        yield Value(0, "copy", octets)
    for copied, octets in case.signature.copied_fields[:_MOST_COPIED]:
        if copied.lower() == name:  # whoever wrote z= may lie: only the hash decides
            yield Value(1, "copied-field", unfolded(copied + b":" + octets))
    raw = case.first(name)
    if name == b"subject" and raw is not None:
        yield from field_subject.subjects(raw, around.tag, untagged=around.untagged)
    elif name == b"from" and raw is not None:
        yield from field_authors.authors(case)
    elif name == b"reply-to":
        yield from field_authors.reply_to(case)
    elif name == b"sender":
        yield from field_authors.sender(case)
    elif name in {b"to", b"cc"}:
        yield from field_recipients.recipients(case, name, most)
    elif name == b"content-type":
        yield from field_mime.content_types(raw, case.proof)
    elif name == b"content-transfer-encoding":
        yield from field_mime.transfer_encodings(raw, case.proof)
    elif name == b"mime-version":
        yield from field_mime.mime_versions(raw, case.proof)
    else:
        yield from field_others.others(case, name)


def _proof(
    case: HeaderCase, groups: Iterable[Group], found: Iterable[Alternative], own: bytes, *more: str
) -> HeaderProof:
    fields, steps = {}, list[str]()
    for group, one in zip(groups, found, strict=True):
        fields[group.name] = one.raws
        if one.step == "cc-order":  # any order of them, whether some were put back or not
            steps += field_recipients.steps_between(one.raws[0], case.first(group.name))
        elif one.step:
            steps.append(one.step)
    return HeaderProof(fields, tuple(dict.fromkeys((*steps, *more))), own)
