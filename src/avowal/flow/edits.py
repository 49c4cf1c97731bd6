"""What is changed in the header that came: forgeries out, long lines folded.

Known before the body is seen, because signatures are made over the header as it leaves.
Every index counts the fields of a name as they were shown, whatever else is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from avowal import authres
from avowal.flow.actions import Change, Deletion
from avowal.flow.plan import Plan
from avowal.flow.results import own_ids
from avowal.flow.trace import Step, Topic
from avowal.flow.transaction import Transaction
from avowal.flow.treatment import Treatment
from avowal.message import CRLF, Field, Header

LINE_OCTETS = 990  # Sendmail breaks longer ones, Postfix those over 998 (RFC 5322 §2.1.1)
_FIELD_OCTETS = 65000  # a milter packet has 65535, and folds are added
_AUTHRES = b"authentication-results"
_SIGNATURE = b"dkim-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Deletions, changes, and the header as it leaves but for what is put on top.

    `long_lines` counts the signed fields with a line that an MTA will break and that
    could not, or should not, be folded here.  `surplus` are the deletions of fields beyond a
    limit, which were not kept; `unremoved` counts those that would have to go and are more
    than an MTA is asked to delete one by one.
    """

    header: Header
    delete: tuple[Deletion, ...] = ()
    change: tuple[Change, ...] = ()
    folded: Mapping[int, Field] = field(default_factory=dict)  # by place in the header that came
    doomed: frozenset[int] = frozenset()
    long_lines: int = 0
    surplus: tuple[Deletion, ...] = ()
    unremoved: int = 0
    steps: tuple[Step, ...] = ()


def edits(plan: Plan, transaction: Transaction, treatment: Treatment, header: Header) -> Edits:
    """Find what has to be changed in a header.  Raises nothing."""
    if treatment.ignored:
        return Edits(header=header)
    steps: list[Step] = []
    counts = _beyond(plan, transaction, treatment, header, steps)
    if sum(counts.values()) > plan.receiver.limits.header_fields:
        return Edits(header=header, unremoved=sum(counts.values()), steps=tuple(steps))
    doomed = set(_removed(plan, transaction, treatment, header, steps))
    folded: dict[int, Field] = {}
    long_lines = 0
    if treatment.sign and plan.configuration.signing.long_lines != "ignore":
        for place in _long(plan, header, doomed):
            field = refolded(header[place])
            if field is None or plan.configuration.signing.long_lines == "log":
                long_lines += 1
            else:
                folded[place] = field
    found = Edits(
        header=header,
        folded=folded,
        long_lines=long_lines,
        surplus=tuple(_behind(header, counts)),
        steps=tuple(steps),
    )
    return without(found, header, doomed) if doomed or folded or counts else found


def without(edits: Edits, header: Header, places: Iterable[int]) -> Edits:
    """Return the edits of the header that came with more of its fields taken out."""
    doomed = edits.doomed.union(places)
    folded = {place: field for place, field in edits.folded.items() if place not in doomed}
    numbers = _numbers(header, doomed | folded.keys())
    return replace(
        edits,
        header=Header.of(
            (folded.get(at, field) for at, field in enumerate(header) if at not in doomed),
            beyond=header.beyond,
        ),
        delete=(
            *(Deletion(header.names[at], numbers[at]) for at in sorted(doomed)),
            *edits.surplus,
        ),
        change=tuple(Change(numbers[at], field) for at, field in folded.items()),
        folded=folded,
        doomed=doomed,
    )


def own_fields(plan: Plan) -> tuple[bytes, ...]:
    """Return the lower-cased names of fields that only this host may have written."""
    configuration = plan.configuration
    names = [configuration.actions.tag_field] if "tag" in plan.actions.values() else []
    if configuration.results.mark is not None:
        names.append(configuration.results.mark)
    if configuration.explanations.field is not None:
        names.append(configuration.explanations.field)
    return tuple(name.lower().encode() for name in names)


def refolded(field: Field, *, most: int = LINE_OCTETS) -> Field | None:
    """Fold the long lines of a field where it has white space; None where it has too little.

    Only CRLF is added, in front of white space that is there: what the field says, and its
    relaxed form (RFC 6376 §3.4.2), stay the same.  A field that no MTA would take back as it
    is (NUL, bare CR or LF, too long, space before the colon) stays as it came.
    """
    if field.raw[: field.colon].strip(b" \t") != field.raw[: field.colon]:
        return None
    rest = field.raw.replace(CRLF, b"")
    if len(field.raw) > _FIELD_OCTETS or any(octet in rest for octet in (b"\0", b"\r", b"\n")):
        return None
    lines: list[bytes] = []
    for line in field.raw.split(CRLF):
        rest = line
        while len(rest) > most:
            cut = max(rest.rfind(b" ", 1, most), rest.rfind(b"\t", 1, most))
            # Never a line of white space alone, nor a cut within or before the name.
            if cut < 0 or not rest[:cut].strip(b" \t") or (not lines and cut <= field.colon + 1):
                return None
            lines.append(rest[:cut])
            rest = rest[cut:]
        lines.append(rest)
    if any(not line.strip(b" \t") for line in lines[1:]):
        return None
    return Field.of(CRLF.join(lines))


