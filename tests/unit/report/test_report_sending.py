"""Sending reports: to whom they go, once each, whatever happens in between."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from avowal.errors import PeerError, StoreError
from avowal.lookup import Question, Resolver
from avowal.report.aggregate_mail import AggregateLetter
from avowal.report.aggregation import Reporter, aggregate_reports
from avowal.report.event import EventKey, EventPolicy
from avowal.report.put_aside import put_aside
from avowal.report.recipients import MOST_QUESTIONS, Recipient, Recipients, asked
from avowal.report.report_ledger import LEASE_SECONDS, RETRIES, SUSPENDED_SECONDS, MailState
from avowal.report.report_sending import MailRefused, NotLeading, ReportSender
from avowal.stores.report_tables import ReportTables
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import Zone

DAY = 20_000
US = Reporter(organization="Example", domain="r.example", email="dmarc@r.example")


def reports(*domains: str) -> list[AggregateLetter]:
    counts = [
        (
            EventKey(
                source="192.0.2.1", author=domain, action="accept", dmarc="pass",
                policy=EventPolicy(domain, p="none", wants_reports=True), disposition="none",
            ),
            3,
        )
        for domain in sorted(domains)
    ]  # fmt: skip
    return [AggregateLetter(one, US) for one in aggregate_reports(counts, DAY, US)]


class Network:
    """A mail server that keeps what it gets, and fails as it is told."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.octets: list[bytes] = []
        self.faults: dict[str, Exception] = {}
        self.lock = threading.Lock()

    def __call__(self, recipient: str, octets: bytes, /, *, sender: str = "") -> None:
        with self.lock:
            if recipient in self.faults:
                raise self.faults[recipient]
            self.got[recipient] += 1
            self.octets.append(octets)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., ReportSender]:
    def sender(network: Network, **options: Any) -> ReportSender:
        values: dict[str, Any] = {
            "ask": lambda domain: Recipients(willing=(Recipient(f"d@{domain}"),)),
            "excludes": lambda name: False,
            "seal": lambda octets: octets,
            "holder": "me",
            "clock": lambda: 1000,
            "interval": 0,
            "ledger": ReportTables(SqliteEvents(str(tmp_path / "e.db"))),
            **options,
        }
        return ReportSender(post=network, **values)

    return sender


Made = Callable[..., ReportSender]


def test_each_report_reaches_each_address_once_however_often_it_is_run(made: Made) -> None:
    network = Network()
    two = Recipients(willing=(Recipient("a@x.example"), Recipient("b@y.example")))
    for _ in range(3):
        made(network, ask=lambda domain: two).send(DAY, reports("p.example", "q.example"))
    assert network.got == {"a@x.example": 2, "b@y.example": 2}


def test_an_address_that_refuses_for_good_is_suspended(made: Made) -> None:
    network, clock = Network(), [1000]
    network.faults["d@p.example"] = MailRefused("550 no such user")
    done = made(network, clock=lambda: clock[0]).send(DAY, reports("p.example", "q.example"))
    assert (done["refused"], done["sent"]) == (1, 1)
    network.faults.clear()
    later = made(network, clock=lambda: clock[0])
    assert later.send(DAY + 1, reports("p.example"))["withdrawn"] == 1
    clock[0] += SUSPENDED_SECONDS
    assert later.send(DAY + 2, reports("p.example"))["sent"] == 1


def test_what_fails_for_now_is_tried_again_after_a_while_and_given_up_at_last(made: Made) -> None:
    network, clock = Network(), [1000]
    network.faults["d@p.example"] = PeerError("451 later")

    def run() -> Counter[str]:
        return made(network, clock=lambda: clock[0]).send(DAY, reports("p.example"))

    assert run()["waiting"] == 1
    assert run()["waiting before"] == 1  # too early
    for seconds in RETRIES[:-1]:
        clock[0] += seconds
        assert run()["waiting"] == 1
    clock[0] += RETRIES[-1]
    assert run()["failed"] == 1
    network.faults.clear()
    clock[0] += 10**6
    assert run()["failed before"] == 1
    assert not network.got


