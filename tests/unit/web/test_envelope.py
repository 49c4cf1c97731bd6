"""When a message came and from where: what a form says, and what the last host wrote."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from tests.inspectors import RECORDS, Browser, signed, text_of

from avowal.calls.receipt import RECEIVED
from avowal.errors import UsageError
from avowal.message import Header
from avowal.testing import Zone, message
from avowal.web import bundle, envelope
from avowal.web.analysis import Given, analysed
from avowal.web.envelope import SaidEnvelope, request_of, written_by_host
from avowal.web.ladder import Rung
from avowal.web.report import Report

SPF = {**RECORDS, "example.com": "v=spf1 ip4:192.0.2.0/24 -all"}
SAID = {"client": "192.0.2.1", "mail_from": "a@example.com", "helo": "mail.example.com"}
TRACE = (
    b"Return-Path: <bounce@example.com>\r\n"
    b"Received: from mail.example.com (rdns.example [192.0.2.7])\r\n"
    b"\tby mx.example.net (Postfix) with ESMTPS id 4X; Mon, 23 Nov 2026 12:00:00 +0000\r\n"
)


def report_of(octets: bytes, said: SaidEnvelope) -> Report:
    return analysed(Given(octets, envelope=said), Zone(SPF), now=1795521700, search=0.1)


@pytest.mark.parametrize(
    ("client", "word", "meaning"),
    [
        pytest.param("192.0.2.1", "pass", "lets this client send for it", id="permitted"),
        pytest.param("203.0.113.1", "fail", "may not send for it", id="not permitted"),
        pytest.param("2001:db8::1", "fail", "may not send for it", id="IPv6"),
    ],
)
def test_spf_is_a_part_of_the_page_where_the_connection_is_given(
    client: str, word: str, meaning: str
) -> None:
    answer = Browser(SPF).give(signed(), said={**SAID, "client": client})
    shown = text_of(answer.text)
    assert f"{word} the domain" in shown.lower()
    assert meaning in shown
    assert "the connection was as you said it was" in shown


def test_without_a_connection_spf_is_not_checked() -> None:
    shown = text_of(Browser(SPF).give(signed()).text)
    assert "SPF was not checked" in shown
    assert "The connection (SPF)" not in shown


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"client": "192.0.2"}, "is no IP address", id="no address"),
        pytest.param({"helo": "a.example"}, "give that too", id="no client"),
        pytest.param({"by_header": "yes"}, "there is no Received field", id="nothing written"),
    ],
)
def test_a_connection_that_is_none_is_refused(said: dict[str, str], why: str) -> None:
    answer = Browser(SPF).give(signed(), said=said)
    assert (answer.status_code, why in text_of(answer.text)) == (422, True)


@pytest.mark.parametrize(
    ("received", "client", "helo"),
    [
        pytest.param(
            "from m.example (r.example [192.0.2.1]) by x", "192.0.2.1", "m.example", id="Postfix"
        ),
        pytest.param(
            "from r.example ([192.0.2.1] helo=m.example)\r\n\tby x", "192.0.2.1", "m.example",
            id="Exim",
        ),
        pytest.param(
            "from [192.0.2.1] (helo=[192.0.2.1]) by x", "192.0.2.1", "192.0.2.1", id="a literal"
        ),
        pytest.param(
            "from m.example (m.example [IPv6:2001:db8::1]) by x", "2001:db8::1", "m.example",
            id="IPv6",
        ),
        pytest.param(
            "from mail.example (mail.example. [192.0.2.1]) by mx.example with ESMTPS id 1",
            "192.0.2.1", "mail.example", id="a large receiver",
        ),
    ],
)  # fmt: skip
def test_the_client_is_read_from_what_the_last_host_wrote(
    received: str, client: str, helo: str
) -> None:
    text = f"Return-Path: <a@b.example>\r\nReceived: {received}; x\r\n"
    found = written_by_host(Header.parse(text.encode()), now=0)
    assert (found.client, found.mail_from, found.helo) == (
        ip_address(client), b"a@b.example", helo.encode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "Received: from [192.0.2.9] (r [192.0.2.1]) by x; x\r\nReturn-Path: <>\r\n",
            "more than one address", id="HELO is another address",
        ),
        pytest.param(
            "Received: from a by b; x\r\nReturn-Path: <>\r\n", "no address", id="no address"
        ),
        pytest.param(
            "Received: by b (from [192.0.2.1]); x\r\nReturn-Path: <>\r\n", "no address",
            id="behind by",
        ),
        pytest.param(
            "Received: from a (r [192.0.2.1]) by b; x\r\n", "no Return-Path", id="no sender"
        ),
        pytest.param(
            "Received: from a" + " x" * envelope._MOST_READ + " [192.0.2.1] by b; x\r\n",
            "no address", id="too far away",
        ),
    ],
)  # fmt: skip
def test_what_does_not_tell_the_client_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        written_by_host(Header.parse(text.encode()), now=0)


def test_a_bounce_is_about_helo() -> None:
    said = SaidEnvelope(client="192.0.2.1", helo="example.com")
    report = report_of(message(), said)
    assert report.envelope is not None
    assert report.envelope.rungs[0].sentence == "SPF is about HELO, for the sender is empty"
    assert report.envelope.result == "pass"


def test_by_the_header_the_page_says_pass() -> None:
    report = report_of(TRACE + signed(), SaidEnvelope(by_header=True))
    assert report.envelope is not None
    assert report.envelope.result == "pass"


def test_nothing_of_the_connection_is_in_a_bundle() -> None:
    said = SaidEnvelope(client="192.0.2.1", mail_from="secret@example.com", helo="h.example")
    octets = bundle.written(report_of(signed(), said))
    assert [word for word in (b"192.0.2.", b"secret", b"h.example") if word in octets] == []


def test_steps_of_an_evaluation_are_shown_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_SEEN_STEPS", 1)
    report = report_of(signed(), SaidEnvelope(client="192.0.2.1", mail_from="a@example.com"))
    assert report.envelope is not None
    rung: Rung = report.envelope.rungs[-1]
    assert [fact.name for fact in rung.facts if fact.name.startswith("step")] == ["step 1"]


def test_nothing_said_is_no_connection() -> None:
    assert request_of(SaidEnvelope(" ", "", ""), Header.of([]), now=0) is None


@pytest.mark.parametrize(
    ("at", "said", "shown"),
    [
        pytest.param(None, {}, "judged as at 2026-11-24", id="now"),
        pytest.param(None, {"at": "received"}, "judged as at 2026-11-23 12:00:00", id="asked for"),
        pytest.param(RECEIVED, {}, "judged as at 2026-11-23 12:00:00", id="from the start"),
        pytest.param(1700000000, {}, "judged as at 2023-11-14", id="another time"),
    ],
)
def test_a_message_is_judged_as_at_a_time(at: int | None, said: dict[str, str], shown: str) -> None:
    assert shown in text_of(Browser(at=at).give(TRACE + signed(), said=said).text)
