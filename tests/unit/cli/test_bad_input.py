"""Whatever goes wrong is one clear line on stderr and a status, never a traceback."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ZONE = ("--zone", "zone.json")
SIGN = ("sign", "-d", "example.com", "-s", "s1", "-k", "s1.pem")


def line_of(ran: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr."""
    text = ran.stderr.decode()
    assert "Traceback" not in text
    assert text.startswith("avowal: "), text
    assert text.count("\n") == 1, text
    return text


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        # the command line
        pytest.param(["bogus"], 2, "No such command 'bogus'", id="unknown-command"),
        pytest.param(["verify"], 2, "Missing argument", id="no-source"),
        pytest.param(["verify", "x", "--bogus"], 2, "No such option", id="unknown-option"),
        pytest.param(
            ["verify", "signed.eml", "--at", "soon"], 2, "'soon' is no time", id="no-time"
        ),
        pytest.param(
            ["verify", "signed.eml", "--at", "2026-13-01"], 2, "is no time", id="no-such-month"
        ),
        pytest.param(
            ["verify", "signed.eml", *ZONE, "--replay", "x"], 2, "exclude", id="two-sources-of-dns"
        ),
        pytest.param(
            ["verify", "signed.eml", "--resolver", "ns.example"], 2, "no address", id="resolver"
        ),
        pytest.param(
            ["lookup", "x.example", "--resolver", "127.0.0.1:99999"],
            2,
            "'127.0.0.1:99999': a port is a number from 1 to 65535",
            id="a-port-that-is-none",
        ),
        # what is to be read
        pytest.param(["verify", "mail.gz", *ZONE], 2, "damaged compressed file", id="gzip"),
        pytest.param(["canon", "wide"], 2, "text in UTF-16", id="utf-16"),
        pytest.param([*SIGN, "marked"], 2, "byte order mark", id="sign-byte-order-mark"),
        pytest.param(["verify", "nothing", *ZONE], 2, "nothing: No such file", id="missing-file"),
        pytest.param(["verify", "empty", *ZONE], 2, "empty: empty", id="empty-file"),
        pytest.param(["verify", "noise", *ZONE], 2, "noise: not a message", id="not-a-message"),
        pytest.param(["verify", "-", *ZONE], 2, "standard input: empty", id="empty-stdin"),
        pytest.param(["verify", "folder", *ZONE], 2, "no messages", id="empty-folder"),
        pytest.param(["canon", "nothing"], 2, "nothing: No such file", id="canon-missing-file"),
        pytest.param(["canon", "noise"], 2, "not a message", id="canon-not-a-message"),
        pytest.param(["canon", "signed.eml", "-c", "odd"], 2, "the forms are", id="canon-form"),
        # zones and recordings
        pytest.param(
            ["verify", "signed.eml", "--zone", "nothing"], 2, "nothing: No such", id="no-zone"
        ),
        pytest.param(
            ["verify", "signed.eml", "--zone", "bad.zone"], 2, "bad.zone:2: ", id="zone-with-error"
        ),
        pytest.param(
            ["verify", "signed.eml", "--zone", "bad.json"], 2, "bad.json:1:", id="json-with-error"
        ),
        pytest.param(
            ["verify", "signed.eml", "--zone", "odd.json"],
            2,
            "'a' 'TXT': ",
            id="json-of-other-form",
        ),
        pytest.param(
            ["verify", "signed.eml", "--zone", "noise"], 2, "not in UTF-8", id="zone-of-noise"
        ),
        pytest.param(
            ["verify", "signed.eml", "--replay", "zone.json"], 2, "not a recording", id="replay"
        ),
        pytest.param(
            ["verify", "unsigned.eml", *ZONE, "--record", "no/file"], 2, "no/file", id="record"
        ),
        # keys
        pytest.param([*SIGN[:-1], "nothing"], 2, "nothing: No such file", id="missing-key"),
        pytest.param([*SIGN[:-1], "signed.eml"], 2, "signed.eml: ", id="a-key-that-is-no-key"),
        pytest.param([*SIGN[:-1], "empty"], 2, "empty: empty", id="empty-key"),
        pytest.param([*SIGN[:-1], "open.pem"], 2, "chmod 600", id="key-that-others-can-read"),
        pytest.param(["key", "show", "noise"], 2, "noise: ", id="show-no-key"),
        pytest.param(
            ["key", "generate", "-d", "example.com", "-s", "s1"], 2, "exists", id="key-exists"
        ),
        pytest.param(
            ["key", "generate", "-d", "x.com", "-s", "n", "--bits", "512"], 2, "512", id="bits"
        ),
        pytest.param(["key", "generate", "-d", "x.com", "-s", "a b"], 2, "label", id="selector"),
        pytest.param(["key", "show", "s1.pem", "-d", "x.com"], 2, "belong", id="half-a-name"),
        # signing
        pytest.param([*SIGN, "nothing"], 2, "nothing: No such file", id="sign-missing-file"),
        pytest.param([*SIGN, "empty"], 2, "empty: empty", id="sign-empty"),
        pytest.param([*SIGN], 2, "standard input: empty", id="sign-empty-stdin"),
        pytest.param([*SIGN, "noise"], 2, "From: there is none", id="sign-not-a-message"),
        pytest.param([*SIGN, "folder"], 2, "folder: Is a directory", id="sign-folder"),
        pytest.param([*SIGN, "signed.eml", "-i", "a@other.example"], 2, "i=", id="identity"),
        pytest.param([*SIGN, "signed.eml", "-c", "odd"], 2, "c=", id="sign-form"),
        pytest.param([*SIGN, "signed.eml", "-x", "1y"], 2, "no duration", id="duration"),
        pytest.param([*SIGN, "-s", "s2", "signed.eml"], 2, "2 selectors", id="uneven"),
        pytest.param([*SIGN, "signed.eml", "--leave-out", "from"], 2, "§5.4", id="leave-out-from"),
        pytest.param(
            [*SIGN, "signed.eml", "--leave-out", "x-a", "--oversign", "X-A"],
            2,
            "both name x-a",
            id="leave-out-and-oversign",
        ),
        # lookups
        pytest.param(["lookup", "a.example", "BOGUS", *ZONE], 2, "no type of record", id="type"),
        pytest.param(["lookup"], 2, "give a NAME", id="lookup-nothing"),
        pytest.param(["lookup", "a..example", *ZONE], 2, "empty label", id="lookup-no-name"),
    ],
)
def test_bad_input_is_one_line_and_a_status(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    (tmp_path / "empty").touch(mode=0o600)
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise").write_bytes(bytes(range(128, 256)) * 20)
    (tmp_path / "mail.gz").write_bytes(gzip.compress(b"A: 1\r\n")[:-9])
    (tmp_path / "wide").write_text("From: a@example.com\n\nx", encoding="utf-16")
    (tmp_path / "marked").write_text("From: a@example.com\n\nx", encoding="utf-8-sig")
    (tmp_path / "bad.zone").write_text('a. TXT "x"\nb. NONSENSE x\n')
    (tmp_path / "bad.json").write_text('{"a": ["x"')
    (tmp_path / "odd.json").write_text('{"a": 3}')
    (tmp_path / "open.pem").write_bytes((tmp_path / "s1.pem").read_bytes())
    (tmp_path / "open.pem").chmod(0o644)
    ran = avowal_command(*arguments)
    assert said in line_of(ran)
    assert ran.returncode == status


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(avowal_command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "signed.eml").chmod(0)
    ran = avowal_command("verify", "signed.eml", *ZONE)
    assert "signed.eml: Permission denied" in line_of(ran)
    assert ran.returncode == 2


def test_a_folder_in_place_of_a_file_is_named(avowal_command: Callable[..., Any]) -> None:
    ran = avowal_command("canon", ".")
    assert ".: Is a directory" in line_of(ran)
    assert ran.returncode == 2


def test_no_resolver_is_one_line_and_try_again(
    avowal_command: Callable[..., Any], tmp_path: Path
) -> None:
    code = (
        "import sys, avowal.dns.dnspython as d; real = d.DnsResolver;"
        "d.DnsResolver = lambda servers=None: real(servers, resolv_conf='no-resolv.conf');"
        "sys.argv = ['avowal', 'verify', 'signed.eml'];"
        "from avowal.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert "no-resolv.conf: No such file" in line_of(ran)
    assert ran.returncode == 3


def test_a_closed_pipe_is_one_line_and_a_status(
    avowal_command: Callable[..., Any], tmp_path: Path
) -> None:
    text = b"From a@example.com Tue Nov 24 12:00:00 2026\n" + (tmp_path / "signed.eml").read_bytes()
    (tmp_path / "mbox").write_bytes((text + b"\n") * 3000)
    with subprocess.Popen(
        [sys.executable, "-m", "avowal", "verify", "mbox", *ZONE],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"mbox, message 1")
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 141
    assert said == b"avowal: the output was closed before its end\n"


def test_a_full_disk_is_one_line_and_try_again(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "avowal", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert "No space left" in line_of(ran)
    assert ran.returncode == 3


def test_an_interrupt_is_one_line_and_130(
    avowal_command: Callable[..., Any], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "endless")
    command = [sys.executable, "-m", "avowal", "verify", "signed.eml", "endless", *ZONE]
    # Opening the other end of the pipe waits until the command has come to read.
    with (
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process,
        (tmp_path / "endless").open("wb", buffering=0) as pipe,
    ):
        pipe.write(b"From: a@example.com\n")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert said == b"avowal: interrupted after one message\n"


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-"])
def test_closed_streams_make_no_traceback(
    avowal_command: Callable[..., Any], tmp_path: Path, redirection: str
) -> None:
    ran = subprocess.run(
        f"'{sys.executable}' -m avowal verify signed.eml --zone zone.json {redirection}",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_other_sources_are_still_verified(avowal_command: Callable[..., Any]) -> None:
    ran = avowal_command("verify", "nothing", "signed.eml", *ZONE)
    assert "nothing" in line_of(ran)
    assert b"pass" in ran.stdout
    assert ran.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["verify", "-", "-", *ZONE], id="verify"),
        pytest.param(["show", "-", "-", *ZONE], id="show"),
        pytest.param(["explain", "-", "--context", "-", *ZONE], id="explain"),
        pytest.param(["policy", "simulate", "-", "-", *ZONE], id="simulate"),
        pytest.param(["keys", "recover", "-", "-", "-o", "keys.jsonl"], id="recover"),
    ],
)
def test_standard_input_is_there_once(
    avowal_command: Callable[..., Any], arguments: list[str], tmp_path: Path
) -> None:
    ran = avowal_command(*arguments, stdin=(tmp_path / "signed.eml").read_bytes())
    assert "standard input was read already" in line_of(ran)
