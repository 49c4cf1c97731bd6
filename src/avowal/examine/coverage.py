"""How much of a message one signature covers, of what a program or a person looks at.

A reader may show as body or as text what was never signed: where a header ends earlier for it,
where a field that is not signed says how the body is shown, where it knows other line ends.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from avowal.dkim.reasons import Caution
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.message import Header

SHOWN: Final = frozenset((
    b"from", b"subject", b"date", b"mime-version", b"content-type", b"content-transfer-encoding",
))  # fmt: skip
"""The fields that say who wrote what, when, and how the body is to be read."""
_PLACING: Final = (b"content-disposition", b"content-base", b"content-location")
"""MIME fields that change what a body is shown as, or where its links lead (RFC 2183, RFC 2557)."""
_USUAL: Final = b"inline"  # RFC 2183 §2.1: shown as it is without the field
_DOUBTS: Final = frozenset((Caution.TESTING, Caution.MALFORMED_LINES, Caution.BARE_LINE_BREAKS))


@dataclass(frozen=True, slots=True)
class Coverage:
    """A passing signature, and whether it covers all octets of the body and what is shown.

    `names` are the signed fields that the message has, in the order of h=.
    """

    verification: Verification
    signature: Signature
    names: tuple[bytes, ...]
    complete: bool

    def covers(self, name: bytes, header: Header) -> bool:
        """Whether every field of a lower-cased name is signed, be there none at all."""
        return _covers(self.signature, name, header)


def coverage_of(
    verification: Verification, header: Header, *, unsigned: Collection[bytes] = ()
) -> Coverage | None:
    """Return what a signature covers; None for one that does not pass.

    `unsigned` are fields of `SHOWN` that may do without.  A key with t=y counts for nothing
    (RFC 6376 §3.6.1); of a header with lines that are no fields, with bare line breaks or with
    white space before a colon, other readers may see other fields and another body than were
    signed.
    """
    signature = verification.signature
    if not verification.passed or signature is None:
        return None
    names = dict.fromkeys(name for name in signature.signed_names if name in header.positions)
    complete = (
        _covers_body(verification, signature)
        and all(_covers(signature, name, header) for name in SHOWN.difference(unsigned))
        and all(_covers(signature, name, header) or _usual(name, header) for name in _PLACING)
        and _DOUBTS.isdisjoint(verification.warnings)
        and _read_alike(header)
    )
    return Coverage(verification, signature, tuple(names), complete)


def _covers(signature: Signature, name: bytes, header: Header) -> bool:
    """RFC 6376 §5.4.2: h= takes as many instances, from the bottom, as it has the name."""
    return len(header.positions.get(name, ())) <= signature.signed_names.count(name)


def _usual(name: bytes, header: Header) -> bool:
    return all(field.value.strip(b" \t\r\n").lower() == _USUAL for field in header.named(name))


def _read_alike(header: Header) -> bool:
    """Whether every reader ends the header and its lines where we do.

    To some (Python's `email`) a name with white space before its colon (RFC 5322 §4.5) is no
    field, and the body begins there: with a field that nobody signed.
    """
    if header.lone_cr:
        return False
    fields = zip(header.raws, header.colons, strict=True)
    return not any(colon > 0 and raw[colon - 1] in b" \t" for raw, colon in fields)


def _covers_body(verification: Verification, signature: Signature) -> bool:
    if signature.body_length is None:
        return True
    evidence = verification.evidence
    return evidence is not None and evidence.body_octets == signature.body_length
