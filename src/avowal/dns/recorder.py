"""Answers kept while verifying, and verified from again later: a case that can be passed on.

The file is a JSON object::

    {"format": "avowal-dns-recording", "version": 1, "answers": [
      {"name": "s1._domainkey.example.com", "type": "TXT", "outcome": "found",
       "records": ["v=DKIM1; p=..."], "ttl": 300, "secure": false},
      {"name": "example.com", "type": "MX", "outcome": "failed", "failure": "timeout"}]}

`outcome` and `failure` are the values of `lookup.Outcome` and `lookup.Failure`.  A record is
a string of ASCII characters or ``{"base64": "..."}``.  Missing members have the defaults
of `lookup.Answer`.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from os import PathLike

from avowal.dns.wrapper import Wrapper
from avowal.errors import ConfigError, StoreError
from avowal.lookup import (
    Answer,
    AsyncResolver,
    Failure,
    Outcome,
    Question,
    Resolver,
    aanswers_of,
    answers_of,
)

_FORMAT = "avowal-dns-recording"
_VERSION = 1
_UNKNOWN = Answer.failed(Failure.UNREACHABLE)


class Recorder(Wrapper):
    """Pass questions on to `resolver` and keep each answer, the last one if asked again."""

    def __init__(self, resolver: Resolver | AsyncResolver) -> None:
        super().__init__(resolver)
        self.answers: dict[Question, Answer] = {}

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch and keep the answers."""
        inner = self._resolver
        return self._kept(questions, answers_of(inner, questions))

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        """The same within `seconds`, if the resolver can be told."""
        return self._kept(questions, answers_of(self._resolver, questions, seconds))

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers."""
        inner = self._aresolver
        return self._kept(questions, await aanswers_of(inner, questions))

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        """Answer a batch if the resolver knows all of it, and keep the answers."""
        known = super().recall(questions)
        return None if known is None else self._kept(questions, known)

    def dumps(self) -> str:
        """Return the recording as JSON."""
        answers = [_written(question, answer) for question, answer in self.answers.items()]
        data = {"format": _FORMAT, "version": _VERSION, "answers": answers}
        return json.dumps(data, indent=1) + "\n"

    def save(self, path: str | PathLike[str]) -> None:
        """Write the recording to a file; raises StoreError."""
        try:
            with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - as in `zone`
                file.write(self.dumps())
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None

    def _kept(
        self, questions: tuple[Question, ...], answers: tuple[Answer, ...]
    ) -> tuple[Answer, ...]:
        self.answers.update(zip(questions, answers, strict=True))
        return answers


class Replayer:
    """Answer from a recording.

    What was not recorded is `Failure.UNREACHABLE`: nothing is known about it, and NO_NAME
    would turn a gap of the recording into a verdict.
    """

    def __init__(self, answers: Mapping[Question, Answer]) -> None:
        self._answers = {_key(question): answer for question, answer in answers.items()}

    @classmethod
    def loads(cls, text: str, *, file: str = "recording") -> Replayer:
        """Read a recording from its text; raises ConfigError."""
        return cls(read_recording(parsed(text, file), file))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Replayer:
        """Read a recording from a file; raises StoreError and ConfigError."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                text = file.read()
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
        return cls.loads(text, file=str(path))

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch."""
        return tuple(self._answers.get(_key(question), _UNKNOWN) for question in questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers; it never waits."""
        return self.resolve(questions)

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same, for those who ask what is known without waiting: everything is."""
        return self.resolve(questions)


def _key(question: Question) -> tuple[str, str]:
    return question.name.removesuffix(".").lower(), question.type.upper()


def _written(question: Question, answer: Answer) -> dict[str, object]:
    row: dict[str, object] = {
        "name": question.name,
        "type": question.type,
        "outcome": answer.outcome.value,
    }
    if answer.failure is not None:
        return row | {"failure": answer.failure.value}
    records = [
        record.decode("ascii")
        if record.isascii()
        else {"base64": binascii.b2a_base64(record, newline=False).decode("ascii")}
        for record in answer.records
    ]
    return row | {"records": records, "ttl": answer.ttl, "secure": answer.secure}


def parsed(text: str, file: str) -> dict[str, object]:
    """Read a JSON object; raises ConfigError with line and column."""
    try:
        data: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(error.msg, file=file, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise ConfigError("nested too deeply", file=file) from None
    except ValueError:  # RFC 8259 §6 leaves the range of numbers to the reader
        raise ConfigError("a number has too many digits", file=file) from None
    if not isinstance(data, dict):
        raise ConfigError("not a JSON object", file=file)
    return data


def is_recording(data: Mapping[str, object]) -> bool:
    """Whether a JSON object says that it is a recording."""
    return data.get("format") == _FORMAT


def read_recording(data: Mapping[str, object], file: str) -> dict[Question, Answer]:
    """Read the answers of a recording; raises ConfigError."""
    if not is_recording(data):
        raise ConfigError("not a recording", file=file, hint=f'"format" has to be "{_FORMAT}"')
    if data.get("version") != _VERSION:
        raise ConfigError(
            f"version {data.get('version')!r} is unknown",
            file=file,
            key="version",
            hint=f"this release reads version {_VERSION}",
        )
    rows = data.get("answers")
    if not isinstance(rows, list):
        raise ConfigError("a list is needed", file=file, key="answers")
    answers: dict[Question, Answer] = {}
    for place, row in enumerate(rows):
        try:
            question, answer = _read(row)
        except (KeyError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ConfigError(why, file=file, key=f"answers[{place}]") from None
        answers[question] = answer
    return answers


def _read(row: object) -> tuple[Question, Answer]:
    """Read one row; raises KeyError, TypeError or ValueError."""
    if not isinstance(row, dict):
        raise TypeError(f"{row!r} is no object")
    question = Question(_text(row["name"]), _text(row["type"]))
    outcome = Outcome(row["outcome"])
    if outcome is Outcome.FAILED:
        return question, Answer.failed(Failure(row["failure"]))
    records = tuple(
        binascii.a2b_base64(_text(record["base64"]), strict_mode=True)
        if isinstance(record, dict)
        else _text(record).encode("ascii")
        for record in row.get("records", ())
    )
    ttl, secure = row.get("ttl", 0), row.get("secure", False)
    if type(ttl) is not int or ttl < 0 or type(secure) is not bool:
        raise ValueError("ttl is a number of seconds, secure a truth value")
    return question, Answer(outcome=outcome, records=records, ttl=ttl, secure=secure)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
