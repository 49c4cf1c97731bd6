"""The state of a rotation: the keys of one domain and algorithm, and what is known of each.

Everything that a decision needs is here, so that a process that died goes on from what a store
kept.  Spans and marks of the steady clock (`elapsed`) decide; times of the wall clock are shown.
"""

from __future__ import annotations

from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.schedule import Moment, Schedule
from avowal.names import DomainName, Selector
from avowal.valueclass import value


@value
class Evidence:
    """What looks have shown of one record.  Marks are in the rotation's `elapsed` seconds.

    `number` counts the looks that came in, `at` is the last of them.  `since` is the first of
    an unbroken row of complete looks in which every one of `servers` showed what was wanted,
    None if the last did not; `until` is the last of that row.  `contrary` is the longest TTL
    of an answer that said otherwise, `ttl` that of one that did not.  `problem` says what the
    last look found wrong.
    """

    number: int = 0
    at: int | None = None
    since: int | None = None
    until: int | None = None
    servers: tuple[str, ...] = ()
    contrary: int = 0
    ttl: int = 0
    problem: str | None = None


@value
class RotatedKey:
    """One key in a rotation.

    `stands` is the text that whoever writes the zone last said to have ("" that nothing stands
    there, None that nothing is known); `tried` is when they last could not be told.
    `stopped` is when those who sign were last known to have let go of it, None for a key that
    never signed.  `times` are the states it came into and when, by the wall clock.
    """

    key: ManagedKey
    evidence: Evidence = Evidence()
    entered: int = 0  # its state, in `elapsed`
    stands: str | None = None
    tried: int | None = None
    failures: int = 0
    canaries: int = 0
    canary_tried: int | None = None
    canary_passed: bool = False
    signed: bool = False
    stopped: int | None = None
    stolen: bool = False
    private_published: bool = False
    times: tuple[tuple[KeyState, int], ...] = ()

    @property
    def selector(self) -> Selector:
        """Its selector."""
        return self.key.selector

    @property
    def state(self) -> KeyState:
        """Its state."""
        return self.key.state


@value
class Trouble:
    """Something the operator has to know, until it is over; `told` once they do."""

    name: str
    text: str
    told: bool = False


@value
class Rotation:
    """The keys of one domain and algorithm.

    `keys` stand in the order they were made in.  `making` is the selector of a pair that is
    being made.  `taken` are names that other keys had.  `halted` says why the rotation stopped
    by itself; `rotate` that the signing key is to be followed now.  `handed` is the selector
    that those who sign have ("" for none).  `elapsed` counts the seconds that surely passed
    since the rotation began; `marks` are the clocks it was counted by.
    """

    domain: DomainName
    algorithm: str
    schedule: Schedule
    keys: tuple[RotatedKey, ...] = ()
    making: Selector | None = None
    make_tried: int | None = None
    taken: frozenset[str] = frozenset()
    paused: bool = False
    halted: str | None = None
    rotate: bool = False
    handed: str = ""
    elapsed: int = 0
    wall: int = 0
    marks: tuple[tuple[Moment, int], ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def signing(self) -> RotatedKey | None:
        """The key that signs."""
        return next((one for one in self.keys if one.state is KeyState.SIGNING), None)

    def key(self, selector: Selector) -> RotatedKey | None:
        """The key of a selector."""
        return next((one for one in self.keys if one.selector.ascii == selector.ascii), None)
