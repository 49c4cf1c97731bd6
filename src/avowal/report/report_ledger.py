"""What became of each report mail: the protocol that stores implement, and its words.

A mail is one report to one address.  It is marked as `SENDING` before its octets leave and as
`SENT` once they were taken; what a killed sender left as `SENDING` may have arrived, so it is
never sent again by itself (`UNCERTAIN`).  One process leads: it holds a lease, and a mail can
only be begun by whoever holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from avowal.enums import Word

LEASE_SECONDS: Final = 120
"""How long a lease holds without being renewed; the step of a dead leader waits as long."""
SUSPENDED_SECONDS: Final = 7 * 86400
"""How long nothing is sent to an address that was refused for good."""
RETRIES: Final = (300, 1800, 7200, 4 * 3600, 8 * 3600)
"""Seconds from one attempt that failed for now to the next; then it is given up."""


class MailState(Word):
    """What is known of a report mail."""

    WAITING = "waiting", "to be sent, for the first time or again"
    SENDING = "sending", "on its way just now"
    SENT = "sent", "taken by the mail server"
    UNCERTAIN = "uncertain", "the sender was killed while it was on its way: not sent again"
    REFUSED = "refused", "refused for good; the address is suspended"
    FAILED = "failed", "given up after several attempts"
    BOUNCED = "bounced", "came back for good after it was sent; the address is suspended"
    WITHDRAWN = "withdrawn", "not to be sent: excluded, without consent, or too large"


@dataclass(frozen=True, slots=True, order=True)
class MailName:
    """What tells report mails apart."""

    day: int
    domain: str
    report_id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class MailEntry:
    """A mail as the ledger has it; `next_at` in Unix seconds where it waits."""

    name: MailName
    state: MailState
    attempts: int = 0
    next_at: int = 0
    why: str = ""


class ReportLedger(Protocol):
    """Every method raises StoreError; several threads may call."""

    def lead(self, holder: str, now: int, /) -> bool:
        """Take the lease, or renew it; return whether it is ours.

        Whoever takes it from another finds no mail `SENDING` any more.
        """

    def resign(self, holder: str, /) -> None:
        """Let another lead at once."""

    def entries(self, day: int, domain: str, /) -> Sequence[MailEntry]:
        """Return the mails about a domain and day."""

    def enter(self, names: Sequence[MailName], now: int, /) -> None:
        """Note that mails are to be sent, all of a report at once; known ones stay."""

    def begin(self, name: MailName, holder: str, now: int, /) -> bool:
        """Mark a mail as `SENDING`; False where it is not due, or we do not lead."""

    def settle(
        self, name: MailName, state: MailState, now: int, /, *, why: str = "", next_at: int = 0
    ) -> None:
        """Note what became of a mail."""

    def sent(self, day: int, /) -> Iterator[MailName]:
        """Yield the mails about a day that were sent, or may have been."""

    def suspended(self, recipient: str, now: int, /) -> str | None:
        """Return why nothing is sent to an address for now, None where something is."""

    def suspend(self, recipient: str, until: int, why: str, /) -> None:
        """Send nothing to an address until a time."""

    def states(self) -> Sequence[tuple[int, MailState, int]]:
        """Return how many mails of each day are in each state."""

    def suspensions(self, now: int, /) -> Sequence[tuple[str, int, str]]:
        """Return the addresses that are suspended, until when and why."""


def after_failure(attempts: int, now: int) -> tuple[MailState, int]:
    """Say what follows a failure for now: the state, and when to try again."""
    if attempts > len(RETRIES):
        return MailState.FAILED, 0
    return MailState.WAITING, now + RETRIES[attempts - 1]
