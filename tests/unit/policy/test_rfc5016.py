"""RFC 5016: what a policy protocol has to be like, shown for each generation where it can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.evidence import Counting, signed

from avowal.dns.cache import Cached
from avowal.lookup import Answer, Question, run
from avowal.message import Header
from avowal.policy.assessment import Choice, Handling, PolicyGeneration
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.engine import Engine
from avowal.policy.survey import MECHANISMS
from avowal.testing import Zone

# The longest chain of rounds and the most questions of each generation, for one author.
BOUNDS = {
    PolicyGeneration.DOMAINKEYS: (1, 1),
    PolicyGeneration.SSP_2005: (3, 7),
    PolicyGeneration.SSP_2007: (2, 3),
    PolicyGeneration.ADSP: (1, 2),
    PolicyGeneration.DMARC_2015: (2, 2),
    PolicyGeneration.DMARC_2026: (3, 11),
}
WORST: dict[str, Any] = {  # whatever makes each of them go on asking
    "_policy._domainkey.example.com": "o=^",
    "_dmarc.example.com": "v=DMARC1; p=none; np=reject",
}


def choice(generation: PolicyGeneration) -> Choice:
    rules = DmarcRules(suffixes=public_suffix_list(["com"]))
    return Choice(generations=(generation,), handling=Handling.FULL, dmarc=rules)


def asked(generation: PolicyGeneration, depth: int, *signers: str) -> Counting:
    domain = ".".join([*(f"l{n}" for n in range(depth)), "example.com"])
    counting = Counting(Zone(WORST))
    header = Header.parse(f"From: joe@{domain}\r\n".encode())
    run(Engine(header, choice(generation)).evaluate([signed(s) for s in signers]), counting)
    return counting


@pytest.mark.parametrize("generation", PolicyGeneration)
@pytest.mark.parametrize("depth", [0, 1, 3, 20])
def test_5_1_2_the_exchanges_are_few_and_their_number_fixed(
    generation: PolicyGeneration, depth: int
) -> None:
    counting = asked(generation, depth)
    rounds, questions = BOUNDS[generation]
    assert len(counting.rounds) <= rounds
    assert len(counting.questions) <= questions


class Lasting(Counting):
    """The zone, every answer good for an hour."""

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return tuple(replace(answer, ttl=3600) for answer in super().resolve(questions))


@pytest.mark.parametrize("generation", PolicyGeneration)
def test_5_2_3_a_second_message_costs_no_question(generation: PolicyGeneration) -> None:
    upstream = Lasting(Zone(WORST))
    cached = Cached(upstream)
    header = Header.parse(b"From: joe@a.example.com\r\n")
    for _ in range(2):
        rounds = len(upstream.rounds)
        run(Engine(header, choice(generation)).evaluate(), cached)
    assert 0 < len(upstream.rounds) == rounds


def test_5_1_3_no_two_protocols_share_a_name() -> None:
    prefixes = [prefix for _, prefix, _ in MECHANISMS]
    assert len(set(prefixes)) == len(prefixes)


@pytest.mark.parametrize(
    "generation",
    [
        PolicyGeneration.DOMAINKEYS,
        PolicyGeneration.SSP_2005,
        PolicyGeneration.SSP_2007,
        PolicyGeneration.ADSP,
    ],
)
def test_5_3_9_a_valid_first_party_signature_needs_no_lookup(generation: PolicyGeneration) -> None:
    counting = Counting(Zone(WORST))
    engine = Engine(Header.parse(b"From: joe@example.com\r\n"), choice(generation))
    own = [signed("example.com")]
    run(engine.evaluate(own, domainkeys=own), counting)
    assert counting.rounds == []


@pytest.mark.parametrize("generation", PolicyGeneration)
def test_5_3_10_a_third_party_signature_does_not_degrade_the_authors(
    generation: PolicyGeneration,
) -> None:
    zone = Zone({"_policy._domainkey.example.com": "o=!", "_dmarc.example.com": "v=DMARC1; p=none"})
    header = Header.parse(b"From: joe@example.com\r\n")
    own, both = [signed("example.com")], [signed("list.example"), signed("example.com")]
    alone = run(Engine(header, choice(generation)).evaluate(own, domainkeys=own), zone)
    beside = run(Engine(header, choice(generation)).evaluate(both, domainkeys=both), zone)
    assert beside.verdicts[0].word == alone.verdicts[0].word


@pytest.mark.parametrize("generation", PolicyGeneration)
def test_6_3_whether_each_answer_was_authenticated_is_told(generation: PolicyGeneration) -> None:
    header = Header.parse(b"From: joe@mail.example.com\r\n")
    protected = run(Engine(header, choice(generation)).evaluate(), Zone(WORST, secure=True))
    assert set(protected.unprotected) <= {q for q, a in protected.answers.items() if not a.records}
    bare = run(Engine(header, choice(generation)).evaluate(), Zone(WORST))
    assert bare.unprotected == tuple(bare.answers)
    assert bare.unprotected != ()
    assert bare.verdicts == protected.verdicts  # it is told, and changes nothing


def test_5_3_7_what_is_published_is_information_and_no_order() -> None:
    header = Header.parse(b"From: joe@example.com\r\n")
    wanted = replace(choice(PolicyGeneration.DMARC_2026), handling=Handling.REPORT)
    found = run(
        Engine(header, wanted).evaluate(), Zone({"_dmarc.example.com": "v=DMARC1; p=reject"})
    )
    assert (found.verdicts[0].asks.value, found.disposition.value) == ("reject", "accept")
