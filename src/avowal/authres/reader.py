"""Reading the Authentication-Results of a message, and whom to believe (RFC 8601 §4.1, §5).

Nothing in such a field proves who wrote it.  An instance is believed when its authserv-id
is one that the caller trusts and it stands where only trusted hosts can have put it; the
border must have deleted what others wrote in our name (`forged`).  Fields inside attached
messages are never looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from avowal.authres.grammar import PayloadFault, VersionFault, parse, refuse_costly
from avowal.authres.identifiers import Identifiers
from avowal.authres.model import AuthenticationResults, MethodResult, known
from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.members import refuse_single
from avowal.message import Field, Header, Message

FIELD_NAME = b"authentication-results"


class Distrust(Word):
    """Why an instance is not believed."""

    SYNTAX = "malformed", "the field does not fit the grammar (RFC 8601 §2.2)"
    VERSION = "unknown-version", "the field is of a version that is not known (RFC 8601 §2.6)"
    FOREIGN = "foreign-id", "its authserv-id is none that is trusted (RFC 8601 §4.1)"
    POSITION = "position", "it stands where others can have put it (RFC 8601 §7.1)"
    NOT_WHOLE = "header-not-whole", "the header goes on beyond a limit: it was not read to its end"
    TOO_MANY = "too-many-fields", "more fields than are read in one message (RFC 8601 §7.8)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom a reader believes.

    `ids` are the trusted authserv-ids.  `own_hops` is the number of Received fields that own
    hosts put above an instance at most: 0 for a mailbox host that receives from outside and
    writes the results itself.  `first_fields` believes only the topmost fields of a message.
    None leaves a position unchecked.
    """

    ids: Identifiers
    own_hops: int | None = None
    first_fields: int | None = None

    def distrust(self, authserv_id: str, place: int, hops: int) -> Distrust | None:
        """Decide about an instance at a place (from 0) below `hops` Received fields."""
        if authserv_id not in self.ids:
            return Distrust.FOREIGN
        if self.own_hops is not None and hops > self.own_hops:
            return Distrust.POSITION
        if self.first_fields is not None and place >= self.first_fields:
            return Distrust.POSITION
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One Authentication-Results field: `place` counts from 0 at the top of the header.

    `results` is None when the field could not be read; `detail` then says why.
    """

    place: int
    field: Field
    results: AuthenticationResults | None
    distrust: Distrust | None
    detail: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether the reader believes it."""
        return self.distrust is None


@dataclass(frozen=True, slots=True)
class Reading:
    """All instances of a message, top to bottom."""

    instances: tuple[Instance, ...]

    @property
    def results(self) -> tuple[MethodResult, ...]:
        """What may be acted upon: known results of trusted instances.

        RFC 8601 §2.3, §2.6, §4.1: methods, words, versions and ptypes that are not known are
        passed over.
        """
        return tuple(
            result
            for instance in self.instances
            if instance.trusted and instance.results is not None
            for result in instance.results.results
            if known(result)
        )

    def combined(self, authserv_id: str) -> AuthenticationResults:
        """Return all results of trusted instances as one field's (RFC 8617 §4.1.1).

        Unknown methods are kept: whoever reads them decides.
        """
        results = tuple(
            result
            for instance in self.instances
            if instance.trusted and instance.results is not None
            for result in instance.results.results
        )
        return AuthenticationResults(authserv_id, results)

    def lost(self, authserv_id: str) -> tuple[Instance, ...]:
        """Return the instances that speak for an id and cannot be read: `combined` lacks them."""
        ours = Identifiers({authserv_id})
        return tuple(
            instance
            for instance in self.instances
            if instance.results is None
            and _could_be_ours(instance.field.value)
            and ours.mentioned_in(instance.field.value)
        )

    def named(self, method: str) -> tuple[MethodResult, ...]:
        """Return the results of one method that may be acted upon.

        For dkim, contradicting results about one signature cancel out (RFC 6008 §4).
        """
        found = tuple(result for result in self.results if result.method == method)
        return without_contradictions(found) if method == "dkim" else found

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.instances)

    def __len__(self) -> int:
        return len(self.instances)


def read(
    source: bytes | Message | Header,
    trusted: Collection[str] = (),
    *,
    own_hops: int | None = None,
    first_fields: int | None = None,
    limits: Limits = DEFAULT,
) -> Reading:
    r"""Read the Authentication-Results of a message.

    `trusted` are the authserv-ids to believe; `own_hops` and `first_fields` restrict where an
    instance may stand, see `Trust`.  No octets make it raise, only a `trusted` that is no
    collection (UsageError): a lone id would be taken for its letters.

    >>> text = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a.example\r\n"
    >>> read(text, trusted={"MX.example.org"}).named("spf")[0].value("smtp.mailfrom")
    'a.example'
    >>> read(text, trusted={"mx.example.net"}).instances[0].distrust.sentence
    'its authserv-id is none that is trusted (RFC 8601 §4.1)'
    """
    refuse_single("trusted", trusted)
    header = _header(source)
    trust = Trust(ids=Identifiers(trusted), own_hops=own_hops, first_fields=first_fields)
    hops = 0
    received = iter(header.positions.get(b"received", ()))
    next_hop = next(received, None)
    instances = []
    for count, place in enumerate(header.positions.get(FIELD_NAME, ())):
        while next_hop is not None and next_hop < place:
            hops += 1
            next_hop = next(received, None)
        field = header[place]
        if header.beyond is not None:
            instances.append(
                Instance(place=place, field=field, results=None, distrust=Distrust.NOT_WHOLE)
            )
        elif count >= limits.authres_fields:
            instances.append(
                Instance(place=place, field=field, results=None, distrust=Distrust.TOO_MANY)
            )
        else:
            instances.append(_instance(field, place, hops, trust, limits))
    return Reading(tuple(instances))


def without_contradictions(results: tuple[MethodResult, ...]) -> tuple[MethodResult, ...]:
    """Drop the results of any signature (by its header.b) that do not agree (RFC 6008 §4)."""
    words: dict[tuple[str | None, str], set[str]] = {}
    for result in results:
        beginning = result.value("header.b")
        if beginning is not None:
            words.setdefault((result.value("header.d"), beginning), set()).add(result.result)
    return tuple(
        result
        for result in results
        if (beginning := result.value("header.b")) is None
        or len(words[result.value("header.d"), beginning]) == 1
    )


def _could_be_ours(value: bytes) -> bool:
    """Whether we could have written a field: none of ours is so costly to read."""
    try:
        refuse_costly(value)
    except PayloadFault:
        return False
    return True


def _instance(field: Field, place: int, hops: int, trust: Trust, limits: Limits) -> Instance:
    try:
        results = parse(field.value, limits=limits)
    except PayloadFault as fault:
        why = Distrust.VERSION if isinstance(fault, VersionFault) else Distrust.SYNTAX
        return Instance(place=place, field=field, results=None, distrust=why, detail=str(fault))
    distrust = trust.distrust(results.authserv_id, place, hops)
    return Instance(place=place, field=field, results=results, distrust=distrust)


def _header(source: bytes | Message | Header) -> Header:
    if isinstance(source, Header):
        return source
    if isinstance(source, Message):
        return source.header
    return Message.from_stored(source).header
