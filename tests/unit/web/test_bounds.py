"""What a page shows, keeps and takes in has an end, and says where it is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.inspectors import BASE, NOW, Browser, signed, text_of

from avowal.errors import UsageError
from avowal.lists.changes import changes
from avowal.message import CRLF, Header, Message
from avowal.testing import Zone, message
from avowal.web import bundle, limits
from avowal.web.analysis import Given, analysed
from avowal.web.application import Application
from avowal.web.domain import MOST_SELECTORS, domain_of, looked_at
from avowal.web.hops import Received
from avowal.web.kept import Kept
from avowal.web.limits import WebLimits
from avowal.web.octets import block, shown
from avowal.web.report import Report
from avowal.web.undo import undo


def report_of(octets: bytes, search: float = 1.0) -> Report:
    return analysed(Given(octets), Browser().zone, now=NOW, search=search)


async def test_a_message_that_does_not_arrive_in_time_is_refused() -> None:
    browser = await asyncio.to_thread(Browser, limits=WebLimits(seconds=0))
    session = browser.inspector.sessions.enter(browser.tokens[-1])
    sent: list[dict[str, Any]] = []
    heard = 0

    async def receive() -> dict[str, Any]:
        nonlocal heard
        heard += 1
        if heard == 1:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await Application(browser.inspector).asgi()(
        {
            "type": "http", "method": "POST", "path": "/message", "raw_path": b"/message",
            "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
            "headers": [
                (b"host", BASE.removeprefix("http://").encode()),
                (b"cookie", b"avowal-web=" + session.cookie.encode()),
                (b"content-type", b"multipart/form-data; boundary=x"),
            ],
        },
        receive,
        send,
    )  # fmt: skip
    assert sent[0]["status"] == 408


def test_a_report_is_kept_so_long_only() -> None:
    now = 0.0
    kept = Kept(5, 60, lambda: now)
    name = kept.add(report_of(message()))
    now = 61.0
    assert kept.find(name) is None


def test_a_search_ends_when_its_time_is_up() -> None:
    broken = signed().replace(b"noon", b"midnight")
    (ladder,) = report_of(broken, search=-1).ladders
    assert any("the time a message may take" in note for note in ladder.notes)


def test_a_bundle_has_so_many_octets() -> None:
    with pytest.raises(UsageError, match="at most 4 MiB"):
        bundle.read(bundle.BEGINNING + b" " * bundle.MOST_OCTETS)


@pytest.mark.parametrize(
    ("member", "written", "said"),
    [
        pytest.param("hops", [{"number": 1}] * bundle.MOST_MEMBERS, "at most 12000", id="hosts"),
        pytest.param("octets", 10**1000, "this is no bundle", id="a-number-without-end"),
        pytest.param("questions", -(1 << 60), "this is no bundle", id="a-number-below-all"),
    ],
)
def test_a_bundle_holds_so_much(member: str, written: object, said: str) -> None:
    made = json.loads(bundle.written(report_of(signed())))
    octets = json.dumps(made | {member: written}, separators=(",", ":")).encode()
    with pytest.raises(UsageError, match=said):
        bundle.read(octets)


def test_a_form_without_a_message_is_small() -> None:
    browser = Browser()
    form = {"token": browser.form_token, "more": "x" * limits.MOST_TEXT}
    answer = browser.client.post("/forget", data=form, files={"n": ("", b"")})
    assert answer.status_code == 413


def test_a_long_domain_is_no_domain() -> None:
    page = Browser().get("/domain", name="a." * limits.MOST_NAMES)
    assert "is no domain name" in text_of(page.text)


def test_so_many_selectors_are_asked_for() -> None:
    zone = Zone({})
    names = [f"s{number}" for number in range(MOST_SELECTORS + 3)]
    view = looked_at(domain_of("example.com"), names, zone)
    assert view.keys[0].selector == "3 more"
    asked = {question.name for question in zone.asked if question.name.startswith("s")}
    assert len(asked) == MOST_SELECTORS


def test_a_mailbox_has_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avowal.web.mailbox.PAGE_ROWS", 2)
    for number in range(5):
        (tmp_path / f"{number}.eml").write_bytes(message(b"x" * 70_000, subject=f"No {number}"))
    browser = Browser(paths=[str(tmp_path)])
    first, last = browser.get("/mailbox/0").text, browser.get("/mailbox/0", page="2").text
    assert ("No 1" in first, "No 2" in first, "More" in first) == (True, False, True)
    assert ("No 4" in last, "More" in last, "Before" in last) == (True, False, True)


def test_signatures_that_are_not_shown_are_counted() -> None:
    field = signed().partition(b"From:")[0]
    report = report_of(field * (limits.SEEN_SIGNATURES + 4) + message(), search=-1)
    assert (len(report.ladders), report.ladders_left) == (limits.SEEN_SIGNATURES, 4)


def test_hosts_that_are_not_shown_are_counted() -> None:
    report = report_of(b"Received: by a.example; x\r\n" * (limits.SEEN_HOPS + 9) + message())
    assert len(report.hops) == limits.SEEN_HOPS
    assert report.hops_left == 10


def test_a_long_received_field_is_read_so_far() -> None:
    assert Received.of(b"from a.example " + b"x " * 5000 + b"by b.example; x").by == ""


def test_names_of_fields_that_are_not_shown_are_counted() -> None:
    (first,) = report_of(b"X: y\r\n" * 70 + message()).hops
    assert first.added[-1] == "and 17 more"


def test_octets_that_are_not_shown_are_counted() -> None:
    lines = block("x", b"a\r\n" * 500)
    assert (len(lines.lines), lines.octets_left) == (limits.SEEN_LINES, 3 * 380)
    long = block("x", b"a" * 50_000)
    assert long.octets_left == 50_000 - limits.SEEN_OCTETS


def test_a_long_line_is_shown_so_far() -> None:
    assert len(shown(b"a" * 1000)) == limits.SEEN_LINE + 1
    assert shown("aé".encode() * 200, most=5) == "aéa…"


def test_the_way_back_has_so_many_steps() -> None:
    lines = [b"line %d" % number for number in range(200)]
    odd = [line + b"!" if number % 2 else line for number, line in enumerate(lines)]
    signed_one, came = (Message(Header.of([]), CRLF.join(rows)) for rows in (lines, odd))
    back = undo(SimpleNamespace(changes=changes(signed_one, came)), came)  # type: ignore[arg-type]
    assert back is not None
    assert len(back.edits) == limits.SEEN_EDITS
    assert back.edits[-1].sentence == "all other places"
    assert max(line.first for line in back.lines) == limits.SEEN_EDITS


def test_the_way_back_has_so_many_lines() -> None:
    lines = [b"line %d" % number for number in range(3000)]
    odd = [line + b"!" if number % 2 else line for number, line in enumerate(lines)]
    signed_one, came = (Message(Header.of([]), CRLF.join(rows)) for rows in (lines, odd))
    back = undo(SimpleNamespace(changes=changes(signed_one, came)), came)  # type: ignore[arg-type]
    assert back is not None
    assert len(back.lines) == limits.SEEN_ROWS + 1
    assert (back.lines[-1].mark, back.lines[-1].count) == ("gap", 4500 - limits.SEEN_ROWS)


def test_signs_of_a_bad_copy_are_looked_for_so_far() -> None:
    octets = message(b"x" * 300_000 + "\ufffd".encode())
    assert not any("U+FFFD" in said.text for said in report_of(octets).losses)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"--x\r\nContent Disposition: form-data\r\n\r\n", id="a-blank-in-a-name"),
        pytest.param(b"--x\r\n\xff: 1\r\n\r\n", id="an-octet-in-a-name"),
        pytest.param(b"x-\r\n", id="no-boundary"),
        pytest.param(b"--x\r\nA: b\nC: d\r\n\r\n1\r\n--x--", id="a-bare-line-feed"),
        pytest.param(b"--x--\r\nafter", id="octets-after-the-end"),
    ],
)
def test_a_stranger_s_form_leaves_no_line_in_the_log(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x", "origin": BASE}
    answer = Browser().client.post("/message", content=body, headers=kind)
    assert answer.status_code in {403, 422}
    assert caplog.records == []


def test_names_in_from_that_mislead_are_counted() -> None:
    names = ", ".join(f'"a@b{n}.example" <x@a{n}.example>' for n in range(limits.SEEN_NOTES + 3))
    verdict = report_of(message(**{"from": names})).verdict
    assert len(verdict.misleading) == limits.SEEN_NOTES + 1
    assert verdict.misleading[-1] == "and 3 more like these"
    assert verdict.problems == ("From: it names more authors than are looked at",)
