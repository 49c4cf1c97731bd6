"""The three fields of an ARC set, read (RFC 8617 §4.1).

::

    instance = [CFWS] %s"i" [CFWS] "=" [CFWS] 1*2DIGIT
    ARC-Authentication-Results: instance [CFWS] ";" authres-payload
    ARC-Message-Signature:      a DKIM-Signature's tags, without v=, with i= the instance
    ARC-Seal:                   i= a= b= cv= d= s= t= only

Deliberate: i= may stand anywhere in the two tag lists, as signers write it; the ABNF has
it first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from avowal.arc.reasons import ChainStatus
from avowal.authres.grammar import PayloadFault, parse
from avowal.authres.model import AuthenticationResults
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import (
    Reader,
    Signature,
    SignatureFault,
    read_tags,
    read_values,
    refuse_missing,
)
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.message import Field
from avowal.names import DomainName, Identity, Selector
from avowal.taglist import TagList
from avowal.tokens import comment_end, fws_end

RESULTS_NAME = b"arc-authentication-results"
SIGNATURE_NAME = b"arc-message-signature"
SEAL_NAME = b"arc-seal"
NAMES = (RESULTS_NAME, SIGNATURE_NAME, SEAL_NAME)  # the order in which a seal hashes them, §5.1.1

MOST_INSTANCES = 50  # RFC 8617 §4.2.1
INSTANCE_OCTETS = 256  # of an AAR, in which its instance has to stand
_DIGITS = re.compile(rb"[0-9]++")
_INSTANCE = re.compile(rb"0?[1-9]|[1-4][0-9]|50")
_SIGNATURE_TAGS = ("i", "a", "b", "bh", "d", "h", "s")  # RFC 6376 §6.1.1, RFC 8617 §4.1.2
_SEAL_TAGS = ("i", "a", "b", "cv", "d", "s")  # RFC 8617 §4.1.3; t= is recommended, RFC 6376 §3.5


class ArcFault(SyntaxFault):
    """A field of an ARC set whose instance cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResultsInstance:
    """An ARC-Authentication-Results field (AAR).

    `results` is None when the payload does not fit the grammar; the chain does not depend
    on it.
    """

    field: Field
    place: int
    instance: int
    results: AuthenticationResults | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSignature:
    """An ARC-Message-Signature field (AMS); `fault` says why there is no `signature`."""

    field: Field
    place: int
    instance: int
    signature: Signature | None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """An ARC-Seal field (AS).  `status` is its cv=, `timestamp` its t= in Unix seconds."""

    field: Field
    place: int
    instance: int
    tags: TagList
    status: ChainStatus
    algorithm: str
    signature: bytes
    domain: DomainName
    selector: Selector
    timestamp: int | None

    @property
    def expiration(self) -> None:
        """A seal has no x= (§4.1.3)."""
        return

    @property
    def auid(self) -> Identity:
        """Whom a key with t=s has to fit: the domain itself, for there is no AUID (§4.1.3)."""
        return Identity(b"", self.domain)

    @property
    def unsigned_field(self) -> Field:
        """The field with the value of b= cut out (RFC 6376 §3.7)."""
        field = self.field
        raw = field.raw[: field.colon + 1] + self.tags.without_value("b")
        return Field(raw, field.colon)


ArcField: TypeAlias = AuthenticationResultsInstance | MessageSignature | Seal


def read_field(field: Field, place: int, limits: Limits = DEFAULT) -> ArcField:
    """Read a field of an ARC set by its name.

    Raises ArcFault without a readable instance, SignatureFault for a seal that lacks
    something else.
    """
    if field.name == RESULTS_NAME:
        return _authentication_results(field, place, limits)
    tags = read_tags(field, limits)
    tag = tags.tag("i")
    if tag is None or _INSTANCE.fullmatch(tag.value) is None:
        raise ArcFault(tag.start if tag else 0, f"i= is not 1 to {MOST_INSTANCES}")
    instance = int(tag.value)
    if field.name == SEAL_NAME:
        return _seal(field, place, instance, tags)
    signature = fault = None
    try:
        signature = read_message_signature(field, tags, limits)
    except SignatureFault as problem:
        fault = str(problem)
    return MessageSignature(
        field=field, place=place, instance=instance, signature=signature, fault=fault
    )


def read_message_signature(field: Field, tags: TagList, limits: Limits = DEFAULT) -> Signature:
    """Read an AMS as the signature it is (§4.1.2).  Raises SignatureFault."""
    refuse_missing(tags, _SIGNATURE_TAGS)
    signature = Signature.of_tags(field, tags, limits=limits, instead=_IN_SIGNATURE)
    if SEAL_NAME in signature.signed_names:
        raise SignatureFault(Reason.SYNTAX, 0, "h= names ARC-Seal (RFC 8617 §4.1.2)")
    return signature


def split_instance(value: bytes) -> tuple[int, bytes]:
    """Cut ``instance [CFWS] ";"`` off an AAR: the instance and the payload.  Raises ArcFault.

    It has to stand within the first INSTANCE_OCTETS, comments and folds included.
    """
    head = value[:INSTANCE_OCTETS]
    position = _cfws(head, 0)
    for mark in (b"i", b"="):
        if not head.startswith(mark, position):
            raise ArcFault(position, "i= does not come first")
        position = _cfws(head, position + 1)
    found = _DIGITS.match(head, position)
    if found is None or _INSTANCE.fullmatch(found[0]) is None:
        raise ArcFault(position, f"i= is not 1 to {MOST_INSTANCES}")
    position = _cfws(head, found.end())
    if not head.startswith(b";", position):
        raise ArcFault(position, "expected ; behind the instance")
    return int(found[0]), value[position + 1 :]


def _authentication_results(
    field: Field, place: int, limits: Limits
) -> AuthenticationResultsInstance:
    instance, payload = split_instance(field.value)
    try:
        results = parse(payload, limits=limits)
    except PayloadFault:
        results = None
    return AuthenticationResultsInstance(
        field=field, place=place, instance=instance, results=results
    )


def _seal(field: Field, place: int, instance: int, tags: TagList) -> Seal:
    refuse_missing(tags, _SEAL_TAGS)
    values = read_values(tags, _IN_SEAL)
    written = tags.get("cv") or b""
    try:
        status = ChainStatus(written.decode("ascii", "replace"))
    except ValueError:
        raise SignatureFault(Reason.SYNTAX, 0, "cv= is not none, fail or pass") from None
    return Seal(
        field=field,
        place=place,
        instance=instance,
        tags=tags,
        status=status,
        algorithm=values["a"],
        signature=values["b"],
        domain=values["d"],
        selector=values["s"],
        timestamp=values["t"],
    )


# Tags of DKIM-Signature that mean something else here, or nothing (§4.1.2, §4.1.3)
_IN_SIGNATURE: dict[str, Reader | None] = {"i": None}
_IN_SEAL: dict[str, Reader | None] = dict.fromkeys(("bh", "c", "h", "i", "l", "q", "x"))


def _cfws(value: bytes, position: int) -> int:
    """Return where comments and folding white space end (RFC 5322 §3.2.2)."""
    while True:
        position = fws_end(value, position)
        if not value.startswith(b"(", position):
            return position
        end = comment_end(value, position)
        if end < 0:
            return position
        position = end
