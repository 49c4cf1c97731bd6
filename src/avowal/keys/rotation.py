"""Key rotation as a pure state machine: proof before a switch, and a way back after it.

`advance` takes a rotation, an event and a moment, and gives the rotation as it is then and what
is to be done.  It reads no clock and asks nobody.  Whoever runs it keeps the rotation, carries
out the actions and hands in what came of each; `pending` derives the actions from the kept
state alone, so that a process that is killed between any two steps goes on where it was.

docs/design/decisions tells the rules and why; docs/reference/rotation.md is the operator's page.
"""

from __future__ import annotations

from avowal.keys.rotation_actions import Action
from avowal.keys.rotation_events import Event
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation, Trouble
from avowal.keys.schedule import Moment
from avowal.valueclass import value

__all__ = ["Evidence", "RotatedKey", "Rotation", "Step", "Trouble", "advance", "pending"]


@value
class Step:
    """What came of an event: the rotation now, what is to be done, and notes for a log."""

    rotation: Rotation
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()


def advance(rotation: Rotation, event: Event, now: Moment) -> Step:
    """Take an event.  Raises UsageError for a command that would break a rule, with the reason."""
    raise NotImplementedError


def pending(rotation: Rotation, now: Moment) -> tuple[Action, ...]:
    """Return what is to be done, from the state alone."""
    raise NotImplementedError
