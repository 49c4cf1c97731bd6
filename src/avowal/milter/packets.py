"""Every packet of the milter protocol, both directions, as a value.

Commands go from the MTA to the filter; answers and modifications come back.  How they
look on the wire is `codec`.  Sources: libmilter/mfdef.h and the milter library's
documentation (Sendmail 8.17), Postfix's milter8.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Options:
    """OPTNEG, both ways: what is offered, what is taken; `macros` only from the filter.

    `macros` holds pairs of stage number and the names wished for, separated by spaces.
    """

    version: int
    actions: int
    protocol: int
    macros: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """MACRO: names and values in turn, for the command whose code is `stage`."""

    stage: int
    strings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Connect:
    """CONNECT: who connects to the MTA.

    `family` is one of ``U L 4 6``; for U (unknown) port and address are None.
    `hostname` is an address in brackets where the reverse name is unknown.
    """

    hostname: bytes
    family: bytes = b"U"
    port: int | None = None
    address: bytes | None = None


@dataclass(frozen=True, slots=True)
class Helo:
    """HELO or EHLO; comes again after STARTTLS."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM: the address as written, with its angle brackets, and ESMTP arguments."""

    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """RCPT TO: the address as written, with its angle brackets, and ESMTP arguments."""

    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """DATA (version 4)."""


class HeaderField(NamedTuple):
    """HEADER: one field, folds as bare LF; the value with its leading space under HDR_LEADSPC."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class EndOfHeader:
    """EOH."""


class Body(NamedTuple):
    """BODY: octets of the body, cut anywhere."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class EndOfBody:
    """BODYEOB: the end of the message; may bring the last octets of the body."""

    chunk: bytes = b""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """UNKNOWN: an SMTP command the MTA does not know (version 3)."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Abort:
    """ABORT: forget the message, keep the connection."""


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT: the end."""


@dataclass(frozen=True, slots=True)
class QuitNewConnection:
    """QUIT_NC: forget the connection; a CONNECT may follow without negotiation."""


class PlainAnswer(Enum):
    """The answers without data.  PROGRESS is none: it asks for patience."""

    CONTINUE = ord("c")
    ACCEPT = ord("a")
    REJECT = ord("r")
    TEMPFAIL = ord("t")
    DISCARD = ord("d")
    SKIP = ord("s")
    PROGRESS = ord("p")
    SHUTDOWN = ord("4")
    CONNECTION_FAILED = ord("f")


@dataclass(frozen=True, slots=True)
class ReplyCode:
    """REPLYCODE: an SMTP reply to give; made by `actions.reply_code`."""

    text: bytes


@dataclass(frozen=True, slots=True)
class AddHeader:
    """ADDHEADER: Postfix appends; Sendmail puts it before an existing field of the name."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class InsertHeader:
    """INSHEADER: at index 0 above everything, the MTA's own Received field included."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeHeader:
    """CHGHEADER: the `index`-th field of the name, from 1; an empty value deletes it."""

    index: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """REPLBODY: a chunk of the new body; CRLF line ends."""

    chunk: bytes


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """ADDRCPT."""

    address: bytes


@dataclass(frozen=True, slots=True)
class AddRecipientArguments:
    """ADDRCPT_PAR: with ESMTP arguments."""

    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteRecipient:
    """DELRCPT: the address exactly as RCPT gave it."""

    address: bytes


@dataclass(frozen=True, slots=True)
class ChangeSender:
    """CHGFROM."""

    address: bytes
    arguments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantine:
    """QUARANTINE: the message is accepted and held."""

    reason: bytes


@dataclass(frozen=True, slots=True)
class SymbolList:
    """SETSYMLIST on its own; in practice it travels in `Options.macros`."""

    stage: int
    names: bytes


Command = (
    Options | Definitions | Connect | Helo | Mail | Recipient | Data | HeaderField | EndOfHeader
    | Body | EndOfBody | UnknownCommand | Abort | Quit | QuitNewConnection
)  # fmt: skip
Modification = (
    AddHeader | InsertHeader | ChangeHeader | ReplaceBody | AddRecipient | AddRecipientArguments
    | DeleteRecipient | ChangeSender | Quarantine
)  # fmt: skip
Answer = PlainAnswer | ReplyCode
Packet = Command | Modification | Answer | SymbolList
