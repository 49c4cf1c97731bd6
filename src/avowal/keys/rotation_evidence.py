"""What a look proves: whether no cache that kept to its TTL can hold another answer.

Assumed of the world, and of nothing more: a server that showed the same at two looks in a row
showed it in between, and nobody keeps an answer longer than its TTL allows (for those who do,
the schedule has `shortest_wait`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.key import KeyRecord, read_record
from avowal.keys.differences import differences, publishes
from avowal.keys.lifecycle import KeyState, Sight
from avowal.keys.observation import Observation
from avowal.keys.rotation_events import Looked
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation
from avowal.text import printable

MOST_SHOWN = 8192  # characters of a record that is kept; a longer one is no key (Limits)
_QUOTED = 60  # characters of a record in a sentence


def looked(key: RotatedKey, event: Looked, elapsed: int) -> Evidence:
    """Return what is known of a key after a look; unchanged if it is no answer to the last `Look`.

    What a look was asked for is told by its number, so an answer that comes twice, or late,
    counts once.
    """
    before = key.evidence
    if event.number != before.number + 1:
        return before
    answers = [sight for sight in event.sights if sight.problem is None]
    silent = [sight for sight in event.sights if sight.problem is not None]
    wrong = [sight for sight in answers if not is_right(key, sight)]
    complete = event.complete and not silent and any(one.authoritative for one in answers)
    after = replace(
        before,
        number=event.number,
        at=elapsed,
        surveyed=before.surveyed or complete,
        contrary=max([before.contrary, *[sight.ttl for sight in wrong]]),
        ttl=max([before.ttl, *[sight.ttl for sight in answers if sight not in wrong]]),
        other=next((_kept(sight.record) for sight in wrong if sight.record is not None), None),
    )
    if wrong:
        return replace(
            after, since=None, until=None, servers=(), lost=True, problem=_wrong(key, wrong)
        )
    if not complete:
        return replace(after, problem=_silent(silent, event.problems))
    if key.signed_since is None and not before.fresh:  # what silence hid may be in caches
        after = replace(after, since=None)
    return _confirmed(after, tuple(sorted(sight.server for sight in answers)), elapsed)


def _confirmed(after: Evidence, servers: tuple[str, ...], elapsed: int) -> Evidence:
    """Lengthen the row, or begin one: a server that was not in it may have said otherwise."""
    goes_on = after.since is not None and set(servers) <= set(after.servers)
    since = after.since if goes_on else elapsed
    return replace(after, lost=False, problem=None, since=since, until=elapsed, servers=servers)


def is_right(key: RotatedKey, sight: Sight) -> bool:
    """Whether a server shows what has to stand there."""
    if key.state is KeyState.REVOKED:
        return sight.record is None or _is_revoked(sight.record)
    return sight.record is not None and _shows(sight.record, key.key.record, key.key.algorithm)


@lru_cache(maxsize=4096)
def _shows(shown: str, wanted: str, algorithm: str) -> bool:
    """Whether a record gives verifiers the same key, and lets it sign mail as well as ours does."""
    if not publishes(shown, wanted):
        return False
    there, ours = _read(shown), _read(wanted)
    if there is None or ours is None or there.line_breaks:
        return False
    # t=y makes nothing of a signature, t=s refuses identities in subdomains (RFC 6376 §3.6.1)
    usable = there.problem_for(ALGORITHMS[algorithm], "email") is None
    return usable and set(there.flags) <= set(ours.flags)


def _is_revoked(shown: str) -> bool:
    record = _read(shown)
    return record is not None and record.revoked


def _read(text: str) -> KeyRecord | None:
    record = read_record(text.encode("utf-8", "surrogateescape"))
    return record if isinstance(record, KeyRecord) else None


def wait_of(key: RotatedKey, rotation: Rotation) -> int:
    """Return how far apart the first and the last look of a row have to be.

    As long as any answer that said otherwise may be kept.  In an emergency that alone; else
    the schedule's `shortest_wait` at least.
    """
    if rotation.urgent and key.evidence.contrary:
        return key.evidence.contrary
    return max(key.evidence.contrary, rotation.schedule.shortest_wait)


def is_visible(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether every server shows a key, and no cache within its TTL holds anything else."""
    since, until = key.evidence.since, key.evidence.until
    if since is None or until is None:
        return False
    return until - since >= wait_of(key, rotation)


def _wrong(key: RotatedKey, sights: Sequence[Sight]) -> str:
    wanted = key.record or ""
    return "; ".join(sorted(_what_is_wrong(key, sight, wanted) for sight in sights))


def _what_is_wrong(key: RotatedKey, sight: Sight, wanted: str) -> str:
    if key.state is KeyState.REVOKED:
        return f"{sight.server}: still has {shortened(sight.record or '')}"
    if publishes(sight.record, wanted):
        return f"{sight.server}: has another h=, s= or t=: {shortened(sight.record or '')}"
    (sentence,) = differences(Observation(name=key.key.name, at=sight.at, sights=(sight,)), wanted)
    return sentence


def shortened(record: str) -> str:
    """Return a record as a sentence quotes it."""
    text = printable(record[: _QUOTED + 1])
    return text if len(record) <= _QUOTED else f"{text[:_QUOTED]}…"


def _kept(record: str) -> str:
    return record if len(record) <= MOST_SHOWN else shortened(record)


def _silent(sights: Sequence[Sight], problems: Sequence[str]) -> str:
    said = sorted([*problems, *(f"{sight.server}: {sight.problem}" for sight in sights)])
    return "; ".join(said) or "not every server was asked"


def is_occupied(key: RotatedKey) -> bool:
    """Whether a key record that is not ours stands where a new one is to be published."""
    if key.state is not KeyState.PREPARED or key.evidence.other is None:
        return False
    record = _read(key.evidence.other)  # text of another kind, such as a wildcard's, is none
    return record is not None and not record.revoked
