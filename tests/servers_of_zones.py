"""Name servers in memory, each with its own zones: what a key's observer asks.

`World` answers a resolver's questions about the true data, and each server's by that server's
own: one may lag, differ, be silent or know nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from avowal.dns.zone import Zone
from avowal.keys.observation import Named, Observation, Observer
from avowal.lookup import NO_DATA, Answer, Failure, Outcome, Question, Told

SILENT = Failure.TIMEOUT
LAME = "lame"
KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
OTHER_KEY = "v=DKIM1; k=ed25519; p=" + "A" * 43 + "="
NAME = "s1._domainkey.example.com"


class World:
    """`parents` is what resolvers see, `servers` maps an address to what that server says.

    What a server says is a mapping of names to records, as `Zone` takes it; a Failure; or LAME.
    """

    def __init__(self, parents: dict[str, object], servers: dict[str, object]) -> None:
        self.finder = Named("finder", Zone(parents))
        self._servers = servers

    def ask(self, addresses: Sequence[str], question: Question) -> tuple[Told, ...]:
        return tuple(self._told(self._servers[one], question) for one in addresses)

    def _told(self, says: object, question: Question) -> Told:
        if isinstance(says, Failure):
            return Told(answer=Answer.failed(says))
        if says == LAME:
            return Told(answer=NO_DATA)
        assert isinstance(says, dict)
        zone = Zone(says, ttl=300)
        (alias,) = zone.resolve((Question(question.name, "CNAME"),))
        if alias.outcome is Outcome.FOUND:
            return Told(answer=None, authoritative=True, alias=alias.records[0].decode())
        (answer,) = zone.resolve((question,))
        return Told(answer=answer, authoritative=True)

    def look(self, name: str = NAME, *, seconds: float = 60.0) -> Observation:
        return Observer([self.finder], self, clock=lambda: 1000.0, seconds=seconds).look(name)


def soa(serial: int = 5, minimum: int = 120) -> dict[str, object]:
    """Return a SOA for `World`."""
    return {"SOA": [f"ns1.example.com host.example.com {serial} 3600 600 86400 {minimum}"]}


def two_servers(first: object, second: object, *, seen: object = KEY) -> World:
    """Return example.com with two name servers, and what resolvers see at the key's name."""
    return World(
        {
            "example.com": {"NS": ["ns1.example.com", "ns2.example.com"]},
            "ns1.example.com": {"A": ["192.0.2.1"]},
            "ns2.example.com": {"A": ["192.0.2.2"]},
            **({NAME: seen} if seen is not None else {}),
        },
        {"192.0.2.1": first, "192.0.2.2": second},
    )
