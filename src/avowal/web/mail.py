"""Mail of the last day, counted from the events that the daemon keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from avowal.report.event import Event, EventRule
from avowal.report.event_store import EventStore
from avowal.stores.events import open_kept_events
from avowal.text import printable
from avowal.web.hops import moment

MOST_EVENTS: Final = 100_000
"""Events of one look; more are not read, and the page says so."""
HOURS: Final = 24
"""That a page looks back."""
SEEN_ROWS: Final = 20
"""Rows of each table."""
_HOUR: Final = 3600
_FEW: Final = 3  # failures in the last hour that make a key newly failing


_TOPICS: Final = {
    "ours": "what made it ours or not",
    "author": "what chose the author",
    "sign": "what decided about signing",
    "verify": "what decided about verifying",
    "policy": "what decided about policies",
    "arc": "what decided about ARC",
    "results": "what decided about results",
    "reports": "what decided about reports",
    "action": "what decided what was done",
}


class Hour(NamedTuple):
    """One hour: how many messages passed DMARC, failed it, and others; `start` on the clock."""

    start: str
    passed: int
    failed: int
    others: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.passed + self.failed + self.others


class Row(NamedTuple):
    """A kind of something, and how many messages."""

    what: str
    messages: int
    also: str = ""


class Found(NamedTuple):
    """One message by its queue id: what was found, line by line."""

    queue_id: str
    lines: tuple[tuple[str, str], ...]


class MailView(NamedTuple):
    """The last day; `whole` is False where there were more events than are read."""

    total: int
    whole: bool
    hours: tuple[Hour, ...]
    actions: tuple[Row, ...]
    results: tuple[Row, ...]
    causes: tuple[Row, ...]
    failing: tuple[Row, ...]
    unsigned: tuple[Row, ...]
    queue: tuple[Found, ...]


def mail_now(name: str, *, now: int, queue_id: str = "") -> MailView:
    """Count the events of a store.  Raises StoreError."""
    store: EventStore = open_kept_events(name)
    try:
        begin = now // _HOUR * _HOUR - (HOURS - 1) * _HOUR
        events = list(islice(store.events(begin, now + 1), MOST_EVENTS + 1))
    finally:
        store.close()
    whole = len(events) <= MOST_EVENTS
    return _view(events[-MOST_EVENTS:], begin, now, queue_id, whole=whole)


def _view(events: list[Event], begin: int, now: int, queue_id: str, *, whole: bool) -> MailView:
    signed = {domain for event in events for domain, _ in event.key.signed}
    asked = [event for event in events if queue_id and event.queue_id == queue_id]
    return MailView(
        total=len(events),
        whole=whole,
        hours=tuple(_hours(events, begin)),
        actions=_rows(Counter(event.key.action or "left to others" for event in events)),
        results=_rows(Counter(event.key.dmarc or "not asked for" for event in events)),
        causes=_rows(Counter(_causes(events))),
        failing=tuple(_failing(events, now)),
        unsigned=_rows(Counter(
            event.key.author for event in events
            if event.key.author in signed and not event.key.signed and event.key.dmarc != "pass"
        )),
        queue=tuple(_found(event) for event in asked[:SEEN_ROWS]),
    )  # fmt: skip


def _rows(counter: Counter[str | None] | Counter[str]) -> tuple[Row, ...]:
    return tuple(
        Row(printable(what or ""), count) for what, count in counter.most_common(SEEN_ROWS)
    )


def _hours(events: list[Event], begin: int) -> Iterator[Hour]:
    counts: dict[int, Counter[str]] = {}
    for event in events:
        word = event.key.dmarc if event.key.dmarc in {"pass", "fail"} else "others"
        counts.setdefault((event.time - begin) // _HOUR, Counter())[word] += 1
    for hour in range(HOURS):
        found = counts.get(hour, Counter())
        start = moment(begin + hour * _HOUR)[11:16]
        yield Hour(start, found["pass"], found["fail"], found["others"])


def _causes(events: list[Event]) -> Iterator[str]:
    """Yield why signatures did not count, each reason once a message."""
    for event in events:
        yield from {one.reason for one in event.key.dkim if one.reason is not None}


def _failing(events: list[Event], now: int) -> Iterator[Row]:
    """Yield keys that fail in the last hour, and did not before: by domain and selector."""
    late: Counter[tuple[str, str]] = Counter()
    before: dict[tuple[str, str], Counter[bool]] = {}
    for event in events:
        for one in event.key.dkim:
            key, failed = (one.domain, one.selector or ""), one.result == "fail"
            if event.time > now - _HOUR:
                late[key] += failed
            else:
                before.setdefault(key, Counter())[failed] += 1
    for (domain, selector), count in late.most_common():
        earlier = before.get((domain, selector), Counter())
        if count >= _FEW and earlier[False] > 10 * earlier[True]:
            said = f"{earlier[False]} passed before, {earlier[True]} failed"
            yield Row(printable(f"{domain}, key {selector}"), count, said)


def _by(rule: EventRule) -> str:
    return rule.option if rule.place is None else f"{rule.option}, {rule.place}"


def _found(event: Event) -> Found:
    key = event.key
    lines = [
        ("when", moment(event.time)),
        ("host", event.host),
        ("author's domain", key.author or "none"),
        ("signed by us", ", ".join(f"{d} ({s})" for d, s in key.signed) or "no"),
        ("done", key.action or "left to others"),
        ("DMARC", key.dmarc or "not asked for"),
        *((f"DKIM {one.domain}", f"{one.result} {one.reason or ''}") for one in key.dkim[:10]),
        *((_TOPICS.get(one.topic, one.topic), _by(one)) for one in event.rules),
    ]
    told = tuple((printable(name), printable(value, most=200)) for name, value in lines)
    return Found(printable(event.queue_id or ""), told)
