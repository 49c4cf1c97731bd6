"""What is known about a message besides its own octets: the connection and the envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from avowal.config.origin import Role

_LOOPBACK = IPv4Address("127.0.0.1")


class SmtpAuthentication(NamedTuple):
    """SMTP AUTH as the MTA reports it: macros {auth_type} and {auth_authen}."""

    type: str
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One mail transaction, as the MTA tells it.

    `client` is None for mail that came over no network (the MTA names no address): it
    counts as local.  `client_name` is the name the MTA verified for the address, None where
    it has none.  `sender` and `recipients` are the addresses without angle brackets, the
    sender empty for bounces; None where not known.  `more_recipients` says that there are
    others beyond a limit.  `role` is what the listener may do.
    `macros` holds further milter macros by name without braces.  `received_at` is in Unix
    seconds; `queue_id` may come late (Postfix knows it after the first recipient).
    `draw` is a random number from 0 to 99, for what is done to a share of messages only.
    """

    received_at: int
    role: Role = "both"
    client: IPv4Address | IPv6Address | None = None
    client_name: str | None = None
    helo: bytes | None = None
    auth: SmtpAuthentication | None = None
    daemon_name: str | None = None
    sender: bytes | None = None
    recipients: tuple[bytes, ...] = ()
    more_recipients: bool = False
    queue_id: str | None = None
    hostname: str | None = None  # the MTA's own, macro j: our authserv-id where none is set
    macros: Mapping[str, bytes] = field(default_factory=dict)
    draw: int = 0
    host: tuple[IPv4Address | IPv6Address, str | None] = field(init=False, compare=False)
    """The client as sets of hosts look it up: a local one has the loopback address."""

    @property
    def client_text(self) -> str:
        """The client as traces and logs name it."""
        return "a local client" if self.client is None else str(self.client)

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", (self.client or _LOOPBACK, self.client_name))
