"""One event's work on a rotation: the rotation as it changes, and the notes for a log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_evidence import is_visible
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation
from avowal.keys.schedule import Moment

_CLOCKS_KEPT = 8  # of machines that ran the rotation last

# Which states a key may come into from each.  A key that servers stop showing waits again as
# published; one that drains may sign again when its successor has to give way.
NEXT = {
    KeyState.PREPARED: {KeyState.PUBLISHED, KeyState.REVOKED, KeyState.GONE},
    KeyState.PUBLISHED: {KeyState.SEEN, KeyState.REVOKED},
    KeyState.SEEN: {KeyState.PUBLISHED, KeyState.CANARY, KeyState.SIGNING, KeyState.REVOKED},
    KeyState.CANARY: {KeyState.PUBLISHED, KeyState.SIGNING, KeyState.REVOKED},
    KeyState.SIGNING: {KeyState.DRAINING, KeyState.REVOKED},
    KeyState.DRAINING: {KeyState.SIGNING, KeyState.REVOKED},
    KeyState.REVOKED: {KeyState.GONE},
    KeyState.GONE: set[KeyState](),
}


class Turn:
    """A rotation while one event is worked into it."""

    def __init__(self, rotation: Rotation, now: Moment) -> None:
        self.rotation = passed(rotation, now)
        self.wall = now.wall
        self.notes: list[str] = []

    @property
    def elapsed(self) -> int:
        """Seconds that surely passed since the rotation began."""
        return self.rotation.elapsed

    def note(self, text: str) -> None:
        """Say something to the log."""
        self.notes.append(text)

    def change(self, **fields: Any) -> None:
        """Change fields of the rotation."""
        self.rotation = replace(self.rotation, **fields)

    def change_key(self, key: RotatedKey, /, **fields: Any) -> RotatedKey:
        """Change fields of one of its keys; return it as it is now."""
        changed = replace(key, **fields)
        keys = self.rotation.keys
        self.change(
            keys=tuple(changed if one.selector.ascii == key.selector.ascii else one for one in keys)
        )
        return changed

    def enter(self, key: RotatedKey, state: KeyState, why: str) -> RotatedKey:
        """Bring a key into a state, and say why."""
        assert state in NEXT[key.state], f"{key.state} -> {state}"  # noqa: S101 - ours, not theirs
        self.note(f"{key.key.name}: {key.state} -> {state}: {why}")
        evidence = key.evidence
        if state is KeyState.REVOKED:  # from now on another text is wanted
            evidence = Evidence(number=evidence.number, contrary=evidence.ttl)
        return self.change_key(
            key,
            key=replace(key.key, state=state, since=self.wall),
            evidence=evidence,
            entered=self.elapsed,
            times=(*key.times, (state, self.wall)),
        )

    def switch(self, key: RotatedKey | None, why: str) -> None:
        """Sign with a key from now on, or with none; the one that signed drains."""
        before = self.rotation.signing
        if before is not None:
            state = KeyState.REVOKED if before.stolen else KeyState.DRAINING
            self.enter(before, state, why)
            before = self.rotation.key(before.selector)
            assert before is not None  # noqa: S101 - it was there a line ago
            self.change_key(before, stopped=None)
        if key is not None:
            first = self.elapsed if key.signed_since is None else key.signed_since
            key = self.enter(key, KeyState.SIGNING, why)
            self.change_key(key, signed_since=first, stopped=None)
            self.change(rotate=False, urgent=False)

    def halt(self, why: str) -> None:
        """Stop the rotation until an operator says to go on."""
        if self.rotation.halted is None:
            self.note(f"{self.rotation.domain}: halted: {why}")
            self.change(halted=why)

    def fallback(self, *, but: RotatedKey | None = None) -> RotatedKey | None:
        """Return a key that could sign at once: one that did before, else one that is to."""
        usable = [
            one
            for one in reversed(self.rotation.keys)
            if one.state in {KeyState.DRAINING, KeyState.SEEN, KeyState.CANARY}
            and not one.stolen
            and (but is None or one.selector.ascii != but.selector.ascii)
            and is_visible(one, self.rotation)
        ]
        return max(usable, key=lambda one: one.state is KeyState.DRAINING, default=None)


def passed(rotation: Rotation, now: Moment) -> Rotation:
    """Count the time that surely passed.

    Only differences of one machine's steady clock count.  They may be less than what passed
    (the machine was off, or another one acted), never more: whatever waits, waits long enough.
    """
    elapsed = rotation.elapsed
    for mark, then in rotation.marks:
        if mark.boot == now.boot and now.steady > mark.steady:
            elapsed = max(elapsed, then + now.steady - mark.steady)
    others = [one for one in rotation.marks if one[0].boot != now.boot]
    marks = (*others[1 - _CLOCKS_KEPT :], (now, elapsed))
    return replace(rotation, elapsed=elapsed, wall=now.wall, marks=marks)
