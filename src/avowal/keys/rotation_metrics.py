"""The rotations of a store as Prometheus' text form, for whoever watches them.

Times are those of a wall clock, in Unix seconds, so that the text changes only with the store:
an age is `time()` less such a number.  Domains that have series of their own are bounded; the
others are one series, `other`, with the worst of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_rules import until_due
from avowal.keys.rotation_state import RotatedKey, Rotation
from avowal.keys.rotation_troubles import KINDS
from avowal.keys.store import Lease
from avowal.valueclass import value

MOST_ROTATIONS: Final = 100
"""Rotations that have series of their own: those in trouble first, then by domain."""
_DIFFERS: Final = frozenset({"unseen", "lost", "occupied", "unrevoked"})
_SEEN: Final = frozenset({KeyState.SEEN, KeyState.CANARY, KeyState.SIGNING, KeyState.DRAINING})
_SERIES: Final = (
    ("signing_since_timestamp_seconds", "When the key that signs began to."),
    ("due_timestamp_seconds", "When the key that signs is to be followed."),
    ("halted", "1 for a rotation that halted by itself."),
    ("dns_differs", "1 where DNS shows another thing than the store wants."),
)


@value
class Gauges:
    """What is told of one rotation; times are None where no key signs."""

    domain: str
    algorithm: str
    since: int | None
    due: int | None
    differs: bool
    kinds: frozenset[str]

    @property
    def halted(self) -> bool:
        """Whether it halted by itself."""
        return "halted" in self.kinds


def gauges_of(rotation: Rotation) -> Gauges:
    """Return what is told of a rotation."""
    signing, left = rotation.signing, until_due(rotation)
    kinds = {one.name.partition(" ")[0] for one in rotation.troubles}
    return Gauges(
        domain=rotation.domain.ascii,
        algorithm=rotation.algorithm,
        since=None if signing is None else signing.key.since,
        due=None if signing is None else rotation.wall + (left or 0),
        differs=bool(kinds & _DIFFERS) or any(map(_is_lost, rotation.keys)),
        kinds=frozenset(kinds | ({"paused"} if rotation.paused else set())),
    )


def _is_lost(key: RotatedKey) -> bool:
    """Whether a record that was seen everywhere is not there any more."""
    return key.state in _SEEN and key.evidence.lost


def exposition(found: Iterable[Gauges], leader: Lease | None, read_at: int) -> str:
    """Return the text; `leader` is who ran the rotations last, `read_at` when this was read."""
    ordered = sorted(found, key=lambda one: (not one.kinds, one.domain, one.algorithm))
    counts = Counter(kind for one in ordered for kind in one.kinds)
    lines = [
        *_gauge("rotations", "Rotations in the store.", [("", len(ordered))]),
        *_gauge(
            "rotation_troubles",
            "Rotations with something to know, by its kind.",
            [(f'{{kind="{kind}"}}', counts[kind]) for kind in (*KINDS, "paused")],
        ),
        *_gauge(
            "rotation_store_read_timestamp_seconds",
            "When the store was read last.",
            [("", read_at)],
        ),
        *_gauge(
            "rotation_leader_until_timestamp_seconds",
            "Until when somebody runs the rotations.",
            [("", 0 if leader is None else leader.until)],
        ),
        *_of_rotations(ordered),
    ]
    return "\n".join([*lines, ""])


def _of_rotations(ordered: list[Gauges]) -> Iterator[str]:
    own, rest = ordered[:MOST_ROTATIONS], ordered[MOST_ROTATIONS:]
    rows = [(one.domain, one.algorithm, _numbers([one])) for one in own]
    if rest:
        rows.append(("other", "other", _numbers(rest)))
    for at, (name, text) in enumerate(_SERIES):
        samples = [
            (f'{{domain="{domain}",algorithm="{algorithm}"}}', number)
            for domain, algorithm, numbers in rows
            if (number := numbers[at]) is not None
        ]
        yield from _gauge(f"rotation_{name}", text, samples)


def _numbers(found: list[Gauges]) -> tuple[int | None, int | None, int, int]:
    """Return the worst of several rotations: the oldest times, and how many halted, or differ."""
    return (
        min((one.since for one in found if one.since is not None), default=None),
        min((one.due for one in found if one.due is not None), default=None),
        sum(one.halted for one in found),
        sum(one.differs for one in found),
    )


def _gauge(name: str, text: str, samples: list[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP avowal_{name} {text}"
    yield f"# TYPE avowal_{name} gauge"
    for labels, number in samples:
        yield f"avowal_{name}{labels} {number}"
