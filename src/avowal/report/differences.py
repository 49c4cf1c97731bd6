"""How a message differs from the copies that its signer kept in z= (RFC 6376 §3.5 z=).

For a person who looks for what changed on the way; no verdict follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.message import Header
from avowal.text import printable

_FWS = b" \t\r\n"
_LONGEST = 2000  # octets of one value that are shown
_MOST = 200  # differences that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not as it was signed: both values, None where there is none.

    `only_space` says that they differ in nothing but white space, which the relaxed form
    forgives.
    """

    name: bytes
    signed: bytes | None
    received: bytes | None
    only_space: bool = False


def differences(signature: Signature, header: Header) -> tuple[Difference, ...]:
    """Compare the copies with the fields that came, those of a name from the bottom up (§5.4.2).

    White space around a value is no difference: signers copy it or not.  A field of a copied
    name that has no copy was added, or z= left it out.
    """
    copies: dict[bytes, list[bytes]] = {}
    for name, value in signature.copied_fields:
        copies.setdefault(name.lower(), []).append(value.strip(_FWS))
    found = []
    for name, signed in copies.items():
        received = [field.value.strip(_FWS) for field in reversed(header.named(name))]
        if received[::-1] == signed:
            continue  # signers write the copies of one name in either order
        for one, other in zip_longest(signed, received):
            if one != other:
                alike = one is not None and other is not None and one.split() == other.split()
                found.append(Difference(name=name, signed=one, received=other, only_space=alike))
    return tuple(found)


def difference_text(verification: Verification, header: Header) -> str | None:
    """Return the differences of a failed signature as text; None where it has no copies."""
    signature = verification.signature
    if verification.passed or signature is None or "z" not in signature.tags:
        return None
    return "".join(f"{line}\n" for line in _lines(verification, signature, header))


def _lines(verification: Verification, signature: Signature, header: Header) -> Iterator[str]:
    names = f"d={verification.domain} s={verification.selector} a={verification.algorithm}"
    yield f"{names}: {verification.explanation}"
    found = differences(signature, header)
    if not found:
        yield "  no copied field differs: look at the body, and at fields without a copy"
    for one in found[:_MOST]:
        yield f"  {printable(one.name)}{': only white space differs' if one.only_space else ''}"
        yield f"    signed:   {_shown(one.signed)}"
        yield f"    received: {_shown(one.received)}"
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST} more"


def _shown(value: bytes | None) -> str:
    return "(no such field)" if value is None else printable(value[:_LONGEST])
