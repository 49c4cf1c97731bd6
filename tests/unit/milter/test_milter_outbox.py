"""What leaves behind the mail's back: never waited for, bounded, logged where it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.config.model import Reports
from avowal.errors import PeerError, StoreError
from avowal.flow.actions import Actions, Diagnosis
from avowal.flow.plan import Plan
from avowal.flow.record import MessageRecord
from avowal.flow.trace import Trace
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.journal import LOGGER
from avowal.milter.outbox import Notes, Outbox
from avowal.milter.packets import PlainAnswer
from avowal.report.arf import Report, ReportEnvelope, ReportMail, auth_failure
from avowal.testing import ED25519, Zone, message, record_for, tamper

MAIL = ReportMail(
    report=Report(
        fields=auth_failure(failure="signature", user_agent="x/1", results="r; dkim=fail"),
        header=b"From: a@author.example\r\n",
    ),
    envelope=ReportEnvelope(
        sender="a@r.example", recipient="b@s.example", subject="x", date=0, message_id="1@r.example"
    ),
)


def actions(reports: int = 1, diagnosis: Diagnosis | None = None) -> Actions:
    return Actions(
        record=MessageRecord(action="accept", treatment="verify", why="", queue_id="4X"),
        trace=Trace(),
        reports=(MAIL,) * reports,
        diagnosis=diagnosis,
    )


class Post:
    """A way out that keeps what it gets, may be slow, may fail."""

    def __init__(self, *, fault: Exception | None = None) -> None:
        self.sent: list[ReportMail] = []
        self.open = threading.Event()
        self.open.set()
        self.fault = fault

    def send(self, mail: ReportMail) -> None:
        self.open.wait(60)
        if self.fault is not None:
            raise self.fault
        self.sent.append(mail)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the daemon says: its logger does not propagate once a log is open."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Lines()
    monkeypatch.setattr(LOGGER, "handlers", [handler])
    return lines


def test_reports_leave_in_their_order() -> None:
    post = Post()
    outbox = Outbox(post)
    outbox.take(actions(3))
    outbox.settle(5)
    assert post.sent == [MAIL] * 3


def test_a_slow_way_out_is_not_waited_for_and_holds_a_bounded_number(log: list[str]) -> None:
    post = Post()
    post.open.clear()
    outbox = Outbox(post, most_per_hour=10_000)
    outbox.take(actions(100))
    post.open.set()
    outbox.settle(5)
    assert 32 <= len(post.sent) <= 33
    assert log.count("a report or note is dropped: too many wait") == 100 - len(post.sent)


def test_the_end_does_not_wait_for_ever(log: list[str]) -> None:
    post = Post()
    post.open.clear()
    outbox = Outbox(post)
    outbox.take(actions(2))
    outbox.settle(0.01)
    post.open.set()
    assert log == ["stopped with 2 reports and notes not handed over"]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        pytest.param(PeerError("sendmail: ended with status 75"),
                     "not handed over: sendmail: ended with status 75", id="a command that fails"),
        pytest.param(RuntimeError("bug"), "program error", id="a bug"),
    ],
)  # fmt: skip
def test_a_failure_is_logged_and_the_next_report_leaves(
    fault: Exception, line: str, log: list[str]
) -> None:
    post = Post(fault=fault)
    outbox = Outbox(post)
    outbox.take(actions())
    outbox.settle(5)
    post.fault = None
    outbox.take(actions())
    outbox.settle(5)
    assert log == [line]
    assert post.sent == [MAIL]


def test_so_many_reports_leave_in_an_hour_and_more_in_the_next(log: list[str]) -> None:
    hours = [0.0]
    post = Post()
    outbox = Outbox(post, most_per_hour=2, now=lambda: hours[0] * 3600)
    outbox.take(actions(5))
    hours[0] = 0.99
    outbox.take(actions(5))
    outbox.settle(5)
    assert len(post.sent) == 2
    assert log == ["no more reports in this hour: reports.most_per_hour is reached"]
    hours[0] = 1.0
    outbox.take(actions(1))
    outbox.settle(5)
    assert len(post.sent) == 3


def test_a_diagnosis_becomes_a_file(tmp_path: Path) -> None:
    outbox = Outbox(None, Notes(str(tmp_path)))
    outbox.take(actions(0, Diagnosis("4X.7", "Subject\n  signed: \udcff\n")))
    outbox.settle(5)
    assert (tmp_path / "4X.7.txt").read_text() == "Subject\n  signed: \\udcff\n"


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "4X.7.txt").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="File exists"):
        Notes(str(tmp_path)).write(Diagnosis("4X.7", "text"))
    assert not (tmp_path / "victim").exists()


def test_a_directory_is_not_filled_without_end(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}").touch()
    with pytest.raises(StoreError, match="holds 1000 files: clear it"):
        Notes(str(tmp_path)).write(Diagnosis("4X.7", "text"))


def test_a_directory_that_is_none_is_named_at_start(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere is no directory"):
        Notes(str(tmp_path / "nowhere"))


async def test_a_message_has_its_answer_before_its_report_leaves(
    serve: Any, plan: Callable[..., Plan]
) -> None:
    text = message()
    field = avowal.sign(
        text, domain="signer.example", selector="e", key=ED25519, request_reports=True
    )
    zone = Zone(
        {
            "e._domainkey.signer.example": record_for(ED25519),
            "_report._domainkey.signer.example": "ra=errors",
        }
    )
    post = Post()
    post.open.clear()
    outbox = Outbox(post)
    filter_ = FlowFilter(plan(reports=Reports(send=True)), outbox=outbox)
    async with serve(filter_, zone, role="verify") as daemon:
        outcome = await daemon.send(tamper(field + text))
    assert outcome.answer is PlainAnswer.CONTINUE
    assert post.sent == []
    post.open.set()
    outbox.settle(5)
    assert [mail.envelope.recipient for mail in post.sent] == ["errors@signer.example"]


def test_a_directory_of_diagnoses_holds_a_bounded_number_of_files(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(StoreError, match="holds 1000 files"):
        Notes(str(tmp_path)).write(Diagnosis("more", "text"))
