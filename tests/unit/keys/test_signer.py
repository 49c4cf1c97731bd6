"""A signer in another thread, and the keys that ask it; what it says no to."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import avowal
from avowal.crypto.signing import SigningKey
from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey
from avowal.keys.places import Opening, Place
from avowal.keys.signer import Signer, open_signer
from avowal.keys.signer_words import MAX_LINE, read_answer, read_question
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

NAME = "s1._domainkey.example.com"
KEYS = {NAME: ED25519, "r1._domainkey.example.com": RSA_2048}


def find(name: str) -> SigningKey:
    if name not in KEYS:
        raise KeyMaterialError(name, "no key of that name signs")
    return KEYS[name]


class Running:
    """A signer at a socket; it can be ended and begun again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: list[OutsideKey] = []
        self.begin()

    def begin(self) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.path))
        self.listening.listen()
        self.signer = Signer(find)
        self.thread = threading.Thread(target=self.signer.serve, args=(self.listening,))
        self.thread.start()

    def end(self) -> None:
        for key in self.keys:
            key.close()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listening.close()
        self.path.unlink()

    def opened(self, name: str = NAME) -> OutsideKey:
        self.keys.append(open_signer(Place.parse(f"signer:{self.path}?key={name}"), Opening()))
        return self.keys[-1]

    def said(self, octets: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "s.sock")
    yield running
    running.end()


@pytest.mark.parametrize("name", KEYS)
def test_a_message_that_the_signer_signed_passes(signer: Running, name: str) -> None:
    key = signer.opened(name)
    signed = avowal.sign(message(), domain="example.com", selector="s", key=key) + message()
    zone = Zone({"s._domainkey.example.com": record_for(KEYS[name])})
    assert [one.result for one in avowal.verify(signed, resolver=zone)] == ["pass"]


def test_the_loop_is_not_kept_waiting(signer: Running) -> None:
    key = signer.opened()
    assert asyncio.run(key.asign(bytes(32))) == ED25519.sign(bytes(32))


def test_a_forked_process_has_a_connection_of_its_own(signer: Running) -> None:
    key = signer.opened()
    expected = key.sign(bytes(32))
    child = os.fork()
    if not child:
        os._exit(0 if key.sign(bytes(32)) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_connection_that_broke_is_made_again(signer: Running) -> None:
    key = signer.opened()
    key.sign(bytes(32))
    key._local.session.close()
    assert key.sign(bytes(32)) == ED25519.sign(bytes(32))


def test_a_signer_that_is_gone_is_told(tmp_path: Path) -> None:
    running = Running(tmp_path / "s.sock")
    key = running.opened()
    running.end()
    with pytest.raises(KeyMaterialError, match="the signer: "):
        key.sign(bytes(32))
    key.close()


def test_a_name_that_has_no_key_is_refused(signer: Running) -> None:
    with pytest.raises(KeyMaterialError, match="no key of that name signs"):
        signer.opened("s2._domainkey.example.com")


@pytest.mark.parametrize(
    "line",
    [
        b"\n", b"KEY\n", b"KEY  \n", f"KEY {NAME} x\n".encode(), f"key {NAME}\n".encode(),
        f"SIGN {NAME}\n".encode(), f"SIGN {NAME} AAAA\n".encode(), f"SIGN {NAME} ====\n".encode(),
        "KEY é\n".encode(), b"\0\xff\n", b"PRIVATE " + NAME.encode() + b"\n",
    ],
)  # fmt: skip
def test_other_words_are_refused_and_the_connection_stays(signer: Running, line: bytes) -> None:
    refused, key = signer.said(line + f"KEY {NAME}\n".encode()).splitlines()
    assert refused.startswith(b"NO ")
    assert key.startswith(b"OK ed25519-sha256 ")


def test_a_line_that_is_too_long_ends_the_connection(signer: Running) -> None:
    assert signer.said(b"K" * MAX_LINE) == b""


def test_more_connections_than_there_is_room_for_are_closed(
    signer: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as held:
        held.connect(str(signer.path))
        held.sendall(f"KEY {NAME}\n".encode())
        assert held.recv(10)
        monkeypatch.setattr(signer.signer, "_room", threading.BoundedSemaphore(1))
        assert signer.signer._room.acquire(blocking=False)
        with socket.socket(socket.AF_UNIX) as late:
            late.connect(str(signer.path))
            assert late.recv(1) == b""


def test_a_signer_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.signer._ANSWER_SECONDS", 0.01)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s.sock"))
        silent.listen()
        with pytest.raises(KeyMaterialError, match="the signer: timed out"):
            open_signer(Place.parse(f"signer:{tmp_path}/s.sock?key={NAME}"), Opening())


def test_questions_are_answered_in_their_order(signer: Running) -> None:
    first, second = signer.said(
        b"KEY r1._domainkey.example.com\nKEY " + NAME.encode() + b"\n"
    ).splitlines()
    assert (first[:14], second[:20]) == (b"OK rsa-sha256 ", b"OK ed25519-sha256 ge"[:20])


@pytest.mark.parametrize("line", [b"", b"OK", b"YES x\n", b"NO\n"])
def test_what_is_no_answer_is_told(line: bytes) -> None:
    assert read_answer(line) in {"no answer of a signer", ()}


def test_names_are_compared_without_their_case() -> None:
    found = read_question(b"KEY S1._DomainKey.Example.COM\n")
    assert not isinstance(found, str)
    assert found.name == NAME
