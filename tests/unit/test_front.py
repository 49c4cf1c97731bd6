"""The front door: octets or a file in, verdicts or fields out."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal import Limits, Reason, asign, averify, sign, verify
from avowal.errors import IntentError, KeyMaterialError, UsageError
from avowal.keys.files import write_key
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

ZONE = {"s._domainkey.example.com": record_for(ED25519)}
SIGNING: dict[str, Any] = {"domain": "example.com", "selector": "s", "key": ED25519}


def signed(octets: bytes | None = None) -> bytes:
    octets = message() if octets is None else octets
    return sign(octets, **SIGNING) + octets


def results(source: Any, **settings: Any) -> list[str]:
    return [str(verdict.result) for verdict in verify(source, ZONE, **settings)]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A signed message as a mail program stores it: LF line ends."""
    path = tmp_path / "message.eml"
    path.write_bytes(signed().replace(b"\r\n", b"\n"))
    return path


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_octets_and_binary_files_are_messages(kind: Any) -> None:
    assert results(kind(signed())) == ["pass"]


def test_a_path_is_a_message(stored: Path) -> None:
    assert results(stored) == ["pass"]


def test_a_stored_file_is_converted_unless_it_is_said_to_be_wire(stored: Path) -> None:
    assert results(stored.read_bytes()) == ["pass"]
    assert results(stored.read_bytes(), line_ends="wire") == ["neutral"]


def test_octets_are_taken_as_they_are_only_when_they_are_said_to_be_wire() -> None:
    octets = signed(message(b"a\nb\n"))  # the signer made CRLF of these, RFC 6376 §5.3
    assert results(octets, line_ends="wire") == ["fail"]
    assert results(octets) == results(octets, line_ends="stored") == ["pass"]


async def test_the_asynchronous_twins_agree(stored: Path) -> None:
    field = await asign(message(), avowal.Intent(**SIGNING), now=1_700_000_000)
    assert field == sign(message(), now=1_700_000_000, **SIGNING)
    assert [v.passed for v in await averify(stored, Zone(ZONE))] == [True]


@pytest.mark.parametrize(
    ("octets", "reasons"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\r\n", [], id="a-line-end"),
        pytest.param(b"\x00\xff", [], id="no-message"),
        pytest.param(b"DKIM-Signature:\r\n\r\n", ["missing-tag"], id="an-empty-signature"),
        pytest.param(b"DKIM-Signature\r\n", [], id="no-colon"),
        pytest.param(b"\n\n\n", [], id="line-feeds"),
    ],
)
def test_whatever_the_octets_are_nothing_is_raised(octets: bytes, reasons: list[str]) -> None:
    assert [verdict.reason for verdict in verify(octets, ZONE)] == reasons


def test_a_header_beyond_the_limit_is_one_verdict() -> None:
    octets = b"X: " + b"x" * 1000 + b"\r\n\r\n"
    for source in (octets, io.BytesIO(octets)):
        (verdict,) = verify(source, ZONE, limits=Limits(header_octets=100))
        assert verdict.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("source", [io.StringIO("x"), "text", 7, None])
def test_what_is_no_message_is_a_usage_error(source: Any) -> None:
    with pytest.raises(UsageError):
        verify(source, ZONE)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none.eml", ZONE)


def test_a_key_may_be_the_path_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "s.pem"
    write_key(path, ED25519)
    for key in (path, str(path), ED25519.pem(), ED25519):
        field = sign(message(), domain="example.com", selector="s", key=key)
        assert results(field + message()) == ["pass"]


def test_a_key_file_that_others_may_read_does_not_sign(tmp_path: Path) -> None:
    path = tmp_path / "s.pem"
    write_key(path, ED25519)
    path.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="chmod 600"):
        sign(message(), domain="example.com", selector="s", key=path)


def test_a_header_too_large_to_sign_is_refused() -> None:
    with pytest.raises(IntentError, match="header"):
        sign(b"From: a@b.example\r\nX: " + b"x" * (2 << 20), **SIGNING)


def test_options_of_the_intent_pass_through() -> None:
    assert b"x=1000060" in sign(message(), now=1_000_000, lifetime=60, **SIGNING)


def peak_of(size: int, call: Any) -> int:
    """The largest memory that a call takes over a stored message of so many octets."""
    line = b"the quick brown fox jumps over the lazy dog and so on it goes here\r\n"
    with tempfile.NamedTemporaryFile() as file:
        file.write(signed(message(line * (size // len(line)))))
        file.flush()
        tracemalloc.start()
        try:
            call(Path(file.name))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda path: results(path) == ["pass"] or pytest.fail("no pass"), id="verify"),
        pytest.param(lambda path: sign(path, **SIGNING), id="sign"),
    ],
)
def test_memory_does_not_grow_with_the_body(call: Any) -> None:
    call(io.BytesIO(signed()))  # what is loaded and cached once
    small, large = peak_of(2 << 20, call), peak_of(30 << 20, call)
    assert large < small + (1 << 20)


def test_several_signatures_in_one_call() -> None:
    intents = [avowal.Intent(**SIGNING), avowal.Intent(**{**SIGNING, "key": RSA_2048})]
    assert sign(message(), *intents).count(b"DKIM-Signature:") == 2
