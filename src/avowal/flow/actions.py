"""What the MTA is asked to do with a message: values that a face carries out.

`Actions` says it in terms of the header as it was received, so that no face has to know
about shifting indices: deletions and changes name the n-th field of a name, counted from 1
at the top as shown; `insert` goes on top of everything, above the MTA's own Received field,
and reads in the given order.  `milter.actions.arrange` puts them into an order that is
safe on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from avowal.flow.record import MessageRecord
from avowal.flow.trace import Trace
from avowal.message import Field
from avowal.report.arf import ReportMail
from avowal.report.failure_case import FailureDraft


class FlowDisposition(Enum):
    """What becomes of the message.  Quarantine is an accepted message that is held."""

    ACCEPT = "accept"
    REJECT = "reject"
    TEMPFAIL = "tempfail"
    DISCARD = "discard"


class SmtpReply(NamedTuple):
    """An SMTP reply: `code` 4xx or 5xx, enhanced code (RFC 3463, RFC 7372), text in ASCII."""

    code: int
    enhanced: str
    text: str


class Deletion(NamedTuple):
    """Remove the n-th field of a name (as written in the message), counted from 1."""

    name: bytes
    instance: int


class Change(NamedTuple):
    """Replace the n-th field of a name, counted from 1; the name stays as it is."""

    instance: int
    field: Field


class Diagnosis(NamedTuple):
    """How a message differs from what was signed: text, and a safe name for its file."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """Everything to be done with one message.

    `reply` is there exactly for REJECT and TEMPFAIL; nothing is modified then, nor for
    DISCARD.  `quarantine` is the reason to hold an accepted message; `redirect` the address
    that replaces all recipients.  `withheld` is what would have been done, where `dry_run`
    holds it back.  `reports` are mails to send once the message has its answer, `diagnosis`
    what to note down for the operator, `failure` what to tell the owner of a domain.  `record`
    is for the log, `trace` says why.
    """

    record: MessageRecord
    trace: Trace
    disposition: FlowDisposition = FlowDisposition.ACCEPT
    reply: SmtpReply | None = None
    delete: tuple[Deletion, ...] = ()
    change: tuple[Change, ...] = ()
    insert: tuple[Field, ...] = ()
    quarantine: str | None = None
    redirect: bytes | None = None
    reports: tuple[ReportMail, ...] = ()
    diagnosis: Diagnosis | None = None
    failure: FailureDraft | None = None
    withheld: Actions | None = None

    @property
    def leaves_behind(self) -> bool:
        """Whether something is to be sent or noted once the message has its answer."""
        return bool(self.reports or self.diagnosis or self.failure)
