"""The laws of a rotation hold in worlds where everything fails, and each guard is needed.

`python -m tests.laws.rotation_search` looks at more worlds than these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest
from tests.laws.rotation_judge import violations
from tests.laws.rotation_world import lived
from tests.rotating import SHORT, changing_course, selector

from avowal.keys import (
    rotation_evidence,
    rotation_pending,
    rotation_reports,
    rotation_rules,
    rotation_turn,
)
from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_events import Emergency, Looked, Resume
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation
from avowal.keys.rotation_turn import NEXT, Turn
from avowal.keys.schedule import Moment


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7, 22, 23, 414])  # those of the guards below
def test_no_law_is_broken_whatever_fails(seed: int) -> None:
    world = lived(seed, until=8000)
    assert list(violations(world)) == []


def test_a_key_is_not_revoked_while_no_other_signs() -> None:
    course = changing_course()
    course.take(Emergency(selectors=(selector("sb"),)))  # sa signs again, and then nobody sees it
    course.show("sa", None)
    course.deaf = {"ns1", "ns2"}
    course.run_until(lambda: course.signing is None)
    course.take(Resume())
    course.run(3 * SHORT.drain)
    assert course.state("sa") is KeyState.DRAINING


def test_keys_change_in_such_worlds_at_all() -> None:
    assert sum(lived(seed, until=4000, chaos=0.3).record.switches for seed in range(2)) >= 2


def test_no_key_takes_a_way_that_is_not_in_the_table() -> None:
    world = lived(7, until=6000)
    for key in world.rotation.keys:
        states = [state for state, _ in key.times]
        assert states[0] is KeyState.PREPARED
        assert all(after in NEXT[before] for before, after in pairwise(states))


# -- guards, taken away one by one -------------------------------------------------------

looked = rotation_evidence.looked


def nothing_is_waited_for(_key: RotatedKey, _rotation: Rotation) -> int:
    return 0


def published_unsurveyed(_key: RotatedKey, found: Rotation) -> bool:
    return rotation_rules.may_go_on(found)


def yes(*_: object) -> bool:
    return True


def silence_is_consent(key: RotatedKey, event: Looked, elapsed: int) -> Evidence:
    sights = tuple(sight for sight in event.sights if sight.problem is None)
    return looked(key, replace(event, sights=sights, complete=True), elapsed)


def one_server_is_enough(key: RotatedKey, event: Looked, elapsed: int) -> Evidence:
    return looked(key, replace(event, sights=event.sights[:1]), elapsed)


def by_the_wall(found: Rotation, now: Moment) -> Rotation:
    elapsed = max(found.elapsed, now.wall - 1_800_000_000)
    return replace(found, elapsed=elapsed, wall=now.wall)


def any_key_will_do(self: Turn, *, but: RotatedKey | None = None) -> RotatedKey | None:
    states = {KeyState.DRAINING, KeyState.SEEN, KeyState.CANARY}
    usable = [key for key in self.rotation.keys if key.state in states]
    others = [key for key in usable if key != but and not key.evidence.lost]
    return others[-1] if others else None


def nobody_looks_after_the_switch() -> Sequence[Callable[[Turn], None]]:
    return [rule for rule in rotation_rules.RULES if rule is not rotation_rules.protect_mail]


def visible_unless_revoked(key: RotatedKey, found: Rotation) -> bool:
    return key.state is KeyState.REVOKED or rotation_evidence.is_visible(key, found)


class Guard(NamedTuple):
    """What is replaced by what, the law that falls, and a world that may show it."""

    where: object
    name: str
    broken: object
    law: str
    seed: int


GUARDS = {
    "wait": Guard(rotation_evidence, "wait_of", nothing_is_waited_for, "R1", 0),
    "survey": Guard(rotation_pending, "is_free", published_unsurveyed, "R1", 1),
    "watch": Guard(rotation_rules, "RULES", nobody_looks_after_the_switch(), "R1", 0),
    "silence": Guard(rotation_reports, "looked", silence_is_consent, "R1", 23),
    "every server": Guard(rotation_reports, "looked", one_server_is_enough, "R1", 5),
    "way back": Guard(Turn, "fallback", any_key_will_do, "R1", 0),
    "drain": Guard(rotation_rules, "is_drained", yes, "R2", 3),
    "exposure": Guard(rotation_pending, "is_visible", visible_unless_revoked, "R5", 3),
    "clock": Guard(rotation_turn, "passed", by_the_wall, "R6", 0),
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_broken_guard_breaks_a_law(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which world shows it changes with every change of the machine: some near the hint does."""
    monkeypatch.setattr(guard.where, guard.name, guard.broken)
    worlds = (lived(seed, until=8000) for seed in (guard.seed, *range(40)))
    assert any(one.startswith(guard.law) for world in worlds for one in violations(world))
