"""What came of an action, noted in a rotation."""

from __future__ import annotations

from dataclasses import replace

from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.rotation_events import (
    CanaryFailed,
    CanaryPassed,
    Looked,
    Made,
    MakeFailed,
    PrivatePublished,
    Published,
    PublishFailed,
    ShareFell,
    Switched,
    Taken,
    Told,
)
from avowal.keys.rotation_evidence import looked
from avowal.keys.rotation_state import RotatedKey
from avowal.keys.rotation_turn import Turn
from avowal.names import Selector


def made(turn: Turn, event: Made | Taken | MakeFailed) -> None:
    """Take in the new pair, or look for another name."""
    rotation = turn.rotation
    if rotation.making is None or rotation.making.ascii != event.selector.ascii:
        return  # an answer to what is over
    if isinstance(event, MakeFailed):
        turn.change(make_tried=turn.elapsed, make_failure=event.why)
        return
    turn.change(making=None, make_tried=None, make_failure=None)
    if isinstance(event, Taken):
        turn.change(taken=rotation.taken | {event.selector.ascii})
        return
    key = ManagedKey(
        domain=rotation.domain,
        selector=event.selector,
        algorithm=rotation.algorithm,
        record=event.record,
        private=event.private,
        state=KeyState.PREPARED,
        since=turn.wall,
        created=turn.wall,
        bits=event.bits,
    )
    times = ((KeyState.PREPARED, turn.wall),)
    new = RotatedKey(key=key, entered=turn.elapsed, times=times)
    others = [one for one in rotation.keys if not _same(one, event.selector)]  # one that is gone
    turn.change(keys=(*others, new), made=rotation.made + 1)
    turn.note(f"{key.name}: a key was made")


def published(turn: Turn, event: Published) -> None:
    """Note what whoever writes the zone has now."""
    key = turn.rotation.key(event.selector)
    if key is None:
        return
    key = turn.change_key(key, stands=event.record or "", tried=None, failure=None, failures=0)
    if key.state is KeyState.PREPARED and event.record == key.key.record:
        turn.enter(key, KeyState.PUBLISHED, "whoever writes the zone has it")


def not_published(turn: Turn, event: PublishFailed) -> None:
    """Note that it has to be tried again."""
    if (key := turn.rotation.key(event.selector)) is not None:
        turn.change_key(key, tried=turn.elapsed, failure=event.why, failures=key.failures + 1)
        turn.note(f"{key.key.name}: not published: {event.why}")


def seen(turn: Turn, event: Looked) -> None:
    """Note what a look showed; what servers lost is to be published again."""
    key = turn.rotation.key(event.selector)
    if key is None:
        return
    after = looked(key, event, turn.elapsed)
    if after.problem is not None and after.problem != key.evidence.problem:
        turn.note(f"{key.key.name}: {after.problem}")
    was_there = key.state not in {KeyState.PREPARED, KeyState.PUBLISHED, KeyState.REVOKED}
    lost = after.lost and not key.evidence.lost and was_there
    turn.change_key(key, evidence=after, stands=None if lost else key.stands)


def canary(turn: Turn, event: CanaryPassed | CanaryFailed) -> None:
    """Note whether the first message with a key verified; halt if the key is at fault."""
    key = turn.rotation.key(event.selector)
    if key is None or key.state is not KeyState.CANARY or event.number != key.canaries + 1:
        return
    passed = isinstance(event, CanaryPassed)
    turn.change_key(
        key,
        canaries=event.number,
        canary_tried=turn.elapsed,
        canary_looks=key.evidence.number if passed else None,
        failure=None if isinstance(event, CanaryPassed) else event.why,
        failures=0 if passed else key.failures + 1,
    )
    if isinstance(event, CanaryFailed) and not event.temporary:
        turn.halt(f"a message signed with {key.key.name} did not verify: {event.why}")


def switched(turn: Turn, event: Switched) -> None:
    """Note which key those who sign have; what they let go of drains from now on."""
    turn.change(handed="" if event.selector is None else event.selector.ascii)
    for key in turn.rotation.keys:
        held = _same(key, event.selector)
        if key.signed_since is None or (key.state is KeyState.SIGNING and not held):
            continue
        if held:
            turn.change_key(key, stopped=None)
        elif key.stopped is None:
            turn.change_key(key, stopped=turn.elapsed)


def private_published(turn: Turn, event: PrivatePublished) -> None:
    """Note that a private half is public."""
    if (key := turn.rotation.key(event.selector)) is not None:
        turn.change_key(key, private_published=True)
        turn.note(f"{key.key.name}: its private half is published")


def told(turn: Turn, event: Told) -> None:
    """Note that the operator knows."""
    troubles = turn.rotation.troubles
    turn.change(
        troubles=tuple(
            replace(one, told=True) if one.name == event.name else one for one in troubles
        )
    )


def share_fell(turn: Turn, event: ShareFell) -> None:
    """Go back to the key before, by the evidence of a receiver."""
    key = turn.rotation.signing
    if key is None or not _same(key, event.selector):
        return
    why = f"{event.receiver}: {event.evidence}"
    turn.halt(why)
    before = turn.fallback(but=key)
    if before is not None and before.state is KeyState.DRAINING:
        turn.switch(before, why)


def _same(key: RotatedKey, selector: Selector | None) -> bool:
    return selector is not None and key.selector.ascii == selector.ascii
