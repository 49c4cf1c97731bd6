"""Failed signatures explained and captured beside a real Postfix, by either daemon."""

from __future__ import annotations

import contextlib
import json
import mailbox
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, answers, free_port, submit, until, workplace
from tests.milters import AVOWAL
from tests.web_site import asked

import avowal
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed (extra: encrypt)")
pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
_CONFIGURATION = """
mode = "verify"
[[listeners]]
socket = "inet:{port}@127.0.0.1"
[origin]
internal_hosts = []
[results]
authserv_id = "mx.example.net"
[explanations]
make = true
field = "X-Explanation"
wait = 5000
[capture]
directory = "{root}/box"
recipients = ["{recipient}"]
[events]
store = "sqlite:{root}/events/events.db"
[policies]
spf = "off"
[dns]
zone_file = "{root}/zone.json"
[server]
user = "nobody"
group = "nogroup"
"""
_OPENDKIM = """
Mode v
Socket inet:{port}@127.0.0.1
Background no
UserID nobody:nogroup
TestPublicKeys {root}/keys
AuthservID mx.example.net
On-BadSignature accept
PeerList 192.0.2.1
InternalHosts 192.0.2.1
ExplainFailures yes
ExplainField X-Explanation
ExplainWait 5000
CaptureDirectory {root}/box
CaptureRecipients {recipient}
"""
_NAME = "s._domainkey.example.com"
_FORGED = b"x-EXPLANATION: explained; d=bank.example\r\n"


class Border(NamedTuple):
    """Everything that runs, and the key that reads the box."""

    postfix: Postfix
    inbox: Inbox
    box: Path
    identity: object

    def explanations(self, octets: bytes, number: int) -> list[str]:
        here = f"X-Found: {number}".encode()
        submit(self.postfix.port, here + b"\r\n" + _FORGED + octets)
        arrived = Message.from_stored(self.inbox.containing(here)).header
        return [one.value.strip().decode() for one in arrived.named(b"x-explanation")]


@contextlib.contextmanager
def _set_up(
    started: Callable[[Path, str, int], AbstractContextManager[object]],
) -> Iterator[Border]:
    identity = pyrage.x25519.Identity.generate()
    with workplace() as root:
        box = root / "box"
        for directory in (box, root / "events"):
            directory.mkdir(mode=0o700)
            os.chown(directory, 65534, 65534)
        port, inbox = free_port(), Inbox(root)
        postfix = Postfix(root, "e", milter=f"inet:127.0.0.1:{port}")
        with started(root, str(identity.to_public()), port), postfix:
            yield Border(postfix, inbox, box, identity)


def _milter(root: Path, recipient: str, port: int) -> AbstractContextManager[object]:
    (root / "zone.json").write_text(json.dumps({_NAME: record_for(RSA_2048)}))
    return Daemon(root, _CONFIGURATION.format(root=root, port=port, recipient=recipient))


@contextlib.contextmanager
def _opendkim(root: Path, recipient: str, port: int) -> Iterator[None]:
    (root / "keys").write_text(f"{_NAME} {record_for(RSA_2048)}\n")
    (root / "conf").write_text(_OPENDKIM.format(root=root, port=port, recipient=recipient))
    process = subprocess.Popen([*AVOWAL, "-f", "-x", "conf"], cwd=root)
    try:
        until(lambda: answers(port) or process.poll() is not None, what="avowal-opendkim")
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def border() -> Iterator[Border]:
    with _set_up(_milter) as made:
        yield made


@pytest.fixture(scope="module")
def opendkim_border() -> Iterator[Border]:
    with _set_up(_opendkim) as made:
        yield made


@pytest.fixture(params=["border", "opendkim_border"])
def either(request: pytest.FixtureRequest) -> Border:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Border)
    return made


def _signed() -> bytes:
    octets = message("Shall we meet at noon?\r\n", subject="Lunch")
    return avowal.sign(octets, domain="example.com", selector="s", key=RSA_2048) + octets


def test_mail_that_passes_has_no_explanation_not_even_a_forged_one(either: Border) -> None:
    assert either.explanations(_signed(), 1) == []


def test_a_footer_is_explained_in_a_field_and_not_captured(either: Border) -> None:
    changed = _signed() + b"-- \r\na list\r\n"
    assert either.explanations(changed, 2) == [
        "explained; d=example.com; s=s; key=proven; header=intact; body=restored; steps=footer"
    ]
    assert list(either.box.iterdir()) == []


def test_what_is_not_explained_is_captured_for_the_owner_of_the_key_alone(either: Border) -> None:
    changed = _signed().replace(b"noon", b"midnight")
    assert either.explanations(changed, 3) == [
        "unexplained; d=example.com; s=s; key=proven; header=intact; body=changed"
    ]
    until(lambda: any(either.box.glob("*.eml.age")))
    (file,) = either.box.glob("*.eml.age")
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, 65534)
    octets = file.read_bytes()
    assert b"midnight" not in octets
    captured = pyrage.decrypt(octets, [either.identity])
    assert captured.endswith(b"\r\n\r\nShall we meet at midnight?\r\n")
    assert b"X-Found: 3\r\n" in captured


def test_the_inspector_opens_what_was_delivered_and_captured_and_tells_what_decided(
    border: Border, tmp_path: Path
) -> None:
    """A Maildir, an mbox, the box and the events that a real Postfix and the daemon wrote."""
    border.explanations(_signed().replace(b"noon", b"teatime"), 4)
    root = border.box.parent
    identity = tmp_path / "capture.key"
    identity.write_text(f"{border.identity}\n")
    identity.chmod(0o600)
    mbox = mailbox.mbox(tmp_path / "archive.mbox")
    mbox.add(_signed())
    mbox.close()
    command = [
        sys.executable, "-m", "avowal", "web", "--listen", "127.0.0.1:0",
        "--zone", str(root / "zone.json"), "--capture", str(border.box),
        "--identity", str(identity), "--events", f"sqlite:{root}/events/events.db",
        str(root / "mail" / "inbox"), str(tmp_path / "archive.mbox"),
    ]  # fmt: skip
    with asked(command) as web:
        token = web.token()
        for place, said in (
            ("/mailbox/0", "<bdi>Lunch</bdi>"), ("/mailbox/1", "</span> Authentic</h2>"),
            ("/captured", "</span> Cannot tell</h2>"),
        ):  # fmt: skip
            actions = re.findall(rf'action="({place}/[^"]+)"', web.client.get(place).text)
            files = {"none": ("", b"")}
            opened = web.client.post(actions[-1], data={"token": token}, files=files)
            assert said in opened.text, place
        queue_id = re.findall(r"queue id <bdi>(\w+)</bdi>", web.client.get("/captured").text)[0]
        page = web.client.get("/mail", params={"queue": queue_id}).text
        assert "what made it ours or not" in page
        assert "avowal.toml line" in page
