"""What every resolver over another one keeps of it (`avowal.lookup`).

A resolver may do more than answer: be told how long it may take (`resolve_within`), say what it
knows without asking (`recall`), and have its faults passed on (`faults_pass`).  Whatever stands
before it must not take these away: a cache over one that recalls recalls too.
"""

from __future__ import annotations

from typing import Any

from avowal.lookup import Answer, AsyncResolver, Question, Resolver, recalled


class Wrapper:
    """A resolver over another one, which may be synchronous, asynchronous or both."""

    def __init__(self, resolver: Resolver | AsyncResolver) -> None:
        either: Any = resolver  # which of the two it is shows when it is asked
        self._resolver: Resolver = either
        self._aresolver: AsyncResolver = either

    @property
    def faults_pass(self) -> bool:
        """Whether callers see what the resolver raises."""
        return bool(getattr(self._resolver, "faults_pass", False))

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        """Answer a batch if all of it is known without asking, else None."""
        return recalled(self._resolver, questions)
