"""The connection a post came over, as options of a command: for SPF, and for programs it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from avowal.cli.shared_options import gathered
from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.policy.spf import SpfRequest


class Envelope(NamedTuple):
    """What is known of the connection."""

    client: str | None
    mail_from: str
    helo: str

    def request(self, now: int) -> SpfRequest | None:
        """Return what SPF is asked about; None without a client.  Raises UsageError."""
        if self.client is None:
            return None
        from ipaddress import ip_address

        from avowal.policy.spf import SpfRequest

        try:
            address = ip_address(self.client)
        except ValueError:
            raise UsageError(f"--client: {self.client!r} is no IP address") from None
        sender = self.mail_from.strip("<>").encode()
        return SpfRequest(client=address, mail_from=sender, helo=self.helo.encode(), now=now)


envelope_options = gathered(
    "envelope",
    Envelope,
    Envelope._fields,
    click.option("--client", metavar="IP", help="The client the post came from, for SPF."),
    click.option("--mail-from", default="", help="Its envelope sender, for SPF."),
    click.option("--helo", default="", help="Its HELO name, for SPF."),
)
