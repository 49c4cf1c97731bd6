"""The DomainKey-Signature field, read (RFC 4870 §3.3): its tags, and the fields it signs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from avowal.canonical import DOMAINKEYS_BODY_FORMS
from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import Reader, SignatureFault, read_values, refuse_missing
from avowal.limits import Limits
from avowal.message import Header
from avowal.names import DomainName, Identity, NameFault, Selector
from avowal.taglist import TagList, colon_list
from avowal.text import printable

FIELD_NAME = b"domainkey-signature"
ALGORITHM = ALGORITHMS["rsa-sha1"]  # the only one there was, RFC 4870 §3.3 a=
_REQUIRED = ("b", "c", "d", "s")
_ALLOWED = {"a": (Reason.ALGORITHM, b"rsa-sha1"), "q": (Reason.QUERY, b"dns")}
# Of the tags that DKIM-Signature has too, only b=, d= and s= are read as there.
_READ: Mapping[str, Reader | None] = dict.fromkeys(("a", "bh", "c", "h", "i", "l", "q", "t", "x"))
_DOMAIN = re.compile(rb"@([A-Za-z0-9._\x80-\xff-]++)")
_BETWEEN = tuple(bytes((octet,)) for octet in b' \t\r\n\f\v<>(),;:@"')


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainKeySignature:
    """One signature as its signer wrote it.

    `form` is c=, `places` are the fields it signs, by their places in the header and in the
    order that they are signed in, and `signed_names` their names.  `auid` is the sender:
    whom Sender, else From, names among the signed fields (RFC 4870 §3.3, §3.7.3).
    """

    form: str
    signature: bytes
    domain: DomainName
    selector: Selector
    auid: Identity
    places: tuple[int, ...]
    signed_names: tuple[bytes, ...]
    algorithm: str = ALGORITHM.name
    timestamp: int | None = None  # there is no t= and no x=
    expiration: int | None = None

    @classmethod
    def of_tags(
        cls, header: Header, place: int, tags: TagList, limits: Limits
    ) -> DomainKeySignature:
        """Read the tags of the field at `place`.  Raises SignatureFault."""
        refuse_missing(tags, _REQUIRED)
        form = _form(tags)
        values = read_values(tags, _READ)
        places = _signed_places(header, place, tags.get("h"), limits)
        sender = _sender(header, places)
        if sender is None or not sender.domain.is_within(values["d"]):
            why = "the sender's domain is not within d="
            raise SignatureFault(Reason.DOMAIN_MISMATCH, _start(tags, "d"), why)
        return cls(
            form=form,
            signature=values["b"],
            domain=values["d"],
            selector=values["s"],
            auid=sender,
            places=places,
            signed_names=tuple([header.names[at] for at in places]),
        )


def _form(tags: TagList) -> str:
    """Return c=, and refuse an a= or q= that there never was."""
    for name, (reason, only) in _ALLOWED.items():
        if tags.get(name) not in (None, only):
            raise SignatureFault(reason, _start(tags, name), f"{name}= is not {only.decode()}")
    form = printable(tags.get("c") or b"")
    if form not in DOMAINKEYS_BODY_FORMS:
        raise SignatureFault(Reason.CANONICALIZATION, _start(tags, "c"), f"c={form}")
    return form


def _start(tags: TagList, name: str) -> int:
    tag = tags.tag(name)
    return 0 if tag is None else tag.start


def _signed_places(
    header: Header, place: int, listed: bytes | None, limits: Limits
) -> tuple[int, ...]:
    """The fields below the signature: all, or those of h= in its order (RFC 4870 §3.3 h=)."""
    below = range(place + 1, len(header))
    if listed is None:
        return tuple(below)
    names = colon_list(listed.lower())
    if len(names) > limits.signed_names:
        raise SignatureFault(Reason.TOO_LARGE, 0, f"over {limits.signed_names} names in h=")
    positions = header.positions
    return tuple(
        [at for name in dict.fromkeys(names) for at in positions.get(name, ()) if at in below]
    )


def _sender(header: Header, places: tuple[int, ...]) -> Identity | None:
    for name in (b"sender", b"from"):
        for place in places:
            if header.names[place] == name and (found := _DOMAIN.search(_tail(header, place))):
                start = 1 + max(found.string.rfind(one, 0, found.start()) for one in _BETWEEN)
                try:
                    domain = DomainName.parse(found[1])
                except NameFault:
                    return None
                return Identity(found.string[start : found.start()], domain)
    return None


def _tail(header: Header, place: int) -> bytes:
    """Return the value of a field behind its last angle bracket."""
    return header[place].value.rpartition(b"<")[2]
