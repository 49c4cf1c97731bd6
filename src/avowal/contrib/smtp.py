"""`smtplib.SMTP` that signs what it sends.

::

    intent = avowal.Intent(domain="example.com", selector="s1", key=avowal.load_key("s1.pem"))
    with SMTP("mail.example.com", 587, signer=OutgoingSigner([intent])) as server:
        server.starttls()
        server.login("alice", password)
        server.send_message(message)

`send_message` and `sendmail` come down to the same octets, and those are signed.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avowal.contrib.outgoing import OutgoingSigner

if TYPE_CHECKING:
    from _typeshed import SizedBuffer

__all__ = ["SMTP", "SMTP_SSL", "OutgoingSigner"]


class _Signing(smtplib.SMTP):
    """The connection of `smtplib` with a `signer`; its other arguments are that one's."""

    def __init__(self, *arguments: Any, signer: OutgoingSigner, **options: Any) -> None:
        self._signer = signer
        super().__init__(*arguments, **options)

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: SizedBuffer | str,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> dict[str, tuple[int, bytes]]:
        """Send a message, signed.  Raises UsageError before anything is sent."""
        octets = msg.encode("ascii") if isinstance(msg, str) else bytes(msg)
        signed = self._signer.signed(octets)
        return super().sendmail(from_addr, to_addrs, signed, mail_options, rcpt_options)


class SMTP(_Signing):
    """`smtplib.SMTP` with a `signer`; its other arguments are that one's."""


class SMTP_SSL(_Signing, smtplib.SMTP_SSL):  # noqa: N801 - smtplib's name
    """`smtplib.SMTP_SSL` with a `signer`; its other arguments are that one's."""
