"""The questions of one message: asked once, shared out by rank, answers kept."""

from __future__ import annotations

from dataclasses import fields

import pytest

from avowal.agenda import Agenda, Rank, Slot, shares_of
from avowal.errors import StateError
from avowal.limits import Limits
from avowal.lookup import NO_NAME, Answer, Failure, Question, Steps, ask

A, B, C = (Question(name) for name in ("a.example", "b.example", "c.example"))
FOUND = Answer.found(b"x")


def asking(*rounds: tuple[Question, ...]) -> Steps[list[Answer]]:
    answers: list[Answer] = []
    for questions in rounds:
        answers += yield from ask(*questions)
    return answers


def questions(agenda: Agenda) -> list[Question]:
    return [question for _, question in agenda.wanted()]


def test_a_flow_without_questions_is_done_at_once() -> None:
    assert Agenda().add(asking(), Rank.REST).value == []


def test_the_result_of_a_flow_that_waits_is_an_error() -> None:
    slot = Agenda().add(asking((A,)), Rank.REST)
    with pytest.raises(StateError):
        _ = slot.value


def test_equal_questions_are_wanted_once_in_the_best_rank() -> None:
    agenda = Agenda()
    agenda.add(asking((A,)), Rank.REST)
    agenda.add(asking((A,)), Rank.POLICY)
    assert agenda.wanted() == ((Rank.POLICY, A),)


def test_questions_are_wanted_best_rank_first() -> None:
    agenda = Agenda()
    agenda.add(asking((A,)), Rank.REST)
    agenda.add(asking((B,)), Rank.SPF)
    agenda.add(asking((C,)), Rank.POLICY)
    assert questions(agenda) == [C, B, A]


def test_a_question_is_given_out_once() -> None:
    agenda = Agenda()
    agenda.add(asking((A,)), Rank.REST)
    agenda.wanted()
    assert agenda.wanted() == ()


def test_a_flow_goes_on_though_another_still_waits() -> None:
    agenda = Agenda()
    agenda.add(asking((A,)), Rank.REST)
    quick = agenda.add(asking((B,), (C,)), Rank.POLICY)
    agenda.take(B, FOUND)
    assert C in questions(agenda)
    agenda.take(C, FOUND)
    assert quick.value == [FOUND, FOUND]
    assert not agenda.idle


def test_an_answer_that_came_is_not_asked_for_again() -> None:
    agenda = Agenda()
    agenda.add(asking((A,)), Rank.REST)
    agenda.take(A, FOUND)
    assert agenda.add(asking((A,)), Rank.POLICY).value == [FOUND]


def test_answers_at_hand_are_used() -> None:
    assert Agenda(known={A: FOUND}).add(asking((A,)), Rank.REST).value == [FOUND]


def test_an_answer_nobody_waits_for_changes_nothing() -> None:
    agenda = Agenda()
    agenda.take(A, FOUND)
    assert agenda.answers == {}


def test_closing_keeps_what_came_and_fails_the_rest() -> None:
    agenda = Agenda()
    slot = agenda.add(asking((A, B)), Rank.REST)
    agenda.take(A, FOUND)
    agenda.close(Failure.DEADLINE)
    assert slot.value == [FOUND, Answer.failed(Failure.DEADLINE)]


def test_what_is_asked_after_closing_fails() -> None:
    agenda = Agenda()
    agenda.close(Failure.DEADLINE)
    slot = agenda.add(asking((A,)), Rank.POLICY)
    assert (slot.value, agenda.wanted()) == ([Answer.failed(Failure.DEADLINE)], ())


def test_one_rank_cannot_use_up_the_share_of_another() -> None:
    agenda = Agenda({Rank.REST: 1, Rank.POLICY: 1})
    junk = agenda.add(asking((A, B)), Rank.REST)
    policy = agenda.add(asking((C,)), Rank.POLICY)
    assert set(questions(agenda)) == {A, C}
    agenda.take(A, NO_NAME)
    agenda.take(C, FOUND)
    assert junk.value == [NO_NAME, Answer.failed(Failure.BUDGET)]
    assert policy.value == [FOUND]


def test_no_two_ranks_share_a_limit() -> None:
    """What one rank asks takes nothing away from another, whichever limit is raised."""
    names = [limit.name for limit in fields(Limits)]
    limits = Limits(**{name: number for number, name in enumerate(names)})
    shares = shares_of(limits)
    assert len(set(shares.values())) == len(shares)
    assert set(Rank) - shares.keys() == {Rank.SIGNATURES}  # `Limits.key_names` bounds these


@pytest.mark.parametrize(
    ("limit", "rank"),
    [
        pytest.param("policy_questions", Rank.POLICY, id="policy"),
        pytest.param("alignment_questions", Rank.ALIGNMENT, id="alignment"),
        pytest.param("spf_questions", Rank.SPF, id="spf"),
        pytest.param("arc_key_names", Rank.CHAIN, id="chain"),
        pytest.param("dns_questions", Rank.REST, id="rest"),
    ],
)
def test_a_share_is_a_limit(limit: str, rank: Rank) -> None:
    agenda = Agenda(shares_of(Limits(**{limit: 1})))
    slot = agenda.add(asking((A, B)), rank)
    assert questions(agenda) == [A]
    agenda.take(A, FOUND)
    assert slot.value == [FOUND, Answer.failed(Failure.BUDGET)]


def test_what_one_rank_may_not_ask_another_may() -> None:
    agenda = Agenda({Rank.REST: 0})
    refused = agenda.add(asking((A,)), Rank.REST)
    asked = agenda.add(asking((A,)), Rank.POLICY)
    assert refused.value == [Answer.failed(Failure.BUDGET)]
    agenda.take(A, FOUND)
    assert asked.value == [FOUND]


def test_a_slot_may_hold_none() -> None:
    slot: Slot[None] = Slot()
    slot.fill(None)
    assert slot.value is None
