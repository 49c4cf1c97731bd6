"""The laws of an outcome (docs/design/laws.md), over generated attacks.

A fixed set of seeds for every run, hypothesis for small counterexamples, and every guard
broken once: a law that holds whatever we break would say nothing.  `tests.laws.search` goes
through any number of cases.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.attacks import attacked, facts, further_author, many_authors
from tests.laws.oracle import ideal
from tests.laws.receivers import exposure, plan, received
from tests.laws.search import Violation, violations
from tests.laws.world import ATTACKER, NOW, TRUSTED, Attack, Case, base, zone_of

from avowal.agenda import Agenda, Rank
from avowal.authres import AuthenticationResults, MethodResult
from avowal.calls.arguments import read_header
from avowal.calls.examine import aexamine, examine
from avowal.calls.seal import seal
from avowal.dkim import acceptance
from avowal.dkim.key import KeyRecord
from avowal.examine.findings import Findings, Want
from avowal.examine.trusted_chain import as_trusted
from avowal.flow import decide as decide_module
from avowal.lookup import Answer, Failure, Question
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.policy.dmarc import evaluate as dmarc_evaluate
from avowal.policy.dmarc.result import DomainEvaluation
from avowal.policy.spf import SpfRequest
from avowal.testing import RSA_1024

pytestmark = [pytest.mark.threats, pytest.mark.properties]

REGRESSION = range(600)  # each guard below is missed within them; the search goes through more
EVERYTHING = Want.DKIM | Want.ARC | Want.POLICIES


def found_in(seeds: range) -> Violation | None:
    return next((one for seed in seeds for one in violations(seed)), None)


def told(violation: Violation | None) -> str:
    if violation is None:
        return ""
    return f"{violation.law} {violation.seed}: {violation.why}\n{facts(violation.case)}"


@pytest.mark.parametrize("start", range(REGRESSION.start, REGRESSION.stop, 200))
def test_the_laws_hold_over_a_fixed_set_of_attacks(start: int) -> None:
    violation = found_in(range(start, start + 200))
    assert violation is None, told(violation)


@given(st.integers(min_value=0, max_value=1 << 40))
@settings(max_examples=150)
def test_the_laws_hold_over_attacks_nobody_has_seen(seed: int) -> None:
    violation = found_in(range(seed, seed + 1))
    assert violation is None, told(violation)


# -- L3: the outcome depends on the answers that came, not on who drove ---------------------


class Partly:
    """A resolver whose `hanging` names never answer; time passes only while it waits."""

    def __init__(self, case: Case) -> None:
        self._zone = zone_of(case)
        self._hanging = case.silent

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return self.resolve_within(questions, 0)

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        late = Answer.failed(Failure.DEADLINE)
        answers = self._zone.resolve(questions)
        return tuple(
            late if question.name in self._hanging else answer
            for question, answer in zip(questions, answers, strict=True)
        )

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        if any(question.name in self._hanging for question in questions):
            await asyncio.Event().wait()
        return self._zone.resolve(questions)


def said(findings: Findings) -> list[str]:
    policies = findings.policies
    assert policies is not None
    return [
        *(f"{one.result} {one.reason}" for one in findings.dkim),
        "-" if findings.arc is None else str(findings.arc.status),
        "-" if findings.spf is None else str(findings.spf.word),
        str(policies.disposition),
        *(str(verdict.word) for verdict in policies.verdicts),
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_waiting_and_blocking_come_to_the_same(seed: int) -> None:
    rng = random.Random(seed)
    case = base(rng)
    for _ in range(3):
        case = attacked(rng, case)
    receiver = plan().receiver
    limits = dataclasses.replace(receiver.limits, dns_seconds=1)
    quick = dataclasses.replace(receiver, limits=limits)
    request = SpfRequest(
        client=IPv4Address(case.client), mail_from=f"x@{case.sender}".encode(), now=NOW
    )
    resolver = Partly(case)
    header, body = read_header(case.octets, line_ends="wire", limits=quick.limits)
    chunks = [bytes(chunk) for chunk in body]
    at_once = examine(header, chunks, quick, EVERYTHING, resolver, now=NOW, envelope=request)
    waited = await aexamine(header, chunks, quick, EVERYTHING, resolver, now=NOW, envelope=request)
    assert said(waited) == said(at_once)


# -- L2: what a trusted chain may change ----------------------------------------------------


def vouched(case: Case, seen: frozenset[str]) -> Case:
    """The case as a trusted sealer passes it on that saw these authors pass DMARC."""
    passed = [MethodResult("dmarc", "pass", properties=(("header.from", one),)) for one in seen]
    fields = seal(
        case.octets, zone_of(case), authserv_id=TRUSTED, domain=TRUSTED, selector="s",
        key=RSA_1024, results=AuthenticationResults(TRUSTED, tuple(passed)), now=NOW,
        line_ends="wire",
    )  # fmt: skip
    return case.but("trusted chain", octets=fields + case.octets)


def lifted(attack: Attack, seeds: range) -> Case | None:
    """A case in which a chain changes what is done about an author its sealer did not see."""
    for seed in seeds:
        rng = random.Random(seed)
        first = base(rng)
        case = attack(rng, first)
        zone = {**case.zone, f"_dmarc.{ATTACKER}": "v=DMARC1; p=reject"}
        case = vouched(case.but("strict", zone=zone), case.shown - first.shown)
        if exposure(received(case)) > ideal(case.but("unseen", shown=first.shown)):
            return case
    return None


@pytest.mark.parametrize("start", range(0, 400, 100))
@pytest.mark.parametrize("attack", [further_author, many_authors])
def test_a_trusted_chain_lifts_no_policy_of_an_author_it_did_not_see(
    attack: Attack, start: int
) -> None:
    """RFC 9989 §11.5: the attacker's own domains pass at a sealer that is trusted."""
    case = lifted(attack, range(start, start + 100))
    assert case is None, facts(case)


