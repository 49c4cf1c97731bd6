"""Relays that change what they pass on, so that a signature made before them has to leave it out.

A row is a fact about somebody's service, with its source; what is done with it stands in
`avowal.sign` and in `refuse_relay`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from avowal.errors import IntentError, UsageError
from avowal.members import refuse_other
from avowal.message import Header
from avowal.valueclass import value


@value
class Relay:
    """A service that takes mail over and sends it on.

    `rewrites` are the fields it writes anew, lower-cased; `one_signature` says that it refuses a
    message with more than one DKIM-Signature; `source` tells where its maker says so.
    """

    title: str
    rewrites: frozenset[bytes]
    one_signature: bool
    source: str


RELAYS: Mapping[str, Relay] = MappingProxyType(
    {
        "ses": Relay(
            title="Amazon SES",
            rewrites=frozenset((b"message-id", b"date", b"return-path", b"bounces-to")),
            one_signature=True,
            source="Amazon SES Developer Guide, “Manual DKIM signing” and “Header fields”",
        ),
    }
)


def relay_of(name: str) -> Relay:
    """Return the relay of a name.  Raises UsageError, which tells the names."""
    refuse_other("relay", name, str)
    found = RELAYS.get(name)
    if found is None:
        raise UsageError(f"relay: {name!r} is none of those that are known: {', '.join(RELAYS)}")
    return found


def refuse_relay(name: str, header: Header, signatures: int) -> None:
    """Refuse to make so many signatures for a relay that takes one.  Raises IntentError."""
    relay = relay_of(name)
    present = len(header.positions.get(b"dkim-signature", ()))
    if relay.one_signature and signatures + present > 1:
        had = f" beside the {present} that it has" if present else ""
        raise IntentError(
            "DKIM-Signature",
            f"{relay.title} refuses a message with several: {signatures} to be made{had}",
        )
