"""What happens to messages whose signatures failed, when they have their answer."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.config.model import Capture
from avowal.crypto.age import AgeRecipients
from avowal.diagnose.explain import Explainer
from avowal.errors import KeyMaterialError, StoreError
from avowal.flow.failures import FailedMessage, Room
from avowal.message import Message
from avowal.milter import explainer
from avowal.milter.capture import CaptureBox, FullBoxError
from avowal.milter.explainer import ExplainerProcess, load
from avowal.milter.explaining import Explaining, causes, fields
from avowal.milter.journal import LOGGER, facts_of
from avowal.milter.meters import Meters
from avowal.testing import RSA_2048, message, record_for

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed (extra: encrypt)")
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
ZONE = {"s1._domainkey.example.com": record_for(RSA_2048)}
FOUND = {
    "domain": "example.com", "selector": "s1", "reason": "body-hash", "explained": True,
    "key": "proven", "header": "intact", "body": "restored", "steps": ["footer"], "limits": [],
}  # fmt: skip
LOST = FOUND | {"explained": False, "body": "changed", "steps": []}


def failed(*, more: bytes = b"-- \r\na list\r\n", author: bool = True) -> FailedMessage:
    octets = message()
    octets = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets + more
    parsed = Message.parse(octets)
    body = Room(most=1 << 20, most_each=1 << 20).body()
    body.feed(parsed.body)
    verdicts = avowal.verify(octets, ZONE, line_ends="wire")
    return FailedMessage(
        header=parsed.header, body=body, verifications=verdicts, author=author, now=1_795_000_000
    )


class Counts(Meters):
    def __init__(self) -> None:
        self.counted: list[str] = []

    def explanation(self, outcome: str) -> None:
        self.counted.append(outcome)

    def cause(self, name: str) -> None:
        self.counted.append(name)

    def captured(self, outcome: str) -> None:
        self.counted.append(f"capture {outcome}")


class Process:
    """Stands for the process: says what it is told to."""

    def __init__(self, found: Sequence[dict[str, Any]] | Exception | None) -> None:
        self.found = found
        self.open = threading.Event()
        self.open.set()

    def explain(self, failed: FailedMessage) -> list[dict[str, Any]] | None:
        self.open.wait(60)
        if isinstance(self.found, Exception):
            raise self.found
        return None if self.found is None else list(self.found)

    def end(self) -> None:
        pass


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    lines: list[tuple[str, dict[str, Any]]] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((record.getMessage(), facts_of(record)))

    monkeypatch.setattr(LOGGER, "handlers", [Lines()])
    monkeypatch.setattr(LOGGER, "propagate", False)
    LOGGER.setLevel(logging.INFO)
    return lines


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "box"
    made.mkdir(mode=0o700)
    return made


def box(directory: Path, **options: Any) -> CaptureBox:
    now = options.pop("now", time.time)
    wanted = Capture(directory=str(directory), recipients=(RECIPIENT,), **options)
    return CaptureBox(wanted, AgeRecipients.parse(wanted.recipients), now=now)


def explaining(
    process: Process | None, kept: CaptureBox | None = None, *, keep: str = "unexplained"
) -> tuple[Explaining, Counts]:
    meters = Counts()
    made = Explaining(
        process,  # type: ignore[arg-type] # stands for one
        kept,
        Room(most=1 << 20, most_each=1 << 20),
        meters,
        keep=keep,
    )
    made.start()
    return made, meters


# -- the process --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def process() -> Iterator[ExplainerProcess]:
    made = ExplainerProcess(3.0, load())
    yield made
    made.end()


def test_the_process_explains(process: ExplainerProcess) -> None:
    assert process.explain(failed()) == [FOUND]


def test_where_no_file_can_be_seen_the_process_explains_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise FileNotFoundError

    loaded = load()
    with monkeypatch.context() as another_root:
        another_root.setattr("builtins.open", refuse)
        made = ExplainerProcess(3.0, loaded)
    found = made.explain(failed())
    made.end()
    assert found == [FOUND]


def test_of_what_cannot_be_explained_it_says_so(process: ExplainerProcess) -> None:
    assert process.explain(failed(more=b"").__class__(
        header=(one := failed()).header, body=_other_body(), verifications=one.verifications,
        author=True, now=0,
    )) == [LOST]  # fmt: skip


def _other_body() -> Any:
    body = Room(most=1 << 20, most_each=1 << 20).body()
    body.feed(b"something else\r\n")
    return body


def test_a_search_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Explainer):
        def explain(self, message: Message, verifications: Any) -> Any:
            time.sleep(10)

    octets = pickle.dumps((7, b"From: a@b.example\r\n\r\n", ()))
    before = explainer.signal.signal(explainer.signal.SIGALRM, explainer._too_late)
    try:
        monkeypatch.setattr(explainer, "_LATE_SECONDS", 0.01)
        assert json.loads(explainer._answer(Slow(), octets, 0.0)) == [7, None]
    finally:
        explainer.signal.signal(explainer.signal.SIGALRM, before)


def test_what_takes_too_much_memory_is_given_up() -> None:
    class Greedy(Explainer):
        def explain(self, message: Message, verifications: Any) -> Any:
            raise MemoryError

    octets = pickle.dumps((7, b"From: a@b.example\r\n\r\n", ()))
    assert json.loads(explainer._answer(Greedy(), octets, 3.0)) == [7, None]


# -- what is logged and counted -----------------------------------------------------------------


def test_an_explanation_is_logged_and_counted(log: list[tuple[str, dict[str, Any]]]) -> None:
    made, meters = explaining(Process([FOUND]))
    made.take(failed(), "4X")
    made.settle(5)
    assert meters.counted == ["explained", "footer"]
    event, facts = log[0]
    facts.pop("ms")
    assert (event, facts) == (
        "explanation",
        {"queue_id": "4X", "domain": "example.com", "selector": "s1", "explained": True,
         "reason": "body-hash", "key": "proven", "header": "intact", "body": "restored",
         "steps": "footer"},
    )  # fmt: skip


def test_the_cause_of_what_is_not_explained_is_the_reason_of_the_verdict() -> None:
    assert causes(LOST) == ["body-hash"]


def test_no_series_is_made_of_a_word_that_is_not_ours() -> None:
    assert causes(FOUND | {"steps": ["x"], "reason": "y"}) == []


def test_too_many_messages_are_dropped_and_counted(log: list[tuple[str, dict[str, Any]]]) -> None:
    process = Process([FOUND])
    process.open.clear()
    made, meters = explaining(process)
    one = failed()
    for _ in range(40):
        made.take(one, None)
    process.open.set()
    made.settle(5)
    assert 23 <= meters.counted.count("dropped") <= 24
    assert meters.counted.count("explained") + meters.counted.count("dropped") == 40


def test_what_took_too_long_is_counted(log: list[tuple[str, dict[str, Any]]]) -> None:
    made, meters = explaining(Process(None))
    made.take(failed(), None)
    made.settle(5)
    assert meters.counted == ["given up"]


def test_without_its_process_the_worker_goes_on(log: list[tuple[str, dict[str, Any]]]) -> None:
    made, _ = explaining(Process(BrokenPipeError("gone")))
    made.take(failed(), None)
    made.take(failed(), None)
    made.settle(5)
    assert [event for event, _ in log] == [
        "nothing is explained any more: gone", "not explained: it took too long",
    ]  # fmt: skip


def test_whoever_waits_for_an_explanation_gets_it(log: list[tuple[str, dict[str, Any]]]) -> None:
    made, _ = explaining(Process([FOUND]))
    assert asyncio.run(made.found(failed(), None, 5)) == [FOUND]


def test_nobody_waits_longer_than_allowed(log: list[tuple[str, dict[str, Any]]]) -> None:
    process = Process([FOUND])
    process.open.clear()
    made, _ = explaining(process)
    assert asyncio.run(made.found(failed(), None, 0.01)) is None
    process.open.set()


def test_the_field_says_what_was_found_in_our_own_words() -> None:
    assert [one.raw for one in fields("X-Why", [FOUND, LOST, LOST, LOST])] == [
        b"".join(
            (
                b"X-Why: explained; d=example.com; s=s1; key=proven; header=intact; ",
                b"body=restored; steps=footer",
            )
        ),
        *[b"X-Why: unexplained; d=example.com; s=s1; key=proven; header=intact; body=changed"] * 2,
    ]


# -- the box ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("found", "author", "keep", "kept"),
    [
        pytest.param([LOST], True, "unexplained", 1, id="not-explained"),
        pytest.param([FOUND], True, "unexplained", 0, id="explained"),
        pytest.param([FOUND], True, "failed", 1, id="explained-but-all-are-wanted"),
        pytest.param([LOST], False, "failed", 0, id="no-signature-of-the-author"),
        pytest.param(None, True, "unexplained", 1, id="took-too-long"),
    ],
)
def test_what_is_captured(found: Any, author: bool, keep: str, kept: int, directory: Path) -> None:
    made, meters = explaining(Process(found), box(directory), keep=keep)
    made.take(failed(author=author), "4X")
    made.settle(5)
    assert len(list(directory.iterdir())) == meters.counted.count("capture kept") == kept


def test_a_captured_message_is_whole_and_encrypted(directory: Path) -> None:
    octets = failed().message.octets
    name = box(directory).take(octets, "4X.../y", 1_795_000_000)
    assert name.startswith("1795000000.4X" + 4 * "_" + "y.")
    file = directory / name
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"noon" not in file.read_bytes()
    assert pyrage.decrypt(file.read_bytes(), [IDENTITY]) == octets


def test_a_full_box_takes_no_more_and_keeps_what_it_has(
    directory: Path, log: list[tuple[str, dict[str, Any]]]
) -> None:
    made, meters = explaining(Process([LOST]), box(directory, most_files=2))
    for _ in range(4):
        made.take(failed(), None)
        made._waiting.join()
    assert meters.counted.count("capture kept") == meters.counted.count("capture full") == 2
    assert len(list(directory.iterdir())) == 2
    assert sum(event.startswith("not captured") for event, _ in log) == 1


def test_a_box_has_a_size(directory: Path) -> None:
    kept = box(directory, most_octets=2000)
    kept.take(bytes(1000), None, 0)
    with pytest.raises(FullBoxError, match="most_octets"):
        kept.take(bytes(1000), None, 0)


def test_what_is_old_is_erased_and_nothing_else(directory: Path) -> None:
    (directory / "notes.txt").write_text("the administrator's own")
    os.utime(directory / "notes.txt", (0, 0))
    box(directory).take(b"x", None, 0)
    box(directory, now=lambda: time.time() + 15 * 86400).erase_old()
    assert [one.name for one in directory.iterdir()] == ["notes.txt"]


def test_a_directory_that_others_may_enter_is_refused(directory: Path) -> None:
    directory.chmod(0o750)
    with pytest.raises(StoreError, match="others may enter it"):
        box(directory).take(b"x", None, 0)


@pytest.mark.parametrize("text", ["age1xyz", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1"])
def test_a_key_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(KeyMaterialError, match="no public key of age"):
        AgeRecipients.parse((text,))
