"""The mark for mail programs through a real Postfix: on what is authentic, and no forged one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, workplace

import avowal
from avowal.message import Message
from avowal.testing import ED25519, message, record_for

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
mark = "X-Author-Verified"
[policies]
spf = "off"
[dns]
zone_file = "{root}/zone.json"
"""
_FORGED = b"x-AUTHOR-verified: bank.example; by=dkim\r\n"


@pytest.fixture(scope="module")
def border() -> Iterator[tuple[Postfix, Inbox]]:
    with workplace() as root:
        zone = {"s._domainkey.example.com": record_for(ED25519)}
        (root / "zone.json").write_text(json.dumps(zone))
        port, inbox = free_port(), Inbox(root)
        postfix = Postfix(root, "m", milter=f"inet:127.0.0.1:{port}")
        with Daemon(root, _CONFIGURATION.format(root=root, port=port)), postfix:
            yield postfix, inbox


@pytest.mark.parametrize(
    ("signed", "marks"),
    [
        pytest.param(True, [b"example.com; by=dkim"], id="authentic-mail-is-marked"),
        pytest.param(False, [], id="unsigned-mail-is-not"),
    ],
)
def test_what_arrives_has_the_border_s_mark_alone(
    border: tuple[Postfix, Inbox], signed: bool, marks: list[bytes]
) -> None:
    octets = message()
    if signed:
        octets = avowal.sign(octets, domain="example.com", selector="s", key=ED25519) + octets
    here = f"X-Found: {signed}".encode()
    submit(border[0].port, here + b"\r\n" + _FORGED + octets)
    arrived = Message.from_stored(border[1].containing(here)).header
    assert [field.value.strip() for field in arrived.named(b"x-author-verified")] == marks
