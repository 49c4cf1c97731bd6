"""What the pages of the inspector show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.inspectors import RECORDS, Browser, signed, text_of
from tests.ugly_messages import RECORDS as UGLY_RECORDS
from tests.ugly_messages import UGLY
from tests.unit.web.test_web_threats import assert_inert

from avowal.errors import UsageError
from avowal.testing import Zone, message
from avowal.web.analysis import receiver
from avowal.web.lessons import LESSONS
from avowal.web.limits import WebLimits
from avowal.web.pages import size

FOOTER = b"_____\r\nfood list\r\n"


def listed() -> bytes:
    return signed().replace(b"Subject: Lunch", b"Subject: [food] Lunch") + FOOTER


def test_a_signed_message_is_told_from_the_verdict_down() -> None:
    shown = text_of(Browser().give(signed()).text)
    for part in ("✓ Authentic", "What this does not say", "Body hash", "DMARC of 2026", "Share"):
        assert part in shown


def test_what_a_list_did_is_said_beside_the_verdict() -> None:
    shown = text_of(Browser().give(listed()).text)
    assert "✗ Not authentic" in shown
    assert "was good before this happened on the way: a tag was put into the Subject" in shown


@pytest.mark.parametrize(
    ("step", "seen", "gone"),
    [
        pytest.param(0, ["Subject: [food] Lunch", "food list"], [], id="as it came"),
        pytest.param(1, ["Subject: Lunch", "food list"], ["Subject: [food]"], id="one undone"),
        pytest.param(2, ["Subject: Lunch"], ["Subject: [food]", "food list"], id="as signed"),
    ],
)
def test_each_step_of_the_way_back_is_a_page_without_script(
    step: int, seen: list[str], gone: list[str]
) -> None:
    browser = Browser()
    url = browser.give(listed()).url
    page = browser.get(url.path, of="0", step=str(step)).text
    sheet = page.partition('class="sheet"')[2].partition("</div>")[0]
    rows = [row for row in sheet.split("<p ")[1:] if not row.split(">", 1)[0].endswith("hidden")]
    visible = text_of("<p " + "<p ".join(rows))
    assert [text for text in seen if text not in visible] == []
    assert [text for text in gone if text in visible] == []


def test_a_paste_says_what_it_lost() -> None:
    shown = text_of(Browser().paste(signed().decode()).text)
    assert "Is this what was delivered?" in shown
    assert "No Received field" in shown


def test_what_is_no_message_is_told_so() -> None:
    answer = Browser().give(b"hello\r\n\r\nthere\r\n")
    assert answer.status_code == 422
    assert "its first lines are no header fields" in text_of(answer.text)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_asks_no_server_and_leads_to_places_that_are_there(lesson: object) -> None:
    browser = Browser({})
    page = browser.get(f"/learn/{lesson.name}").text  # type: ignore[attr-defined]
    assert [look.place for look in lesson.looks if f'id="{look.place}"' not in page] == []  # type: ignore[attr-defined]
    assert browser.zone.asked == []


def test_a_domain_is_told_in_words_with_its_keys() -> None:
    shown = text_of(Browser().get("/domain", name="example.com", selectors="s1, none").text)
    assert "p=reject: mail that fails is not the domain's" in shown
    assert "A key for ed25519-sha256, 256 bits" in shown
    assert "No key stands there" in shown


def test_what_is_no_domain_is_told_so() -> None:
    assert "is no domain name" in text_of(Browser().get("/domain", name="a..b").text)


def test_a_mailbox_of_the_command_line_is_listed_and_opened(tmp_path: Path) -> None:
    (tmp_path / "one.mbox").write_bytes(
        b"From a Tue Nov 24 12:00:00 2026\n" + message(subject="First")
        + b"\nFrom a Tue Nov 24 12:00:00 2026\n" + message(subject="Second")
    )  # fmt: skip
    browser = Browser(paths=[str(tmp_path)])
    assert "Second" in browser.get("/mailbox/0").text
    opened = browser.client.post(
        "/mailbox/0/2", data={"token": browser.form_token}, files={"none": ("", b"")}
    )
    assert "<h1><bdi>Second</bdi></h1>" in opened.text


def test_what_needs_a_store_says_which_command_fills_it() -> None:
    browser = Browser()
    assert "avowal web --events" in text_of(browser.get("/mail").text)
    assert "avowal web --store STORE" in text_of(browser.get("/domain", name="example.com").text)


def test_what_was_looked_at_can_be_forgotten() -> None:
    browser = Browser()
    where = browser.give(signed()).url.path
    browser.client.post("/forget", data={"token": browser.form_token}, files={"n": ("", b"")})
    assert browser.get(where).status_code == 410


def test_no_more_reports_are_kept_than_the_limit() -> None:
    browser = Browser(limits=WebLimits(kept=3, search=0.1))
    places = [browser.give(signed()).url.path for _ in range(5)]
    assert [browser.get(place).status_code for place in places] == [410, 410, 200, 200, 200]


def test_the_first_page_is_small() -> None:
    browser = Browser()
    parts = ("/", "/static/avowal.css", "/static/avowal.js", "/static/icon.svg")
    assert sum(len(browser.get(part).content) for part in parts) < 100_000


def test_a_message_without_a_signature_has_a_page() -> None:
    shown = text_of(Browser().give(message()).text)
    assert "There is none. That says nothing about the message" in shown


def test_a_message_larger_than_the_limit_is_refused() -> None:
    browser = Browser(limits=WebLimits(octets=2000))
    assert browser.give(message(b"x" * 200_000)).status_code == 413


def test_without_a_list_of_suffixes_the_other_generations_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise UsageError("the public suffix list needs the extra: avowal[psl]")

    monkeypatch.setattr("avowal.web.analysis.public_suffix_list", missing)
    receiver.cache_clear()
    try:
        shown = text_of(Browser().give(signed()).text)
    finally:
        receiver.cache_clear()
    assert ("DMARC of 2026" in shown, "DMARC of 2015" in shown) == (True, False)


@pytest.mark.parametrize("secure", [True, False])
def test_the_policies_say_for_which_records_dnssec_does_not_vouch(secure: bool) -> None:
    browser = Browser()
    browser.inspector.resolver = Zone(RECORDS, secure=secure)  # of names that are there
    said = text_of(browser.give(signed()).text).partition("DNSSEC does not vouch for ")[2]
    assert said
    assert said.startswith("_dmarc.example.com TXT") is not secure


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("=?utf-8?q?Prix_=C2=A0:_3=E2=80=AF=E2=82=AC?=", id="no-break"),
        pytest.param("=?utf-8?q?=E4=BC=9A=E8=AD=B0=E3=80=80=E6=97=A5?=", id="ideographic"),
    ],
)
def test_a_blank_of_another_script_is_a_blank(written: str) -> None:
    page = text_of(Browser().give(signed(message(subject=written))).text)
    assert "\\x" not in page
    assert "\\u" not in page


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1&nbsp;octet"), (1000, "1,000&nbsp;octets"), (1 << 20, "1.0&nbsp;MB")]
)
def test_a_size_stays_on_one_line(number: int, said: str) -> None:
    assert size(number) == said


def test_a_page_without_a_from_says_so_for_each_generation() -> None:
    page = Browser().give(b"X: y\r\n\r\n").text
    told = page.count("<p><bdi>From: there is no From field</bdi></p>")
    assert told == len(receiver().choice.generations)
    assert "1 header field;" in page


@pytest.mark.parametrize("name", UGLY)
def test_a_page_of_ugly_mail_is_no_larger_than_one_can_read(name: str) -> None:
    browser = Browser({**RECORDS, **UGLY_RECORDS})
    page = browser.give(UGLY[name]()).text
    assert_inert(page)
    assert len(page) < 500_000
    labels = re.findall(r'role="region" aria-label="([^"]+)"', page)
    assert sorted(set(labels)) == sorted(labels)
