"""Recording answers and verifying from the recording."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dns.recorder import Recorder, Replayer
from avowal.dns.zone import Zone
from avowal.errors import ConfigError, StoreError
from avowal.lookup import NO_NAME, Answer, Failure, Outcome, Question

ANSWERS = {
    Question("a.example"): Answer.found(b"v=DKIM1", b"\xff\x00", ttl=60, secure=True),
    Question("a.example", "MX"): Answer(outcome=Outcome.NO_DATA, ttl=30),
    Question("b.example"): NO_NAME,
    Question("c.example"): Answer.failed(Failure.TIMEOUT),
}


class Source:
    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return tuple(ANSWERS[question] for question in questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return self.resolve(questions)


def recorded(mode: str) -> Recorder:
    recorder = Recorder(Source())
    if mode == "sync":
        recorder.resolve(tuple(ANSWERS))
    elif mode == "within":
        recorder.resolve_within(tuple(ANSWERS), 1)
    else:
        asyncio.run(recorder.aresolve(tuple(ANSWERS)))
    return recorder


@pytest.mark.parametrize("mode", ["sync", "async", "within"])
def test_a_recording_gives_back_what_was_answered(mode: str, tmp_path: Path) -> None:
    recorded(mode).save(tmp_path / "recording.json")
    replayer = Replayer.load(tmp_path / "recording.json")
    assert replayer.resolve(tuple(ANSWERS)) == tuple(ANSWERS.values())
    assert asyncio.run(replayer.aresolve(tuple(ANSWERS))) == tuple(ANSWERS.values())


def test_a_zone_reads_recordings_too() -> None:
    zone = Zone.from_json(recorded("sync").dumps())
    assert zone.resolve(tuple(ANSWERS)) == tuple(ANSWERS.values())
    assert zone.resolve((Question("new.example"),))[0].failure is Failure.UNREACHABLE


def test_what_was_not_recorded_is_not_known() -> None:
    (answer,) = Replayer(ANSWERS).resolve((Question("new.example"),))
    assert answer == Answer.failed(Failure.UNREACHABLE)


def test_letter_case_and_a_final_dot_mean_nothing() -> None:
    assert Replayer(ANSWERS).resolve((Question("B.EXAMPLE."),)) == (NO_NAME,)


@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=3),
    st.integers(0, 2**31 - 1),
    st.booleans(),
)
def test_any_octets_survive(records: list[bytes], ttl: int, secure: bool) -> None:
    recorder = Recorder(Source())
    question = Question("x.example")
    recorder.answers[question] = Answer.found(*records, ttl=ttl, secure=secure)
    assert Replayer.loads(recorder.dumps()).resolve((question,)) == (recorder.answers[question],)


ROW = {"name": "a", "type": "TXT", "outcome": "found", "records": ["x"]}


def recording(**changes: Any) -> str:
    return json.dumps({"format": "avowal-dns-recording", "version": 1, "answers": [ROW]} | changes)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("{", "r:1:2", id="cut-off"),
        pytest.param("[]", "not a JSON object", id="list"),
        pytest.param(recording(format="other"), "not a recording", id="other-format"),
        pytest.param(recording(version=2), "version 2", id="newer-version"),
        pytest.param(recording(answers={}), "answers", id="no-list"),
        pytest.param(recording(answers=[3]), "answers[0]", id="no-object"),
        pytest.param(recording(answers=[ROW, {**ROW, "ttl": -1}]), "answers[1]", id="ttl"),
        pytest.param(recording(answers=[{**ROW, "ttl": True}]), "answers[0]", id="ttl-no-number"),
        pytest.param(recording(answers=[{**ROW, "outcome": "lost"}]), "answers[0]", id="outcome"),
        pytest.param(recording(answers=[{**ROW, "records": ["é"]}]), "answers[0]", id="not-ascii"),
        pytest.param(
            recording(answers=[{**ROW, "records": [{"base64": "!"}]}]), "answers[0]", id="base64"
        ),
        pytest.param(
            recording(answers=[{**ROW, "outcome": "failed"}]), "answers[0]", id="no-failure"
        ),
    ],
)
def test_a_spoiled_recording_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Replayer.loads(text, file="r")
    assert place in str(caught.value)


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing"):
        Replayer.load(tmp_path / "nothing")
    with pytest.raises(StoreError, match="folder"):
        recorded("sync").save(tmp_path / "folder" / "file")
