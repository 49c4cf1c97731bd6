"""The rules of a rotation: what follows from its state, whatever event came.

Each rule looks at the state and changes it, or does not.  `settle` goes through them until none
changes anything.  The order is that of urgency: mail first, then the next key, then the old ones.
"""

from __future__ import annotations

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_evidence import is_visible
from avowal.keys.rotation_state import RotatedKey, Rotation
from avowal.keys.rotation_turn import Turn
from avowal.keys.schedule import jitter, next_selector
from avowal.names import Selector

_ROUNDS = 20  # no chain of changes is half as long


def settle(turn: Turn, seen: Selector | None = None) -> None:
    """Do what follows; `seen` is the selector that was looked at just now."""
    for _ in range(_ROUNDS):
        before = turn.rotation
        for rule in RULES:
            rule(turn)
        if seen is not None:
            _switch_when_proven(turn, seen)
        if turn.rotation is before:
            return
    raise AssertionError(f"the rules do not come to rest: {turn.notes[-4:]}")


def protect_mail(turn: Turn) -> None:
    """Sign with no key that a server stopped showing, or shows otherwise."""
    signing = turn.rotation.signing
    if signing is None or not signing.evidence.lost:
        return
    why = f"{signing.key.name}: {signing.evidence.problem}"
    if not signing.stolen:
        turn.halt(why)
    turn.switch(turn.fallback(but=signing), why)


def sign_again(turn: Turn) -> None:
    """Sign as soon as any key may, where mail leaves unsigned."""
    if turn.rotation.stopped and (key := turn.fallback()) is not None:
        turn.switch(key, "every server shows it")


def leave_stolen(turn: Turn) -> None:
    """Switch away from a stolen key as soon as any other may sign."""
    signing = turn.rotation.signing
    if signing is not None and signing.stolen and (key := turn.fallback(but=signing)) is not None:
        turn.switch(key, "the key before it is stolen")


def choose_successor(turn: Turn) -> None:
    """Have a next key made when its time has come."""
    rotation = turn.rotation
    if rotation.making is not None or rotation.successor is not None:
        return
    if may_go_on(rotation) and is_due(rotation, ahead=rotation.schedule.lead):
        selector = _free_selector(rotation, turn.wall)
        if selector is not None:
            turn.change(making=selector, make_tried=None)
            turn.note(f"{rotation.domain}: the next key is {selector.ascii}")


def _free_selector(rotation: Rotation, wall: int) -> Selector | None:
    """Return the next key's selector; a fixed one is free again once its key is gone."""
    fixed = bool(rotation.schedule.selectors)
    held = {one.selector.ascii for one in rotation.keys if not (fixed and _is_over(one))}
    return next_selector(rotation.schedule, rotation.algorithm, wall, rotation.taken | held)


def _is_over(key: RotatedKey) -> bool:
    """Whether nothing of a key stands anywhere any more."""
    return key.state is KeyState.GONE and not key.stands


def follow_records(turn: Turn) -> None:
    """Let a published key be seen, and one that servers stop showing wait again."""
    key = turn.rotation.successor
    if key is None or key.state is KeyState.PREPARED:
        return
    if key.state is KeyState.PUBLISHED:
        if key.evidence.since is not None:
            turn.enter(key, KeyState.SEEN, "every server shows it")
    elif key.evidence.lost:
        turn.change_key(key, canary_looks=None, canary_tried=None)
        again = turn.rotation.key(key.selector)
        assert again is not None  # noqa: S101 - it was there a line ago
        turn.enter(again, KeyState.PUBLISHED, str(key.evidence.problem))


def try_canary(turn: Turn) -> None:
    """Try a key once it is seen everywhere and its time has come."""
    rotation, key = turn.rotation, turn.rotation.successor
    if key is None or key.state is not KeyState.SEEN or not may_go_on(rotation):
        return
    if is_visible(key, rotation) and is_due(rotation):
        turn.enter(key, KeyState.CANARY, "no cache holds anything else")


