"""Reputation: who is asked about, and where opinions come from."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import avowal
from avowal.errors import ConfigError
from avowal.lookup import Failure
from avowal.reputation import http_client
from avowal.reputation.background import Background
from avowal.reputation.dnswl import DnsWhitelist
from avowal.reputation.opinions import (
    Assessment,
    Assessor,
    IdentityType,
    Opinion,
    Several,
    Subject,
    subjects_of,
)
from avowal.reputation.repute import Repute, expand
from avowal.reputation.reputon import MOST_OCTETS, ReputonFault, read_reputons
from avowal.reputation.table import OpinionTable
from avowal.stores.opinions import SqliteOpinions
from avowal.testing import RSA_2048, Zone, message, record_for, tamper

NOW = 1_800_000_000
EXAMPLE = Subject("example.com")


def reputon(**members: Any) -> dict[str, Any]:
    return {
        "rater": "rep.example.net",
        "assertion": "spam",
        "rated": "example.com",
        "rating": 0.012,
        **members,
    }


def document(*reputons: Any) -> bytes:
    return json.dumps({"application": "email-id", "reputons": reputons}).encode()


def test_only_validated_identifiers_are_asked_about() -> None:
    """RFC 7073 §3.3: a claim is worth little."""
    zone = Zone({"s._domainkey.example.com": record_for(RSA_2048)})
    field = avowal.sign(
        message(), domain="example.com", selector="s", key=RSA_2048, identity="alice@example.com"
    )
    verdicts = avowal.verify(field + message(), zone)
    assert subjects_of(verdicts, spf_domain="bounce.example.com") == (
        EXAMPLE,
        Subject("alice@example.com", IdentityType.DKIM_AUID),
        Subject("bounce.example.com", IdentityType.SPF),
    )
    assert subjects_of(avowal.verify(tamper(field + message()), zone)) == ()


def test_a_reputon_is_an_opinion() -> None:
    octets = document(
        reputon(confidence=0.95, **{"sample-size": 16938213, "email-id-identity": "spf"})
    )
    assert read_reputons(octets, now=NOW) == (
        Opinion(
            rater="rep.example.net",
            subject=Subject("example.com", IdentityType.SPF),
            assertion="spam",
            rating=0.012,
            confidence=0.95,
            sample_size=16938213,
        ),
    )


@pytest.mark.parametrize(
    "reputons",
    [
        pytest.param(({},), id="an empty one: nothing is known"),
        pytest.param((reputon(rating=1.5),), id="a rating beyond 1"),
        pytest.param((reputon(rating=True),), id="a rating that is no number"),
        pytest.param((reputon(rater=5),), id="a rater that is no text"),
        pytest.param((reputon(expires=NOW),), id="an expired one"),
        pytest.param(("spam",), id="no object"),
    ],
)
def test_a_reputon_that_says_nothing_is_left_out(reputons: tuple[Any, ...]) -> None:
    assert read_reputons(document(*reputons), now=NOW) == ()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[" * 100_000, id="a deep nest"),
        pytest.param(b'{"application": "baseball", "reputons": []}', id="another application"),
        pytest.param(b'{"application": "email-id"}', id="no reputons"),
        pytest.param(
            b'{"application": "email-id", "reputons": [{"rating": 0, "rating": 1}]}',
            id="a member that stands twice",
        ),
        pytest.param(b" " * 70_000, id="too large"),
    ],
)
def test_a_document_that_is_none_is_refused(octets: bytes) -> None:
    with pytest.raises(ReputonFault):
        read_reputons(octets, now=NOW)


@given(octets=st.binary(max_size=300))
def test_reading_raises_only_its_fault(octets: bytes) -> None:
    with suppress(ReputonFault):
        read_reputons(octets, now=NOW)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "http://{service}/{application}/{subject}/{assertion}",
            "http://rep.example/email-id/a%40b.example/spam",
        ),
        (
            "http://{service}/{subject}{?assertion,identity}",
            "http://rep.example/a%40b.example?assertion=spam",
        ),
        ("http://{service}/x={unknown}", "http://rep.example/x="),
    ],
)
def test_templates_expand_as_rfc_7072_shows(template: str, expected: str) -> None:
    values = {
        "service": "rep.example",
        "application": "email-id",
        "subject": "a@b.example",
        "assertion": "spam",
    }
    assert expand(template, values) == expected


class Service(BaseHTTPRequestHandler):
    """A reputation service on loopback."""

    asked: ClassVar[list[str]] = []
    reply: ClassVar[tuple[int, bytes]] = (200, b"")

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        if self.path == "/.well-known/repute-template":
            status, body = 200, b"tag:{subject}\r\nhttp://{service}/{application}/{subject}\r\n"
        else:
            status, body = type(self).reply
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def service() -> Iterator[Repute]:
    Service.asked = []
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Repute(f"127.0.0.1:{server.server_port}", secure=False)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_service_is_asked_by_its_template(service: Repute) -> None:
    Service.reply = 200, document(reputon(expires=NOW + 60), reputon(rated="other.example"))
    assessment = service.assess([EXAMPLE], now=NOW)
    assert assessment.rating("spam") == 0.012
    assert Service.asked == ["/.well-known/repute-template", "/email-id/example.com"]


def test_opinions_are_kept_until_they_expire_and_the_template_for_a_day(service: Repute) -> None:
    Service.reply = 200, document(reputon(expires=NOW + 60))
    for later in (0, 30, 90):
        service.assess([EXAMPLE], now=NOW + later)
    assert Service.asked[1:] == ["/email-id/example.com"] * 2


@pytest.mark.parametrize(
    ("reply", "problem"),
    [((404, b""), "404"), ((200, b"<html>"), "no JSON"), ((500, b""), "500")],
)
def test_a_service_that_fails_is_a_problem(
    service: Repute, reply: tuple[int, bytes], problem: str
) -> None:
    Service.reply = reply
    assessment = service.assess([EXAMPLE], now=NOW)
    assert assessment.opinions == ()
    assert problem in assessment.problems[0]


class Elsewhere(BaseHTTPRequestHandler):
    """Sends its callers somewhere else, or nowhere."""

    target: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", type(self).target)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "target", ["http://{other}/", "//{other}/x", "https://{own}/", "file:///etc/passwd"]
)
def test_a_redirection_to_another_host_is_refused(target: str) -> None:
    Service.asked = []
    with serving(Service) as other, serving(Elsewhere) as own:
        Elsewhere.target = target.format(other=other, own=own)
        assessment = Repute(own, secure=False).assess([EXAMPLE], now=NOW)
    assert Service.asked == []
    assert assessment.opinions == ()
    assert "another host" in assessment.problems[0] or "no URL" in assessment.problems[0]


def test_redirections_on_one_host_are_followed_a_few_times() -> None:
    Elsewhere.asked, Elsewhere.target = [], "/again"
    with serving(Elsewhere) as own:
        assessment = Repute(own, secure=False).assess([EXAMPLE], now=NOW)
    assert "more than 3 redirections" in assessment.problems[0]
    assert Elsewhere.asked == ["/.well-known/repute-template", *["/again"] * 3]


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["fields", "body"]
)
def test_the_deadline_is_over_the_whole_exchange(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each octet takes a second of the clock's, so no read is late by itself."""
    now = [0.0]
    coming = iter(said + b"x" * 1000)

    class Trickling:
        def settimeout(self, seconds: float) -> None:
            assert 0 < seconds <= 60

        def sendall(self, octets: bytes) -> None:
            now[0] += 1

        def recv_into(self, buffer: Any) -> int:
            now[0] += 1
            buffer[:1] = bytes([next(coming)])
            return 1

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(http_client._Line, "_connected", lambda *_: Trickling())
    with pytest.raises(TimeoutError, match="in time"):
        http_client.fetch("http://rep.example/", 60, lambda: now[0])
    assert now[0] <= 61


