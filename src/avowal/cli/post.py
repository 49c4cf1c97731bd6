"""A post as the commands for lists take it: examined, its author's policies asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avowal.cli.dns import Dns

if TYPE_CHECKING:
    from avowal.examine.findings import Findings, Receiver
    from avowal.message import Message
    from avowal.policy.spf import SpfRequest


def list_receiver() -> Receiver:
    """Return how a list examines what comes in."""
    from avowal.examine.findings import Receiver
    from avowal.examine.posts import CHOICE

    return Receiver(choice=CHOICE)


def examined(
    message: Message,
    dns: Dns,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
) -> Findings:
    """Ask everything that a list wants to know before it decides."""
    from avowal.calls.examine import examine
    from avowal.examine.findings import Want

    want = Want.DKIM | Want.POLICIES | (Want.ARC if chain else Want(0))
    with dns.opened() as resolver:
        return examine(
            message.header, (message.body,), list_receiver(), want, resolver,
            now=now, envelope=request,
        )  # fmt: skip
