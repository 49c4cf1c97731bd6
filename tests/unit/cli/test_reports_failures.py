"""`avowal reports failures`, as an operator runs it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.failure_stores import case_of
from tests.unit.cli.conftest import Avowal
from tests.unit.cli.test_reports_command import (  # noqa: F401 - a fixture
    CONFIGURATION,
    ZONE,
    Inbox,
    inbox,
)

import avowal
from avowal.dates import DAY
from avowal.report.arf import Report
from avowal.report.failure_spool import FailureCaps
from avowal.stores.events import open_event_store
from avowal.stores.failure_tables import FailureTables
from avowal.testing import Zone

RUF = {
    "_dmarc.d1.example": "v=DMARC1; p=reject; ruf=mailto:f@d1.example,mailto:g@other.example",
    "d1.example._report._dmarc.other.example": "v=DMARC1",
    "_dmarc.d2.example": "v=DMARC1; p=reject; ruf=mailto:f@victim.example",
    "_dmarc.d3.example": "v=DMARC1; p=reject; ruf=mailto:f@d3.example",
}
CONSENT = '[failure_reports]\ndomains = ["d1.example", "d2.example"]\nhold = 0\n'


@pytest.fixture
def site(avowal_command: Avowal, tmp_path: Path, inbox: Inbox) -> Avowal:  # noqa: F811
    """A receiver with failures of three domains; one of them is no longer consented to."""
    (tmp_path / "zone.json").write_text(json.dumps({**ZONE, **RUF}))
    text = CONFIGURATION.replace("PORT", str(inbox.port)) + CONSENT
    (tmp_path / "avowal.toml").write_text(text)
    store = FailureTables(open_event_store(f"sqlite:{tmp_path}/e.db"))
    today = int(time.time()) // DAY
    for number, domain in enumerate(("d1.example", "d1.example", "d2.example", "d3.example")):
        store.note(case_of(number, domain=domain, day=today), FailureCaps(domain=9, total=9))
    store.close()
    return lambda *words, **rest: avowal_command(*words, "-c", "avowal.toml", **rest)


def test_reports_go_to_every_address_that_agrees_once_and_pass_dmarc(
    site: Avowal,
    inbox: Inbox,  # noqa: F811
) -> None:
    first = site("reports", "failures", "--verbose")
    assert first.returncode == 0, first.stderr
    assert b"victim.example" in first.stderr  # has not agreed (RFC 9991 §4)
    site("reports", "failures")
    assert sorted(to for to, _ in inbox.got) == ["f@d1.example"] * 2 + ["g@other.example"] * 2
    for _, octets in inbox.got:
        found = avowal.authenticate(octets, resolver=Zone(ZONE)).findings.policies
        assert found is not None
        assert found.dmarc is not None
        assert found.dmarc.result == "pass"
        assert Report.parse(octets).value("Auth-Failure") == "dmarc"
    told = json.loads(site("reports", "status", "--json").stdout)
    assert [one["failure_mails"] for one in told["days"]] == [{"sent": 4}]
    assert b"nothing sent; failure reports: 4 sent" in site("reports", "status").stdout


def test_a_dry_run_shows_them_and_sends_none(site: Avowal, inbox: Inbox) -> None:  # noqa: F811
    ran = site("reports", "failures", "--dry-run")
    assert ran.stdout.count(b"Feedback-Type: auth-failure") == 3  # d3.example's is not to be
    assert not inbox.got


def test_a_dry_run_leaves_out_what_is_excluded(site: Avowal, tmp_path: Path) -> None:
    text = (tmp_path / "avowal.toml").read_text()
    text = text.replace("[failure_reports]", 'excluded = ["D1.example."]\n[failure_reports]')
    (tmp_path / "avowal.toml").write_text(text)
    ran = site("reports", "failures", "--dry-run")
    assert ran.stdout.count(b"Feedback-Type: auth-failure") == 1


def test_an_excluded_address_gets_none(site: Avowal, inbox: Inbox, tmp_path: Path) -> None:  # noqa: F811
    text = (tmp_path / "avowal.toml").read_text()
    text = text.replace("[failure_reports]", 'excluded = ["other.example"]\n[failure_reports]')
    (tmp_path / "avowal.toml").write_text(text)
    site("reports", "failures")
    assert {to for to, _ in inbox.got} == {"f@d1.example"}
