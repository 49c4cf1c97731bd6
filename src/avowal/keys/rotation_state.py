"""The state of a rotation: the keys of one domain and algorithm, and what is known of each.

Everything that a decision needs is here, so that a process that died goes on from what a store
kept.  Spans and marks of the steady clock (`elapsed`) decide; times of the wall clock are shown.
"""

from __future__ import annotations

from typing import Final

from avowal.crypto.algorithms import ALGORITHMS
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.schedule import Moment, Schedule
from avowal.names import DomainName, Selector
from avowal.valueclass import value


def revoked_text(algorithm: str) -> str:
    """Return the record of a revoked key (RFC 6376 §3.6.1 p=)."""
    return f"v=DKIM1; k={ALGORITHMS[algorithm].key_type}; p="


COMING: Final = frozenset({KeyState.PREPARED, KeyState.PUBLISHED, KeyState.SEEN, KeyState.CANARY})
"""The states of a key that is to sign next."""


@value
class Evidence:
    """What looks have shown of one record.  Marks are in the rotation's `elapsed` seconds.

    `number` counts the looks that came in, `at` is the last of them; `surveyed` says that
    there was one in which every server answered.  `since` is the first of an unbroken row of
    complete looks in which every one of `servers` showed what was wanted, None if one did not;
    `until` is the last of that row.  `lost` says that the last answer said otherwise.
    `contrary` is the longest TTL of such an answer, `ttl` that of a right one.  `problem` says
    what the last look found wrong, `other` what stood there instead.
    """

    number: int = 0
    at: int | None = None
    surveyed: bool = False
    since: int | None = None
    until: int | None = None
    lost: bool = False
    servers: tuple[str, ...] = ()
    contrary: int = 0
    ttl: int = 0
    problem: str | None = None
    other: str | None = None

    @property
    def fresh(self) -> bool:
        """Whether the last look is one of the row: all of its answers were right."""
        return self.since is not None and self.at == self.until


@value
class RotatedKey:
    """One key in a rotation.

    `stands` is the text that whoever writes the zone last said to have ("" that nothing stands
    there, None that nothing is known); `tried` is when they last could not be told, `failure`
    why, `failures` how often in a row.  `canaries` counts those that were sent;
    `canary_looks` is how many looks there were when one passed, None while none has.
    `signed_since` is when it first signed, `stopped` when those who sign let go of it.
    `times` are the states it came into and when, by the wall clock.
    """

    key: ManagedKey
    evidence: Evidence = Evidence()
    entered: int = 0  # its state, in `elapsed`
    stands: str | None = None
    tried: int | None = None
    failure: str | None = None
    failures: int = 0
    canaries: int = 0
    canary_tried: int | None = None
    canary_looks: int | None = None
    signed_since: int | None = None
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

    @property
    def record(self) -> str | None:
        """The text that has to stand in DNS; None for none."""
        if self.state is KeyState.REVOKED:
            return revoked_text(self.key.algorithm)
        return None if self.state is KeyState.GONE else self.key.record


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
    being made, `made` how many were.  `taken` are names that other keys had.  `halted` says why
    the rotation stopped by itself; `rotate` that the signing key is to be followed now, `urgent`
    that this is because it is stolen.  `handed` is the selector that those who sign have ("" for
    none).  `elapsed` counts the seconds that surely passed
    since the rotation began; `marks` are the clocks it was counted by.
    """

    domain: DomainName
    algorithm: str
    schedule: Schedule
    keys: tuple[RotatedKey, ...] = ()
    making: Selector | None = None
    made: int = 0
    make_tried: int | None = None
    make_failure: str | None = None
    taken: frozenset[str] = frozenset()
    paused: bool = False
    halted: str | None = None
    rotate: bool = False
    urgent: bool = False
    handed: str = ""
    elapsed: int = 0
    wall: int = 0
    marks: tuple[tuple[Moment, int], ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def signing(self) -> RotatedKey | None:
        """The key that signs."""
        return next((one for one in self.keys if one.state is KeyState.SIGNING), None)

    @property
    def successor(self) -> RotatedKey | None:
        """The key that is to sign next."""
        return next((one for one in reversed(self.keys) if one.state in COMING), None)

    @property
    def stopped(self) -> bool:
        """Whether no key signs although one did once."""
        return self.signing is None and any(one.signed_since is not None for one in self.keys)

    def key(self, selector: Selector) -> RotatedKey | None:
        """The key of a selector."""
        return next((one for one in self.keys if one.selector.ascii == selector.ascii), None)