# -- the guards, each broken once ----------------------------------------------------------


def _by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heaviest class decides, though its action is milder."""
    monkeypatch.setattr(decide_module, "STRICTNESS", dict.fromkeys(decide_module.STRICTNESS, 0))


def _one_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """All ranks share one budget, and who asks first is served first."""

    class Shared(Agenda):
        def add(self, flow, rank):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            self._left.setdefault(Rank.REST, 8)
            return super().add(flow, Rank.REST)

    monkeypatch.setattr("tests.laws.receivers.Agenda", Shared)
    monkeypatch.setattr("tests.laws.receivers.shares_of", lambda limits: {Rank.REST: 8})


def _unknown_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not knowing one author's policy outranks another's quarantine."""
    order = {"temperror": 5, "fail": 4, "permerror": 2, "none": 1}
    monkeypatch.setattr(
        DomainEvaluation, "severity", property(lambda one: order.get(one.result.value, 0))
    )


def _all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers count when the last of them is there: a name that hangs keeps all away."""

    class Together(Agenda):
        def take(self, question, answer):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            held.setdefault(id(self), {})[question] = answer
            if self._waiting.keys() <= held[id(self)].keys():
                for each, kept in held.pop(id(self)).items():
                    super().take(each, kept)

    held: dict[int, dict[Question, Answer]] = {}
    monkeypatch.setattr("tests.laws.receivers.Agenda", Together)


def _as_if_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands beyond a limit is passed over, and the rest judged as the whole header."""

    def cut(octets, **options):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN003, ANN202
        header, body = read_header(octets, **options)
        return (header if header.beyond is None else Header.of(tuple(header))), body

    monkeypatch.setattr("tests.laws.receivers.read_header", cut)


def _unasked_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authors beyond those that are looked at ask for nothing."""
    monkeypatch.setattr(dmarc_evaluate, "BEYOND_LIMITS", frozenset())


def _first_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """One way of reading From decides, and what it passes over is not said."""
    read = Authors._read.__func__  # type: ignore[attr-defined]

    def first(cls, values, faults, limits):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        authors = read(cls, values, faults, limits)
        return Authors(mailboxes=authors.mailboxes[:1], domains=authors.domains[:1])

    monkeypatch.setattr(Authors, "_read", classmethod(first))


def _all_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature that verifies is accepted, whatever its times and its key are."""
    monkeypatch.setattr(acceptance, "first_problem", lambda *_: None)


def _any_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any key in DNS may sign mail and seal chains."""
    monkeypatch.setattr(KeyRecord, "serves", lambda *_: True)


def _raw_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies see a signature before the site's rules have judged it."""
    judged = plan()
    lax = judged.receiver.rules.but(accept_unsigned_content=True)
    receiver = dataclasses.replace(judged.receiver, rules=lax)
    changed = dataclasses.replace(judged, receiver=receiver)
    monkeypatch.setattr("tests.laws.receivers.plan", lambda: changed)


# each with a seed at which a law fails without it
GUARDS = [
    pytest.param(_by_weight, 0, id="strictest-action"),
    pytest.param(_one_share, 25, id="shares-by-rank"),
    pytest.param(_unknown_first, 15, id="strictest-known-author"),
    pytest.param(_all_or_nothing, 4, id="an-answer-that-came-is-kept"),
    pytest.param(_as_if_whole, 19, id="nothing-is-verified-in-part"),
    pytest.param(_unasked_agree, 341, id="whoever-was-not-asked"),
    pytest.param(_first_reader, 0, id="every-reader"),
    pytest.param(_all_accepted, 3, id="one-acceptance"),
    pytest.param(_any_service, 3, id="a-key-for-mail"),
    pytest.param(_raw_results, 1, id="site-rules-first"),
]


@pytest.mark.parametrize(("broken", "seed"), GUARDS)
def test_a_broken_guard_breaks_a_law(
    broken: Callable[[pytest.MonkeyPatch], None], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case was found at `seed`; it may have moved a little."""
    broken(monkeypatch)
    assert found_in(range(seed, seed + 300)) is not None


def test_without_its_guard_a_trusted_chain_lifts_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`as_trusted` as if every author could be listed."""

    def blind(assessment, *given):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN202
        listed = dataclasses.replace(assessment.authors, faults=())
        return as_trusted(dataclasses.replace(assessment, authors=listed), *given)

    monkeypatch.setattr("avowal.examine.examination.as_trusted", blind)
    assert lifted(many_authors, range(400)) is not None
