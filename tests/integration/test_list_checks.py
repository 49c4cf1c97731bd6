"""Posts are looked at for spam and viruses before a list signs them: rspamd, ClamAV, Postfix.

What runs is what docs/howto/list-checks.md shows.
"""

from __future__ import annotations

import os
import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, workplace
from tests.scanners import EICAR, MARKED, REJECTED, RENAMED, Scanners, scanners

import avowal
from avowal.message import Message
from avowal.testing import ED25519, RSA_2048, Zone, record_for

pytestmark = [
    pytest.mark.needs("postfix", "clamd", "clamdscan", "clamav-milter", "rspamd", "rspamc"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "list-checks.md").read_text("utf-8")
ZONE = {
    "l._domainkey.lists.example": record_for(RSA_2048),
    "a._domainkey.sender.example": record_for(ED25519),
}
DAEMON = """
[[listeners]]
socket = "inet:{port}@127.0.0.1"
[keys.list]
domain = "lists.example"
selector = "l"
file = "{root}/l.pem"
[results]
authserv_id = "lists.example"
[origin]
internal_hosts = []
[[signing.resign]]
to = "bees@lists.example"
keys = ["list"]
[dns]
zone_file = "{root}/zone.json"
[server]
user = "nobody"
group = "nogroup"
"""


class World(NamedTuple):
    root: Path
    scanners: Scanners
    inbox: Inbox
    right: Postfix
    wrong: Postfix


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with workplace() as root, ExitStack() as stack:
        (root / "zone.json").write_text(str(ZONE).replace("'", '"'))
        (root / "l.pem").write_bytes(RSA_2048.pem())
        (root / "l.pem").chmod(0o600)
        script = re.search(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        assert script is not None
        (root / "ask-rspamd").write_text(script[1])
        (root / "ask-rspamd").chmod(0o755)
        running = stack.enter_context(scanners(root))
        port = free_port()
        (root / "daemon").mkdir()
        configuration = DAEMON.format(port=port, root=root)
        stack.enter_context(Daemon(root / "daemon", configuration))
        inbox = Inbox(root)
        ports = (running.rspamd_milter, running.clamav_milter, port)
        right = ",".join(f"inet:127.0.0.1:{one}" for one in ports)
        wrong = ",".join(f"inet:127.0.0.1:{one}" for one in (port, *ports[:2]))
        yield World(
            root, running, inbox,
            stack.enter_context(Postfix(root, "right", milter=right)),
            stack.enter_context(Postfix(root, "wrong", milter=wrong)),
        )  # fmt: skip


def post(mark: str, text: bytes = b"Hello") -> bytes:
    message = (
        f"From: <alice@sender.example>\r\nTo: bees@lists.example\r\nSubject: {mark}\r\n"
        f"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <{mark}@sender.example>\r\n\r\n"
    ).encode() + text + b"\r\n"  # fmt: skip
    return avowal.sign(message, domain="sender.example", selector="a", key=ED25519) + message


def by_domain(octets: bytes) -> dict[str | None, str]:
    return {v.domain: str(v.result) for v in avowal.verify(octets, Zone(ZONE))}


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        pytest.param(b"Hello", 0, b"", id="an-ordinary-post-is-sent-on"),
        pytest.param(EICAR, 1, b"refuse: clamdscan: stream: Eicar-Test", id="a-virus-is-refused"),
        pytest.param(REJECTED, 1, b"rspamd: reject", id="spam-is-refused"),
        pytest.param(MARKED, 5, b"rspamd: add header", id="what-may-be-spam-is-held"),
    ],
)
def test_the_pipe_asks_both_before_it_signs(
    world: World, text: bytes, status: int, said: bytes
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "avowal", "list", "pipe", "--list", "bees@lists.example",
         "--domain", "lists.example", "--selector", "l", "--key", "l.pem", "--zone", "zone.json",
         "--client", "127.0.0.1", "--mail-from", "alice@sender.example",
         "--check", f"clamdscan --config-file={world.scanners.clamd_conf} --no-summary -",
         "--check", f"{world.root}/ask-rspamd"],
        input=post("piped", text), capture_output=True, cwd=world.root, check=False,
        env={**os.environ, "RSPAMD": f"127.0.0.1:{world.scanners.rspamd}"},
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    expected = {"lists.example": "pass", "sender.example": "pass"} if status == 0 else {}
    assert by_domain(done.stdout) == expected if done.stdout else not expected


@pytest.mark.parametrize(
    "text", [pytest.param(EICAR, id="a-virus"), pytest.param(REJECTED, id="spam")]
)
def test_scanners_in_front_refuse_at_the_door_and_nothing_is_signed(
    world: World, text: bytes
) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(world.right.port, post("refused", text), recipient="bees@lists.example")
    assert refused.value.smtp_code in (550, 554)
    assert not any(b"refused@" in one for one in world.inbox.messages())


def test_a_field_of_a_scanner_in_front_breaks_nothing(world: World) -> None:
    submit(world.right.port, post("marked", MARKED), recipient="bees@lists.example")
    arrived = world.inbox.containing(b"<marked@")
    assert Message.parse(arrived).header.named(b"x-spam") != ()
    assert by_domain(arrived) == {"lists.example": "pass", "sender.example": "pass"}


def test_behind_the_signer_a_scanner_breaks_the_list_s_own_signature(world: World) -> None:
    """Why the order on the page is the order."""
    submit(world.wrong.port, post("renamed", RENAMED), recipient="bees@lists.example")
    arrived = world.inbox.containing(b"<renamed@")
    assert by_domain(arrived)["lists.example"] == "fail"


def test_a_post_that_a_scanner_changed_is_not_signed_as_if_it_had_come_so(world: World) -> None:
    submit(world.right.port, post("rewritten", RENAMED), recipient="bees@lists.example")
    assert "lists.example" not in by_domain(world.inbox.containing(b"<rewritten@"))
