"""A resolver that asks nobody: for archives whose keys are known to be gone."""

from __future__ import annotations

from avowal.lookup import Answer, Failure, Question

_NOTHING = Answer.failed(Failure.UNREACHABLE)


class Silence:
    """Knows nothing about any name, which is not the same as that there is nothing."""

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer each question with a failure."""
        return (_NOTHING,) * len(questions)
