"""The MTA's half of a negotiation: what it lets a filter take, how large its packets are."""

from __future__ import annotations

from collections.abc import Mapping

from avowal.errors import PeerError
from avowal.milter.negotiation import ActionFlags, Agreement, ProtocolFlags, Stage, braced, names_of
from avowal.milter.packets import Options

_OLDEST = 2
_MAX_DATA: Mapping[ProtocolFlags, int] = {
    ProtocolFlags.MAX_DATA_1M: (1 << 20) - 1,
    ProtocolFlags.MAX_DATA_256K: (1 << 18) - 1,
}
BODY_OCTETS = 65535
"""Octets of body in one packet where nothing larger is agreed."""


def body_octets(agreement: Agreement) -> int:
    """The largest chunk of body in a packet."""
    for option, octets in _MAX_DATA.items():
        if option in agreement.protocol:
            return octets
    return BODY_OCTETS


def accept(offer: Options, reply: Options) -> Agreement:
    """Check a filter's reply against the offer, as a strict MTA does (Sendmail, libmilter).

    Raises PeerError where the filter takes what was not offered.
    """
    if not _OLDEST <= reply.version <= offer.version:
        raise PeerError(
            f"the filter wants milter version {reply.version} of {_OLDEST} to {offer.version}"
        )
    if reply.actions & ~offer.actions:
        raise PeerError(
            f"the filter wants actions that were not offered: "
            f"{names_of(ActionFlags(reply.actions & ~offer.actions))}"
        )
    if reply.protocol & ~offer.protocol:
        raise PeerError(
            f"the filter wants protocol options that were not offered: "
            f"{names_of(ProtocolFlags(reply.protocol & ~offer.protocol))}"
        )
    if reply.macros and not reply.actions & ActionFlags.REQUEST_MACROS:
        raise PeerError("the filter requests macros without taking the action for it")
    return Agreement(
        version=reply.version,
        actions=ActionFlags(reply.actions),
        protocol=ProtocolFlags(reply.protocol),
        macros=_requests(reply.macros),
    )


def _requests(lists: tuple[tuple[int, bytes], ...]) -> dict[Stage, tuple[str, ...]]:
    try:
        return {
            Stage(stage): tuple(braced(name) for name in names.decode("ascii").split())
            for stage, names in lists
        }
    except ValueError:
        raise PeerError("the filter requests macros for a stage or name that is none") from None
