"""From what is known about a message to what the MTA is asked to do.

A refusal follows only from what the operator configured in `actions`; by default a message
beyond a limit is held in quarantine, every other one accepted, and what was found written
down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from avowal.config.model import Action
from avowal.flow import failure_drafts, feedback, policies
from avowal.flow.actions import Actions, FlowDisposition, SmtpReply
from avowal.flow.classes import DISPOSITIONS, STRICTNESS, UNPROVED, ResultClass
from avowal.flow.outcome import FlowOutcome, Requested
from avowal.flow.plan import Plan
from avowal.flow.record import Made, MessageRecord
from avowal.flow.results import own_ids, results_field
from avowal.flow.signatures import checked
from avowal.flow.trace import Step, Topic, Trace, steps_of
from avowal.flow.transaction import Transaction
from avowal.message import Field
from avowal.overflow import Beyond
from avowal.report.arf import ReportMail
from avowal.report.failure_case import FailureDraft
from avowal.text import printable

_REPLY_TEXT = 300  # characters; one line of a reply has at most 512 octets (RFC 5321 §4.5.3.1.5)
_LINE = 998  # octets of a field that are logged
_DISPOSITIONS: dict[Action, FlowDisposition] = {
    "reject": FlowDisposition.REJECT,
    "tempfail": FlowDisposition.TEMPFAIL,
    "discard": FlowDisposition.DISCARD,
}
_REFUSALS = (FlowDisposition.REJECT, FlowDisposition.TEMPFAIL)
# A redirection replaces every recipient, but those beyond the limit are not known by name.
_NOT_REDIRECTED = "DKIM: not redirected: it has more recipients than are looked at"


class FlowVerdict(NamedTuple):
    """The class that decides, what is done, and a sentence.

    `option` is the class whose action it is, where that is another one.
    """

    class_: ResultClass | None
    action: Action
    why: str
    option: ResultClass | None = None


def decide(outcome: FlowOutcome) -> Actions:
    """Turn an outcome into actions.  Raises nothing."""
    plan = outcome.context.plan
    verdict = _verdict(plan, outcome)
    disposition = _DISPOSITIONS.get(verdict.action, FlowDisposition.ACCEPT)
    accepted, held = disposition is FlowDisposition.ACCEPT, verdict.action == "quarantine"
    reports: tuple[ReportMail, ...] = ()
    if outcome.requested is not None:
        reports = feedback.mails(outcome, outcome.requested, disposition, held=held)
    consents = bool(plan.failure_domains)
    told = failure_drafts.draft(outcome, disposition, held=held) if consents else None
    redirect = _redirection(outcome, verdict) if accepted else None
    noted = plan.configuration.reports.diagnostic_directory is not None
    stuck = redirect is not None and outcome.context.transaction.more_recipients
    trace = Trace(partial(_steps, outcome, verdict, told))
    record = _record(outcome, verdict, reports=len(reports))
    if accepted and (unsigned := _left_unsigned(outcome, trace)) is not None:
        record = replace(record, unsigned=unsigned.rule, unsigned_why=unsigned.why)
    actions = Actions(
        record=record,
        trace=trace,
        disposition=disposition,
        reply=_reply(verdict, outcome.requested) if disposition in _REFUSALS else None,
        delete=(*outcome.edits.delete, *outcome.spent_signatures) if accepted else (),
        change=outcome.edits.change if accepted else (),
        insert=tuple(_on_top(outcome, verdict)) if accepted else (),
        quarantine=_NOT_REDIRECTED if stuck else _quarantine(verdict),
        redirect=None if stuck else redirect,
        reports=reports,
        diagnosis=feedback.diagnosis(outcome) if noted else None,
        failure=told,
    )
    return _as_dry_run(actions) if plan.configuration.dry_run else actions


def failure(plan: Plan, transaction: Transaction, why: str) -> Actions:
    """Return the actions for a message that a face could not inspect: `internal_error`.

    For a face's last resort: a deadline that passed, a program error.  Nothing is modified.
    """
    class_ = ResultClass.INTERNAL_ERROR
    verdict = FlowVerdict(class_, plan.actions[class_], why)
    record = MessageRecord(
        action=verdict.action,
        treatment="none",
        why="not signed: the inspection failed",
        queue_id=transaction.queue_id,
        client=None if transaction.client is None else str(transaction.client),
        class_=str(class_),
        fault=why,
    )
    disposition = _DISPOSITIONS.get(verdict.action, FlowDisposition.ACCEPT)
    actions = Actions(
        record=record,
        trace=Trace((_action_step(plan, verdict),)),
        disposition=disposition,
        reply=_reply(verdict) if disposition in _REFUSALS else None,
        quarantine=_quarantine(verdict),
    )
    return _as_dry_run(actions) if plan.configuration.dry_run else actions


def _as_dry_run(actions: Actions) -> Actions:
    record = replace(actions.record, dry_run=True)
    return Actions(record=record, trace=actions.trace, withheld=replace(actions, record=record))


# -- which action ------------------------------------------------------------------------


def _verdict(plan: Plan, outcome: FlowOutcome) -> FlowVerdict:
    """Take the strictest action of all that is wrong, so that nothing added makes it milder.

    Of equal actions the heaviest class gives the reason.
    """
    if outcome.context.treatment.deferred is not None:
        return FlowVerdict(ResultClass.DNS_ERROR, "tempfail", outcome.context.treatment.deferred)
    found = [(fault.class_, fault.why) for fault in outcome.faults]
    found += [(one.class_, one.why) for one in outcome.conclusions if one.class_ is not None]
    if not found:
        return FlowVerdict(None, "accept", "")
    context = outcome.context
    excess = context.header.excess(plan.receiver.limits) if context.treatment.verify else None
    if excess is not None:
        return _of_excess(plan, outcome, excess, found)
    order = list(ResultClass)
    found.sort(key=lambda one: (-STRICTNESS[plan.actions[one[0]]], order.index(one[0])))
    class_, why = found[0]
    return FlowVerdict(class_, plan.actions[class_], why)


def _of_excess(
    plan: Plan, outcome: FlowOutcome, excess: Beyond, found: list[tuple[ResultClass, str]]
) -> FlowVerdict:
    """Take the strictest action: a header beyond a limit makes no outcome milder.

    Nothing temporary is said of what never mends, unless it is the class of another mechanism.
    """
    security = ResultClass.SECURITY
    if outcome.edits.unremoved:
        why = f"{excess}, with {outcome.edits.unremoved} fields to be removed"
        return FlowVerdict(security, "reject", why)
    doubtful = [*UNPROVED]
    if excess.authors_dropped and not plan.addresses.must_be_signed.empty:
        doubtful.append(ResultClass.UNSIGNED_AUTHOR)
    verdicts = [FlowVerdict(class_, plan.actions[class_], why) for class_, why in found]
    verdicts += [
        FlowVerdict(security, plan.actions[class_], str(excess), class_)
        for class_ in (security, *doubtful)
        if plan.actions[class_] != "tempfail"
    ]
    verdicts.sort(key=lambda one: STRICTNESS[one.action], reverse=True)
    # Of equal actions the author's policy comes first, then what was found.
    strictest = [v for v in verdicts if v.action == verdicts[0].action]
    return next((v for v in strictest if v.class_ in DISPOSITIONS), strictest[0])


def _steps(outcome: FlowOutcome, verdict: FlowVerdict, told: FailureDraft | None) -> Iterator[Step]:
    """Yield all steps of a message: how it was treated, what was found, what was done."""
    plan = outcome.context.plan
    yield from outcome.context.treatment.steps
    yield from outcome.edits.steps
    for conclusion in outcome.conclusions:
        yield from steps_of(conclusion.told)
        yield from conclusion.steps
    yield from policies.protected(outcome.findings)
    if told is not None:
        yield failure_drafts.step(plan, told)
    for fault in outcome.faults:
        yield Step(Topic.SIGN, "keys", False, f"no signature was made: {fault.why}", None, True)
    for option, why in outcome.not_signed:
        yield plan.step(Topic.SIGN, ("signing", option), why, decided=True)
    yield _action_step(plan, verdict)


def _action_step(plan: Plan, verdict: FlowVerdict) -> Step:
    if verdict.class_ is None:
        return Step(Topic.ACTION, "actions", False, "accept: nothing is wrong", None, True)
    path = ("actions", str(verdict.option or verdict.class_))
    why = f"{verdict.action}: {verdict.class_.sentence}"
    why = f"{why} ({verdict.why})" if verdict.why else why
    return plan.step(Topic.ACTION, path, why, matched=verdict.action != "accept", decided=True)


def _reply(verdict: FlowVerdict, wanted: Requested | None = None) -> SmtpReply:
    class_ = verdict.class_ or ResultClass.INTERNAL_ERROR
    code, enhanced = class_.codes.reject if verdict.action == "reject" else class_.codes.tempfail
    text = class_.sentence[:1].upper() + class_.sentence[1:]
    if verdict.why and class_ is not ResultClass.INTERNAL_ERROR:  # our faults are ours to read
        text = f"{text}: {verdict.why}"
    if wanted is not None and wanted.text is not None:  # RFC 6651 §3.3 step 10
        text = f"{text}; {wanted.text}"
    printable = "".join(c if " " <= c <= "~" else "?" for c in text)
    return SmtpReply(code, enhanced, printable[:_REPLY_TEXT])


def _quarantine(verdict: FlowVerdict) -> str | None:
    if verdict.action != "quarantine" or verdict.class_ is None:
        return None
    return ": ".join(filter(None, ("DKIM", verdict.class_.sentence, verdict.why)))


# -- what is written ---------------------------------------------------------------------


def _redirection(outcome: FlowOutcome, verdict: FlowVerdict) -> bytes | None:
    address = outcome.context.plan.configuration.actions.redirect_failures_to
    return None if address is None or verdict.class_ not in _FAILURES else address.encode()


_FAILURES = frozenset(ResultClass).difference(
    (ResultClass.NO_SIGNATURE, ResultClass.DNS_ERROR, ResultClass.INTERNAL_ERROR)
)


def _on_top(outcome: FlowOutcome, verdict: FlowVerdict) -> Iterator[Field]:
    """Yield the new fields from top to bottom (RFC 6376 §5.6, RFC 8601 §4: above all others)."""
    plan, field = outcome.context.plan, outcome.recorded
    if field is None:
        always = verdict.action == "tag"
        field = results_field(plan, outcome.results, outcome.context.header, always=always)
    if field is not None:
        yield field
    yield from outcome.sealed
    if outcome.mark is not None and verdict.action == "accept":
        yield outcome.mark
    if verdict.action == "tag" and verdict.class_ is not None:
        yield Field.of(f"{plan.configuration.actions.tag_field}: {verdict.class_}".encode())
    if plan.configuration.signing.software_field and outcome.context.treatment.word != "none":
        where = (*own_ids(plan, outcome.context.transaction), "localhost")[0]
        queue_id = outcome.context.transaction.queue_id or "unknown"
        yield Field.of(
            f"DKIM-Filter: {plan.software} {where} {queue_id}".encode("ascii", "replace")
        )


# -- what is logged ----------------------------------------------------------------------


def _left_unsigned(outcome: FlowOutcome, trace: Trace) -> Step | None:
    """Return why a message of ours, by an author we sign for, leaves without a signature."""
    treatment, plan = outcome.context.treatment, outcome.context.plan
    if not treatment.ours or outcome.signed or outcome.context.transaction.role == "verify":
        return None
    if not any(plan.rules.find(*author) for author in treatment.authorship.authors):
        return None
    return trace.decision(Topic.SIGN)


def _record(outcome: FlowOutcome, verdict: FlowVerdict, *, reports: int) -> MessageRecord:
    transaction, treatment = outcome.context.transaction, outcome.context.treatment
    authors = treatment.authorship.authors
    results = [result for one in outcome.conclusions for result in one.results]
    ids, sender = outcome.context.header.named(b"message-id"), transaction.sender
    return MessageRecord(
        action=verdict.action,
        treatment=treatment.word,
        why=treatment.why,
        queue_id=transaction.queue_id,
        client=None if transaction.client is None else str(transaction.client),
        client_name=transaction.client_name,
        author=str(authors[0]) if authors else None,
        sender=None if sender is None else printable(sender.strip(), most=_LINE),
        message_id=printable(ids[0].value.strip(), most=_LINE) if ids else None,
        class_=None if verdict.class_ is None else str(verdict.class_),
        cause=verdict.why or None,
        policy_dnssec=policies.protection_word(outcome.findings),
        made=tuple(
            Made(domain=one.domain, selector=one.selector, algorithm=one.algorithm)
            for one in outcome.signed
        ),
        checked=tuple([checked(one) for one in outcome.judgements]),
        results=tuple((result.method, result.result) for result in results),
        opinions=tuple(text for one in outcome.conclusions for text in one.opinions),
        mark=outcome.mark is not None and verdict.action == "accept",
        removed=len(outcome.edits.delete),
        refolded=len(outcome.edits.change),
        long_lines=outcome.edits.long_lines,
        long_body=outcome.long_body,
        reports=reports,
        body_octets=outcome.body_octets,
        impostor=treatment.impostor,
        fault="; ".join(fault.why for fault in outcome.faults) or None,
    )
