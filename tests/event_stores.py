"""What every store of events has to do, whichever it is: one set of tests over all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec import structs

from avowal.dates import DAY
from avowal.report.event import (
    Event,
    EventKey,
    EventPolicy,
    EventReason,
    EventRule,
    EventSender,
    EventSignature,
)
from avowal.report.event_store import counted
from avowal.report.report_ledger import LEASE_SECONDS, MailName, MailState
from avowal.stores.event_tables import EventTables
from avowal.stores.report_tables import ReportStore, ReportTables, lost_events

DAY_0 = 20_000
Opening = Callable[[], ReportStore]


def key_of(draw: random.Random, number: int) -> EventKey:
    domain = f"d{draw.randrange(number)}.example"
    passed = draw.random() < 0.7
    return EventKey(
        source=f"192.0.2.{draw.randrange(4)}",
        author=domain,
        action="accept",
        policy=EventPolicy(domain, p="reject", wants_reports=draw.random() < 0.8),
        dmarc="pass" if passed else "fail",
        asked="reject",
        disposition="pass" if passed else "none",
        dkim_aligned=passed,
        reasons=() if passed else (EventReason("local_policy", "reject was asked"),),
        spf=EventSender(domain, "mfrom", "softfail"),
        dkim=(EventSignature(domain, f"s{draw.randrange(3)}", "pass" if passed else "fail"),),
    )


def some_events(number: int, *, seed: int = 1, hosts: int = 2) -> list[Event]:
    draw = random.Random(seed)
    begin = DAY_0 * DAY
    return sorted(
        (
            Event(
                begin + draw.randrange(2 * DAY),
                f"mx{draw.randrange(hosts)}",
                key_of(draw, 10),
                f"Q{seed}-{place}",
            )
            for place in range(number)
        ),
        key=lambda event: event.time,
    )


def counts_of(store: ReportStore) -> dict[int, Counter[EventKey]]:
    return {day: Counter(dict(store.counts(day))) for day, _ in store.days()}


def events_come_back_as_they_were(opening: Opening) -> None:
    store, events = opening(), some_events(300)
    store.append(events)
    back = list(store.events(DAY_0 * DAY, (DAY_0 + 2) * DAY))
    assert sorted(back, key=str) == sorted(events, key=str)
    assert [event.time for event in back] == sorted(event.time for event in back)


def counts_are_those_of_the_events(opening: Opening) -> None:
    store, events = opening(), some_events(500)
    for at in range(0, 500, 70):
        store.append(events[at : at + 70])
    assert counts_of(store) == counted(events)
    reported = {key for key, _ in store.counts(DAY_0, reported=True)}
    assert reported == {key for key in counted(events)[DAY_0] if key.is_reported}


def counts_come_domain_by_domain(opening: Opening) -> None:
    store = opening()
    store.append(some_events(300))
    domains = [key.author for key, _ in store.counts(DAY_0)]
    assert domains == sorted(domains, key=str)
    assert {key.author for key, _ in store.counts(DAY_0, domain="d3.example")} == {"d3.example"}


def the_domains_of_a_day_are_those_that_get_reports(opening: Opening) -> None:
    store, events = opening(), some_events(300)
    store.append(events)
    reported = {str(key.author) for key in counted(events)[DAY_0] if key.is_reported}
    assert store.domains(DAY_0) == sorted(reported)


def several_workers_lose_nothing(opening: Opening) -> None:
    batches = [some_events(120, seed=seed) for seed in range(4)]
    opening().close()  # the tables are there

    def write(events: list[Event]) -> None:
        store = opening()
        for at in range(0, len(events), 10):
            store.append(events[at : at + 10])
        store.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, batches))
    everything = [event for events in batches for event in events]
    assert counts_of(opening()) == counted(everything)


def retention_removes_what_is_old_and_nothing_else(opening: Opening) -> None:
    store, events = opening(), some_events(400)
    store.append(events)
    border = (DAY_0 + 1) * DAY
    young = [event for event in events if event.time >= border]
    gone = store.prune(events_before=border, counts_before=DAY_0 + 1)
    assert gone.events == len(events) - len(young)
    assert counts_of(store) == counted(young)
    assert len(list(store.events(0, 1 << 40))) == len(young)
    store.append(events)  # kinds of messages that were removed are written again
    assert counts_of(store)[DAY_0] == counted(events)[DAY_0]


def counts_may_outlive_their_events(opening: Opening) -> None:
    store, events = opening(), some_events(100)
    store.append(events)
    store.prune(events_before=1 << 40, counts_before=0)
    assert not list(store.events(0, 1 << 40))
    assert counts_of(store) == counted(events)


def an_address_is_erased_from_everything(opening: Opening) -> None:
    store, events = opening(), some_events(200)
    store.append(events)
    store.erase("192.0.2.3")
    left = [event for event in events if event.key.source != "192.0.2.3"]
    assert counts_of(store) == counted(left)
    assert len(list(store.events(0, 1 << 40))) == len(left)


def an_address_in_a_comment_is_erased_too(opening: Opening) -> None:
    store = opening()
    reason = EventReason("local_policy", "arc=pass as[1].d=x.example remote-ip[1]=192.0.2.77")
    key = EventKey(source="192.0.2.1", author="a.example", reasons=(reason,))
    other = EventKey(source="192.0.2.7", author="a.example")
    store.append([Event(DAY_0 * DAY, "mx", key), Event(DAY_0 * DAY, "mx", other)])
    store.erase("192.0.2.77")
    assert [event.key for event in store.events(0, 1 << 40)] == [other]


def another_writer_removing_kinds_is_noticed(opening: Opening) -> None:
    one, other = opening(), opening()
    events = some_events(50)
    one.append(events)
    other.prune(events_before=1 << 40, counts_before=1 << 40)
    one.append(events)
    assert counts_of(other) == counted(events)


NAME = MailName(DAY_0, "a.example", "id1", "d@a.example")
LATER = DAY_0 * DAY


def one_leads_at_a_time(opening: Opening) -> None:
    one, other = ReportTables(opening()), ReportTables(opening())
    assert one.lead("one", LATER)
    assert not other.lead("other", LATER + LEASE_SECONDS - 1)
    assert one.lead("one", LATER + 60)  # renewed
    assert not other.lead("other", LATER + LEASE_SECONDS)
    assert other.lead("other", LATER + 60 + LEASE_SECONDS)
    assert not one.lead("one", LATER + 60 + LEASE_SECONDS)
    other.resign("other")
    assert one.lead("one", LATER + 61 + LEASE_SECONDS)


def a_mail_begins_once_and_only_by_the_leader(opening: Opening) -> None:
    one, other = ReportTables(opening()), ReportTables(opening())
    one.enter([NAME], LATER)
    assert not one.begin(NAME, "one", LATER)
    one.lead("one", LATER)
    assert not other.begin(NAME, "other", LATER)
    assert one.begin(NAME, "one", LATER)
    assert not one.begin(NAME, "one", LATER)
    one.settle(NAME, MailState.SENT, LATER)
    one.enter([NAME], LATER)
    (entry,) = one.entries(DAY_0, "a.example")
    assert (entry.state, entry.attempts) == (MailState.SENT, 1)


def what_a_dead_leader_was_sending_is_uncertain(opening: Opening) -> None:
    dead, heir = ReportTables(opening()), ReportTables(opening())
    dead.lead("dead", LATER)
    dead.enter([NAME], LATER)
    assert dead.begin(NAME, "dead", LATER)
    assert heir.lead("heir", LATER + LEASE_SECONDS)
    (entry,) = heir.entries(DAY_0, "a.example")
    assert entry.state is MailState.UNCERTAIN
    assert not heir.begin(NAME, "heir", LATER + LEASE_SECONDS)
    assert not dead.begin(NAME, "dead", LATER + LEASE_SECONDS)


def a_mail_waits_until_its_time(opening: Opening) -> None:
    ledger = ReportTables(opening())
    ledger.lead("one", LATER)
    ledger.enter([NAME], LATER)
    assert ledger.begin(NAME, "one", LATER)
    ledger.settle(NAME, MailState.WAITING, LATER, why="busy", next_at=LATER + 50)
    assert not ledger.begin(NAME, "one", LATER + 49)
    assert ledger.begin(NAME, "one", LATER + 50)
    assert ledger.states() == [(DAY_0, MailState.SENDING, 1)]


def mails_go_with_the_counts_of_their_day(opening: Opening) -> None:
    store, ledger = opening(), ReportTables(opening())
    later = MailName(DAY_0 + 1, "a.example", "id2", "d@a.example")
    ledger.enter([NAME, later], LATER)
    store.prune(events_before=0, counts_before=DAY_0 + 1)
    assert ledger.states() == [(DAY_0 + 1, MailState.WAITING, 1)]


def an_address_is_suspended_for_a_time(opening: Opening) -> None:
    ledger = ReportTables(opening())
    ledger.suspend("D@A.example", LATER + 10, "550 no such user")
    assert ledger.suspended("d@a.example", LATER) == "550 no such user"
    assert ledger.suspended("d@a.example", LATER + 10) is None
    assert ledger.suspensions(LATER) == [("d@a.example", LATER + 10, "550 no such user")]


RULES = (
    (),
    (EventRule("sign", "keys.example", "avowal.toml line 10"), EventRule("action", "actions")),
    (EventRule("verify", "mode", 'a "quoted", place'),),
)


def with_rules(events: list[Event]) -> list[Event]:
    return [
        structs.replace(event, rules=RULES[place % len(RULES)])
        for place, event in enumerate(events)
    ]


def the_rules_that_decided_stand_at_their_events(opening: Opening) -> None:
    store, events = opening(), with_rules(some_events(99))
    store.append(events)
    expected = {event.queue_id: event.rules for event in events}
    assert {event.queue_id: event.rules for event in store.events(0, 1 << 40)} == expected
    assert counts_of(store) == counted(events)  # nothing is counted by rules
    store.erase("192.0.2.3")
    assert all(event.rules == expected[event.queue_id] for event in store.events(0, 1 << 40))


def what_was_lost_is_counted_by_day_and_host(opening: Opening) -> None:
    store = opening()
    store.note_lost({(DAY_0, "mx1"): 2, (DAY_0 + 1, "mx1"): 1})
    store.note_lost({(DAY_0, "mx1"): 3, (DAY_0, "mx2"): 4})
    expected = [(DAY_0, "mx1", 5), (DAY_0, "mx2", 4), (DAY_0 + 1, "mx1", 1)]
    assert list(lost_events(store)) == expected
    store.prune(events_before=0, counts_before=DAY_0 + 1)
    assert list(lost_events(store)) == expected[2:]
    store.close()


CASES = (
    one_leads_at_a_time,
    a_mail_begins_once_and_only_by_the_leader,
    what_a_dead_leader_was_sending_is_uncertain,
    a_mail_waits_until_its_time,
    an_address_is_suspended_for_a_time,
    mails_go_with_the_counts_of_their_day,
    events_come_back_as_they_were,
    counts_are_those_of_the_events,
    counts_come_domain_by_domain,
    the_domains_of_a_day_are_those_that_get_reports,
    several_workers_lose_nothing,
    retention_removes_what_is_old_and_nothing_else,
    counts_may_outlive_their_events,
    an_address_is_erased_from_everything,
    an_address_in_a_comment_is_erased_too,
    another_writer_removing_kinds_is_noticed,
    the_rules_that_decided_stand_at_their_events,
    what_was_lost_is_counted_by_day_and_host,
)


def rules_are_kept_once_and_removed_with_their_events(opening: Callable[[], EventTables]) -> None:
    store, events = opening(), with_rules(some_events(99))

    def kept() -> int:
        with store.transaction(writes=False) as cursor:
            cursor.execute("SELECT count(*) FROM event_rules")
            found: tuple[int] = cursor.fetchone()
            return found[0]

    store.append(events)
    assert kept() == 2
    store.prune(events_before=1 << 40, counts_before=0)
    assert kept() == 0
    store.append(events)
    assert {event.rules for event in store.events(0, 1 << 40)} == set(RULES)
