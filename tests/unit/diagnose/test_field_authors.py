"""What Reply-To may have been: lists add it, lead it to themselves, or take it out."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import PartState
from avowal.message import Message
from avowal.testing import RSA_1024, record_for

_ZONE = {"s1._domainkey.example.com": record_for(RSA_1024)}
_FROM = b"From: Ann Author <ann@example.com>\r\n"
_REST = (
    b"To: list@lists.example\r\nSubject: Lunch\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nHello\r\n"
)


@pytest.mark.parametrize(
    ("signed", "came", "step"),
    [
        pytest.param(b"ann@example.com", None, "field-dropped", id="taken-out-bare"),
        pytest.param(
            b"Ann Author <ann@example.com>", None, "field-dropped", id="taken-out-with-name"
        ),
        pytest.param(
            b"Ann Author <ann@example.com>", b"list@lists.example", "reply-to", id="led-to-list"
        ),
    ],
)
def test_a_reply_to_that_named_the_author_is_found_again(
    signed: bytes, came: bytes | None, step: str
) -> None:
    octets = _FROM + b"Reply-To: " + signed + b"\r\n" + _REST
    signature = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024)
    there = b"" if came is None else b"Reply-To: " + came + b"\r\n"
    made = signature + _FROM + there + b"List-Post: <mailto:list@lists.example>\r\n" + _REST
    (found,) = explain(Message.parse(made), avowal.verify(made, _ZONE, line_ends="wire"))
    assert found.header is PartState.RESTORED
    assert found.header_steps == (step,)
