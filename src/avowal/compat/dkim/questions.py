"""DNS as dkimpy asks it: ``dnsfunc(name, timeout=seconds)`` returns a TXT record or None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avowal.calls.arguments import system_resolver
from avowal.compat.dkim.faults import DnsTimeoutError
from avowal.compat.dkim.octets import Text, octets
from avowal.lookup import NO_DATA, Answer, Failure, Outcome, Question


class Asked:
    """A resolver over a `dnsfunc`; exceptions of its own pass through, but timeouts answer."""

    faults_pass = True  # to `lookup.answers_of`: dkimpy's callers see what their function raised

    def __init__(self, dnsfunc: Callable[..., Any], timeout: int) -> None:
        self._dnsfunc = dnsfunc
        self._timeout = timeout

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Ask one after the other."""
        answers = []
        for question in questions:
            try:
                record = self._dnsfunc(_absolute(question), timeout=self._timeout)
            except DnsTimeoutError:
                answers.append(Answer.failed(Failure.TIMEOUT))
            else:
                answers.append(_answer(record))
        return tuple(answers)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Ask one after the other, awaiting each."""
        answers = []
        for question in questions:
            try:
                record = await self._dnsfunc(_absolute(question), timeout=self._timeout)
            except DnsTimeoutError:
                answers.append(Answer.failed(Failure.TIMEOUT))
            else:
                answers.append(_answer(record))
        return tuple(answers)


def get_txt(name: bytes | str, timeout: int = 5) -> bytes | None:
    """Return the TXT record at a name, None when there is none.

    Raises DnsTimeoutError when no server answered.
    """
    from avowal.dns.limits import Limited  # noqa: PLC0415 - only who asks DNS loads it

    (answer,) = Limited(system_resolver(), seconds=timeout).resolve((_question(name),))
    return _record(answer)


async def get_txt_async(name: bytes | str, timeout: int = 5) -> bytes | None:  # noqa: ASYNC109 - dkimpy's
    """Do the same without blocking."""
    from avowal.dns.limits import Limited  # noqa: PLC0415 - only who asks DNS loads it

    (answer,) = await Limited(system_resolver(), seconds=timeout).aresolve((_question(name),))
    return _record(answer)


def _record(answer: Answer) -> bytes | None:
    if answer.outcome is Outcome.FAILED:
        raise DnsTimeoutError(answer.failure.value if answer.failure else "no answer")
    return answer.records[0] if answer.records else None


def _question(name: bytes | str) -> Question:
    text = name.decode("ascii", "backslashreplace") if isinstance(name, bytes) else name
    return Question(text.removesuffix("."))


def _absolute(question: Question) -> bytes:
    return question.name.encode() + b"."


def _answer(record: Text | None) -> Answer:
    return Answer.found(octets(record, "what dnsfunc returns")) if record else NO_DATA
