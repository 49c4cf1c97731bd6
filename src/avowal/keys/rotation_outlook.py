"""What comes next for each key, and when: a rotation as people look at it."""

from __future__ import annotations

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_evidence import is_occupied, is_visible, wait_of
from avowal.keys.rotation_rules import drain_left, until_due
from avowal.keys.rotation_state import RotatedKey, Rotation
from avowal.text import lasting
from avowal.valueclass import value


@value
class Outlook:
    """The next step of one key: what, and in how many seconds; None while that is not known."""

    step: str
    seconds: int | None = None


def outlook(key: RotatedKey, rotation: Rotation) -> Outlook:
    """Say what comes next for a key."""
    held = "" if rotation.halted is None and not rotation.paused else _held(rotation)
    match key.state:
        case KeyState.PREPARED:
            return Outlook(step=held or _of_prepared(key))
        case KeyState.PUBLISHED:
            return Outlook(step=f"to be seen: {key.evidence.problem or 'nobody looked yet'}")
        case KeyState.SEEN:
            return _of_seen(key, rotation, held)
        case KeyState.CANARY:
            return Outlook(step=held or "signs when the canary passed")
        case KeyState.SIGNING:
            return _of_signing(rotation, held)
        case KeyState.DRAINING:
            left = drain_left(key, rotation)
            return Outlook(step=held or "revoked", seconds=None if held else left)
        case KeyState.REVOKED:
            left = key.entered + rotation.schedule.revoked_for - rotation.elapsed
            return Outlook(step="taken away", seconds=max(left, 0))
        case _:
            return Outlook(step="")


def _held(rotation: Rotation) -> str:
    return "paused" if rotation.halted is None else "halted"


def _of_prepared(key: RotatedKey) -> str:
    if is_occupied(key):
        return "waits: another key stands there"
    return "published" if key.evidence.surveyed else "servers are asked what stands there"


def _of_seen(key: RotatedKey, rotation: Rotation, held: str) -> Outlook:
    if not is_visible(key, rotation):
        since = rotation.elapsed if key.evidence.since is None else key.evidence.since
        left = since + wait_of(key, rotation) - rotation.elapsed
        return Outlook(step="no cache holds anything else", seconds=max(left, 0))
    due = until_due(rotation)
    return Outlook(step=held or "canary", seconds=None if held else max(due or 0, 0))


def _of_signing(rotation: Rotation, held: str) -> Outlook:
    due = until_due(rotation)
    if held or due is None:
        return Outlook(step=held or "followed as soon as its successor may sign")
    if rotation.successor is None and rotation.making is None:
        ahead = max(due - rotation.schedule.lead, 0)
        return Outlook(step="a successor is made", seconds=ahead)
    return Outlook(step="followed", seconds=max(due, 0))


def when(next_: Outlook) -> str:
    """Say when a step comes, to be written behind it; nothing where that is not known."""
    if next_.seconds is None:
        return ""
    return " now" if next_.seconds <= 0 else f" in {lasting(next_.seconds)}"
