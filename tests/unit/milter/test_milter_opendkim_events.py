"""EventStore: avowal-opendkim keeps an event per verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.milter.packets import PlainAnswer, Quarantine, ReplyCode
from avowal.opendkim.events import action_of, recorder_of
from avowal.opendkim.filter import OpendkimFilter
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Line
from avowal.opendkim.settings import compiled
from avowal.opendkim.verdict import Mail, OpendkimVerdict
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import Zone, message


class Lines:
    def write(self, line: Line, /) -> None:
        """Keep nothing."""


async def send_nothing(mails: Sequence[Mail]) -> None:
    """Send reports nowhere."""


async def test_each_verdict_is_an_event(serve: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "opendkim.conf"
    path.write_text(f"Mode v\nOn-NoSignature reject\nEventStore sqlite:{tmp_path}/e.db\n")
    conf = read_conf(str(path))
    recorder = recorder_of(conf, lambda line: None)
    assert recorder is not None
    filter_ = OpendkimFilter(
        generation=OpendkimGeneration.of(compiled(conf)),
        log=Lines(),
        send=send_nothing,
        now=lambda: 86400,
        recorder=recorder,
    )
    async with serve(filter_, Zone({})) as daemon:
        for _ in range(3):
            await daemon.send(message(), macros={"i": b"4X", "j": b"MX.example"})
    recorder.settle(5)
    store = SqliteEvents(f"{tmp_path}/e.db")
    assert Counter(key.action for event in store.events(0, 1 << 40) for key in [event.key]) == {
        "reject": 3
    }
    (event, *_) = store.events(0, 1 << 40)
    assert (event.host, event.queue_id, event.key.author) == ("mx.example", "4X", "example.com")


def test_without_the_option_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "opendkim.conf"
    path.write_text("Mode v\n")
    assert recorder_of(read_conf(str(path)), lambda line: None) is None


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        pytest.param(OpendkimVerdict(), "accept", id="accepted"),
        pytest.param(OpendkimVerdict(answer=PlainAnswer.DISCARD), "discard", id="discarded"),
        pytest.param(OpendkimVerdict(answer=ReplyCode(b"550 no")), "reject", id="5xx"),
        pytest.param(OpendkimVerdict(answer=ReplyCode(b"451 later")), "tempfail", id="4xx"),
        pytest.param(OpendkimVerdict(modifications=(Quarantine(b"why"),)), "quarantine", id="held"),
    ],
)
def test_the_word_of_what_was_done(verdict: OpendkimVerdict, word: str) -> None:
    assert action_of(verdict) == word
