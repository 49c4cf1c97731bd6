"""Every resolver that stands before another one keeps what that one can do."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.config.opendkim_conf import OpendkimConf
from avowal.dns.cache import Cached
from avowal.dns.limits import Limited
from avowal.dns.recorder import Recorder
from avowal.dns.zone import Zone
from avowal.lookup import Answer, Failure, Question, aanswers_of, answers_of, recalled
from avowal.opendkim.sources import _KeysAside

A, B = Question("a.example"), Question("b.example")
FOUND = Answer.found(b"x", ttl=60)
LATE = Answer.failed(Failure.DEADLINE)


def keys_aside(inner: Any) -> _KeysAside:
    made = _KeysAside(Zone({}), OpendkimConf("conf"))
    made._servers = inner
    return made


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "Cached": Cached,
    "Limited": Limited,
    "Recorder": Recorder,
    "_KeysAside": keys_aside,
}
ASKS_ANOTHER = re.compile(r"\ba?answers_of\(|(?<!\bself)\.a?resolve\(")


def asks_another(node: ast.ClassDef) -> bool:
    """Whether a class answers questions, and asks others for the answers."""
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    answers = any(method.name in {"resolve", "aresolve"} for method in methods)
    return answers and any(ASKS_ANOTHER.search(ast.unparse(method)) for method in methods)


def test_every_resolver_over_another_one_is_looked_at_here() -> None:
    found = {
        node.name
        for path in Path(avowal.__file__ or "").parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and asks_another(node)
    }
    assert found == set(WRAPPERS)


class Raising:
    """Its faults pass."""

    faults_pass = True

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        raise OSError("mine")

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        raise OSError("mine")

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        raise OSError("mine")


class Knowing:
    """It knows some answers without asking, and says how long it was given for others."""

    seconds: float | None = None

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        raise AssertionError("asked without a time")

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        self.seconds = seconds
        return (LATE,) * len(questions)

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        return (FOUND,) * len(questions) if B not in questions else None


class Plain:
    """It can do no more than it must."""

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return (FOUND,) * len(questions)


# Servers of its own: their faults never pass.
PASSING = [name for name in WRAPPERS if name != "_KeysAside"]


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda r: answers_of(r, (A,)), id="resolve"),
        pytest.param(lambda r: answers_of(r, (A,), 5), id="resolve_within"),
        pytest.param(lambda r: asyncio.run(aanswers_of(r, (A,))), id="aresolve"),
        pytest.param(lambda r: recalled(r, (A,)), id="recall"),
    ],
)
def test_faults_that_pass_pass_through(name: str, ask: Callable[[Any], object]) -> None:
    with pytest.raises(OSError, match="mine"):
        ask(WRAPPERS[name](Raising()))


@pytest.mark.parametrize("name", WRAPPERS)
def test_what_is_known_without_asking_stays_known(name: str) -> None:
    wrapped = WRAPPERS[name](Knowing())
    assert recalled(wrapped, (A,)) == (FOUND,)
    assert recalled(wrapped, (A, B)) is None


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_time_there_is_is_handed_on(name: str) -> None:
    inner = Knowing()
    assert answers_of(WRAPPERS[name](inner), (B,), 5) == (LATE,)
    assert inner.seconds is not None
    assert 0 < inner.seconds <= 5


@pytest.mark.parametrize("name", WRAPPERS)
def test_nothing_is_made_up_that_is_not_there(name: str) -> None:
    wrapped = WRAPPERS[name](Plain())
    assert recalled(wrapped, (A,)) is None
    assert answers_of(wrapped, (A, B), 5) == (FOUND, FOUND)


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_in_one_another_keep_it_too(name: str) -> None:
    for outer in WRAPPERS.values():
        wrapped = outer(WRAPPERS[name](Knowing()))
        assert recalled(wrapped, (A,)) == (FOUND,)


def test_what_was_recalled_is_recorded_and_cached() -> None:
    recorder, inner = Recorder(Knowing()), Knowing()
    recalled(recorder, (A,))
    assert recorder.answers == {A: FOUND}
    cached = Cached(inner)
    recalled(cached, (A,))
    assert (len(cached), answers_of(cached, (A,), 5), inner.seconds) == (1, (FOUND,), None)
