"""What is to be done, derived from the state of a rotation alone.

Whatever is asked for is asked for again until its answer came, so nothing is lost with the
process that was at it.  The order is that of urgency.
"""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_actions import (
    Action,
    Alert,
    Look,
    Make,
    Publish,
    PublishPrivate,
    PublishRevoked,
    SendCanary,
    Sign,
    Withdraw,
)
from avowal.keys.rotation_evidence import is_occupied, is_visible, wait_of
from avowal.keys.rotation_rules import (
    drain_left,
    is_proven,
    may_go_on,
    publishes_private,
    until_due,
)
from avowal.keys.rotation_state import RotatedKey, Rotation

_IDLE = 3600  # seconds


def pending_actions(rotation: Rotation) -> Iterator[Action]:
    """Give every action that waits for its answer."""
    signing = rotation.signing
    if rotation.handed != ("" if signing is None else signing.selector.ascii):
        yield Sign(selector=None if signing is None else signing.selector)
    for key in sorted(rotation.keys, key=lambda key: not key.stolen):
        yield from _of_zone(key, rotation)
    for key in rotation.keys:
        if is_look_due(key, rotation):
            yield Look(selector=key.selector, number=key.evidence.number + 1)
    for key in rotation.keys:
        yield from _of_key(key, rotation)
    if rotation.making is not None and _is_time(rotation.make_tried, rotation):
        bits = rotation.schedule.bits if rotation.algorithm.startswith("rsa") else None
        yield Make(
            selector=rotation.making,
            algorithm=rotation.algorithm,
            bits=bits,
            number=rotation.made + 1,
        )
    for trouble in rotation.troubles:
        if not trouble.told:
            yield Alert(name=trouble.name, text=trouble.text)


def _of_zone(key: RotatedKey, rotation: Rotation) -> Iterator[Action]:
    """Have the zone say what it has to."""
    if key.state is KeyState.GONE and not key.stands:
        return
    record = key.record
    if key.stands == (record or "") or not _is_time(key.tried, rotation):
        return
    if record is None:
        if key.stands is not None:  # what was never published is not taken away
            yield Withdraw(selector=key.selector)
    elif key.state is KeyState.REVOKED:
        yield PublishRevoked(selector=key.selector, record=record)
    elif key.state is not KeyState.PREPARED or is_free(key, rotation):
        yield Publish(selector=key.selector, record=record)


def _of_key(key: RotatedKey, rotation: Rotation) -> Iterator[Action]:
    if key.state is KeyState.CANARY and key.canary_looks is None:
        if may_go_on(rotation) and _is_time(key.canary_tried, rotation):
            yield SendCanary(selector=key.selector, number=key.canaries + 1)
    elif (
        key.state is KeyState.REVOKED
        and publishes_private(key, rotation)
        and not key.private_published
        and is_visible(key, rotation)
    ):
        yield PublishPrivate(selector=key.selector)


def is_free(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether a new key may be published: the servers were asked what stands there before.

    What they say tells how long caches may go on saying so; a key that is not ours stays.
    """
    return may_go_on(rotation) and key.evidence.surveyed and not is_occupied(key)


def is_look_due(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether a record is to be looked at now."""
    left = look_left(key, rotation)
    return left is not None and left <= 0


def look_left(key: RotatedKey, rotation: Rotation) -> int | None:
    """Return in how many seconds a record is to be looked at; None for never."""
    if key.state is KeyState.GONE:
        return None
    evidence = key.evidence
    if evidence.at is None:
        return 0
    if key.canary_looks is not None and key.state is KeyState.CANARY and not is_proven(key):
        return 0
    settled = is_visible(key, rotation) and key.state is not KeyState.CANARY
    every = rotation.schedule.watch_every if settled else rotation.schedule.look_every
    due = evidence.at + every
    if evidence.since is not None:  # once it may count; a look that does not is no reason to hurry
        proven = evidence.since + wait_of(key, rotation)
        due = min(due, proven) if evidence.at < proven else due
    return due - rotation.elapsed


def seconds_left(rotation: Rotation, most: int = _IDLE) -> int:
    """Return in how many seconds there may be something to do; at most an hour."""
    waits = [most]
    for key in rotation.keys:
        tried = [at for at in (key.tried, key.canary_tried) if at is not None]
        waits += [at + rotation.schedule.retry_every - rotation.elapsed for at in tried]
        waits += [left for left in (look_left(key, rotation), drain_of(key, rotation)) if left]
    due = until_due(rotation)
    waits += [] if due is None else [due, due - rotation.schedule.lead]
    if rotation.make_tried is not None:
        waits.append(rotation.make_tried + rotation.schedule.retry_every - rotation.elapsed)
    return min(one for one in waits if one > 0)


def drain_of(key: RotatedKey, rotation: Rotation) -> int | None:
    """Return in how many seconds a key that signs no more goes on to its next state."""
    if key.state is KeyState.DRAINING:
        return drain_left(key, rotation)
    if key.state is KeyState.REVOKED:
        return key.entered + rotation.schedule.revoked_for - rotation.elapsed
    return None


def _is_time(tried: int | None, rotation: Rotation) -> bool:
    """Whether what failed is to be tried again."""
    return tried is None or rotation.elapsed - tried >= rotation.schedule.retry_every
