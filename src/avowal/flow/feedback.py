"""What is told about signatures that failed: reports to signers who ask, notes for the operator.

What the domains say about reports (RFC 6651) is asked with the keys, so that their words can
stand in a reply.  Nothing of it touches a verdict (§3.3).  Faces send what
`Actions.reports` holds when the mail has its answer, and write `Actions.diagnosis`.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator

from avowal.config.model import Configuration
from avowal.examine.findings import Findings
from avowal.flow.actions import Diagnosis, FlowDisposition
from avowal.flow.context import Context
from avowal.flow.outcome import FlowOutcome, Requested
from avowal.flow.plan import Plan
from avowal.flow.results import own_ids
from avowal.flow.trace import Step, Topic
from avowal.report.arf import ReportEnvelope, ReportMail, delivery_of
from avowal.report.automatic_mail import is_report
from avowal.report.differences import difference_text
from avowal.report.dkim_failure import Circumstances, KeptBodies, failure_report
from avowal.report.dkim_feedback import Records, Wanted, chosen

_MOST_DIAGNOSIS = 64 << 10  # characters
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64  # characters of a queue id in the name of a file


def kept_bodies(context: Context) -> KeptBodies | None:
    """Start keeping bodies where a signature asks for reports, and the message is none itself.

    What their domains say is asked by `report.dkim_feedback.records`.
    """
    if _is_report(context):
        return None
    bodies = KeptBodies(context.header, limits=context.plan.receiver.limits)
    return bodies if bodies.domains else None


def requested(context: Context, findings: Findings, bodies: KeptBodies, said: Records) -> Requested:
    """Return the reports that are wanted, when the body has ended."""
    bodies.finish()
    wanted = chosen(findings.signatures, said, draw=context.transaction.draw)
    return Requested(wanted=wanted, bodies=bodies)


def steps(plan: Plan, found: Requested) -> tuple[Step, ...]:
    """Return the trace of what signers want."""
    return tuple(
        plan.step(Topic.REPORTS, ("reports", "send"), _why(one), matched=one.address is not None)
        for one in found.wanted
    )


def _why(wanted: Wanted) -> str:
    domain = wanted.verification.domain
    if wanted.address is None:
        return f"{domain} wants no report, but a word in the reply"
    return f"{domain} wants a report of it at {wanted.address}"


def _is_report(context: Context) -> bool:
    """Whether a message is a report or a bounce: neither is ever reported (RFC 6650 §6)."""
    return context.transaction.sender == b"" or is_report(context.header)


def mistakes_in(configuration: Configuration) -> Iterator[tuple[tuple[str, str], str, str]]:
    """Yield what cannot be meant: the option, what is wrong with it, and what to do."""
    reports = configuration.reports
    if reports.command is not None and reports.relay is not None:
        why = "reports leave by one way, and there is a command too"
        yield ("reports", "relay"), why, "leave one out"
    try:
        shlex.split(reports.command or "")
    except ValueError as error:
        why = f"{str(error).lower()} in {reports.command!r}"
        yield ("reports", "command"), why, "close the quote"


# -- what is sent and noted ------------------------------------------------------------------


def mails(
    outcome: FlowOutcome, found: Requested, disposition: FlowDisposition, *, held: bool
) -> tuple[ReportMail, ...]:
    """Compose the reports about a message that got this disposition, or is held for somebody."""
    delivery = delivery_of(disposition.value, held=held)
    composed = (_mail(outcome, one, found.bodies, delivery) for one in found.wanted)
    return tuple(mail for mail in composed if mail is not None)


def _mail(
    outcome: FlowOutcome, wanted: Wanted, bodies: KeptBodies, delivery: str
) -> ReportMail | None:
    plan, transaction = outcome.context.plan, outcome.context.transaction
    options = plan.configuration.reports
    own_name = (*own_ids(plan, transaction), "localhost")[0]
    host = transaction.hostname or own_name
    around = Circumstances(
        reporter=host,
        software=plan.software.replace(" v", "/"),
        now=transaction.received_at,
        queue_id=transaction.queue_id,
        client=None if transaction.client is None else str(transaction.client),
        sender=_text(transaction.sender or b""),
        recipients=tuple(map(_text, transaction.recipients[:1])),
    )
    verification = wanted.verification
    report = failure_report(
        wanted,
        outcome.context.header,
        bodies,
        around,
        text=_TEXT.format(
            host=host, domain=verification.domain, explanation=verification.explanation
        ),
        delivery=delivery,
    )
    if wanted.address is None or report is None:
        return None
    unique = hashlib.sha256(verification.field.raw + outcome.context.header.octets).hexdigest()[:24]
    return ReportMail(
        report=report,
        envelope=ReportEnvelope(
            sender=options.sender or f"postmaster@{own_name}",
            recipient=wanted.address,
            subject=f"DKIM failure report for {verification.domain}",
            date=transaction.received_at,
            message_id=f"{unique}.{transaction.received_at}.report@{own_name}",
            blind_copies=() if options.copy_to is None else (options.copy_to,),
        ),
    )


_TEXT = """\
{host} got a message with a DKIM signature of {domain} that did not verify:
{explanation}.

The signature asks for reports (r=y, RFC 6651). What was hashed follows in the next part
as far as it is not too long, and then the header of the message.
"""


def diagnosis(outcome: FlowOutcome) -> Diagnosis | None:
    """Tell how a message whose signatures failed differs from their z= copies."""
    texts = (
        difference_text(verification, outcome.context.header)
        for verification in outcome.findings.signatures
    )
    text = "".join(text for text in texts if text is not None)[:_MOST_DIAGNOSIS]
    if not text:
        return None
    transaction = outcome.context.transaction
    queue_id = _UNSAFE.sub("_", transaction.queue_id or "message")[:_LONGEST_NAME]
    return Diagnosis(f"{queue_id}.{transaction.received_at}", text)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
