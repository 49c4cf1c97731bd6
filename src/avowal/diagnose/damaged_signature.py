"""Explaining signatures whose b= was damaged: put right, verified again, and explained as usual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from avowal.diagnose.explanation import Explanation, KeyState, PartState
from avowal.diagnose.signature_repair import STEP, readings
from avowal.dkim.verification import Verification
from avowal.lists.changes import changes
from avowal.message import Field, Header, Message

Again: TypeAlias = Callable[[Message], Sequence[Verification]]
"""Verifies a message whose signature was put right; whoever asks DNS hands it in."""


def read_again(
    message: Message,
    verification: Verification,
    again: Again,
    explain: Callable[[Message, Sequence[Verification]], Sequence[Explanation]],
) -> Explanation | None:
    """Explain a signature that cannot be read by what its b= was; None where no key fits."""
    place = verification.place
    for raw in readings(verification.field):
        read = with_signature(message, place, raw)
        wanted = [one for one in again(read) if one.place == place]
        for one in explain(read, wanted):
            if one.passed or one.key is KeyState.PROVEN:
                return _of(message, verification, read, one)
    return None


def _of(
    message: Message, verification: Verification, read: Message, one: Explanation
) -> Explanation:
    """Say of the message that came what is known of the one that was read."""
    undone = original = None
    if one.passed:
        undone = original = read
    elif one.original is not None and one.changes is not None:
        undone, original = one.changes.undo(read), one.original
    known = one.header in {PartState.INTACT, PartState.RESTORED}
    return replace(
        one,
        verification=verification,
        header=PartState.RESTORED if known else one.header,
        header_steps=(*one.header_steps, STEP),
        original=original,
        changes=None if undone is None else changes(undone, message),
    )


def with_signature(message: Message, place: int, raw: bytes) -> Message:
    """Return a message with another field at the place of a signature."""
    rows = list(message.header)
    rows[place] = Field.of(raw)
    return Message(Header.of(rows), message.body)