def test_the_deadline_is_over_the_look_up_of_the_host_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a system that answers slowly get a thread for each question."""
    asked: list[object] = []
    answered = threading.Event()

    def waiting(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        answered.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", waiting)
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError, match="no address of slow"):
                http_client.fetch("http://slow.example/", 0.01)
    finally:
        answered.set()
    assert asked == ["slow.example"]


def test_a_host_without_addresses_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    problem = "no.example: [Errno -2] Name or service not known"
    for host in ("no.example", "no.example"):
        assert Repute(host, secure=False).assess([EXAMPLE], now=NOW).problems == (problem,)


def test_a_template_that_is_too_long_is_refused_not_cut() -> None:
    reply = http_client.HttpReply(200, {}, b"http://{service}/{subject}\n" + b"x" * MOST_OCTETS)
    client = Repute("rep.example", fetch=lambda url, seconds: reply)
    assert "more than" in client.assess([EXAMPLE], now=NOW).problems[0]


def test_more_templates_than_are_tried_are_refused_not_cut() -> None:
    reply = http_client.HttpReply(200, {}, b"http://{service}/{subject}\n" * 11)
    client = Repute("rep.example", fetch=lambda url, seconds: reply)
    assert client.assess([EXAMPLE], now=NOW).problems == ("rep.example: more than 10 templates",)


def test_more_reputons_than_are_read_are_refused_not_cut() -> None:
    assert len(read_reputons(document(*[reputon()] * 100), now=NOW)) == 100
    with pytest.raises(ReputonFault, match="more than 100 reputons"):
        read_reputons(document(*[reputon()] * 101), now=NOW)


async def test_no_service_is_a_problem_too() -> None:
    client = Repute("127.0.0.1:9", secure=False, timeout=0.5)
    assert (await client.aassess([EXAMPLE], now=NOW)).problems


@pytest.mark.parametrize(
    ("subject", "answer", "rating"),
    [
        (Subject("good.example"), "127.0.0.2", 2 / 3),
        (Subject("good.example"), "127.0.10.3", 1.0),
        (Subject("good.example"), "127.0.0.9", 1.0),
        (Subject("good.example"), "192.0.2.1", None),
    ],
)
def test_a_listing_is_an_address_in_127(
    subject: Subject, answer: str, rating: float | None
) -> None:
    zone = Zone({"good.example.wl.example": {"A": [answer]}})
    assert (
        DnsWhitelist("wl.example", zone).assess([subject], now=NOW).rating("whitelisted") == rating
    )


def test_an_address_is_asked_for_in_reverse() -> None:
    zone = Zone({"1.2.0.192.wl.example": {"A": "127.0.0.1"}})
    subject = Subject("192.0.2.1", IdentityType.IPV4)
    assert DnsWhitelist("wl.example", zone).assess([subject], now=NOW).opinions


async def test_trouble_with_dns_is_a_problem_and_no_opinion() -> None:
    zone = Zone({"example.com.wl.example": Failure.TIMEOUT})
    assessment = await DnsWhitelist("wl.example", aresolver=zone).aassess([EXAMPLE], now=NOW)
    assert (assessment.opinions, len(assessment.problems)) == ((), 1)


LINES = """
# subject           assertion  rating confidence expires
example.com         spam       0.9    0.5
.example.com        spam       0.4    1.0
alice@example.com   abusive    0.2
example.com         old        1.0    1.0        1700000000
"""


def tables(path: Path) -> list[OpinionTable | SqliteOpinions]:
    database = SqliteOpinions(path / "opinions.db")
    database.create()
    text = OpinionTable.parse(LINES)
    database.put(*(o for entries in text._by_name.values() for o in entries))
    return [text, database]


@pytest.mark.parametrize("which", [0, 1], ids=["text", "sqlite"])
@pytest.mark.parametrize(
    ("name", "assertion", "expected"),
    [
        ("example.com", "spam", 0.9),
        ("news.example.com", "spam", 0.4),
        ("alice@example.com", "spam", 0.9),
        ("alice@example.com", "abusive", 0.2),
        ("example.com", "abusive", None),
        ("example.com", "old", None),
        ("ample.com", "spam", None),
    ],
)
def test_one_s_own_opinions_are_found_by_name_and_by_the_domains_above(
    which: int, name: str, assertion: str, expected: float | None, tmp_path: Path
) -> None:
    assessor = tables(tmp_path)[which]
    assert assessor.assess([Subject(name)], now=NOW).rating(assertion) == expected


def own(path: Path, rated: str) -> Assessor:
    database = SqliteOpinions(path / "opinions.db")
    database.create()
    database.put(Opinion(rater="us", subject=Subject(rated), assertion="spam", rating=0.5))
    return database


def served(path: Path, rated: str) -> Assessor:
    template = http_client.HttpReply(200, {}, b"http://{service}/{subject}")
    opinions = http_client.HttpReply(200, {}, document(reputon(rated=rated, rating=0.5)))
    return Repute("r.example", fetch=lambda url, _: template if "well-known" in url else opinions)


KEEPERS: dict[str, Callable[[Path, str], Assessor]] = {
    "text": lambda _, rated: OpinionTable.parse(f"{rated} spam 0.5"),
    "made by a program": lambda _, rated: OpinionTable(
        [Opinion(rater="us", subject=Subject(rated), assertion="spam", rating=0.5)]
    ),
    "sqlite": own,
    "service": served,
    "in the background": lambda path, rated: Settled(served(path, rated)),
}


class Settled(Background):
    """One whose answer is there already."""

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        super().assess(subjects, now=now)
        self.settle()
        return super().assess(subjects, now=now)


@pytest.mark.parametrize("keeper", KEEPERS)
@pytest.mark.parametrize(
    ("rated", "asked"),
    [
        ("example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("example.com", "EXAMPLE.com"),
        ("Alice@Example.COM", "alice@example.com"),
    ],
)
def test_no_name_has_case(keeper: str, rated: str, asked: str, tmp_path: Path) -> None:
    """RFC 4343: domains; and whose opinion it is does not hang on how an address is spelled."""
    assessor = KEEPERS[keeper](tmp_path, rated)
    assert assessor.assess([Subject(asked)], now=NOW).rating("spam") == 0.5


@pytest.mark.parametrize(
    "line", ["example.com", "example.com spam much", "example.com spam 1.2", "a b 0 0 0 0"]
)
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(ConfigError, match="a line reads") as fault:
        OpinionTable.parse(f"# first\n{line}\n", file="o.txt")
    assert (fault.value.file, fault.value.line) == ("o.txt", 2)


def test_a_database_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert SqliteOpinions(tmp_path / "none.db").assess([EXAMPLE], now=NOW).problems


async def test_several_assessors_speak_one_after_the_other() -> None:
    table = OpinionTable.parse("example.com spam 0.3\nexample.com spam 0.8 0.1")
    both = Several(OpinionTable.parse(""), table)
    assert await both.aassess([EXAMPLE], now=NOW) == both.assess([EXAMPLE], now=NOW)
    assert both.assess([EXAMPLE], now=NOW).rating("spam", least_confidence=0.5) == 0.3
