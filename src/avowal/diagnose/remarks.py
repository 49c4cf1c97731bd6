"""What has to be said beside an explanation: what is not proven, and where a search stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from avowal.diagnose.explanation import Explanation, KeyState, PartState

_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "candidates": "as many combinations of fields as are tried by default",
        "orders": "as many orders of the addresses in Cc as are tried by default",
        "header-octets": "as many octets of headers as are hashed by default",
        "spellings": "as many ways to write quoted-printable as are tried by default",
        "lines": "as many lines as are compared by default",
        "octets": "as many octets of bodies as are hashed by default",
        "time": "the time a message may take",
    }
)


def remarks(one: Explanation) -> Iterator[str]:
    """Yield a sentence for each."""
    if one.signed_nothing:
        yield "an empty body was signed: nothing of the text that is here is the signer's"
    if one.cc_order_lost:
        yield "the list has thrown the order of Cc away: nobody can find it again"
    if one.body is PartState.RESTORED and one.header not in {PartState.INTACT, PartState.RESTORED}:
        yield "what fits bh= is known; that bh= is the signer's is not proven"
    if one.key is KeyState.MISSING:
        yield "without a key the header cannot be looked into"
    if not one.explained:
        for limit in one.limits:
            yield f"stopped at a limit: {_LIMITS[limit]} (--thorough tries more)"
