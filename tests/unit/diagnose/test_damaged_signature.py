"""A b= that was damaged on the way is put right, and the key proves it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import avowal
from avowal.diagnose.budget import THOROUGH, USUAL, Effort
from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation, KeyState
from avowal.diagnose.signature_repair import readings, spellings
from avowal.dkim.verification import Verification
from avowal.message import Field, Message
from avowal.testing import RSA_1024, RSA_2048, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_1024)}
OCTETS = message()
FIELD = avowal.sign(OCTETS, domain="example.com", selector="s1", key=RSA_1024, now=1_790_000_000)
SIGNED = FIELD + OCTETS
HEAD, _, TEXT = FIELD.removesuffix(b"\r\n").rpartition(b"b=")


def verdicts(message: Message) -> tuple[Verification, ...]:
    return avowal.verify(message.octets, ZONE, line_ends="wire")


def explained(octets: bytes, effort: Effort = USUAL) -> Explanation:
    parsed = Message.parse(octets)
    explainer = Explainer(effort=effort, again=verdicts)
    (one,) = explainer.explain(parsed, verdicts(parsed))
    return one


def with_text(change: Callable[[bytes], bytes]) -> bytes:
    changed = change(TEXT)
    assert changed != TEXT
    return HEAD + b"b=" + changed + b"\r\n" + OCTETS


DAMAGES = [
    pytest.param(lambda text: text.replace(b"+", b" "), id="plus-signs-became-blanks"),
    pytest.param(lambda text: text.replace(b"+", b"-").replace(b"/", b"_"), id="letters-of-urls"),
    pytest.param(lambda text: text.replace(b"=", b"=3D"), id="quoted-printable"),
    pytest.param(lambda text: text.replace(b"\r\n\t", b"\r\n\t> "), id="quoted-lines"),
    pytest.param(lambda text: text.rstrip(b"="), id="no-padding"),
    pytest.param(lambda text: text[:20] + text[20:40].replace(
        text[20:21], text[20:21].swapcase(), 1) + text[40:], id="one-letter-in-the-other-case"),
    pytest.param(lambda text: text[:9] + text[10:11] + text[9:10] + text[11:], id="two-exchanged"),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_happened_to_b_is_undone_and_proven(damage: Callable[[bytes], bytes]) -> None:
    one = explained(with_text(damage))
    assert (one.key, one.explained, one.passed) == (KeyState.PROVEN, True, False)
    assert one.header_steps == ("signature-damaged",)
    assert one.original is not None
    assert all(one.passed for one in verdicts(one.original))


def test_what_else_was_changed_is_undone_too() -> None:
    damaged = with_text(lambda text: text.replace(b"+", b" "))
    one = explained(damaged.replace(b"Subject: ", b"Subject: [list] ") + b"-- \r\na list\r\n")
    assert one.explained
    assert set(one.header_steps) == {"subject-tag", "signature-damaged"}
    assert one.body_steps == ("footer",)


def test_a_wrong_letter_is_found_where_there_is_time() -> None:
    damaged = with_text(lambda text: text[:3] + (b"A" if text[3:4] != b"A" else b"B") + text[4:])
    assert explained(damaged).key is KeyState.OTHER
    assert explained(damaged, THOROUGH).explained


def test_a_signature_of_another_key_stays_one() -> None:
    parsed = Message.parse(SIGNED)
    other = {"s1._domainkey.example.com": record_for(RSA_2048)}
    (one,) = Explainer().explain(parsed, avowal.verify(SIGNED, other))
    assert one.key is not KeyState.PROVEN


def test_each_reading_and_spelling_is_tried_once() -> None:
    field = Field.of(FIELD.removesuffix(b"\r\n"))
    for made in (list(readings(field)), list(spellings(field, every=False))):
        assert len(made) == len(set(made))
