"""``avowal list pipe --check``: programs that look at a post before it is signed and sent on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import avowal
from avowal.testing import RSA_2048, Zone, message, record_for

NOW = 1_800_000_000
ZONE = {"l._domainkey.lists.example": record_for(RSA_2048)}
PIPE = ("pipe", "-l", "bees@lists.example", "-d", "lists.example", "-s", "l", "-k", "l.pem")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "l.pem").write_bytes(RSA_2048.pem())
    (tmp_path / "l.pem").chmod(0o600)
    return tmp_path


def pipe(
    place: Path, *checks: str, given: bytes | None = None, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    named = [word for check in checks for word in ("--check", check)]
    return subprocess.run(
        [sys.executable, "-m", "avowal", "list", *PIPE, "--zone", "zone.json", "--at", str(NOW),
         *options, *named],
        cwd=place, input=message() if given is None else given, capture_output=True, check=False,
    )  # fmt: skip


def says(status: int, text: str = "") -> str:
    return f"sh -c 'echo \"{text}\"; exit {status}'"


@pytest.mark.parametrize(
    ("check", "status", "said"),
    [
        pytest.param(says(1, "Eicar FOUND"), 1, b"refuse: sh: Eicar FOUND", id="1-refuses"),
        pytest.param(says(10, "perhaps spam"), 5, b"hold: sh: perhaps spam", id="10-holds"),
        pytest.param(says(2, "no database"), 3, b"unknown: sh: no database", id="others-know-not"),
        pytest.param("sh -c 'exit 75'", 3, b"unknown: sh: exit status 75", id="a-silent-failure"),
        pytest.param("sh -c 'kill -9 $$'", 3, b"unknown: sh: exit status -9", id="a-killed-one"),
        pytest.param("no-such-program", 2, b"no-such-program: No such file", id="not-there"),
        pytest.param("sh -c 'unclosed", 2, b"No closing quotation", id="badly-quoted"),
        pytest.param("", 2, b"names no program", id="empty"),
    ],
)
def test_only_status_0_lets_a_post_through(
    place: Path, check: str, status: int, said: bytes
) -> None:
    done = pipe(place, check)
    assert (done.returncode, done.stdout) == (status, b"")
    assert said in done.stderr


def test_an_accepted_post_is_signed_and_what_the_program_printed_is_no_part_of_it(
    place: Path,
) -> None:
    done = pipe(place, says(0, "clean"), says(0))
    assert done.returncode == 0
    assert b"clean" not in done.stdout
    assert [str(v.result) for v in avowal.verify(done.stdout, Zone(ZONE), now=NOW)] == ["pass"]


def test_the_program_gets_the_post_as_it_came(place: Path) -> None:
    post = message().replace(b"\r\n", b"\n")
    assert pipe(place, "dd of=seen", given=b"From a@b.example Mon\n" + post).returncode == 0
    assert (place / "seen").read_bytes() == post


def test_a_post_larger_than_a_pipe_holds_reaches_a_program_that_talks_first(place: Path) -> None:
    post = message() + b"x" * 70 + b"\r\n" + b"more of it\r\n" * 100_000
    check = "sh -c 'yes | head -c 1000000; cat > seen'"
    assert pipe(place, check, given=post).returncode == 0
    assert (place / "seen").read_bytes() == post


def test_the_program_knows_the_envelope(place: Path) -> None:
    options = ("--client", "192.0.2.1", "--mail-from", "a@b.example", "--helo", "mx.b.example")
    pipe(place, "sh -c 'env > around'", options=options)
    around = (place / "around").read_text().splitlines()
    assert {line for line in around if line.startswith("AVOWAL_")} >= {
        "AVOWAL_LIST=bees@lists.example", "AVOWAL_CLIENT=192.0.2.1",
        "AVOWAL_MAIL_FROM=a@b.example", "AVOWAL_HELO=mx.b.example",
    }  # fmt: skip


def test_the_first_that_does_not_accept_decides(place: Path) -> None:
    done = pipe(place, says(0), says(10), "sh -c 'touch asked'")
    assert (done.returncode, (place / "asked").exists()) == (5, False)


def test_one_that_lasts_too_long_is_ended_with_what_it_started(place: Path) -> None:
    check = "sh -c 'sleep 500 & echo $! > child; wait'"
    done = pipe(place, check, options=("--check-seconds", "1"))
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"unknown: sh: no answer within 1 s" in done.stderr
    state = Path("/proc", (place / "child").read_text().strip(), "stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_larger_post_than_is_checked_is_held(place: Path) -> None:
    done = pipe(place, "sh -c 'touch asked'", options=("--check-octets", "10"))
    assert (done.returncode, done.stdout, (place / "asked").exists()) == (5, b"", False)
    assert b"only up to 10 are checked" in done.stderr


def test_without_a_check_no_post_is_too_large(place: Path) -> None:
    assert pipe(place, options=("--check-octets", "10")).returncode == 0


def test_what_a_program_prints_is_shown_so_far_only_and_printable(place: Path) -> None:
    done = pipe(place, "sh -c 'printf \"\\033[31m\"; yes | head -c 1000000; exit 1'")
    assert done.returncode == 1
    assert b"\\x1b[31m" in done.stderr
    assert len(done.stderr) < 20_000
