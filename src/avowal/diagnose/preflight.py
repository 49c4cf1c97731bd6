"""Which known treatments would break the signatures of a message, before it is sent.

No key is needed: a signature survives exactly when what it hashes stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS
from avowal.diagnose.registry import REGISTRY
from avowal.diagnose.restored import body_digest
from avowal.diagnose.treatments import SYSTEMS, TREATMENTS, Treatment
from avowal.dkim.hashing import header_data
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.errors import UsageError
from avowal.limits import DEFAULT, Limits
from avowal.message import Header, Message
from avowal.valueclass import value


@value
class Risk:
    """What a treatment does to one signature: the signed fields that change, and the body."""

    treatment: Treatment
    fields: tuple[bytes, ...]
    body: bool

    @property
    def breaks(self) -> bool:
        """Whether the signature does not survive it."""
        return bool(self.fields) or self.body

    @property
    def avoid(self) -> tuple[str, ...]:
        """What the author can do about it."""
        steps = (REGISTRY[name] for name in self.treatment.steps)
        return tuple(dict.fromkeys(step.avoid for step in steps if step.avoid))


def signatures(message: Message, *, limits: Limits = DEFAULT) -> tuple[tuple[int, Signature], ...]:
    """Return the signatures that can be looked at, and where they stand.

    Raises UsageError for a header beyond the limits, which no verifier judges.
    """
    excess = message.header.excess(limits)
    if excess is not None:
        raise UsageError(f"{excess}: verifiers do not judge such a message, send fewer fields")
    return tuple(_signatures(message, limits))


def _signatures(message: Message, limits: Limits) -> Iterator[tuple[int, Signature]]:
    for place in message.header.positions.get(FIELD_NAME, ())[: limits.signatures_checked]:
        try:
            signature = Signature.parse(message.header[place])
        except SignatureFault:
            continue
        known = signature.header_canon in HEADER_FORMS and signature.body_canon in BODY_FORMS
        if known and signature.algorithm in ALGORITHMS:
            yield place, signature


def treatments(systems: Iterable[str]) -> tuple[Treatment, ...]:
    """Return what some systems do, each once; of all for none.  Raises UsageError."""
    chosen = tuple(systems) or tuple(SYSTEMS)
    for name in chosen:
        if name not in SYSTEMS:
            raise UsageError(f"through: {name!r} is none of {', '.join(SYSTEMS)}")
    names = dict.fromkeys(name for system in chosen for name in SYSTEMS[system])
    return tuple(TREATMENTS[name] for name in names)


def risks(
    message: Message, place: int, signature: Signature, chosen: Iterable[Treatment]
) -> Iterator[Risk]:
    """Yield what each treatment that applies to a message does to a signature."""
    body = body_digest(message.body, signature)
    for treatment in chosen:
        changed = treatment.change(message)
        if changed is not None:
            yield Risk(
                treatment=treatment,
                fields=tuple(_changed_fields(message.header, changed.header, place, signature)),
                body=body_digest(changed.body, signature) != body,
            )


def _changed_fields(
    before: Header, after: Header, place: int, signature: Signature
) -> Iterator[bytes]:
    at = _place(before, after, place)
    for name in dict.fromkeys(signature.signed_names):
        names = tuple(one for one in signature.signed_names if one == name)
        was, came = (
            header_data(header, names, signature.header_canon, signature.field, place=own)
            for header, own in ((before, place), (after, at))
        )
        if was != came:
            yield name
    was, came = (
        header_data(Header.of([]), (), signature.header_canon, own)
        for own in (before[place], after[at])
    )
    if was != came:
        yield FIELD_NAME


def _place(before: Header, after: Header, place: int) -> int:
    """Return where a signature stands after a treatment: none takes one away or adds one."""
    number = before.positions[FIELD_NAME].index(place)
    return after.positions[FIELD_NAME][number]
