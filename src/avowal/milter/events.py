"""What a filter is told about a connection, and what a connection may cost.

Most events are the packets themselves; the fields of a header come together as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from avowal.message import Header
from avowal.milter.negotiation import Agreement
from avowal.milter.packets import (
    Abort,
    Body,
    Connect,
    Data,
    Helo,
    Mail,
    Quit,
    QuitNewConnection,
    Recipient,
    UnknownCommand,
)
from avowal.milter.wire import PACKET_OCTETS


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What one milter connection may cost.

    Beyond the last three limits what follows is dropped and the event or session says
    `truncated`; beyond the others the MTA breaks the protocol.
    """

    packet_octets: int = PACKET_OCTETS
    macro_octets: int = 64 << 10  # per MACRO packet; SMTP lines are below 2 kB
    macros: int = 256  # per MACRO packet; Sendmail and Postfix know some 60
    header_octets: int = 1 << 20  # as avowal.limits
    header_fields: int = 5000
    recipients: int = 1000  # kept; RFC 5321 §4.5.3.1.8 asks for 100, Postfix allows 1000


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The first event: what was agreed."""

    agreement: Agreement


@dataclass(frozen=True, slots=True)
class HeaderEnd:
    """The whole header in wire octets; `truncated` where it went beyond the limits."""

    header: Header
    truncated: bool


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """All of the message has come: time for modifications and the final answer."""


Event = (
    Negotiated | Connect | Helo | Mail | Recipient | Data | HeaderEnd | Body | EndOfMessage
    | UnknownCommand | Abort | Quit | QuitNewConnection
)  # fmt: skip
