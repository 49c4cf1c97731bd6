from __future__ import annotations

import re
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

import pytest
from tests.differential.disagreements import (
    MAIL_DKIM,
    OF_CASE,
    OF_SHAPE,
    OPENDKIM,
    SIGNS,
    VERIFIES,
    OfShape,
    Shape,
)
from tests.differential.generator import message
from tests.differential.hard import HARD
from tests.differential.peers.common import DOMAIN, KEYS, RECORDS, Peer, Wish
from tests.differential.peers.dkimpy import Dkimpy
from tests.differential.peers.mail_dkim import MailDkim
from tests.differential.peers.opendkim import OpenDkim

import avowal
from avowal.testing import Zone, tamper

PAGE = Path(__file__).parents[2] / "docs" / "disagreements.md"
ZONE = Zone(dict(RECORDS))
NUMBERS = range(240)
FORMS = [(header, body) for header in ("simple", "relaxed") for body in ("simple", "relaxed")]
NAMES = (b"from", b"to", b"subject", b"x-many", b"date", b"references")


@pytest.fixture(scope="module", params=["dkimpy", OPENDKIM, MAIL_DKIM])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    if request.param == "dkimpy":
        yield Dkimpy()
    elif request.param == OPENDKIM:
        if find_library("opendkim") is None:
            pytest.skip("libopendkim is not installed (tests/system-packages.txt)")
        yield OpenDkim()
    else:
        if not Path("/usr/share/perl5/Mail/DKIM.pm").exists():
            pytest.skip("Mail::DKIM is not installed (tests/system-packages.txt)")
        perl = MailDkim()
        yield perl
        perl.close()


def wish_of(number: int) -> Wish:
    """Every combination of key, forms and l= comes up."""
    header_canon, body_canon = FORMS[number % 4]
    return Wish(
        selector=("rsa", "short", "ed")[number % 3],
        header_canon=header_canon,
        body_canon=body_canon,
        body_length=number % 5 == 0,
        names=NAMES,
    )


def ours(octets: bytes, wish: Wish) -> bytes:
    return avowal.sign(
        octets,
        domain=DOMAIN,
        selector=wish.selector,
        key=KEYS[wish.selector],
        header_canon=wish.header_canon,
        body_canon=wish.body_canon,
        body_length=wish.body_length,
    )


def expected(peer: Peer, direction: str, shape: Shape) -> OfShape | None:
    listed = (d for d in OF_SHAPE if d.peer == peer.name and direction in d.directions)
    return next((d for d in listed if d.holds(shape)), None)


def judged(peer: Peer) -> Iterator[tuple[int, bytes, Wish, Shape]]:
    for number in NUMBERS:
        octets, wish = message(number), wish_of(number)
        if wish.algorithm in peer.algorithms:
            yield number, octets, wish, Shape.of(octets, wish)


def test_what_we_sign_verifies_there(peer: Peer) -> None:
    refused = set()
    for number, octets, wish, _ in judged(peer):
        signed = ours(octets, wish) + octets
        if peer.verifying(signed)() != ("pass",):
            refused.add(number)
    listed = {n for n, _, _, shape in judged(peer) if expected(peer, VERIFIES, shape)}
    assert refused == listed


def test_what_is_signed_there_verifies_here(peer: Peer) -> None:
    refused = set()
    for number, octets, wish, _ in judged(peer):
        try:
            field = peer.signing(octets, wish)()
        except RuntimeError:
            refused.add(number)
            continue
        verdict = avowal.verify(field + octets, ZONE, line_ends="wire")[0]
        if not verdict.passed:
            refused.add(number)
    listed = {n for n, _, _, shape in judged(peer) if expected(peer, SIGNS, shape)}
    assert refused == listed


@pytest.mark.parametrize("part", ["body", "from"])
def test_nobody_accepts_a_changed_octet(peer: Peer, part: str) -> None:
    compared = 0
    for _, octets, wish, _ in judged(peer):
        signed = ours(octets, wish) + octets
        try:
            changed = tamper(signed, part)
        except avowal.AvowalError:
            continue  # nothing to change in an empty body
        compared += 1
        assert "pass" not in peer.verifying(changed)()
        assert not avowal.verify(changed, ZONE, line_ends="wire")[0].passed
    assert compared > 50


def test_several_signatures_all_verify_there(peer: Peer) -> None:
    wishes = [
        Wish(selector=selector, header_canon=header_canon, body_canon=body_canon)
        for selector in KEYS
        if KEYS[selector].algorithm in peer.algorithms
        for header_canon, body_canon in FORMS
    ]
    octets = message(1) + b"the end\r\n"
    signed = b"".join(ours(octets, wish) for wish in wishes) + octets
    assert peer.verifying(signed)() == ("pass",) * len(wishes)


@pytest.mark.parametrize("name", HARD)
def test_hard_cases_have_the_listed_answers(peer: Peer, name: str) -> None:
    case = HARD[name]
    verdict = avowal.verify(case.octets, Zone(case.records), line_ends="wire")[0]
    theirs = peer.verifying(case.octets, case.records)() == ("pass",)
    word, others, _ = OF_CASE.get(name, (str(verdict.reason or "pass"), frozenset(), ""))
    assert str(verdict.reason or "pass") == word
    assert theirs == (verdict.passed != (peer.name in others))


@pytest.mark.parametrize("listed", OF_SHAPE, ids=lambda d: f"{d.id}-{d.peer}")
def test_each_listed_disagreement_comes_up(listed: OfShape) -> None:
    shapes = (Shape.of(message(number), wish_of(number)) for number in NUMBERS)
    assert any(map(listed.holds, shapes))


def test_the_page_tells_what_the_list_holds() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|.*\| (RFC [^|]+?) \|$", PAGE.read_text(), re.MULTILINE)
    listed = {(d.id, d.clause) for d in OF_SHAPE}
    listed |= {(name, clause) for name, (_, _, clause) in OF_CASE.items()}
    assert set(rows) == listed
