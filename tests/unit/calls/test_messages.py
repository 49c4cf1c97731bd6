"""Mailboxes at the front door: each message once, as it stands, whatever holds it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.calls import wrappings
from avowal.calls.wrappings import Unusable
from avowal.errors import StateError
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"s1._domainkey.example.com": record_for(ED25519)})
FROM = b"From a@example.com Tue Nov 24 12:00:00 2026\n"
QUOTING = message(b"From here\r\n>From there\r\n")
SIGNING: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519}
STORED = (avowal.sign(QUOTING, **SIGNING) + QUOTING).replace(b"\r\n", b"\n")
QUOTED = STORED.replace(b"\n>From ", b"\n>>From ").replace(b"\nFrom ", b"\n>From ")
MBOX = 2 * (FROM + QUOTED + b"\n")
EMLX = b"%-10d\n%b<?xml version='1.0'?><plist></plist>\n" % (len(STORED), STORED)


@pytest.mark.parametrize(
    ("octets", "count", "wrapping"),
    [
        pytest.param(STORED, 1, None, id="a-message"),
        pytest.param(MBOX, 2, None, id="mbox"),
        pytest.param(EMLX, 1, "what Apple Mail puts around an .emlx", id="emlx"),
        pytest.param(b"\xef\xbb\xbf" + STORED, 1, "a byte order mark", id="mark"),
        pytest.param(gzip.compress(MBOX), 2, "compression by gzip", id="gzip"),
        pytest.param(
            gzip.compress(MBOX[: len(MBOX) // 2]) + gzip.compress(MBOX[len(MBOX) // 2 :]),
            2,
            "compression by gzip",
            id="gzip-members",
        ),
        pytest.param(bz2.compress(STORED), 1, "compression by bzip2", id="bzip2"),
        pytest.param(lzma.compress(STORED), 1, "compression by xz", id="xz"),
        pytest.param(
            gzip.compress(EMLX),
            1,
            "compression by gzip and what Apple Mail puts around an .emlx",
            id="gzip-of-emlx",
        ),
    ],
)
def test_every_message_of_a_file_verifies(
    tmp_path: Path, octets: bytes, count: int, wrapping: str | None
) -> None:
    (tmp_path / "mail").write_bytes(octets)
    found = [
        (str(one.origin), one.wrapping, avowal.verify(one, ZONE)[0].passed)
        for one in avowal.messages(tmp_path / "mail")
    ]
    numbers = [f", message {number}" for number in (1, 2)] if count == 2 else [""]
    assert found == [(f"{tmp_path / 'mail'}{number}", wrapping, True) for number in numbers]


def test_a_folder_and_a_maildir_give_what_they_hold(tmp_path: Path) -> None:
    for name in ("a.eml", "b/mbox", "c/cur/1:2,S", "c/new/2", "c/tmp/3", "c/dovecot.index"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(MBOX if name == "b/mbox" else STORED)
    found = [str(one.origin).removeprefix(f"{tmp_path}/") for one in avowal.messages(str(tmp_path))]
    assert found == ["a.eml", "b/mbox, message 1", "b/mbox, message 2", "c/cur/1:2,S", "c/new/2"]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda one: avowal.verify(one, ZONE)[0].passed, id="verify"),
        pytest.param(lambda one: avowal.verdict(one, ZONE).authentic, id="verdict"),
        pytest.param(lambda one: avowal.sign(one, **SIGNING) != b"", id="sign"),
        pytest.param(lambda one: one.read() == STORED, id="read"),
        pytest.param(lambda one: b"".join(iter(lambda: one.read(7), b"")) == STORED, id="pieces"),
    ],
)
def test_a_message_is_a_file_for_every_call_and_is_read_once(
    tmp_path: Path, call: Callable[[Any], bool]
) -> None:
    (tmp_path / "mail").write_bytes(STORED)
    for one in avowal.messages(tmp_path / "mail"):
        assert call(one)
        with pytest.raises(StateError, match="was read"):
            call(one)


def test_a_message_is_gone_when_the_next_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(MBOX)
    kept = list(avowal.messages(tmp_path / "mail"))
    assert len(kept) == 2
    for one in kept:
        with pytest.raises(StateError, match="next message was asked for"):
            one.read()


BAD = [
    pytest.param(b"", "empty", id="empty"),
    pytest.param(gzip.compress(STORED)[:-9], "damaged compressed file", id="cut-gzip"),
    pytest.param(lzma.compress(STORED)[:-9], "damaged compressed file", id="cut-xz"),
    pytest.param(bz2.compress(STORED)[:-9], "damaged compressed file", id="cut-bzip2"),
    pytest.param(b"\x1f\x8b" + b"x" * 40, "damaged compressed file", id="no-gzip"),
    pytest.param(gzip.compress(gzip.compress(STORED)), "unpack it once", id="packed-twice"),
    pytest.param(b"\xd0\xcf\x11\xe0" + b"x" * 20, "Outlook", id="outlook"),
]


@pytest.mark.parametrize(("octets", "why"), BAD)
def test_a_file_without_a_message_raises_or_is_skipped(
    tmp_path: Path, octets: bytes, why: str
) -> None:
    (tmp_path / "a").write_bytes(octets)
    (tmp_path / "b").write_bytes(STORED)
    with pytest.raises(Unusable, match=why):
        [one.read() for one in avowal.messages(tmp_path)]
    told: list[Exception] = []
    found = [one.read() for one in avowal.messages(tmp_path / "b", skipped=told.append)]
    assert found == [STORED]


@pytest.mark.parametrize(("octets", "why"), [BAD[0], BAD[6], BAD[5], BAD[4]])
def test_others_follow_one_that_is_skipped(tmp_path: Path, octets: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(octets)
    (tmp_path / "b").write_bytes(STORED)
    told: list[Exception] = []
    assert [one.read() for one in avowal.messages(tmp_path, skipped=told.append)] == [STORED]
    assert why in str(told)


def test_a_path_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(avowal.messages(tmp_path / "none"))
    assert list(avowal.messages(tmp_path / "none", skipped=print)) == []


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrappings, "MOST_UNPACKED", 100_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"A: 1\n\n" + bytes(10_000_000)))
    with pytest.raises(Unusable, match="unpacked over"):
        [one.read() for one in avowal.messages(tmp_path)]


def test_a_message_whose_iterator_was_let_go_says_so(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(message())
    found = next(iter(avowal.messages(tmp_path / "one.eml")))
    with pytest.raises(StateError, match="let go"):
        found.read()
