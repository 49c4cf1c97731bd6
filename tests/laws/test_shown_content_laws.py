"""AUTHENTIC is about what readers show: a program that reads the message with Python's `email`
gets the body and the fields that the author's domain signed, whatever a stranger put in.

The reader is Python's own parser, which ends a header where RFC 5322 does not: at a line whose
name has white space before its colon (§4.5 wants that read), or that is no field.
"""

from __future__ import annotations

import email
import random
from email.policy import compat32
from io import BytesIO
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.crafting import SIGNED_AT, ZONE, craft

from avowal import Judgement, verdict
from avowal.examine import coverage
from avowal.message import Header, split
from avowal.testing import message

pytestmark = [pytest.mark.threats, pytest.mark.properties]

SHOWN: Final = ("From", "Subject", "Date", "MIME-Version", "Content-Type")
NAMES: Final = {"h": "from:to:cc:reply-to:subject:date:message-id:mime-version:content-type:"
                     "content-transfer-encoding"}  # fmt: skip
SIGNED: Final = craft(message(), tags=NAMES)
RECORDS: Final = {**ZONE, "_dmarc.example.com": "v=DMARC1; p=reject"}
PIECES: Final = (
    b"X-Note", b"Subject", b"From", b"Content-Type", b"--x", b" ", b"\t", b":", b" :", b"\t:",
    b": pay 100", b"\r\n ", b"\r\n \r\n ", b"\r\n", b"\r", b"\n", b"\x00", b"\x0b", b"\x0c",
    b"\x1c", b"\x85", b"\xe2\x80\xa8", b"\xe9", b"From mallory@evil.example", b"mallory", b"=",
)  # fmt: skip


def read(octets: bytes) -> tuple[object, ...]:
    """What Python's parser shows: the body, and the fields that matter."""
    found = email.message_from_bytes(octets, policy=compat32)
    fields = [[" ".join(str(value).split()) for value in found.get_all(name, [])] for name in SHOWN]
    return found.get_payload(decode=True), fields


TRUE: Final = read(SIGNED)


def judged(octets: bytes) -> Judgement:
    return verdict(octets, RECORDS, now=SIGNED_AT + 60)


def with_line(line: bytes, place: int) -> bytes:
    """The message with octets between two fields of its header, or behind the last."""
    head, body = split(SIGNED)
    raws = [raw + b"\r\n" for raw in Header.parse(head).raws]
    place %= len(raws) + 1
    return b"".join((*raws[:place], line, *raws[place:], b"\r\n", bytes(body)))


def respaced(rng: random.Random) -> bytes:
    """The message with white space or line ends changed somewhere in its header."""
    head, body = split(SIGNED)
    places = [at for at, octet in enumerate(head) if octet in b": \r\n"]
    at = rng.choice(places)
    changed = rng.choice((b" ", b"\t", b"\r\n ", b"\r", b"\n", b" \r\n \r\n "))
    kept = rng.choice((0, 1))
    return head[:at] + changed + head[at + kept :] + b"\r\n" + bytes(body)


def holds(octets: bytes) -> bool:
    return not judged(octets).authentic or read(octets) == TRUE


def attack(seed: int) -> bytes:
    rng = random.Random(seed)
    if rng.random() < 0.3:
        return respaced(rng)
    line = b"".join(rng.choices(PIECES, k=rng.randint(1, 5))) + b"\r\n"
    return with_line(line, rng.randrange(64))


def first(seeds: range) -> bytes | None:
    return next((octets for octets in map(attack, seeds) if not holds(octets)), None)


CASES: Final = [
    pytest.param(with_line(b"X-Pay : send 100 to mallory\r\n", 6), id="space-before-a-colon"),
    pytest.param(with_line(b"X-Pay\t: send 100 to mallory\r\n", 6), id="tab-before-a-colon"),
    pytest.param(SIGNED.replace(b"MIME-Version:", b"MIME-Version :"), id="in-a-signed-field"),
    pytest.param(with_line(b"X-Pay send 100 to mallory\r\n", 6), id="no-field"),
    pytest.param(SIGNED.replace(b": Lunch", b": Lunch\rX-Y: at nine"), id="carriage-return"),
    pytest.param(SIGNED.replace(b"noon?\r\n", b"noon?\r"), id="carriage-return-in-the-body"),
]  # fmt: skip


@pytest.mark.parametrize("octets", CASES)
def test_what_readers_may_read_otherwise_is_never_authentic(octets: bytes) -> None:
    assert not judged(octets).authentic


@pytest.mark.parametrize("octets", [param for param in CASES if "carriage" in str(param.id)])
def test_a_stream_and_its_octets_are_judged_alike(octets: bytes) -> None:
    assert verdict(BytesIO(octets), RECORDS, now=SIGNED_AT + 60) == judged(octets)


def test_the_law_holds_over_a_fixed_set_of_attacks() -> None:
    assert first(range(1000)) is None


@given(st.integers(min_value=1000, max_value=1 << 40))
@settings(max_examples=200)
def test_the_law_holds_over_attacks_nobody_has_seen(seed: int) -> None:
    assert holds(attack(seed))


def test_a_broken_guard_breaks_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_read_alike", lambda header: True)
    assert first(range(1000)) is not None


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(SIGNED, id="as-signed"),
        pytest.param(SIGNED.replace(b"\r\n", b"\n"), id="line-feeds"),
        pytest.param(b"X-Spam-Report: a\r\n\tb\r\n \r\n" + SIGNED, id="line-of-white-space"),
        pytest.param(b"Content-Disposition: inline\r\n" + SIGNED, id="inline"),
        pytest.param(b"Content-Language: en\r\n" + SIGNED, id="language"),
    ],
)
def test_what_every_reader_reads_alike_stays_authentic(octets: bytes) -> None:
    assert judged(octets).authentic


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Disposition: attachment; filename=order.exe",
        b"Content-Disposition: inline; filename=order.exe",
        b"Content-Base: https://evil.example/",
        b"Content-Location: https://evil.example/",
    ],
)
def test_an_added_mime_field_that_changes_what_is_shown_is_weakly_covered(field: bytes) -> None:
    assert judged(field + b"\r\n" + SIGNED).ground.value == "weakly-covered"
