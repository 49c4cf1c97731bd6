"""What signs and what verifies reads the same lines, whatever ends them (RFC 6376 §5.3).

One rule for messages at rest (`avowal.line_ends.wire_form`); the law of the round trip over LF,
CRLF, bare CR and any mixture, at every door that reads a message.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

import avowal
from avowal.authres import AuthenticationResults
from avowal.cli.commands import group
from avowal.message import Message
from avowal.testing import ED25519, Zone, record_for

NOW = 1_800_000_000
RECORDS = {"e._domainkey.example.com": record_for(ED25519)}
ZONE = Zone(RECORDS)
KEY = {"domain": "example.com", "selector": "e", "key": ED25519, "now": NOW}
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r"])
LINES = st.lists(
    st.tuples(st.sampled_from([b"", b"text", b" indented ", b"From here", b"\xff", b"."]), ENDS),
    max_size=8,
)


@st.composite
def stored_messages(draw: st.DrawFn) -> bytes:
    """A message whose every line has an end of its own."""
    fields = (b"From: a@example.com", b"Subject: hi", b" folded", b"Date: x", b"")
    made = b""
    for text, end in [*((field, draw(ENDS)) for field in fields), *draw(LINES)]:
        bare = made.endswith(b"\r") and not text and end == b"\n"  # would end the line before
        made += text + (b"\r" if bare else end)
    return made + draw(st.sampled_from([b"the end", b"."])) * draw(st.integers(0, 1))


MIXED = b"From: a@example.com\r\nSubject: hi\r\n\r\none\ntwo\rthree\r\n"


@given(stored_messages(), ENDS)
@example(MIXED.replace(b"\r\n", b"\n"), b"\r\n")
@example(MIXED, b"\r\n")
def test_a_signature_on_top_of_what_was_signed_verifies(message: bytes, end: bytes) -> None:
    field = avowal.sign(message, **KEY).replace(b"\r\n", end)
    (verdict,) = avowal.verify(field + message, ZONE, now=NOW)
    assert verdict.passed, verdict.explanation


@given(stored_messages())
def test_a_file_reads_as_its_octets(message: bytes) -> None:
    signed = avowal.sign(message, **KEY) + message
    (verdict,) = avowal.verify(io.BytesIO(signed), ZONE, now=NOW)
    assert verdict.passed, verdict.explanation


@given(stored_messages())
def test_a_seal_on_top_of_what_was_sealed_validates(message: bytes) -> None:
    results = AuthenticationResults("mx.example.com")
    fields = avowal.seal(message, ZONE, authserv_id="mx.example.com", results=results, **KEY)
    said = avowal.verify_chain(fields + message, ZONE, now=NOW)
    assert said.passed, said.explanation


@given(stored_messages())
def test_every_reading_of_a_message_at_rest_is_one(message: bytes) -> None:
    parsed = Message.from_stored(message)
    assert parsed.octets.count(b"\r") == parsed.octets.count(b"\n") == parsed.octets.count(b"\r\n")
    assert Message.from_stored(parsed.octets).octets == parsed.octets
    assert [f.name for f in parsed.header] == [b"from", b"subject", b"date"]


FILES = [
    pytest.param(MIXED.replace(b"\r\n", b"\n"), id="lf-and-cr"),
    pytest.param(MIXED, id="crlf-in-the-header-all-in-the-body"),
    pytest.param(MIXED.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), id="lf"),
    pytest.param(MIXED.replace(b"\r\n", b"\r").replace(b"\n", b"\r"), id="cr"),
]


@pytest.mark.parametrize("message", FILES)
@pytest.mark.parametrize("written", [("--field",), ()], ids=["the-field", "the-message"])
def test_the_command_verifies_what_it_signed(
    tmp_path: Path, message: bytes, written: tuple[str, ...]
) -> None:
    (tmp_path / "key.pem").write_bytes(ED25519.pem())
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "zone.json").write_text(json.dumps(RECORDS))
    (tmp_path / "message.eml").write_bytes(message)
    key, zone, file = (str(tmp_path / n) for n in ("key.pem", "zone.json", "message.eml"))
    sign = ["sign", "-d", "example.com", "-s", "e", "-k", key, *written, file]
    signed = CliRunner().invoke(group, sign, standalone_mode=False)
    assert signed.exception is None
    octets = signed.stdout_bytes + (message if written else b"")
    (tmp_path / "signed.eml").write_bytes(octets)
    verify = ["verify", "--zone", zone, str(tmp_path / "signed.eml")]
    said = CliRunner().invoke(group, verify, standalone_mode=False)
    assert "  pass  " in said.output, said.output
