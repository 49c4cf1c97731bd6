"""ExplainFailures, Capture…: avowal-opendkim says why a signature failed, and keeps the message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.config.opendkim_conf import OpendkimConf, read_conf
from avowal.errors import ConfigError
from avowal.milter.journal import LOGGER
from avowal.milter.meters import Meters
from avowal.milter.packets import ChangeHeader, InsertHeader, PlainAnswer
from avowal.opendkim.explaining import explaining_of
from avowal.opendkim.filter import OpendkimFilter
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Line
from avowal.opendkim.logs import open_service_log
from avowal.opendkim.settings import compiled
from avowal.opendkim.verdict import Mail
from avowal.testing import RSA_1024, Zone, message, record_for

NOW = 1_795_000_000
ZONE = Zone({"s1._domainkey.example.com": record_for(RSA_1024)})
SIGNED = (
    avowal.sign(message(), domain="example.com", selector="s1", key=RSA_1024, now=NOW) + message()
)
CHANGED = SIGNED.replace(b"\r\nSubject: ", b"\r\nSubject: [list] ") + b"-- \r\na footer\r\n"


class Lines:
    """The log."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, line: Line, /) -> None:
        """Keep a line."""
        self.texts.append(line.text)

    @property
    def explanations(self) -> list[str]:
        return [text for text in self.texts if "explanation" in text]


async def send_nothing(mails: Sequence[Mail]) -> None:
    """Send reports nowhere."""


def conf_of(path: Path, text: str) -> OpendkimConf:
    path.write_text(text)
    return read_conf(str(path))


@pytest.fixture(autouse=True)
def _service_log() -> Iterator[None]:
    """Give the service's log back as it was: other tests write to it too."""
    handlers, propagate, level = LOGGER.handlers[:], LOGGER.propagate, LOGGER.level
    yield
    LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


async def lines_of(
    serve: Callable[..., Any], conf: OpendkimConf, octets: bytes
) -> tuple[Any, Lines]:
    """Send a message through the daemon; return its answer and the log."""
    log = Lines()
    open_service_log(log)
    maker = explaining_of(conf)
    explaining = None if maker is None else maker.of(Meters())
    filter_ = OpendkimFilter(
        generation=OpendkimGeneration.of(compiled(conf)),
        log=log,
        send=send_nothing,
        now=lambda: NOW,
        explaining=explaining,
    )
    async with serve(filter_, ZONE) as daemon:
        answer = await daemon.send(octets, macros={"i": b"4X", "j": b"MX.example"})
    if explaining is not None:
        explaining.settle(20)
    return answer, log


async def test_a_failure_is_explained_in_the_log(serve: Callable[..., Any], tmp_path: Path) -> None:
    conf = conf_of(tmp_path / "c", "Mode v\nExplainFailures yes\nOn-BadSignature accept\n")
    _, log = await lines_of(serve, conf, CHANGED)
    (line,) = log.explanations
    assert line.startswith("4X: explanation: domain=example.com selector=s1 explained=yes")
    assert "steps=subject-tag,footer" in line


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        pytest.param("Mode v\n", CHANGED, id="the option is off"),
        pytest.param("Mode v\nExplainFailures yes\n", SIGNED, id="the signature passes"),
        pytest.param("Mode v\nExplainFailures yes\n", message(), id="there is no signature"),
        pytest.param(
            "Mode v\nExplainFailures yes\nPeerList 0.0.0.0/0, ::/0\n", CHANGED, id="a peer's mail"
        ),
    ],
)
async def test_nothing_is_explained_where(
    serve: Callable[..., Any], tmp_path: Path, text: str, octets: bytes
) -> None:
    _, log = await lines_of(serve, conf_of(tmp_path / "c", text), octets)
    assert log.explanations == []


async def test_an_explanation_is_no_pass(serve: Callable[..., Any], tmp_path: Path) -> None:
    conf = conf_of(tmp_path / "c", "Mode v\nExplainFailures yes\nOn-BadSignature reject\n")
    answer, log = await lines_of(serve, conf, CHANGED)
    assert answer.answer is not PlainAnswer.ACCEPT
    assert len(log.explanations) == 1


