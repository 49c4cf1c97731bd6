"""A verdict is neither true nor false, and so are several: `.passed` says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import avowal
from avowal.compat import dkim
from avowal.dkim.rules import ARCHIVE
from avowal.dkim.verifications import Verifications
from avowal.errors import TruthError, UsageError
from avowal.testing import ED25519, Zone, message, record_for, tamper

ZONE = Zone({"s1._domainkey.example.com": record_for(ED25519)})
SIGNED = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()
ASKED: list[Any] = [
    pytest.param(lambda octets: avowal.verify(octets, ZONE), id="verify"),
    pytest.param(lambda octets: asyncio.run(avowal.averify(octets, ZONE)), id="averify"),
    pytest.param(lambda octets: avowal.verify(octets, ZONE, rules=ARCHIVE), id="archive"),
    pytest.param(
        lambda octets: asyncio.run(avowal.averify(octets, ZONE, rules=ARCHIVE)), id="aarchive"
    ),
    pytest.param(lambda octets: avowal.verify_chain(octets, ZONE), id="verify_chain"),
    pytest.param(
        lambda octets: avowal.verify(octets or b"DKIM-Signature: x\r\n\r\n", ZONE)[:1], id="slice"
    ),
]
USES: list[Any] = [
    pytest.param(bool, id="bool"),
    pytest.param(lambda found: not found, id="not"),
    pytest.param(lambda found: found and 1, id="and"),
    pytest.param(lambda found: found or 1, id="or"),
    pytest.param(lambda found: 1 if found else 2, id="if"),
    pytest.param(lambda found: list(filter(None, [found])), id="filter"),
]


@pytest.mark.parametrize("octets", [SIGNED, tamper(SIGNED), message(), b""], ids=len)
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("ask", ASKED)
def test_what_is_found_has_no_truth(
    ask: Callable[[bytes], Any], use: Callable[[Any], Any], octets: bytes
) -> None:
    with pytest.raises(TruthError, match=r"\.passed"):
        use(ask(octets))


@pytest.mark.parametrize("kind", [UsageError, TypeError])
def test_the_error_is_of_the_callers_making(kind: type[Exception]) -> None:
    with pytest.raises(kind):
        bool(avowal.verify(SIGNED, ZONE))


def test_a_verdict_has_no_truth_either() -> None:
    (verdict,) = avowal.verify(tamper(SIGNED), ZONE)
    with pytest.raises(TruthError, match=r"\.passed"):
        bool(verdict)
    assert not verdict.passed


def test_in_every_other_respect_it_is_a_tuple() -> None:
    found = avowal.verify(SIGNED + b"", ZONE)
    (verdict,) = found
    assert isinstance(found, tuple)
    assert isinstance(found, Verifications)
    assert (len(found), found[0], found[-1]) == (1, verdict, verdict)
    assert found == (verdict,)
    assert found != ()
    assert hash(found) == hash((verdict,))
    assert found[:0] == ()
    assert isinstance(found[:1], Verifications)
    assert found + found == (verdict, verdict)
    assert list(reversed(found)) == [verdict]
    assert verdict in found
    assert repr(avowal.verify(message(), ZONE)) == "()"


def test_a_message_without_signatures_equals_the_empty_tuple() -> None:
    assert avowal.verify(message(), ZONE) == ()
    assert len(avowal.verify(message(), ZONE)) == 0


@pytest.mark.parametrize(("octets", "expected"), [(SIGNED, True), (tamper(SIGNED), False)])
def test_dkimpys_door_keeps_its_bool(octets: bytes, expected: bool) -> None:
    record = record_for(ED25519).encode()
    assert dkim.verify(octets, dnsfunc=lambda name, timeout=5: record) is expected
