"""The lines of the log: what they say, and that a stranger cannot write them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from avowal.config.model import Log
from avowal.errors import EnvironmentFault
from avowal.flow.actions import Actions
from avowal.flow.record import Checked, Made, MessageRecord
from avowal.flow.trace import Step, Topic, Trace
from avowal.milter.durations import Durations
from avowal.milter.journal import LOGGER, Journal, classic, logfmt, open_log

RECORD = MessageRecord(
    action="accept",
    treatment="both",
    why="signed: 127.0.0.1 is in internal_hosts",
    queue_id="4XYZ",
    client="127.0.0.1",
    author="a@sender.example",
    made=(Made(domain="sender.example", selector="s", algorithm="rsa-sha256"),),
    checked=(
        Checked(domain="x.example", selector="t", algorithm="rsa-sha256", result="pass"),
        Checked(domain=None, selector=None, algorithm=None, result="permerror", reason="syntax"),
    ),
)
TRACE = Trace((Step(Topic.SIGN, "keys", True, "a key of sender.example signs", None, True),))
ACTIONS = Actions(record=RECORD, trace=TRACE)
TIMES = Durations(0.0123, 0.004)
Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """What was logged so far."""

    def logged() -> list[str]:
        return capsys.readouterr().err.splitlines()

    yield logged
    for handler in LOGGER.handlers[:]:
        LOGGER.removeHandler(handler)
    LOGGER.propagate = True


def test_a_message_is_one_logfmt_line(lines: Lines) -> None:
    options = Log(why=True)
    open_log(options)
    Journal(options).message(ACTIONS, TIMES)
    (line,) = lines()
    assert line == (
        "level=info event=message queue_id=4XYZ action=accept treatment=both "
        'why="signed: 127.0.0.1 is in internal_hosts" client=127.0.0.1 author=a@sender.example '
        'signed1="d=sender.example s=s a=rsa-sha256" dkim1="pass d=x.example s=t a=rsa-sha256" '
        'dkim2="permerror syntax d=None s=None a=None" ms=12.3 dns_ms=4.0'
    )


def test_a_message_is_one_json_line(lines: Lines) -> None:
    options = Log(format="json")
    open_log(options)
    Journal(options).message(ACTIONS, TIMES)
    (line,) = lines()
    facts = json.loads(line)
    assert facts["event"] == "message"
    assert facts["queue_id"] == "4XYZ"
    assert facts["ms"] == 12.3
    assert "why" not in facts


def test_the_classic_lines_are_those_that_log_readers_know(lines: Lines) -> None:
    options = Log(format="classic", why=True)
    open_log(options)
    Journal(options).message(ACTIONS, TIMES)
    assert lines() == [
        "4XYZ: DKIM-Signature field added (s=s, d=sender.example)",
        "4XYZ: s=t d=x.example a=rsa-sha256",
        "4XYZ: s=None d=None a=None syntax",
        "4XYZ: DKIM verification successful",
        "4XYZ: a key of sender.example signs",
    ]


def test_what_went_well_can_be_left_out(lines: Lines) -> None:
    options = Log(success=False)
    open_log(options)
    Journal(options).message(ACTIONS, TIMES)
    refused = Actions(
        record=MessageRecord(action="reject", treatment="verify", why=""), trace=Trace()
    )
    Journal(options).message(refused, TIMES)
    (line,) = lines()
    assert "action=reject" in line


def test_a_dry_run_logs_what_would_have_been_done(lines: Lines) -> None:
    options = Log()
    open_log(options)
    Journal(options).message(
        Actions(
            record=MessageRecord(action="accept", treatment="none", why=""),
            trace=Trace(),
            withheld=ACTIONS,
        ),
        TIMES,
    )
    assert "signed1=" in lines()[0]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("plain", "x=plain"),
        ("two words", 'x="two words"'),
        ("", 'x=""'),
        ("a=b", 'x="a=b"'),
        ('say "hi"', 'x="say \\"hi\\""'),
        ("back\\slash", "x=back\\slash"),
        ("line\nlevel=error event=forged", 'x="line\\nlevel=error event=forged"'),
        ("\x1b[2J\r", 'x="\\x1b[2J\\r"'),
        ("caf\xe9", 'x="caf\\xe9"'),
        (True, "x=yes"),
        (3, "x=3"),
    ],
)
def test_no_value_can_end_a_line_or_begin_another_word(value: str | int, word: str) -> None:
    assert logfmt({"x": value}) == word


def test_a_value_has_an_end() -> None:
    assert len(logfmt({"x": "y" * 100_000})) < 1100


def test_control_octets_are_shown_not_sent() -> None:
    assert logfmt({"a": "a\x00\x7f\u2028b\n"}) == 'a="a\\x00\\x7f\\u2028b\\n"'


def test_a_classic_line_for_a_message_without_signatures() -> None:
    record = MessageRecord(action="accept", treatment="verify", why="")
    assert list(classic(Actions(record=record, trace=Trace()), Log())) == [
        "NOQUEUE: no signature data"
    ]


def test_a_facility_that_syslog_does_not_have_is_refused() -> None:
    with pytest.raises(EnvironmentFault, match="no facility 'post'"):
        open_log(Log(target="syslog", facility="post"))


def test_a_traceback_stays_in_its_line(lines: Lines) -> None:
    open_log(Log())
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        LOGGER.exception("program error")
    assert len(lines()) == 1
    assert logging.getLevelName(LOGGER.level) == "INFO"
