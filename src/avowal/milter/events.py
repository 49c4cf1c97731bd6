"""What a filter is told about a connection, and what a connection may cost.

Most events are the packets themselves; the fields of a header come together as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from avowal.limits import DEFAULT
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

    Beyond the limits of the header its fields are let go, but From fields as far as theirs
    go, and `Header.beyond` says so; recipients beyond theirs are dropped, and the session says
    `recipients_truncated`; beyond the others the MTA breaks the protocol.  `watched` are
    lower-cased names that are counted beyond the limits whether they stand within them or not.
    """

    packet_octets: int = PACKET_OCTETS
    macro_octets: int = 64 << 10  # per MACRO packet; SMTP lines are below 2 kB
    macros: int = 256  # per MACRO packet; Sendmail and Postfix know some 60
    header_octets: int = DEFAULT.header_octets
    header_fields: int = DEFAULT.header_fields
    author_octets: int = DEFAULT.author_octets
    author_fields: int = DEFAULT.author_fields
    watched: frozenset[bytes] = frozenset()
    recipient_octets: int = 512 << 10  # kept; a path has 256 octets (RFC 5321 §4.5.3.1.3)
    recipients: int = 1000  # kept; RFC 5321 §4.5.3.1.8 asks for 100, Postfix allows 1000


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The first event: what was agreed."""

    agreement: Agreement


@dataclass(frozen=True, slots=True)
class HeaderEnd:
    """The header in wire octets; where it went beyond the limits, `Header.beyond` says so."""

    header: Header


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """All of the message has come: time for modifications and the final answer."""


Event = (
    Negotiated | Connect | Helo | Mail | Recipient | Data | HeaderEnd | Body | EndOfMessage
    | UnknownCommand | Abort | Quit | QuitNewConnection
)  # fmt: skip
