"""What a chain of trusted sealers may change about a policy that fails."""

from __future__ import annotations

import pytest
from tests.unit.arc.arcs import sealed, verdict

from avowal.addresses import HIDING, Problem
from avowal.arc.verdict import ChainVerification
from avowal.authres import AuthenticationResults, MethodResult
from avowal.examine.trusted_chain import as_trusted, saw_pass
from avowal.limits import Limits
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.assessment import Choice, Handling, PolicyDisposition
from avowal.policy.engine import Engine
from avowal.testing import Zone, message

CHOICE = Choice(handling=Handling.FULL)
LIMITS = Limits(author_domains=2, author_octets=200)
AUTHORS = tuple(f"{name}.example" for name in "abc")
CHAIN = verdict(
    sealed(
        message(),
        results=AuthenticationResults(
            "mx.list.example",
            tuple(
                MethodResult("dmarc", "pass", properties=(("header.from", author),))
                for author in AUTHORS
            ),
        ),
    )
)
ZONE = Zone({f"_dmarc.{author}": "v=DMARC1; p=reject" for author in AUTHORS})
HIDDEN = {
    Problem.DAMAGED_NAME: b"From: x@a.example\r\nFr\0om: y@b.example\r\n",
    Problem.UNREADABLE_DOMAIN: b"From: x@a.example, y@b..example\r\n",
    Problem.AMBIGUOUS: b'From: "x@b.example <x@a.example>\r\n',
    Problem.CONTROL_OCTETS: b"From: x\0y <x@a.example>\r\n",
    Problem.BARE_LINE_BREAK: b"From: x@a.example\nFrom: y@b.example\r\n",
    Problem.ADDRESS_LITERAL: b"From: x@a.example, y@[192.0.2.1]\r\n",
    Problem.TOO_MANY: b"From: x@a.example, y@b.example, z@c.example\r\n",
    Problem.TOO_LARGE: b"From: x@a.example" + b" " * 200 + b"\r\n",
}


def told(*hops: tuple[str, ...]) -> ChainVerification:
    """A chain whose hops say this of a.example by DMARC."""
    octets = message()
    for results in hops:
        found = [
            MethodResult("dmarc", word, properties=(("header.from", "a.example"),))
            for word in results
        ]
        octets = sealed(octets, results=AuthenticationResults("mx.list.example", tuple(found)))
    return verdict(octets)


@pytest.mark.parametrize(
    ("hops", "passed"),
    [
        pytest.param([("pass",)], True, id="pass"),
        pytest.param([("fail",)], False, id="fail"),
        pytest.param([()], False, id="nothing"),
        pytest.param([("pass",), ("fail",)], True, id="pass-before-a-list-changed-it"),
        pytest.param([(), ("pass",)], True, id="only-the-second-tells"),
        pytest.param([("temperror",), ("pass",)], True, id="an-error-tells-nothing"),
        pytest.param([("fail",), ("pass",)], False, id="fail-before-a-pass"),
        pytest.param([("fail", "pass")], False, id="both-at-once"),
    ],
)
def test_the_first_hop_that_tells_decides(hops: list[tuple[str, ...]], *, passed: bool) -> None:
    assert saw_pass(told(*hops), DomainName.parse(b"a.example")) is passed


def asked(header: bytes) -> tuple[PolicyDisposition, tuple[Problem, ...]]:
    """What is asked for a message that nobody signed, but a chain saw all its authors pass."""
    read = Header.parse(header)
    engine = Engine(read, CHOICE, authors=Authors.of(read, limits=LIMITS))
    assessment = run(engine.evaluate(()), ZONE)
    assert assessment.disposition is PolicyDisposition.REJECT
    return as_trusted(assessment, CHAIN, CHOICE).disposition, assessment.authors.problems


def test_authors_that_a_trusted_sealer_saw_pass_are_let_through() -> None:
    assert asked(b"From: x@a.example, y@b.example\r\n") == (PolicyDisposition.ACCEPT, ())


def test_every_problem_that_hides_authors_is_tried() -> None:
    assert HIDDEN.keys() == HIDING


@pytest.mark.parametrize("problem", HIDDEN, ids=str)
def test_authors_that_nobody_can_list_are_let_through_by_no_sealer(problem: Problem) -> None:
    """RFC 9989 §11.5: who is not listed may have asked to refuse the message."""
    disposition, problems = asked(HIDDEN[problem])
    assert problem in problems
    assert disposition is PolicyDisposition.REJECT
