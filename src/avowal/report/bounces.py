"""Bounces of reports that come after the relay took a mail (RFC 3464), and whose they are.

The envelope sender of each mail is an address of its own, ``LOCAL+DAY.CODE@DOMAIN``: the code is
a keyed hash of the mail's name, so that only whoever got the mail, or carried it, can send its
bounce back.  A forged bounce suspends nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from avowal.lists.mime import Part
from avowal.message import CRLF, Header, Message
from avowal.report.mail_parts import leaves
from avowal.report.report_ledger import MailName
from avowal.text import printable

SECRET: Final = "bounces"  # noqa: S105 - the name of one
_CODE_OCTETS: Final = 10
_TO: Final = (b"x-original-to", b"delivered-to", b"envelope-to", b"to")
_MOST_RECIPIENTS: Final = 20  # of a bounce that are looked at; our mails have one
_MOST_SAID: Final = 300  # characters of what a server said
_DIGITS: Final = 6


class BounceCode(NamedTuple):
    """What the address of a bounce tells: the day of the report, and a code."""

    day: int
    code: str


class BounceAddresses:
    """Envelope senders, one for each mail."""

    def __init__(self, address: str, secret: bytes) -> None:
        """Take ``LOCAL@DOMAIN``, whose MTA delivers ``LOCAL+anything`` too, and a key of ours."""
        self._local, _, self._domain = address.rpartition("@")
        self._secret = secret

    def of(self, name: MailName) -> str:
        """Return the envelope sender of a mail."""
        return f"{self._local}+{name.day}.{self.code(name)}@{self._domain}"

    def code(self, name: MailName) -> str:
        """Return the code of a mail: letters and digits, for cases get lost on the way."""
        parts = (str(name.day), name.domain, name.report_id, name.recipient)
        told = "\0".join(parts).encode()
        return hmac.digest(self._secret, told, hashlib.sha256)[:_CODE_OCTETS].hex()

    def read(self, address: str) -> BounceCode | None:
        """Return what an address tells; None for one that is none of these."""
        local, _, domain = address.strip("<> \t\r\n").lower().rpartition("@")
        base, plus, rest = local.rpartition("+")
        day, dot, code = rest.partition(".")
        ours = plus and dot and base == self._local.lower() and domain == self._domain.lower()
        if not ours or not (day.isascii() and day.isdigit() and len(day) <= _DIGITS):
            return None
        return BounceCode(int(day), code) if len(code) == 2 * _CODE_OCTETS else None

    def in_message(self, message: Message) -> BounceCode | None:
        """Return what the first address tells that a message was sent to, of those that do."""
        for name in _TO:
            for field in message.header.named(name):
                text = field.value.decode("ascii", "replace")
                found = next(filter(None, map(self.read, text.split(",")[:_MOST_RECIPIENTS])), None)
                if found is not None:
                    return found
        return None

    def whose(self, code: BounceCode, names: Iterable[MailName]) -> MailName | None:
        """Return the mail that a code is of."""
        return next(
            (name for name in names if hmac.compare_digest(self.code(name), code.code)), None
        )


class DeliveryStatus(NamedTuple):
    """What became of a mail for one recipient (RFC 3464 §2.3).

    `action` is failed, delayed, delivered, relayed or expanded; `status` the code of RFC 3463.
    """

    action: str
    status: str
    said: str

    @property
    def is_final(self) -> bool:
        """Whether the mail will never arrive, and the next one will not either."""
        return self.action == "failed" and self.status.startswith("5")


def delivery_statuses(message: Message) -> tuple[DeliveryStatus, ...]:
    """Read what a delivery status notification says; nothing of any other mail."""
    whole = Part(message.header, message.body)
    told = next((p for p in leaves(whole) if p.content_type == b"message/delivery-status"), None)
    if told is None:
        return ()
    octets = told.decoded.replace(b"\r\n", b"\n").replace(b"\n", CRLF)
    groups = octets.split(CRLF + CRLF, _MOST_RECIPIENTS + 1)[: _MOST_RECIPIENTS + 1]
    return tuple(_statuses(groups))


def _statuses(groups: list[bytes]) -> Iterator[DeliveryStatus]:
    for group in groups:
        header = Header.parse(group.lstrip(CRLF) + CRLF)
        action, status = _text(header, b"action"), _text(header, b"status")
        if action and status:
            said = _text(header, b"diagnostic-code")
            yield DeliveryStatus(action.lower(), status, said)


def _text(header: Header, name: bytes) -> str:
    found = header.named(name)
    if not found:
        return ""
    return printable(b" ".join(found[0].value.split()), most=_MOST_SAID)
