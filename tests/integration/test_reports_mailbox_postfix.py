"""Reports that real Postfix delivers, by the words of docs/howto/receive-reports.md."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.mailloop import Inbox, Postfix, answers, free_port, submit, until, workplace
from tests.reportmails import HEAD, attached

import avowal
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_xml import write_aggregate
from avowal.stores.received_sqlite import SqliteReceived

pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed (extra: lmtp)")
pytestmark = [
    pytest.mark.needs("postfix", "postalias", "setpriv"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "receive-reports.md").read_text()
REPORT = AggregateReport(metadata=METADATA, policy=POLICY, records=(RECORD,))
MAILS = (attached(gzip.compress(write_aggregate(REPORT))), HEAD + b"\r\nhello\r\n")


def block(name: str) -> str:
    """Return what the howto has a reader put into a file."""
    found = re.search(rf"```text\n# {re.escape(name)}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


_MODULES = os.pathsep.join(
    [str(Path(avowal.__file__).parents[1]), *(one for one in sys.path if one.endswith("-packages"))]
)
_AS_POSTFIX = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
               "--bounding-set=-all", "--inh-caps=-all")  # fmt: skip


def for_nobody() -> str:
    """Return a Python that the user of pipes may run; skips where there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        probe = [*_AS_POSTFIX, "sh", "-c", f"exec {python} -c 'import avowal.cli.reports_read'"]
        environment = {**os.environ, "PYTHONPATH": _MODULES}
        with contextlib.suppress(OSError):
            if not subprocess.run(probe, env=environment, capture_output=True, check=False,
                                  cwd="/").returncode:  # fmt: skip
                return python
    pytest.skip("no Python here that the user nobody may run")


@contextlib.contextmanager
def by_pipe(root: Path) -> Iterator[tuple[Postfix, str]]:
    text = block("/etc/aliases")
    command = f"{for_nobody()} -m avowal reports read"
    assert text.count("/usr/bin/avowal reports read") == 1
    text = text.replace("/usr/bin/avowal reports read", command)
    (root / "aliases").write_text(text.replace("/var/lib/avowal", str(root / "kept")))
    subprocess.run(["/usr/sbin/postalias", str(root / "aliases")], check=True)
    settings = f"""
mydestination = here.example
virtual_mailbox_domains =
local_transport = local
local_recipient_maps = $alias_maps
alias_maps = hash:{root}/aliases
mailbox_size_limit = 0
export_environment = PATH={os.environ["PATH"]} PYTHONPATH={_MODULES}
"""
    with Postfix(root, "mx", milter="", settings=settings,
                 services="local unix - n n - - local\n") as postfix:  # fmt: skip
        yield postfix, "dmarc@here.example"


@contextlib.contextmanager
def by_lmtp(root: Path) -> Iterator[tuple[Postfix, str]]:
    command = re.search(r"^avowal (reports receive .*)$", PAGE, re.MULTILINE)
    assert command is not None
    port = free_port()
    words = command[1].replace("/var/lib/avowal", str(root / "kept")).replace(":2003", f":{port}")
    settings = block("/etc/postfix/main.cf").replace(":2003", f":{port}")
    with (root / "lmtp.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "avowal", *words.split()], stderr=log)
    try:
        until(lambda: answers(port) or process.poll() is not None, what="avowal reports receive")
        with Postfix(root, "mx", milter="", settings=settings,
                     services="lmtp unix - - n - - lmtp\n") as postfix:  # fmt: skip
            yield postfix, "dmarc@reports.example.org"
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize("way", [by_pipe, by_lmtp], ids=lambda way: way.__name__)
def test_reports_come_as_the_howto_says(
    way: contextlib.AbstractContextManager[tuple[Postfix, str]],
) -> None:
    with workplace() as root:
        Inbox(root)
        (root / "kept").mkdir()
        shutil.chown(root / "kept", "nobody" if way is by_pipe else "root")
        with way(root) as (postfix, recipient):  # type: ignore[operator]
            for mail in MAILS:
                submit(postfix.port, mail, recipient=recipient)
            until(
                lambda: postfix.log.count("status=") == 2 and not postfix.queued, what="both mails"
            )
            assert postfix.log.count("status=sent") == 2, postfix.log
        with SqliteReceived(root / "kept" / "reports.db", make=False) as store:
            assert store.domains() == (POLICY.domain,)
