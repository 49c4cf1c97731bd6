"""DMARC failures that are told to owners of domains: off, until the operator names domains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.flow.conftest import NOW, Site, load, steps_about

from avowal.config.toml import parse
from avowal.dates import DAY
from avowal.errors import ConfigError
from avowal.flow.actions import Actions
from avowal.flow.compiler import compile_plan
from avowal.flow.trace import Topic
from avowal.lookup import Failure
from avowal.milter.outbox import Outbox
from avowal.report.aggregation import Reporter
from avowal.report.arf import Report
from avowal.report.failure import read_failure_report
from avowal.report.failure_case import FailureCase, FailureDraft
from avowal.report.failure_mail import FailureLetter
from avowal.report.failure_spool import FailureCaps, FailureSpool, WaitingCase
from avowal.report.redaction import Redactor
from avowal.stores.events import open_event_store
from avowal.stores.failure_tables import FailureTables
from avowal.testing import ED25519, Zone, message, record_for

BASE = """
[results]
authserv_id = "mx.example.net"
[events]
store = "sqlite:e.db"
[aggregate]
sender = "dmarc@example.net"
"""
CONSENT = BASE + '[failure_reports]\ndomains = ["example.com"]\n'
RECORD = "v=DMARC1; p=reject; ruf=mailto:f@example.com; fo=1"
NAMES: dict[str, Any] = {
    "ed._domainkey.example.com": record_for(ED25519),
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"], "A": ["192.0.2.1"]},
}
US = Reporter(organization="N", domain="example.net", email="dmarc@example.net", software="a 1")


def taken(toml: str = CONSENT, *, record: object = RECORD, **how: Any) -> Actions:
    loaded = parse(toml.encode(), file="avowal.toml")
    site = Site(compile_plan(loaded.configuration, loaded.places, load=load))
    how = {"client": "198.51.100.9", "sender": b"alice@example.com", "helo": b"mx.example.com",
           "queue_id": "4XYZ", "recipients": (b"bob@example.net",), **how}  # fmt: skip
    octets = how.pop("octets", message())
    return site.actions(octets, zone=Zone({**NAMES, "_dmarc.example.com": record}), **how)


def draft(**how: Any) -> FailureDraft:
    made = taken(**how).failure
    assert made is not None
    return made


def fields(made: FailureDraft, incidents: int = 1) -> dict[str, str]:
    case = FailureCase.of(made, Redactor(b"k" * 32))
    octets = FailureLetter(WaitingCase(case=case, incidents=incidents), US).octets("f@x", date=NOW)
    return dict(Report.parse(octets).fields)


def test_nothing_is_reported_until_the_operator_consents() -> None:
    """RFC 9991 §7: the default of avowal is no report."""
    assert taken(BASE).failure is None
    assert taken(CONSENT.replace("example.com", "other.example")).failure is None


def test_a_failure_is_told_as_rfc_9991_has_it() -> None:
    told = fields(draft(), incidents=3)
    assert told["Feedback-Type"] == "auth-failure"
    assert told["Auth-Failure"] == "dmarc"
    assert told["Authentication-Results"] == "example.net; dmarc=fail header.from=example.com"
    assert told["Identity-Alignment"] == "dkim, spf"
    assert told["SPF-DNS"] == 'txt : example.com : "v=spf1 ip4:192.0.2.0/24 -all"'
    assert told["Source-IP"] == "198.51.100.9"
    assert told["Reported-Domain"] == "example.com"
    assert told["Delivery-Result"] == "delivered"
    assert told["Original-Envelope-Id"] == "4XYZ"
    assert told["Incidents"] == "3"
    assert told["Arrival-Date"]
    assert "Original-Rcpt-To" not in told


def test_of_a_broken_aligned_signature_domain_identity_and_selector_are_told() -> None:
    from avowal import sign
    from avowal.testing import tamper

    text = message()
    signed = sign(text, domain="example.com", selector="ed", key=ED25519, now=NOW) + text
    told = fields(draft(octets=tamper(signed)))
    assert told["DKIM-Domain"] == "example.com"
    assert told["DKIM-Identity"] == "@example.com"
    assert told["DKIM-Selector"] == "ed"
    assert told["Auth-Failure"] == "dmarc"


def test_no_person_is_in_the_report() -> None:
    text = message().replace(b"Subject:", b"X-Person: carol\r\nSubject: dave")
    made = draft(octets=text, sender=b"erin@example.com", recipients=(b"frank@example.net",))
    case = FailureCase.of(made, Redactor(b"k" * 32))
    octets = case.octets() + FailureLetter(WaitingCase(case=case, incidents=1), US).octets(
        "f@x", date=NOW
    )
    for person in (b"carol", b"dave", b"erin", b"frank", b"alice@", b"bob@"):
        assert person not in octets
    assert Report.parse(octets[len(case.octets()) :]).original is None


def test_our_reader_reads_what_we_write() -> None:
    case = FailureCase.of(draft(), Redactor(b"k" * 32))
    octets = FailureLetter(WaitingCase(case=case, incidents=2), US).octets("f@x", date=NOW)
    read = read_failure_report(octets)
    assert (read.domain, read.failure, read.unaligned) == ("example.com", "dmarc", ("dkim", "spf"))
    assert (read.source_ip, read.incidents, read.arrival) == ("198.51.100.9", 2, NOW)


ARF = b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n'


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"sender": b""}, id="a-bounce"),
        pytest.param({"octets": ARF + message()}, id="a-failure-report"),
        pytest.param(
            {"octets": message().replace(b"Subject:", b"Subject: Report Domain:")},
            id="an-aggregate-report",
        ),
        pytest.param({"record": "v=DMARC1; p=reject"}, id="nobody-asks"),
        pytest.param({"record": "v=DMARC1; p=reject; ruf=mailto:f@example.com; psd=y"}, id="psd"),
        pytest.param({"client": "192.0.2.7", "record": RECORD.replace("fo=1", "fo=0")},
                     id="a-pass"),
        pytest.param({"client": None}, id="mail-of-ours"),
    ],
)  # fmt: skip
def test_what_must_not_be_reported_is_not(how: dict[str, Any]) -> None:
    assert taken(**how).failure is None


def test_what_is_not_known_is_not_reported() -> None:
    assert taken(record=Failure.TIMEOUT).failure is None


def test_a_message_that_comes_again_is_not_reported_yet() -> None:
    toml = CONSENT + '[actions]\nno_signature = "tempfail"\n'
    assert taken(toml).failure is None


def test_the_verdict_is_the_same_with_and_without_reports() -> None:
    with_, without = taken(), taken(BASE)
    assert replace(with_, failure=None, trace=without.trace) == without


def test_the_trace_tells_that_a_report_is_wanted() -> None:
    steps = steps_about(Topic.REPORTS, taken().trace)
    assert [one.rule for one in steps] == ["failure_reports.domains"]


def test_a_dry_run_tells_nobody() -> None:
    actions = taken("dry_run = true\n" + CONSENT)
    assert actions.failure is None
    assert not actions.leaves_behind


@pytest.mark.parametrize(
    ("cut", "why"),
    [
        pytest.param('store = "sqlite:e.db"\n', "there is none", id="no-store"),
        pytest.param('sender = "dmarc@example.net"\n', "nobody is named", id="no-sender"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(cut: str, why: str) -> None:
    loaded = parse(CONSENT.replace(cut, "").encode(), file="avowal.toml")
    with pytest.raises(ConfigError, match=why):
        compile_plan(loaded.configuration, loaded.places, load=load)


def test_lines_are_no_store_for_reports() -> None:
    text = CONSENT.replace("sqlite:e.db", "lines:e.log")
    with pytest.raises(ConfigError, match="cannot be read"):
        compile_plan(parse(text.encode(), file="a").configuration, load=load)


# -- what follows the answer -----------------------------------------------------------------


def test_a_failure_is_put_down_redacted_when_the_mail_has_its_answer(tmp_path: Path) -> None:
    name = f"sqlite:{tmp_path}/e.db"
    spool = FailureSpool(
        lambda: FailureTables(open_event_store(name)), FailureCaps(domain=9, total=9)
    )
    outbox = Outbox(None, spool=spool)
    for _ in range(3):
        outbox.take(taken())
    outbox.settle(20)
    store = FailureTables(open_event_store(name))
    (one,) = store.waiting(NOW // DAY, NOW)
    assert one.incidents == 3
    assert b"alice" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_bound_that_is_reached_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    opening: Callable[[], FailureTables] = lambda: FailureTables(  # noqa: E731 - as it is handed in
        open_event_store(f"sqlite:{tmp_path}/e.db")
    )
    spool = FailureSpool(opening, FailureCaps(domain=1, total=9), tell=told.append)
    noted = [spool.take(draft(client=f"198.51.100.{number}")) for number in range(4)]
    assert noted == ["new", "beyond", "beyond", "beyond"]
    assert len(told) == 1
    assert "example.com" in told[0]