@pytest.mark.parametrize("seconds", ["0", "61", "-1"])
def test_a_budget_that_is_none_is_refused(tmp_path: Path, seconds: str) -> None:
    conf = conf_of(tmp_path / "c", f"ExplainFailures yes\nExplainSeconds {seconds}\n")
    with pytest.raises(ConfigError, match="ExplainSeconds"):
        explaining_of(conf)


# -- the field, and the box ----------------------------------------------------------------------

FIELD = "Mode v\nExplainFailures yes\nExplainField X-Why\nExplainWait 5000\n"


def fields_of(answer: Any) -> list[bytes]:
    return [
        one.value for one in answer.modifications
        if isinstance(one, InsertHeader) and one.name == b"X-Why"
    ]  # fmt: skip


def deleted(answer: Any) -> int:
    return sum(
        isinstance(one, ChangeHeader) and one.name == b"X-Why" and not one.value
        for one in answer.modifications
    )


async def test_what_is_found_is_written_into_the_message(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    conf = conf_of(tmp_path / "c", FIELD + "On-BadSignature accept\n")
    answer, log = await lines_of(serve, conf, CHANGED)
    (value,) = fields_of(answer)
    assert value.startswith(b" explained; d=example.com; s=s1; key=proven")
    assert len(log.explanations) == 1


@pytest.mark.parametrize(
    ("more", "octets"),
    [
        pytest.param("", b"X-Why: explained\r\n" + SIGNED, id="a signature that passes"),
        pytest.param("", b"X-Why: explained\r\n" + message(), id="no signature"),
        pytest.param(
            "", b"X-Why: a\r\nDKIM-Signature: nothing\r\n" + message(), id="a broken signature"
        ),
    ],
)
async def test_a_field_that_this_host_did_not_write_is_taken_out_of(
    serve: Callable[..., Any], tmp_path: Path, more: str, octets: bytes
) -> None:
    conf = conf_of(tmp_path / "c", FIELD + more)
    answer, _ = await lines_of(serve, conf, octets)
    assert (deleted(answer), fields_of(answer)) == (1, [])


async def test_a_message_that_is_refused_waits_for_nothing(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    conf = conf_of(tmp_path / "c", FIELD + "On-BadSignature reject\n")
    answer, log = await lines_of(serve, conf, CHANGED)
    assert fields_of(answer) == []
    assert len(log.explanations) == 1


BOX = "Mode v\nOn-BadSignature accept\nCaptureKeep failed\nCaptureRecipients {key}\n"


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        pytest.param(CHANGED, 1, id="the author's signature fails"),
        pytest.param(SIGNED, 0, id="it passes"),
        pytest.param(
            CHANGED.replace(b"From: Alice <alice@example.com>", b"From: <bob@example.net>"), 0,
            id="a signature of another domain fails",
        ),
    ],
)  # fmt: skip
async def test_a_box_keeps_what_only_the_administrator_can_read(
    serve: Callable[..., Any], tmp_path: Path, octets: bytes, kept: int
) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    box = tmp_path / "box"
    box.mkdir(mode=0o700)
    text = BOX.format(key=identity.to_public()) + f"CaptureDirectory {box}\n"
    await lines_of(serve, conf_of(tmp_path / "c", text), octets)
    files = list(box.iterdir())
    assert len(files) == kept
    for one in files:
        assert pyrage.decrypt(one.read_bytes(), [identity]) == octets


@pytest.mark.parametrize(
    ("text", "option"),
    [
        pytest.param("ExplainField X-Why\n", "ExplainField", id="a field without explanations"),
        pytest.param(
            "ExplainFailures yes\nExplainField X Why\n", "ExplainField", id="no name of a field"
        ),
        pytest.param(
            "ExplainFailures yes\nExplainWait 0\n", "ExplainWait", id="a wait that is none"
        ),
        pytest.param(
            "ExplainFailures yes\nCaptureDirectory /d\n", "CaptureDirectory", id="nobody to read"
        ),
        pytest.param(
            "CaptureDirectory /d\nCaptureRecipients age1x\n", "CaptureDirectory",
            id="nothing is known to be unexplained",
        ),
        pytest.param("CaptureKeep some\n", "CaptureKeep", id="no word"),
        pytest.param("CaptureDays 0\n", "CaptureDays", id="no days"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, option: str) -> None:
    with pytest.raises(ConfigError, match=option):
        explaining_of(conf_of(tmp_path / "c", text))
