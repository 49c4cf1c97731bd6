"""A post as the commands for lists take it: verified, and its author's policies asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avowal.cli.dns import Dns

if TYPE_CHECKING:
    from avowal.flow.listening import Heard
    from avowal.message import Message
    from avowal.policy.spf import SpfRequest


def hear(
    message: Message,
    dns: Dns,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
) -> Heard:
    """Ask everything that a list wants to know before it decides."""
    from avowal.dns.limits import Limited
    from avowal.flow.listening import listen
    from avowal.lookup import run

    with dns.opened() as resolver:
        return run(listen(message, now=now, request=request, chain=chain), Limited(resolver))
