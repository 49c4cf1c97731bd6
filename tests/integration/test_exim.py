"""Exim asks avowal serve in its DATA ACL: the text of docs/howto/exim.md, word for word.

Debian's Exim cannot be installed beside Postfix: `scripts/exim-unpacked DIR` unpacks one, and
AVOWAL_EXIM=DIR names it.  It runs a session on standard input (-bh) with every ACL, and its own
user stands in a copy of /etc/passwd that it alone sees.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import avowal
from avowal.testing import ED25519, message, record_for

ROOT = Path(__file__).parents[2]
EXIM = Path(os.environ.get("AVOWAL_EXIM", "/nonexistent"), "root/usr/sbin/exim4")
USER = 63000
ZONE = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": "v=spf1 ip4:192.0.2.7 -all",
}
FRAME = """
primary_hostname = mx.example.net
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
acl_smtp_rcpt = accept
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
{main}
begin acl
{acl}
"""

pytestmark = [
    pytest.mark.skipif(
        not EXIM.exists(), reason="AVOWAL_EXIM names no Exim (scripts/exim-unpacked)"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="gives Exim a user of its own: needs root"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that Exim's user may enter, with its configuration and the service at work."""
    for module in ("starlette", "uvicorn"):
        pytest.importorskip(module, reason=f"{module} is not installed (extra: serve)")
    with tempfile.TemporaryDirectory(prefix="avowal-exim-") as name:
        made = Path(name)
        made.chmod(0o755)
        (made / "spool").mkdir()
        os.chown(made / "spool", USER, USER)
        for file, line in (
            ("passwd", "Debian-exim:x:{0}:{0}::/:/bin/false"),
            ("group", "Debian-exim:x:{0}:"),
        ):
            text = Path("/etc", file).read_text(encoding="utf-8")
            (made / file).write_text(f"{text}{line.format(USER)}\n", encoding="utf-8")
        (made / "zone.json").write_text(json.dumps(ZONE), encoding="utf-8")
        (made / "exim.conf").write_text(_configuration(made), encoding="utf-8")
        command = [
            sys.executable, "-m", "avowal", "serve", "--socket", f"unix:{made}/serve.sock",
            "--mode", "0666", "--zone", str(made / "zone.json"),
        ]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
            assert service.stderr is not None
            assert "serving" in service.stderr.readline()
            yield made
            service.send_signal(signal.SIGTERM)
            service.stderr.read()


def _configuration(folder: Path) -> str:
    page = (ROOT / "docs" / "howto" / "exim.md").read_text(encoding="utf-8")
    main, acl = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert "/run/avowal-serve.sock" in acl
    acl = acl.replace("/run/avowal-serve.sock", f"{folder}/serve.sock")
    return FRAME.format(folder=folder, main=main, acl=acl)


def judged(folder: Path, octets: bytes, client: str = "192.0.2.7") -> tuple[str, str]:
    """Hand a message in; return what Exim found and its reply to DATA."""
    dialogue = (
        b"EHLO mail.example.com\r\nMAIL FROM:<bounce@example.com>\r\nRCPT TO:<b@example.net>\r\n"
        b"DATA\r\n" + octets.replace(b"\r\n.", b"\r\n..") + b".\r\nQUIT\r\n"
    )
    libraries = next(iter(EXIM.parents[1].glob("lib/*-linux-gnu")), EXIM.parent)
    script = (
        f"mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group &&"
        f" exec {EXIM} -C {folder}/exim.conf -bh {client}"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        input=dialogue, capture_output=True, timeout=60, check=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(libraries)},
    )  # fmt: skip
    found = re.findall(r"^LOG: .* authenticity: (.*)", done.stderr.decode(), re.MULTILINE)
    replies = done.stdout.decode().partition("354 ")[2].splitlines()
    return (found or [""])[0], replies[1][:3]


def signed(octets: bytes) -> bytes:
    now = int(time.time())
    field = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519, now=now)
    return field + octets


@pytest.mark.parametrize(
    ("octets", "client", "found"),
    [
        pytest.param(signed(message()), "192.0.2.7", ("authentic (signed)", "250"), id="signed"),
        pytest.param(
            signed(message(b"a\r\n.dot\r\n\r\nend\r\n")), "203.0.113.1",
            ("authentic (signed)", "250"), id="signed, with dots and blank lines",
        ),
        pytest.param(
            message(), "192.0.2.7", ("cannot-tell (spf-only)", "250"), id="only the connection"
        ),
        pytest.param(
            message(), "203.0.113.1", ("not-authentic (unsigned)", "550"), id="forged"
        ),
        pytest.param(
            signed(message()).replace(b"noon", b"midnight"), "203.0.113.1",
            ("not-authentic (broken)", "550"), id="changed",
        ),
    ],
)  # fmt: skip
def test_exim_is_told_as_the_page_says(
    folder: Path, octets: bytes, client: str, found: tuple[str, str]
) -> None:
    assert judged(folder, octets, client) == found