def _long(plan: Plan, header: Header, doomed: set[int]) -> Iterator[int]:
    for place, raw in enumerate(header.raws):
        if len(raw) > LINE_OCTETS and place not in doomed:
            longest = max(map(len, raw.split(CRLF)))
            signed = header.names[place] in plan.signed_set
            if longest > LINE_OCTETS and signed:
                yield place


def _removed(
    plan: Plan,
    transaction: Transaction,
    treatment: Treatment,
    header: Header,
    steps: list[Step],
) -> Iterator[int]:
    """Yield the places of the fields that go."""
    signing = plan.configuration.signing
    if not _keeps_results(transaction, treatment):
        yield from _untrusted(plan, transaction, header, steps)
    if treatment.sign and not treatment.resign:
        if signing.remove_old_signatures:
            yield from header.positions.get(_SIGNATURE, ())
        if signing.remove_identity_field and signing.identity_field is not None:
            yield from header.positions.get(signing.identity_field.lower().encode(), ())


def _beyond(
    plan: Plan,
    transaction: Transaction,
    treatment: Treatment,
    header: Header,
    steps: list[Step],
) -> dict[bytes, int]:
    """Return how many fields of which name go that stand beyond a limit.

    Nobody has read them: whatever `_untrusted` looks for is taken for found.
    """
    beyond, results = header.beyond, plan.configuration.results
    if beyond is None or _keeps_results(transaction, treatment):
        return {}
    if plan.hosts.trusted_hosts.holds(*transaction.host):
        return {}
    names = [_AUTHRES] if results.remove != "none" else []
    names += own_fields(plan)
    counts = {name: beyond.count(name) for name in names if beyond.count(name)}
    for name, count in counts.items():
        why = f"{count} {name.decode()} fields were removed unread: {beyond}"
        path = ("results", "remove")
        steps.append(plan.step(Topic.RESULTS, path, why, matched=True, decided=True))
    return counts


def _behind(header: Header, counts: Mapping[bytes, int]) -> Iterator[Deletion]:
    """Yield the deletions of fields that stand behind those kept, as an MTA counts them."""
    for name, count in counts.items():
        kept = len(header.positions.get(name, ()))
        yield from (Deletion(name, kept + number) for number in range(1, count + 1))


def _keeps_results(transaction: Transaction, treatment: Treatment) -> bool:
    """Whether what says it comes from us may stay.

    It does in what list software sends: the record made on arrival, which the list signs
    (RFC 6377 §5.7).  A user who logs in under its address is no list software.
    """
    return transaction.auth is None if treatment.outgoing else transaction.role == "sign"


def _untrusted(
    plan: Plan, transaction: Transaction, header: Header, steps: list[Step]
) -> Iterator[int]:
    """Yield the fields that say they come from us and do not (RFC 8601 §5)."""
    results = plan.configuration.results
    if plan.hosts.trusted_hosts.holds(*transaction.host):
        if _AUTHRES in header.positions:
            why = f"{transaction.client_text} is in trusted_hosts"
            steps.append(plan.step(Topic.RESULTS, ("results", "trusted_hosts"), why, matched=True))
        return
    for name in own_fields(plan):
        yield from header.positions.get(name, ())
    if results.remove == "all":
        yield from header.positions.get(_AUTHRES, ())
    if _AUTHRES not in header.positions and not header.has_bare_break:
        return  # as most mail comes; what was not kept of them is `_beyond`'s
    if results.remove != "none":
        ids = {*own_ids(plan, transaction), *results.remove_ids}
        below = {id_ for id_ in ids if id_.startswith(".")}
        limits = plan.receiver.limits
        for forgery in authres.forged(header, ids - below, below=below, limits=limits):
            if forgery.cause is authres.Cause.NOT_KEPT:
                break  # `_beyond` knows of them
            if results.remove == "all" and forgery.cause is not authres.Cause.HIDDEN:
                continue
            why = f"field {forgery.index} was removed: {forgery.cause.sentence}"
            path = ("results", "remove")
            steps.append(plan.step(Topic.RESULTS, path, why, matched=True, decided=True))
            yield forgery.place


def _numbers(header: Header, places: Collection[int]) -> dict[int, int]:
    """Return the number of each field among the fields of its name, from 1, by its place."""
    names = {header.names[place] for place in places}
    return {
        place: number for name in names for number, place in enumerate(header.positions[name], 1)
    }
