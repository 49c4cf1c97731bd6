"""Hosts of a way in memory: each is the daemon's own flow over a configuration.

What one host sends the next one gets; DNS is one zone for all.
"""

from __future__ import annotations

from typing import Any

from tests.unit.flow.conftest import Site, carried_out, load

from avowal import authres
from avowal.authres import MethodResult
from avowal.config.toml import parse
from avowal.flow.actions import FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.testing import Zone

ALICE = b"alice@example.com"


class Host:
    """One host of the way: its configuration, and the zone that all see."""

    def __init__(self, toml: str, zone: dict[str, Any]) -> None:
        loaded = parse(toml.encode(), file="avowal.toml")
        self.site = Site(compile_plan(loaded.configuration, loaded.places, load=load))
        self.zone = Zone(zone)

    def takes(self, octets: bytes, client: str, sender: bytes = ALICE, **more: Any) -> bytes:
        """Return the message as it leaves or is delivered."""
        actions = self.site.actions(octets, zone=self.zone, client=client, sender=sender, **more)
        assert actions.disposition is FlowDisposition.ACCEPT, actions.reply
        return carried_out(actions, octets)

    def refuses(self, octets: bytes, client: str, sender: bytes = ALICE) -> bool:
        """Whether it refuses a message for good."""
        actions = self.site.actions(octets, zone=self.zone, client=client, sender=sender)
        return actions.disposition is FlowDisposition.REJECT


def found(octets: bytes, by: str = "mx.receiver.example") -> dict[str, list[MethodResult]]:
    """What a host wrote down, by method."""
    results: dict[str, list[MethodResult]] = {}
    for result in authres.read(octets, trusted={by}).results:
        results.setdefault(result.method, []).append(result)
    return results
