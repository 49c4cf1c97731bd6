"""`avowal serve --events`: an event per message, of which it is not known what became."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")

from tests.serving import running

from avowal.report.recorder import Recorder
from avowal.stores.sqlite_events import SqliteEvents


async def test_a_message_is_an_event_without_an_action(tmp_path: Path) -> None:
    store = SqliteEvents(str(tmp_path / "e.db"))
    recorder = Recorder(lambda: store, pause=0)
    async with running(tmp_path, recorder=recorder, host="here.example") as service:
        await service.post("/authenticate?client=192.0.2.1&mail_from=a@example.com")
        await service.post("/verdict")
    recorder.settle(5)
    events = list(SqliteEvents(str(tmp_path / "e.db")).events(0, 1 << 40))
    assert [(one.host, one.key.author, one.key.action) for one in events] == [
        ("here.example", "example.com", None)
    ] * 2
    assert {one.key.source for one in events} == {"192.0.2.1", None}
    assert not any(one.key.is_reported for one in events)