def test_a_killed_sender_never_doubles(made: Made, tmp_path: Path) -> None:
    network, clock = Network(), [1000]
    domains = [f"p{number}.example" for number in range(10)]

    def dies(recipient: str, octets: bytes, /, *, sender: str) -> None:
        network(recipient, octets)
        if sum(network.got.values()) == 4:
            raise StoreError  # after the server took it, before it could be noted

    first = made(network, clock=lambda: clock[0], holder="first", threads=1)
    first.post = dies
    with pytest.raises(StoreError):
        first.send(DAY, reports(*domains))
    second = made(network, clock=lambda: clock[0], holder="second")
    with pytest.raises(NotLeading):
        second.send(DAY, reports(*domains))
    clock[0] += LEASE_SECONDS
    done = second.send(DAY, reports(*domains))
    assert set(network.got.values()) == {1}
    assert done["uncertain before"] == 1
    assert sum(network.got.values()) == 10


def test_exclusions_are_asked_again_when_a_mail_leaves(made: Made) -> None:
    network, excluded = Network(), set[str]()

    def seal(octets: bytes) -> bytes:
        excluded.add("d@p.example")  # while it is on its way
        return octets

    made(network, excludes=excluded.__contains__, seal=seal).send(DAY, reports("p.example"))
    assert not network.got


def test_an_excluded_domain_is_not_even_asked_about(made: Made) -> None:
    def ask(domain: str) -> Recipients:
        raise AssertionError(domain)

    network = Network()
    made(network, excludes=lambda name: True, ask=ask).send(DAY, reports("p.example"))
    assert not network.got


@pytest.mark.parametrize(
    ("limit", "number"),
    [pytest.param(10, 0, id="too-large"), pytest.param(1 << 20, 1, id="fits")],
)
def test_the_size_that_an_address_takes_is_kept_to(made: Made, limit: int, number: int) -> None:
    network = Network()
    some = Recipients(willing=(Recipient("a@x.example", limit),))
    made(network, ask=lambda domain: some).send(DAY, reports("p.example"))
    assert sum(network.got.values()) == number


