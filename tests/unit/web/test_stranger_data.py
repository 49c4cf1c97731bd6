"""What strangers left in DNS of every type, and in the stores of a server, is text on each page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import POLICY, RECORD
from tests.inspectors import NOW, Browser, signed
from tests.unit.stores.test_received import add
from tests.unit.web.test_stores import a_store, share, some_events
from tests.unit.web.test_web_threats import CORPUS, MARK, assert_inert

from avowal.dates import DAY
from avowal.keys.audit import deed
from avowal.keys.store import Change
from avowal.lookup import Answer, Question
from avowal.report.event import Event, EventKey, EventRule, EventSignature
from avowal.stores.key_stores import open_key_store
from avowal.stores.received_sqlite import SqliteReceived

# A store keeps one line of text; what cannot be in one never comes to a page.
ATTACKS = [str(case.values[0])[:300].replace("\x00", "") for case in CORPUS]
_BEGINNINGS = (b"v=spf1 exp=", b"v=DMARC1; p=", b"v=DKIM1; p=", b"10 ", b"")


class Evil:
    """Answers every question, of whatever type, with an attack behind what is waited for."""

    def __init__(self, attack: bytes) -> None:
        self.attack = attack

    def resolve(self, questions: Sequence[Question]) -> tuple[Answer, ...]:
        records = [beginning + self.attack for beginning in _BEGINNINGS]
        return tuple(
            Answer.found(*(records if number % 2 else records[number % 5 :][:1]))
            for number, _ in enumerate(questions)
        )


@pytest.mark.parametrize("attack", CORPUS)
def test_an_answer_of_any_type_is_text(attack: str) -> None:
    browser = Browser()
    browser.inspector.resolver = Evil(attack.encode())
    envelope = {"client": "192.0.2.1", "mail_from": "a@example.com", "helo": "h.example.com"}
    for page in (
        browser.give(signed(), said=envelope),
        browser.get("/domain", name="example.com", selectors="s1"),
    ):
        assert page.status_code == 200
        assert_inert(page.text)


def test_events_of_strangers_are_text(tmp_path: Path) -> None:
    events = [
        Event(
            NOW - number - 1, attack,
            EventKey(
                author=attack, action=attack, dmarc=attack, signed=((attack, attack),),
                dkim=(EventSignature(attack, attack, "fail", attack),),
            ),
            "4ABC", rules=(EventRule(attack, attack, attack),),
        )
        for number, attack in enumerate(ATTACKS)
    ]  # fmt: skip
    page = Browser(events=some_events(tmp_path, events)).get("/mail", queue="4ABC").text
    assert_inert(page)
    assert page.count(MARK) > len(ATTACKS)


def test_reports_of_strangers_are_text(tmp_path: Path) -> None:
    name = str(tmp_path / "reports.db")
    with SqliteReceived(name) as store:
        for number, attack in enumerate(ATTACKS):
            one = replace(
                RECORD, source_ip=attack, header_from=attack,
                dkim_results=tuple(
                    replace(given, domain=attack, selector=attack) for given in RECORD.dkim_results
                ),
            )  # fmt: skip
            add(store, one, number=attack, org=attack, day=NOW // DAY - 2 - number)
    page = Browser(reports=name).get("/domain", name=POLICY.domain).text
    assert_inert(page)
    assert MARK in page


def test_a_key_store_that_others_wrote_into_is_text(tmp_path: Path) -> None:
    shares = tuple(share(attack, 900 - number, 100) for number, attack in enumerate(ATTACKS))
    name = a_store(tmp_path, shares)
    store = open_key_store(name)
    for attack in ATTACKS:
        told = deed(attack, "s1.example.com", why=attack)
        store.commit(Change(who=attack, at=NOW, deeds=(told,)))
    store.close()
    page = Browser(key_store=name).get("/domain", name="example.com").text
    assert_inert(page)
    assert page.count(MARK) > len(ATTACKS)
