"""The DKIM-Signature field, read tag by tag (RFC 6376 §3.5).

Reading judges the syntax; what a receiver accepts is `rules`, whether it verifies is
`verifier`.  A fault carries its reason and whatever could still be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from avowal import quoted
from avowal._fast import read_usual, tag_place
from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.dkim.reasons import Reason
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.message import Field
from avowal.names import DomainName, Identity, NameFault, Selector, domain_name
from avowal.taglist import TagList, TagListFault, base64_string, colon_list, without_fws
from avowal.text import printable
from avowal.valueclass import value

if TYPE_CHECKING:
    from avowal.dkim.signature_values import SignatureValues

Reader: TypeAlias = Callable[[bytes], object]
"""Reads the value of a tag; raises SyntaxFault."""

FIELD_NAME = b"dkim-signature"
QUERY_DNS_TXT = "dns/txt"
REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")  # RFC 6376 §6.1.1
_ALL_REQUIRED = frozenset(REQUIRED)
_REQUIRED_OF_DRAFTS = ("a", "b", "d", "h", "s")  # draft-allman-dkim-base-01 §3.5: v= MUST NOT be
# IANA "DKIM-Signature Tag Specifications": RFC 6376, RFC 6541 (atps, atpsh), RFC 6651 (r)
REGISTERED = frozenset((*REQUIRED, "c", "i", "l", "q", "t", "x", "z", "r", "atps", "atpsh"))

NOWSP = b"nowsp"
_DRAFT_DNS = (("dns",), ("dns/",))  # draft-allman-dkim-base-01 §3.5 q=
_NAME = re.compile(rb"[!-9<-~]++")  # hdr-name: ftext of RFC 5322 §3.6.8 without ";"
_DRAFT_VERSION = rb"0\.[0-9]{1,3}"  # archives only: compiled when the first of them is read
_LONGEST_KNOWN_NAMES = 1024
_MAX_DIGITS = 76  # RFC 6376 §3.5 l=; t= and x= longer than 12 count as far away


class SignatureFault(SyntaxFault):
    """A signature field that cannot be used, the reason, and the tags that could be read.

    `offset` counts from the start of the field's value.
    """

    def __init__(self, reason: Reason, offset: int, why: str) -> None:
        super().__init__(offset, why)
        self.reason = reason


@value(kw_only=False)
class Signature:
    """One signature as its signer wrote it.

    Absent tags are None, or the default that RFC 6376 §3.5 gives.  `signed_names` are
    lower-cased, in order, with repetitions.  Times are Unix seconds, `body_length`
    counts canonical octets.  `body_hash` is None in the form of the first drafts: one hash
    covers header and body (`hashing`).
    """

    field: Field
    tags: TagList
    algorithm: str
    signature: bytes
    body_hash: bytes | None
    header_canon: str
    body_canon: str
    domain: DomainName
    selector: Selector
    signed_names: tuple[bytes, ...]
    identity: Identity | None
    body_length: int | None
    timestamp: int | None
    expiration: int | None
    query_methods: tuple[str, ...]

    @classmethod
    def parse(cls, field: Field, *, limits: Limits = DEFAULT, drafts: bool = False) -> Signature:
        """Read a field.  Raises SignatureFault.

        With `drafts` the forms before RFC 4871 are read too: no v= or v=0.x, q=dns, and, of
        those without v=, no bh= and c=nowsp.
        """
        tags = read_tags(field, limits)
        _refuse_version_and_missing(tags, drafts=drafts)
        return cls.of_tags(field, tags, limits=limits, drafts=drafts)

    @classmethod
    def of_tags(
        cls,
        field: Field,
        tags: TagList,
        *,
        limits: Limits = DEFAULT,
        drafts: bool = False,
        instead: Mapping[str, Reader | None] = MappingProxyType({}),
    ) -> Signature:
        """Read the tags of a list that has all that are required; `v` is not looked at.

        `instead` gives other readers for tags that mean something else in this field, None
        for those that mean nothing.  Raises SignatureFault.
        """
        values = read_values(tags, instead)
        header_canon, body_canon = values["c"]
        if drafts and tags.get("c") == NOWSP and tags.get("bh") is None:
            body_canon = header_canon  # one name for both, draft-allman-dkim-base-00 §3.5 c=
        timestamp, expiration = values["t"], values["x"]
        if timestamp is not None and expiration is not None and expiration <= timestamp:
            raise _fault(tags, "x", "x= is not later than t=")  # RFC 6376 §3.5 x=: MUST
        if len(values["h"]) > limits.signed_names:
            raise SignatureFault(Reason.TOO_LARGE, 0, f"over {limits.signed_names} names in h=")
        methods = values["q"]
        if drafts and methods in _DRAFT_DNS:
            methods = (QUERY_DNS_TXT,)
        return cls(  # by place, which costs a third: in the order of the fields
            field, tags, values["a"], values["b"], values["bh"], header_canon, body_canon,
            values["d"], values["s"], values["h"], values["i"], values["l"], timestamp, expiration,
            methods,
        )  # fmt: skip

    @property
    def auid(self) -> Identity:
        """The identity i=, or its default ``@d`` (RFC 6376 §3.5 i=)."""
        return self.identity or Identity(b"", self.domain)

    @property
    def unsigned_field(self) -> Field:
        """The field with the value of b= and the white space around it cut out (§3.7)."""
        raw, colon = self.field
        start, stop = tag_place(self.tags.octets, "b")
        return Field(raw[: colon + 1 + start] + raw[colon + 1 + stop :], colon)

    @property
    def copied_fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """The z= copies as (name, value); for diagnosis only (§3.5 z=).

        Deliberate: a malformed copy is left out instead of spoiling the signature.
        """
        copies = []
        for copy in (self.tags.get("z") or b"").split(b"|"):
            name, colon, value = without_fws(copy).partition(b":")
            try:
                if colon:
                    copies.append((quoted.decode(name), quoted.decode(value)))
            except quoted.QuotedFault:
                continue
        return tuple(copies)

    @property
    def other_tags(self) -> tuple[tuple[str, bytes], ...]:
        """Tags that are in no registry; they are hashed but mean nothing (§3.2)."""
        return tuple([one for one in self.tags.values.items() if one[0] not in REGISTERED])


def read_tags(field: Field, limits: Limits = DEFAULT) -> TagList:
    """Read the tag list of a signature field.  Raises SignatureFault."""
    if len(field.raw) > limits.signature_field_octets:
        raise SignatureFault(Reason.TOO_LARGE, 0, "longer than any signature needs")
    try:
        return TagList.parse(field.raw[field.colon + 1 :], most=limits.tags)
    except TagListFault as fault:
        raise SignatureFault(Reason.SYNTAX, fault.offset, fault.why) from None


def refuse_missing(tags: TagList, required: Iterable[str]) -> None:
    """Raise SignatureFault for the first tag that has to be there and is not."""
    for name in required:
        if name not in tags.values:
            raise SignatureFault(Reason.MISSING_TAG, 0, f"there is no {name}=")


def _fault(tags: TagList, name: str, why: str) -> SignatureFault:
    tag = tags.tag(name)
    return SignatureFault(Reason.SYNTAX, tag.start if tag else 0, why)


def _refuse_version_and_missing(tags: TagList, *, drafts: bool) -> None:
    version = tags.values.get("v")
    if version == b"1" and tags.values.keys() >= _ALL_REQUIRED:  # compared as octets, §3.5 v=
        return
    draft = version is None or (drafts and re.fullmatch(_DRAFT_VERSION, version) is not None)
    if version != b"1" and not draft:
        raise SignatureFault(Reason.VERSION, tags.place("v")[0], "v= is not 1")
    refuse_missing(tags, _REQUIRED_OF_DRAFTS if drafts and version is None else REQUIRED)


def _algorithm(value: bytes) -> str:
    """ALPHA *(ALPHA / DIGIT) "-" ALPHA *(ALPHA / DIGIT)."""
    key, _, hashed = value.partition(b"-")
    if not (key.isalnum() and key[:1].isalpha() and hashed.isalnum() and hashed[:1].isalpha()):
        raise SyntaxFault(0, "not of the form key-hash")
    return value.decode()


def _canonicalization(value: bytes) -> tuple[str, str]:
    """hyphenated-word ["/" hyphenated-word], a hyphen anywhere."""
    header, slash, body = value.partition(b"/")
    if not slash:
        body = b"simple"
    if not (header.replace(b"-", b"0").isalnum() and body.replace(b"-", b"0").isalnum()):
        raise SyntaxFault(0, "not of the form header/body")
    return header.decode(), body.decode()


def read_names(value: bytes) -> tuple[bytes, ...]:
    """Read the names of h=, lower-cased.  Raises SyntaxFault."""
    return _known_names(value) if len(value) <= _LONGEST_KNOWN_NAMES else _names(value)


def _names(value: bytes) -> tuple[bytes, ...]:
    names = tuple(colon_list(value.lower()))
    if not all(map(_NAME.fullmatch, names)):
        raise SyntaxFault(0, "not a colon-separated list of field names")
    return names


_known_names = lru_cache(maxsize=1024)(_names)  # a signer's list is the same in all its mail


def _identity(value: bytes) -> Identity:
    try:
        return Identity.parse(quoted.decode(value))
    except NameFault as fault:
        raise SyntaxFault(0, fault.why) from None


def _number(value: bytes) -> int:
    if not value.isdigit() or len(value) > _MAX_DIGITS:
        raise SyntaxFault(0, f"not a number of 1 to {_MAX_DIGITS} digits")
    return int(value)


def _query_methods(value: bytes) -> tuple[str, ...]:
    methods = colon_list(value)
    if not all(methods):
        raise SyntaxFault(0, "an empty query method")
    return tuple(printable(method) for method in methods)


# How each tag is read, and what its absence means (RFC 6376 §3.5).
_READERS: dict[str, Reader | None] = {
    "a": _algorithm,
    "b": base64_string,
    "bh": base64_string,
    "c": _canonicalization,
    "d": domain_name,
    "h": read_names,
    "i": _identity,
    "l": _number,
    "q": _query_methods,
    "s": domain_name,
    "t": _number,
    "x": _number,
}
# What the kernel reads of it without asking: a reader says the same of these, and all of the rest.
_KINDS: dict[str, object] = {
    **dict.fromkeys(_READERS, object),
    "a": {name.encode(): name for name in ("rsa-sha256", "ed25519-sha256")},
    "b": bytes,
    "bh": bytes,
    "c": {f"{h}/{b}".encode(): (h, b) for h in HEADER_FORMS for b in BODY_FORMS},
    "l": int,
    "t": int,
    "x": int,
}
_ABSENT: dict[str, object] = dict.fromkeys(_READERS)
_ABSENT |= {"c": ("simple", "simple"), "q": (QUERY_DNS_TXT,)}


def read_values(
    tags: TagList, instead: Mapping[str, Reader | None] = MappingProxyType({})
) -> SignatureValues:
    """Return the value of each tag of `_READERS`, or its default.  Raises SignatureFault."""
    readers, kinds = _READERS, _KINDS
    if instead:
        readers = {**_READERS, **instead}
        kinds = {name: _KINDS[name] for name in _KINDS if name not in instead}
        kinds |= {name: object for name, reader in instead.items() if reader is not None}
    values: Any = _ABSENT.copy()
    for name in read_usual(tags.values, kinds, values):
        reader = readers[name]
        assert reader is not None  # noqa: S101 - a tag that means nothing has no kind
        try:
            values[name] = reader(tags.values[name])
        except SyntaxFault as fault:
            start = tags.place(name)[0]
            raise SignatureFault(
                Reason.SYNTAX, start + fault.offset, f"{name}=: {fault.why}"
            ) from None
    found: SignatureValues = values
    return found
