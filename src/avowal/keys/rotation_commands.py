"""What an operator commands, and when it has to be refused.

A command that would break a rule raises UsageError, with what to do in its place.
"""

from __future__ import annotations

from avowal.errors import UsageError
from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_events import Emergency, Retire, Revoke, RollBack
from avowal.keys.rotation_rules import drain_left
from avowal.keys.rotation_state import COMING, RotatedKey
from avowal.keys.rotation_turn import Turn
from avowal.keys.schedule import WhenStolen
from avowal.names import Selector
from avowal.text import lasting


def resume(turn: Turn) -> None:
    """Go on; a canary that failed is sent again."""
    turn.change(paused=False, halted=None)
    key = turn.rotation.successor
    if key is not None and key.state is KeyState.CANARY and key.canary_looks is None:
        turn.change_key(key, canary_tried=None, failure=None, failures=0)
    turn.note(f"{turn.rotation.domain}: goes on")


def roll_back(turn: Turn, event: RollBack) -> None:
    """Sign with the key before again, and halt."""
    signing = turn.rotation.signing
    before = turn.fallback(but=signing)
    if signing is None or before is None or before.state is not KeyState.DRAINING:
        raise UsageError(
            f"{turn.rotation.domain}: there is no key to go back to: none that signed before is"
            " still seen on every server"
        )
    turn.switch(before, event.why)
    turn.halt(event.why)


def retire(turn: Turn, event: Retire) -> None:
    """Follow a key that signs; give up one that never did."""
    key = _key(turn, event.selector)
    if key.state is KeyState.SIGNING:
        turn.change(rotate=True)
    elif key.state in COMING:
        _give_up(turn, key)
    elif key.state is not KeyState.DRAINING:
        raise UsageError(f"{key.key.name} is {key.state} already")


def revoke(turn: Turn, event: Revoke) -> None:
    """Revoke a key that nothing under way needs."""
    key = _key(turn, event.selector)
    if key.state in COMING:
        _give_up(turn, key)
        return
    if key.state is KeyState.SIGNING:
        raise UsageError(
            f"{key.key.name} signs: follow it first (rotate), or, if it is stolen, say so"
            " (emergency)"
        )
    if key.state is not KeyState.DRAINING:
        raise UsageError(f"{key.key.name} is {key.state} already")
    if turn.rotation.signing is None:
        raise UsageError(f"{key.key.name}: no other key signs, and this one may have to again")
    left = drain_left(key, turn.rotation)
    if left is None or left > 0:
        wait = "until those who sign let go of it" if left is None else f"for {lasting(left)}"
        raise UsageError(
            f"{key.key.name}: mail that it signed may be under way {wait}; if it is stolen, say so"
            " (emergency)"
        )
    turn.enter(key, KeyState.REVOKED, "an operator said so")


def emergency(turn: Turn, event: Emergency) -> None:
    """Mark keys as stolen; the rules leave and revoke them (docs/design/rotation.md)."""
    for selector in event.selectors:
        key = _key(turn, selector)
        if key.state is KeyState.GONE:
            raise UsageError(f"{key.key.name} is gone already")
        turn.change_key(key, stolen=True)
        turn.note(f"{key.key.name}: stolen")
    signing, choice = turn.rotation.signing, turn.rotation.schedule.when_stolen
    if signing is None or not signing.stolen:
        turn.change(urgent=turn.rotation.stopped)
        return
    turn.change(urgent=True)
    if choice is WhenStolen.STOP and turn.fallback(but=signing) is None:
        turn.switch(None, "stolen, and no other key is seen everywhere")


def _give_up(turn: Turn, key: RotatedKey) -> None:
    if key.state is KeyState.PREPARED and key.stands is None:
        turn.enter(key, KeyState.GONE, "given up before it was published")
    else:
        turn.enter(key, KeyState.REVOKED, "given up")


def _key(turn: Turn, selector: Selector) -> RotatedKey:
    if (key := turn.rotation.key(selector)) is None:
        raise UsageError(f"{turn.rotation.domain} has no key {selector.ascii} here")
    return key
