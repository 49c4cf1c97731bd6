"""The verdicts on one message: a tuple whose truth cannot be mistaken for theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, SupportsIndex, overload

from avowal.dkim.verification import Verification
from avowal.errors import TruthError


class Verifications(tuple[Verification, ...]):
    """The verdicts on the signatures of a message, top to bottom; empty for one without any.

    A tuple in every respect but one: it is neither true nor false.  ``if avowal.verify(m):``
    would hold for a message whose only signature fails.
    """

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TruthError(
            "verdicts are neither true nor false, for a failed signature is one of them:"
            " any(v.passed for v in verdicts) asks whether one passed,"
            " len(verdicts) how many there are"
        )

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Verification: ...
    @overload
    def __getitem__(self, key: slice, /) -> Verifications: ...
    def __getitem__(self, key: SupportsIndex | slice, /) -> Verification | Verifications:
        if isinstance(key, slice):
            return Verifications(super().__getitem__(key))
        return super().__getitem__(key)

    def __add__(self, other: Sequence[Verification], /) -> Verifications:  # type: ignore[override]
        return Verifications((*self, *other))
