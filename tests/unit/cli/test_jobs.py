"""Several processes tell what one does, in the same order; a process that ends is named."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mailloop import until
from tests.unit.cli.conftest import KEYS, SIGNED, Avowal

from avowal.calls import mailboxes, mbox
from avowal.cli import sources
from avowal.cli.dns import Dns
from avowal.cli.inspection import begun
from avowal.cli.outcomes import Share, outcomes
from avowal.cli.processes import in_order
from avowal.cli.verification import verify
from avowal.errors import EnvironmentFault, UsageError
from avowal.testing import message, record_for, tamper

FROM = b"From a@example.com Tue Nov 24 12:00:00 2026\n"
LINES = (b"", b"\r", b"From x", b">From x", b"From: a", b"From ", b"text")
TAMPERED = tamper(SIGNED)
LF = [
    mail.replace(b"\r\n", b"\n") for mail in (SIGNED, TAMPERED, message(), message(list_id="<l>"))
]
STORED = b"".join(FROM + mail + b"\n" for mail in LF * 5)


@given(st.lists(st.sampled_from(LINES), max_size=14), st.booleans(), st.integers(1, 60))
def test_the_parts_of_an_mbox_hold_its_messages(lines: list[bytes], ended: bool, size: int) -> None:
    octets = FROM + b"\n".join(lines) + (b"\n" if ended else b"")

    def read(octets: bytes) -> list[bytes]:
        return [b"".join(one) for one in mbox.Mbox(io.BytesIO(octets[5:]), lambda octets: None)]

    file = io.BytesIO(octets)
    file.seek(5)
    found: list[bytes] = []
    end = 0
    for part in mbox.parts(file, size):
        assert (part.number, part.start) == (len(found) + 1, end)
        found += read(octets[part.start : part.stop])
        end = part.stop
    assert found == read(octets)
    assert end == len(octets)


def header_of(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> bytes:
    header, _ = begun(origin, chunks, "auto")
    return header.named(b"from")[0].raw[:4]


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few messages are worth sharing, and two or three are a share."""
    monkeypatch.setitem(outcomes.__kwdefaults__, "share", Share(3000, 3))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder of whatever a command may meet: mboxes, messages, a Maildir, what is none."""
    folder = tmp_path / "archive"
    (folder / "maildir" / "cur").mkdir(parents=True)
    (folder / "maildir" / "new").mkdir()
    (folder / "a.mbox").write_bytes(STORED)
    (folder / "b.mbox.gz").write_bytes(gzip.compress(STORED))
    (folder / "c.eml").write_bytes(b"\xef\xbb\xbf" + SIGNED)
    (folder / "d.eml").write_bytes(b"")
    (folder / "e.zip").write_bytes(b"PK\x03\x04 and what follows it")
    (folder / "f.eml").write_bytes(b"no header\n")
    (folder / "g.mbox").write_bytes(STORED + FROM + b"no header\n\n" + STORED)
    for number in range(9):
        octets = TAMPERED if number % 4 else SIGNED
        (folder / "maildir" / "cur" / f"{number}:2,S").write_bytes(octets)
    return folder


@pytest.fixture
def dns(tmp_path: Path) -> Dns:
    zone = {f"{name}._domainkey.example.com": record_for(key) for name, key in KEYS.items()}
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    return Dns(zone=str(tmp_path / "zone.json"))


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("written", ["as_text", "as_json", "as_table"])
def test_two_processes_write_what_one_does(
    archive: Path, dns: Dns, written: str, capfd: pytest.CaptureFixture[str]
) -> None:
    as_json, as_table = written == "as_json", written == "as_table"
    told = []
    for jobs in (1, 2, 3):
        status = verify([str(archive)], dns, jobs=jobs, as_json=as_json, as_table=as_table)
        told.append((status, *capfd.readouterr()))
    assert told[0] == told[1] == told[2]
    assert all(word in told[0][2] for word in ("d.eml: empty", "e.zip", "f.eml", "byte order"))
    assert as_table or "g.mbox, message 20" in told[0][1] or '"message": 20' in told[0][1]


def test_a_message_that_is_none_hides_no_other_of_its_mailbox(archive: Path) -> None:
    *found, last = outcomes([str(archive / "g.mbox")], header_of)
    assert len(found) == 40
    assert [number for number, one in enumerate(found, 1) if isinstance(one, tuple)] == [21]
    assert last == b"From"


@pytest.mark.usefixtures("shared")
def test_two_processes_keep_the_events_that_one_does(archive: Path, dns: Dns) -> None:
    kept = []
    for jobs in (1, 2):
        store = archive.parent / f"events{jobs}"
        verify([str(archive / "a.mbox")], dns, now=1, jobs=jobs, events=f"lines:{store}")
        kept.append(store.read_bytes())
    assert kept[0] == kept[1]
    assert kept[0].count(b"\n") >= 20


def judged_in(_: sources.MessageOrigin, chunks: Iterator[bytes]) -> tuple[int, bytes]:
    return os.getpid(), b"".join(chunks)


@pytest.mark.parametrize(
    ("jobs", "processes"),
    [pytest.param(1, 1, id="one"), pytest.param(3, 3, id="three")],
)
@pytest.mark.usefixtures("shared")
def test_as_many_processes_work_as_were_asked_for(archive: Path, jobs: int, processes: int) -> None:
    found = list(outcomes([str(archive / "a.mbox")], judged_in, jobs=jobs))
    assert [octets for _, octets in found] == LF * 5
    assert len({pid for pid, _ in found}) == processes


def test_few_messages_stay_in_this_process(archive: Path) -> None:
    found = list(outcomes([str(archive / "a.mbox")], judged_in, jobs=3))
    assert {pid for pid, _ in found} == {os.getpid()}


@pytest.mark.usefixtures("shared")
def test_what_only_one_may_read_is_read_by_this_process(archive: Path) -> None:
    found = list(outcomes([str(archive / "b.mbox.gz")], judged_in, jobs=2))
    assert {pid for pid, _ in found} == {os.getpid()}


def ends(number: int) -> Callable[[sources.MessageOrigin, Iterator[bytes]], int]:
    def judge(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> int:
        if origin.number == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return origin.number or 0

    return judge


@pytest.mark.usefixtures("shared")
def test_a_process_that_is_killed_is_named_with_what_it_worked_on(archive: Path) -> None:
    found: list[object] = []
    with pytest.raises(EnvironmentFault, match=r"a\.mbox, message \d+: .* ended: signal 9"):
        found.extend(outcomes([str(archive / "a.mbox")], ends(12), jobs=2))
    assert found == list(range(1, len(found) + 1))  # what came before stays
    assert len(found) >= 6


def fails(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> int:
    if origin.number == 8:
        raise ZeroDivisionError("a fault of ours")
    return origin.number or 0


@pytest.mark.usefixtures("shared")
def test_an_error_of_our_own_is_said_with_the_place_of_the_message(archive: Path) -> None:
    found: list[object] = []
    with pytest.raises(EnvironmentFault, match=r"a\.mbox, message 8: ZeroDivisionError: a fault"):
        found.extend(outcomes([str(archive / "a.mbox")], fails, jobs=2))
    assert found == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.usefixtures("shared")
def test_a_part_that_is_no_mbox_any_more_is_refused(archive: Path) -> None:
    path = archive / "a.mbox"
    *_, last = mailboxes.parts(str(path), 3000)
    path.write_bytes(STORED[100:])
    with pytest.raises(sources.Unusable, match="changed while it was read"):
        list(sources.messages_of(last, lambda octets: None))


def test_answers_are_recorded_by_one_process(archive: Path) -> None:
    with pytest.raises(UsageError, match="--record"):
        verify([str(archive)], Dns(record="answers"), jobs=2)


def test_processes_end_with_the_one_that_made_them() -> None:
    """Also when that is killed: nobody else would end them."""
    code = (
        "import os, sys, time\n"
        "from avowal.cli.processes import in_order\n"
        "work = lambda task: os.getpid()\n"
        "for _, pid in in_order(work, range(100), 2, here=lambda task: False):\n"
        "    print(pid, flush=True)\n"
        "    if _ > 2: time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        pids = {int(made.stdout.readline()) for _ in range(4)}
        assert len(pids) == 2
        made.kill()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_tasks_and_results_that_fill_the_pipes_do_not_wait_for_one_another() -> None:
    large = [bytes([number]) * (1 << 20) for number in range(6)]
    made = in_order(bytes.upper, large, 2, here=lambda task: False)
    assert [result for _, result in made] == [octets.upper() for octets in large]


def test_an_interrupt_keeps_what_is_done_and_says_how_much(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    large = FROM + LF[0] + b"x\n" * 100_000 + b"\n"
    (tmp_path / "large.mbox").write_bytes(large * 40)  # 8 MB
    os.mkfifo(tmp_path / "endless")
    command = [
        sys.executable, "-m", "avowal", "verify", "large.mbox", "endless",
        "--zone", "zone.json", "--jobs", "2",
    ]  # fmt: skip
    with (
        (tmp_path / "told").open("wb") as told,
        subprocess.Popen(command, cwd=tmp_path, stdout=told, stderr=subprocess.PIPE) as process,
        (tmp_path / "endless").open("wb", buffering=0) as pipe,  # waits for who reads it
    ):
        pipe.write(b"From: a@example.com\n")
        until(lambda: (tmp_path / "told").read_bytes().count(b", message ") == 40)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert said == b"avowal: interrupted after 40 messages\n"
    assert (tmp_path / "told").read_bytes().count(b", message ") == 40
