"""What the MTA told about a message, in the form OpenDKIM's options look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

UNKNOWN_JOB = "(unknown-jobid)"
UNKNOWN_HOST = "unknown-host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The connection and the envelope.

    `client_name` and `client` (the address as text) are None where the MTA names none.
    `sender` and `recipients` are bare addresses; `raw_recipients` the same as the MTA
    wrote them; `more_recipients` says that there are others beyond a limit.  `macros` has names
    without braces.
    """

    client_name: str | None = None
    client: str | None = None
    sender: str = ""
    recipients: tuple[str, ...] = ()
    raw_recipients: tuple[bytes, ...] = ()
    more_recipients: bool = False
    macros: Mapping[str, bytes] = field(default_factory=dict)

    def macro(self, name: str) -> str | None:
        """Return the value of a macro, braces or not; None where it is not defined."""
        value = self.macros.get(name.strip("{}"))
        return None if value is None else value.decode("utf-8", "replace")

    def recipient_in(self, find: Callable[[str], object]) -> str | None:
        """Return the first recipient that is found; those not kept may be, and count as one."""
        for recipient in self.recipients:
            if find(recipient) is not None:
                return recipient
        return "one of more recipients than are looked at" if self.more_recipients else None

    @property
    def job(self) -> str:
        """The MTA's queue id."""
        return self.macro("i") or UNKNOWN_JOB

    @property
    def hostname(self) -> str:
        """The MTA's own name."""
        return self.macro("j") or UNKNOWN_HOST


def bare_address(path: bytes) -> str:
    """Return the address of a MAIL or RCPT path: without brackets and source route."""
    text = path.decode("utf-8", "surrogateescape").strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if text.startswith("@") and ":" in text:  # RFC 5321 §4.1.2: a source route is ignored
        text = text.partition(":")[2]
    return text
