"""What the pages take from a key store and from the daemon's events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.aggregates import POLICY, RECORD
from tests.inspectors import NOW, RECORDS, Browser, text_of
from tests.unit.stores.test_received import add

from avowal.keys.audit import deed
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare
from avowal.keys.store import Change
from avowal.names import DomainName
from avowal.report.event import Event, EventKey, EventRule, EventSignature
from avowal.stores.events import open_event_sink
from avowal.stores.key_stores import create_key_store
from avowal.stores.received_sqlite import SqliteReceived
from avowal.web import mail, received, stored
from avowal.web.mail import mail_now
from avowal.web.received import reports_of
from avowal.web.stored import stored_domain

DOMAIN = DomainName.parse(b"example.com")
DAY = 86400


def key(selector: str, state: KeyState, days: int) -> ManagedKey:
    return ManagedKey(
        domain=DOMAIN,
        selector=DomainName.parse(selector.encode()),
        algorithm="ed25519-sha256",
        record=RECORDS["s1._domainkey.example.com"],
        private="file:/s1.pem",
        state=state,
        since=NOW - days * DAY,
        created=NOW - (days + 5) * DAY,
    )


def a_store(path: Path, shares: tuple[PassShare, ...] = (), deeds: int = 1) -> str:
    name = str(path / "keys.db")
    store = create_key_store(name)
    change = Change(
        who="<b>alice",
        at=NOW,
        deeds=tuple(deed("added", "s1.example.com") for _ in range(deeds)),
        keys=(key("s0", KeyState.REVOKED, 90), key("s1", KeyState.SIGNING, 30)),
        shares=shares,
    )
    store.commit(change)
    store.close()
    return name


def share(receiver: str, passed: int, failed: int, days: int = 1) -> PassShare:
    return PassShare(
        domain="example.com", selector="s1", receiver=receiver, day=NOW // DAY - days,
        passed=passed, failed=failed,
    )  # fmt: skip


def an_event(ago: int, result: str = "pass", reason: str | None = None, **members: str) -> Event:
    signatures = (EventSignature("example.org", "k", result, reason),)
    queue_id = members.pop("queue_id", None)
    made = EventKey(author="example.org", dmarc=result, dkim=signatures, **members)
    return Event(NOW - ago, "mx.example.net", made, queue_id)


def some_events(path: Path, events: list[Event]) -> str:
    name = f"sqlite:{path / 'events.db'}"
    sink = open_event_sink(name)
    sink.append(events)
    sink.close()
    return name


def test_the_life_of_a_key_is_told_with_what_was_done(tmp_path: Path) -> None:
    page = Browser(key_store=a_store(tmp_path)).get("/domain", name="example.com").text
    shown = text_of(page)
    assert "signs mail" in shown
    assert "revoked: published with an empty p=" in shown
    assert "added" in shown
    assert "<b>alice" not in page


def test_keys_of_the_store_are_looked_for_in_dns(tmp_path: Path) -> None:
    shown = text_of(Browser(key_store=a_store(tmp_path)).get("/domain", name="example.com").text)
    assert "A key for ed25519-sha256, 256 bits" in shown


def test_health_is_told_the_worst_first_and_by_its_interval(tmp_path: Path) -> None:
    shares = (share("a.example", 990, 10), share("b.example", 2, 1), share("c.example", 1, 99))
    found = stored_domain(a_store(tmp_path, shares), DOMAIN, now=NOW)
    assert [(row.receiver, row.state) for row in found.shares] == [
        ("c.example", "bad"), ("b.example", "open"), ("a.example", "good"),
    ]  # fmt: skip
    assert [(day.passed, day.total) for day in found.trend if day.total] == [(993, 1103)]


def test_a_page_looks_so_far_back(tmp_path: Path) -> None:
    shares = (share("a.example", 1, 0, stored.TREND_DAYS + 5), share("a.example", 2, 0))
    found = stored_domain(a_store(tmp_path, shares), DOMAIN, now=NOW)
    assert (len(found.trend), found.shares[0].total) == (stored.TREND_DAYS, 2)


def test_so_many_shares_and_deeds_are_shown(tmp_path: Path) -> None:
    many = tuple(share(f"r{n}.example", 1, 0) for n in range(stored.SEEN_SHARES + 5))
    found = stored_domain(a_store(tmp_path, many, stored.SEEN_DEEDS + 3), DOMAIN, now=NOW)
    assert len(found.shares) == stored.SEEN_SHARES
    assert [len(one.deeds) for one in found.keys] == [0, stored.SEEN_DEEDS]


@pytest.mark.parametrize("option", ["key_store", "events"])
def test_a_store_that_cannot_be_read_is_told(option: str) -> None:
    browser = Browser(**{option: "/no/such/store.db"})
    page = browser.get("/mail") if option == "events" else browser.get("/domain", name="a.example")
    assert page.status_code == 200
    assert "/no/such" in text_of(page.text)


def test_mail_of_the_last_day_is_counted(tmp_path: Path) -> None:
    events = [an_event(100, action="accept"), an_event(90_000), an_event(50, "fail", "body-hash")]
    shown = text_of(Browser(events=some_events(tmp_path, events)).get("/mail").text)
    assert "2 messages in the last 24 hours" in shown
    assert "body-hash 1" in shown


def test_a_key_that_begins_to_fail_is_named(tmp_path: Path) -> None:
    events = [an_event(4000 + n) for n in range(40)] + [an_event(n, "fail") for n in range(5)]
    found = mail_now(some_events(tmp_path, events), now=NOW)
    assert [(row.what, row.messages) for row in found.failing] == [("example.org, key k", 5)]


def test_a_message_is_found_by_its_queue_id(tmp_path: Path) -> None:
    store = some_events(tmp_path, [an_event(100, queue_id="4ABC"), an_event(90, queue_id="4DEF")])
    shown = text_of(Browser(events=store).get("/mail", queue="4ABC").text)
    assert "signed by us no" in shown


def test_a_message_names_the_line_of_the_configuration_that_decided(tmp_path: Path) -> None:
    rule = EventRule("sign", "keys.example", "/etc/avowal/avowal.toml line 10")
    event = structs.replace(an_event(100, queue_id="4ABC"), rules=(rule,))
    store = some_events(tmp_path, [event])
    shown = text_of(Browser(events=store).get("/mail", queue="4ABC").text)
    assert "what decided about signing keys.example, /etc/avowal/avowal.toml line 10" in shown


def test_so_many_events_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MOST_EVENTS", 3)
    found = mail_now(some_events(tmp_path, [an_event(n) for n in range(5)]), now=NOW)
    assert (found.total, found.whole) == (3, False)


def test_so_many_rows_of_a_table_are_shown(tmp_path: Path) -> None:
    events = [an_event(n, "fail", f"reason-{n}") for n in range(mail.SEEN_ROWS + 5)]
    assert len(mail_now(some_events(tmp_path, events), now=NOW).causes) == mail.SEEN_ROWS


def test_a_key_that_fell_at_a_receiver_is_named(tmp_path: Path) -> None:
    shares = tuple(share("a.example", 1000, 5, days) for days in range(8, 20))
    shares += (share("a.example", 700, 300, 1),)
    (said,) = stored_domain(a_store(tmp_path, shares), DOMAIN, now=NOW).falls
    assert said.startswith("s1 fell at a.example from 99.5 % to 70.0 %")


def some_reports(path: Path, sources: int = 1) -> str:
    name = str(path / "reports.db")
    with SqliteReceived(name) as store:
        for day in range(3):
            records = [replace(RECORD, source_ip=f"192.0.2.{n}", count=8) for n in range(sources)]
            add(store, *records, number=str(day), day=NOW // DAY - 3 + day)
    return name


def test_what_receivers_report_is_told_day_by_day(tmp_path: Path) -> None:
    page = Browser(reports=some_reports(tmp_path)).get("/domain", name=POLICY.domain).text
    assert "24 messages in this domain’s name, of which 24 passed DMARC" in text_of(page)
    assert "192.0.2.0" in page


def test_so_many_sources_are_shown(tmp_path: Path) -> None:
    found = reports_of(some_reports(tmp_path, received.SEEN_SOURCES + 4), POLICY.domain)
    assert (len(found.sources), found.sources_left) == (received.SEEN_SOURCES, 4)


@pytest.mark.parametrize("there", [False, True])
def test_a_store_without_reports_is_told(tmp_path: Path, there: bool) -> None:
    name = some_reports(tmp_path) if there else "/no/such.db"
    shown = text_of(Browser(reports=name).get("/domain", name="other.example").text)
    told = "has no aggregate report about this domain" if there else "no reports are kept there"
    assert told in shown
