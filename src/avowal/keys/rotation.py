"""Key rotation as a pure state machine: proof before a switch, and a way back after it.

`advance` takes a rotation, an event and a moment, and gives the rotation as it is then and what
is to be done.  It reads no clock and asks nobody.  Whoever runs it keeps the rotation, carries
out the actions and hands in what came of each; `pending` derives the actions from the kept
state alone, so that a process that is killed between any two steps goes on where it was.

The law: no message is signed with a key that a verifier cannot see whose answer came from a
server that was looked at, or from a cache within its TTL; nothing is revoked that mail under
way needs; and once a key signed, one does, or an alert says that none can.
docs/design/rotation.md has the rules and why, docs/reference/rotation.md what comes of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from avowal.errors import UsageError
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.rotation_actions import Action
from avowal.keys.rotation_commands import emergency, resume, retire, revoke, roll_back
from avowal.keys.rotation_events import (
    CanaryFailed,
    CanaryPassed,
    Emergency,
    Event,
    Looked,
    Made,
    MakeFailed,
    Pause,
    PrivatePublished,
    Published,
    PublishFailed,
    Reschedule,
    Resume,
    Retire,
    Revoke,
    RollBack,
    RotateNow,
    ShareFell,
    Switched,
    Taken,
    Told,
)
from avowal.keys.rotation_pending import pending_actions
from avowal.keys.rotation_reports import (
    canary,
    made,
    not_published,
    private_published,
    published,
    seen,
    share_fell,
    switched,
    told,
)
from avowal.keys.rotation_rules import settle
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation, Trouble
from avowal.keys.rotation_troubles import troubles
from avowal.keys.rotation_turn import Turn, passed
from avowal.keys.schedule import Moment, Schedule
from avowal.names import DomainName
from avowal.valueclass import value

__all__ = [
    "Evidence", "RotatedKey", "Rotation", "Step", "Trouble", "advance", "begin", "pending",
]  # fmt: skip


@value
class Step:
    """What came of an event: the rotation now, and notes for a log."""

    rotation: Rotation
    notes: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done now."""
        return tuple(pending_actions(self.rotation))


def begin(
    domain: DomainName,
    algorithm: str,
    schedule: Schedule,
    now: Moment,
    *,
    keys: Iterable[ManagedKey] = (),
    taken: Iterable[str] = (),
) -> Rotation:
    """Begin a rotation, with the keys that are there already and the names that were ever used.

    A key that signs goes on doing so; its age counts.  Of several the newest signs, the others
    drain.  Raises UsageError for keys of another domain or algorithm.
    """
    of_age = sorted(keys, key=lambda key: key.created)
    if any(key.domain.ascii != domain.ascii or key.algorithm != algorithm for key in of_age):
        raise UsageError(f"these are not keys of {domain} for {algorithm}")
    signing = [key for key in of_age if key.state is KeyState.SIGNING]
    held = [_held(key, now, signs=key in signing[-1:]) for key in of_age]
    return Rotation(
        domain=domain,
        algorithm=algorithm,
        schedule=schedule,
        keys=tuple(held),
        taken=frozenset(taken),
        handed=signing[-1].selector.ascii if signing else "",
        wall=now.wall,
        marks=((now, 0),),
    )


def _held(key: ManagedKey, now: Moment, *, signs: bool) -> RotatedKey:
    """Take over a key: what it signed before may be under way still."""
    if key.state is KeyState.SIGNING and not signs:
        key = replace(key, state=KeyState.DRAINING)
    signed = key.state in {KeyState.SIGNING, KeyState.DRAINING}
    age = max(now.wall - key.since, 0)
    return RotatedKey(
        key=key,
        entered=0,
        stands=None if key.state is KeyState.PREPARED else (key.record if signed else None),
        signed_since=-age if signed else None,
        stopped=0 if key.state is KeyState.DRAINING else None,
        times=((key.state, key.since),),
    )


def advance(rotation: Rotation, event: Event, now: Moment) -> Step:
    """Take an event.  Raises UsageError for a command that would break a rule, with the reason."""
    turn = Turn(rotation, now)
    _take(turn, event)
    settle(turn, event.selector if isinstance(event, Looked) else None)
    if (found := troubles(turn.rotation)) != turn.rotation.troubles:
        turn.change(troubles=found)
    return Step(rotation=turn.rotation, notes=tuple(turn.notes))


def pending(rotation: Rotation, now: Moment) -> tuple[Action, ...]:
    """Return what is to be done, from the state alone."""
    return tuple(pending_actions(passed(rotation, now)))


def _take(turn: Turn, event: Event) -> None:
    if not _take_report(turn, event):
        _take_command(turn, event)


def _take_report(turn: Turn, event: Event) -> bool:
    """Take what came of an action; give False for what is a command."""
    match event:
        case Made() | Taken() | MakeFailed():
            made(turn, event)
        case Published():
            published(turn, event)
        case PublishFailed():
            not_published(turn, event)
        case Looked():
            seen(turn, event)
        case CanaryPassed() | CanaryFailed():
            canary(turn, event)
        case Switched():
            switched(turn, event)
        case PrivatePublished():
            private_published(turn, event)
        case Told():
            told(turn, event)
        case ShareFell():
            share_fell(turn, event)
        case _:
            return False
    return True


def _take_command(turn: Turn, event: Event) -> None:
    match event:
        case Pause():
            turn.change(paused=True)
        case Resume():
            resume(turn)
        case RotateNow():
            turn.change(rotate=True)
        case RollBack():
            roll_back(turn, event)
        case Retire():
            retire(turn, event)
        case Revoke():
            revoke(turn, event)
        case Emergency():
            emergency(turn, event)
        case Reschedule():
            turn.change(schedule=event.schedule)
        case _:
            pass  # a tick: time has passed, and that is all
