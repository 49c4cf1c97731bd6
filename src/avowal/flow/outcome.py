"""All that is known about a message, when its body has ended."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.authres import AuthenticationResults
from avowal.dkim.unsigned import Signed
from avowal.examine.findings import Findings
from avowal.flow.actions import Deletion
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion, Context
from avowal.flow.edits import Edits
from avowal.flow.failures import FailedMessage
from avowal.flow.signatures import SiteVerdict
from avowal.message import Field
from avowal.report.dkim_failure import KeptBodies
from avowal.report.dkim_feedback import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The reports that signers want of a message, and the bodies to put into them."""

    wanted: tuple[Wanted, ...]
    bodies: KeptBodies

    @property
    def text(self) -> str | None:
        """What a signer wants to stand in the reply to a message that is refused (rs=)."""
        for one in self.wanted:
            if one.text is not None:
                return f"{one.verification.domain} says: {one.text}"
        return None


@dataclass(frozen=True, slots=True)
class Fault:
    """A signature that could not be made, and the class it counts as."""

    class_: ResultClass
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOutcome:
    """All that is known about a message.

    `judgements` are the signatures as they count here, `conclusions` what follows from the
    findings.  `requested` are the reports signers want.  `results` is what we report, None
    where we have no name to report under; `recorded` the field with them where a signature
    covers it; `mark` tells a mail program that the message is authentic.  `sealed` are the
    fields made, from top to bottom, `signed` the DKIM signatures among them.
    """

    context: Context
    edits: Edits
    findings: Findings
    judgements: tuple[SiteVerdict, ...]
    conclusions: tuple[Conclusion, ...]
    results: AuthenticationResults | None
    requested: Requested | None = None
    recorded: Field | None = None
    mark: Field | None = None
    sealed: tuple[Field, ...] = ()
    signed: tuple[Signed, ...] = ()
    faults: tuple[Fault, ...] = ()
    withheld: str | None = None  # why a message to be signed again was not
    body_octets: int = 0
    long_body: bool = False  # a line that an MTA will break, in what was to be signed
    failed: FailedMessage | None = None  # whole, where somebody wants to know why
    not_signed: tuple[tuple[str, str], ...] = ()  # options of `signing` that have it so, and why
    spent_signatures: tuple[Deletion, ...] = ()  # those that go, as one of them passed