def test_a_report_larger_than_servers_take_is_withdrawn(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.report.report_sending.MOST_MAIL", 100)
    network = Network()
    assert made(network).send(DAY, reports("p.example"))["withdrawn"] == 1
    assert not network.got


def test_a_mail_that_does_not_verify_never_leaves(made: Made) -> None:
    def seal(octets: bytes) -> bytes:
        raise PeerError("it does not pass")

    network = Network()
    with pytest.raises(PeerError, match="does not pass"):
        made(network, seal=seal).send(DAY, reports("p.example"))
    assert not network.got


def test_what_dns_does_not_say_is_asked_again(made: Made) -> None:
    network = Network()
    done = made(network, ask=lambda domain: Recipients(unknown="no answer")).send(
        DAY, reports("p.example")
    )
    assert done["unknown"] == 1
    made(network).send(DAY, reports("p.example"))
    assert network.got == {"d@p.example": 1}


def test_domains_with_slow_servers_are_asked_about_side_by_side(made: Made) -> None:
    network, together = Network(), threading.Barrier(16)

    def ask(domain: str) -> Recipients:
        together.wait(60)  # broken unless sixteen ask at once
        return Recipients(willing=(Recipient(f"d@{domain}"),))

    domains = [f"p{number}.example" for number in range(32)]
    made(network, ask=ask).send(DAY, reports(*domains))
    assert sum(network.got.values()) == 32


def test_a_long_run_keeps_its_lease(made: Made) -> None:
    network, clock = Network(), [1000]

    def seal(octets: bytes) -> bytes:
        clock[0] += LEASE_SECONDS // 3
        return octets

    domains = [f"p{number}.example" for number in range(9)]
    done = made(network, clock=lambda: clock[0], seal=seal, threads=1).send(DAY, reports(*domains))
    assert done == {"sent": 9}


def test_states_are_told(made: Made) -> None:
    network = Network()
    sender = made(network)
    sender.send(DAY, reports("p.example"))
    assert sender.ledger.states() == [(DAY, MailState.SENT, 1)]


# -- to whom -------------------------------------------------------------------------------

OTHER = "p.example._report._dmarc.other.example"


@pytest.mark.parametrize(
    ("zone", "willing"),
    [
        pytest.param({}, [], id="no-record-any-more"),
        pytest.param({"_dmarc.p.example": "v=DMARC1; p=none"}, [], id="no-rua-any-more"),
        pytest.param(
            {"_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:a@p.example,mailto:b@x.p.example"},
            ["a@p.example", "b@x.p.example"],
            id="every-address",
        ),
        pytest.param(
            {"_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:a@other.example"},
            [],
            id="a-stranger-who-did-not-agree",
        ),
        pytest.param(
            {
                "_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:a@other.example",
                OTHER: "v=DMARC1; rua=mailto:b@other.example",
            },
            ["b@other.example"],
            id="one-who-did",
        ),
        pytest.param(
            {"_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:a@p.example,mailto:A@p.example"},
            ["a@p.example"],
            id="once",
        ),
        pytest.param(
            {"_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:%22a%0d%0ab%22@p.example"},
            [],
            id="nothing-that-ends-a-line",
        ),
    ],
)
def test_reports_go_to_whom_the_record_names_now(zone: dict[str, str], willing: list[str]) -> None:
    assert [one.address for one in asked("p.example", Zone(zone)).willing] == willing


@pytest.mark.parametrize(
    ("record", "addresses"),
    [
        pytest.param("rua=mailto:a@p.example; ruf=mailto:f@p.example", ["f@p.example"], id="own"),
        pytest.param("ruf=mailto:f@q.example", ["g@q.example"], id="another-at-its-host"),
        pytest.param("ruf=mailto:f@r.example", [], id="has-not-agreed"),
        pytest.param("ruf=mailto:f@p.example; psd=y", [], id="psd"),
        pytest.param("rua=mailto:a@p.example", [], id="nobody-asks"),
    ],
)
def test_failure_reports_go_to_the_addresses_of_ruf(record: str, addresses: list[str]) -> None:
    zone = Zone({
        "_dmarc.p.example": f"v=DMARC1; p=none; {record}",
        "p.example._report._dmarc.q.example": "v=DMARC1; ruf=mailto:g@q.example",
    })  # fmt: skip
    found = asked("p.example", zone, kind="ruf")
    assert [one.address for one in found.willing] == addresses


def test_a_size_behind_an_exclamation_mark_is_read() -> None:
    zone = Zone({"_dmarc.p.example": "v=DMARC1; p=none; rua=mailto:a@p.example!10m"})
    assert asked("p.example", zone).willing == (Recipient("a@p.example", 10 << 20),)


def test_without_an_answer_nothing_is_concluded() -> None:
    found = asked("p.example", Zone({"_dmarc.p.example": "SERVFAIL"}))
    assert found.unknown is not None
    assert found.willing == ()


class Counting:
    """Counts questions."""

    def __init__(self, inner: Resolver) -> None:
        self.inner = inner
        self.number = 0

    def resolve(self, *questions: Question) -> Any:
        self.number += len(questions)
        return self.inner.resolve(*questions)


def test_a_record_with_a_thousand_addresses_costs_little() -> None:
    uris = ",".join(f"mailto:a@a.b.c.d.e.f.g{number}.example" for number in range(1000))
    zone = Zone({"_dmarc.p.example": f"v=DMARC1; p=none; rua={uris}"})
    counting = Counting(zone)
    found = asked("p.example", counting)  # type: ignore[arg-type]
    assert counting.number <= MOST_QUESTIONS
    assert len(found.declined) <= 20
    assert found.willing == ()


def test_reports_that_wait_for_dns_hold_few_rows(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.report.report_sending._MOST_AHEAD", 2)
    begun: list[int] = []

    def ahead() -> Iterator[AggregateLetter]:
        for number, letter in enumerate(reports(*(f"p{n}.example" for n in range(9)))):
            begun.append(number)
            assert number - len(asked_about) < 4
            yield letter

    asked_about: list[str] = []

    def ask(domain: str) -> Recipients:
        asked_about.append(domain)
        return Recipients(willing=(Recipient(f"d@{domain}"),))

    network = Network()
    assert made(network, ask=ask).send(DAY, ahead())["sent"] == 9
    assert begun == list(range(9))


def test_rows_are_put_aside_and_come_back_as_they_were() -> None:
    rows = [(f"d{n}.example", b"facts" * n, n) for n in range(50)]
    with put_aside(iter(rows)) as found:
        assert list(found) == rows
