"""Calamities under load, through real Postfix: a small run of `bench/calamities.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mailloop import submit
from tests.operated import Avowal, Face, Opendkim

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from calamities import CALAMITIES, Ends, judged, loop, struck

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
BAD = ("lost", "doubled", "unsigned", "failed")


@pytest.fixture(scope="module")
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """One loop for all calamities of a face: a later one finds what an earlier one left."""
    kind: type[Face] = request.param
    with loop(kind) as made:
        yield made


@pytest.mark.parametrize(
    ("ends", "name"),
    [
        pytest.param(kind, name, id=f"{kind.__name__.lower()}-{name}")
        for kind in (Avowal, Opendkim)
        for name in CALAMITIES
        if kind is Avowal or name != "kill-a-worker"
    ],
    indirect=["ends"],
)
def test_a_calamity_loses_doubles_and_leaves_unsigned_nothing(ends: Ends, name: str) -> None:
    place = list(CALAMITIES).index(name)
    numbers = range(60 * place, 60 * (place + 1))
    struck(name, ends, numbers, strikes=3)
    told = judged(ends.inbox.messages(), numbers)
    assert {what: told[what] for what in BAD} == dict.fromkeys(BAD, 0)


@pytest.mark.parametrize("ends", [Opendkim], indirect=True)
def test_mail_of_a_service_that_master_cf_names_is_signed(ends: Ends) -> None:
    """cleanup(8) calls itself otherwise at the end of the header: the first name counts."""
    octets = (
        b"From: alice@sender.example\r\nTo: bob@receiver.example\r\nSubject: named\r\n"
        b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\n\r\na line\r\n"
    )
    submit(ends.a.port, octets)
    assert b"\nDKIM-Signature:" in ends.inbox.containing(b"Subject: named")