def revoke_drained(turn: Turn) -> None:
    """Revoke a key once nothing that it signed is under way, and another one signs."""
    if turn.rotation.paused or turn.rotation.halted is not None or not is_served(turn.rotation):
        return
    for key in turn.rotation.keys:
        if key.state is KeyState.DRAINING and is_drained(key, turn.rotation):
            turn.enter(key, KeyState.REVOKED, "nothing that it signed is under way")


def revoke_stolen(turn: Turn) -> None:
    """Revoke stolen keys at once, but one that has to sign until a successor is seen."""
    for key in turn.rotation.keys:
        if key.stolen and key.state in NOT_YET_REVOKED:
            if key.state is KeyState.PREPARED and key.stands is None:
                turn.enter(key, KeyState.GONE, "stolen before it was published")
            else:
                turn.enter(key, KeyState.REVOKED, "stolen")


def let_go(turn: Turn) -> None:
    """Take the record of a revoked key away in the end."""
    rotation = turn.rotation
    for key in rotation.keys:
        if key.state is not KeyState.REVOKED or rotation.paused:
            continue
        over = rotation.elapsed - key.entered >= rotation.schedule.revoked_for
        told = key.private_published or not publishes_private(key, rotation)
        if over and told and is_visible(key, rotation):
            turn.enter(key, KeyState.GONE, "revoked everywhere, and long enough")


def _switch_when_proven(turn: Turn, seen: Selector) -> None:
    """Sign with a new key, at the moment that every server was seen to show it once more."""
    rotation, key = turn.rotation, turn.rotation.key(seen)
    if key is None or not key.evidence.fresh or not is_visible(key, rotation):
        return
    if key.state is KeyState.CANARY and may_go_on(rotation) and is_proven(key):
        turn.switch(key, "seen everywhere, and a message signed with it verified")


RULES = (
    leave_stolen,
    protect_mail,
    sign_again,
    revoke_stolen,
    choose_successor,
    follow_records,
    try_canary,
    revoke_drained,
    let_go,
)
NOT_YET_REVOKED = frozenset(
    {
        KeyState.PREPARED,
        KeyState.PUBLISHED,
        KeyState.SEEN,
        KeyState.CANARY,
        KeyState.DRAINING,
    }
)


# -- what the rules ask ----------------------------------------------------------------


def may_go_on(rotation: Rotation) -> bool:
    """Whether the next key may come nearer: a pause and a halt do not hold in an emergency."""
    return rotation.urgent or (not rotation.paused and rotation.halted is None)


def is_due(rotation: Rotation, *, ahead: int = 0) -> bool:
    """Whether the signing key is to be followed now, or in so many seconds."""
    return (until_due(rotation) or 0) <= ahead


def until_due(rotation: Rotation) -> int | None:
    """Return in how many seconds the signing key is to be followed; None without one, or now."""
    signing = rotation.signing
    if signing is None or rotation.rotate or rotation.urgent or signing.signed_since is None:
        return None
    earlier = jitter(rotation.schedule, rotation.domain, signing.selector.ascii)
    age = rotation.elapsed - signing.signed_since
    return rotation.schedule.rotate_every - earlier - age


def is_proven(key: RotatedKey) -> bool:
    """Whether a canary passed, and the record was looked at again since."""
    return key.canary_looks is not None and key.evidence.number > key.canary_looks


def is_served(rotation: Rotation) -> bool:
    """Whether a key signs that every server shows, and those who sign have it."""
    signing = rotation.signing
    if signing is None or signing.evidence.lost or signing.stolen:
        return False
    return rotation.handed == signing.selector.ascii and is_visible(signing, rotation)


def is_drained(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether nothing that a key signed can still be under way."""
    return (left := drain_left(key, rotation)) is not None and left <= 0


def drain_left(key: RotatedKey, rotation: Rotation) -> int | None:
    """Return for how many seconds mail may be under way; None while it may still be signed."""
    if key.stopped is None:
        return None
    longer = max(key.evidence.ttl - rotation.schedule.record_ttl, 0)
    return key.stopped + rotation.schedule.drain + longer - rotation.elapsed


def publishes_private(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether the private half is to be published in the end: of a key that was in use."""
    return rotation.schedule.publish_private and key.signed_since is not None
