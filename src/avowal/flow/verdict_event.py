"""The event of a verdict (`avowal.report.event`), from what is known at the end of a message."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from avowal.flow.actions import Actions
from avowal.flow.outcome import FlowOutcome
from avowal.flow.results import own_ids
from avowal.flow.trace import Topic, Trace
from avowal.report.event import Event, EventRule
from avowal.report.verdict_event import event_of


def event_of_outcome(outcome: FlowOutcome, actions: Actions) -> Event:
    """Return what is kept of a message; a dry run accepts whatever comes."""
    context = outcome.context
    plan, transaction = context.plan, context.transaction
    authors = context.treatment.authorship.authors
    client = None if transaction.client is None else str(transaction.client)
    event = event_of(
        outcome.findings,
        time=transaction.received_at,
        host=(transaction.hostname or (*own_ids(plan, transaction), "localhost")[0]).lower(),
        client=client,
        queue_id=transaction.queue_id,
        action="accept" if actions.withheld is not None else actions.record.action,
        author=authors[0].domain.ascii if authors else None,
        header=context.header,
        signed=((one.domain, one.selector) for one in outcome.signed),
    )
    return structs.replace(event, rules=tuple(_rules(actions.trace)))


def _rules(trace: Trace) -> Iterator[EventRule]:
    """Yield the rules that decided: by their names and places, for their reasons name people."""
    for topic in Topic:
        step = trace.decision(topic)
        if step is not None:
            place = None if step.place is None else str(step.place)
            yield EventRule(topic.value, step.rule, place)
