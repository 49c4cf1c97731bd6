"""What an operator has to know of a rotation, and what is to be done about it.

Troubles are derived from the state: they come, and go, with what they are about.  One that the
operator was told is not told again until it is over or says something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_evidence import is_occupied, shortened
from avowal.keys.rotation_rules import until_due
from avowal.keys.rotation_state import RotatedKey, Rotation, Trouble
from avowal.text import lasting

AGAIN = "It is tried again by itself"
KINDS = (
    "stopped",
    "halted",
    "unseen",
    "lost",
    "silent",
    "occupied",
    "unrevoked",
    "failing",
    "make",
    "held",
    "overdue",
    "stolen",
)
"""What troubles are called; behind the word of one about a key stands its selector."""
_FAILURES = 3  # in a row, until what fails is told; DNS and mail fail for a moment now and then


def troubles(rotation: Rotation) -> tuple[Trouble, ...]:
    """Return what is wrong now."""
    told = {(one.name, one.text): one.told for one in rotation.troubles}
    found = [
        *_of_rotation(rotation),
        *(one for key in rotation.keys for one in _of_key(key, rotation)),
    ]
    return tuple(
        Trouble(name=name, text=text, told=told.get((name, text), False)) for name, text in found
    )


def is_troubled(rotation: Rotation) -> bool:
    """Whether there is anything to know, or what was tried last failed, if only for a moment."""
    return bool(rotation.troubles) or any(key.failure is not None for key in rotation.keys)


def _of_rotation(rotation: Rotation) -> Iterator[tuple[str, str]]:
    what = f"{rotation.domain} ({rotation.algorithm})"
    late = until_due(rotation)
    if rotation.stopped:
        yield _trouble(
            "stopped",
            f"{what}: no key signs, mail leaves unsigned: no key is seen on every server.",
            "Signing goes on by itself as soon as one is; publish the records that",
            f"`avowal keys status {rotation.domain}` shows",
        )
    if rotation.halted is not None:
        signing = rotation.signing
        yield _trouble(
            "halted",
            f"{what}: the rotation halted: {rotation.halted}.",
            "" if signing is None else f"{signing.selector.ascii} signs.",
            f"When the cause is mended: avowal keys resume {rotation.domain}",
        )
    if rotation.make_failure is not None:
        yield _trouble("make", f"{what}: no key could be made: {rotation.make_failure}.", AGAIN)
    if late is not None and -late > rotation.schedule.patience and rotation.halted is None:
        yield _trouble(
            "overdue",
            f"{what}: the key signs for longer than the schedule says",
            "because the rotation is paused" if rotation.paused else "",
        )


def _of_key(key: RotatedKey, rotation: Rotation) -> Iterator[tuple[str, str]]:
    if key.state is KeyState.GONE:
        return
    name, what = key.selector.ascii, key.key.name
    late = rotation.elapsed - key.entered > rotation.schedule.patience
    if key.stolen and key.state is KeyState.SIGNING:
        yield _trouble(
            f"stolen {name}", f"{what} is stolen, and signs until a successor is seen everywhere"
        )
    yield from _of_record(key, rotation, late=late)
    if key.failure is not None and key.failures >= _FAILURES:
        yield _trouble(f"failing {name}", f"{what}: {key.failure}.", AGAIN)
    if key.state is KeyState.DRAINING and key.stopped is None and late:
        yield _trouble(f"held {name}", f"{what}: those who sign have not let go of it")


def _of_record(key: RotatedKey, rotation: Rotation, *, late: bool) -> Iterator[tuple[str, str]]:
    name, what, evidence = key.selector.ascii, key.key.name, key.evidence
    problem = evidence.problem and evidence.problem.removeprefix(f"{what}: ")  # named once
    if is_occupied(key):
        yield _trouble(
            f"occupied {name}",
            f"{what}: another key stands there: {shortened(evidence.other or '')}. It is left"
            " alone.",
            "Remove it, or take another selector:",
            f"avowal keys retire {rotation.domain} {name}",
        )
    elif key.state is KeyState.PUBLISHED and (late or evidence.other is not None):
        yield _trouble(
            f"unseen {name}",
            f"{what} is not seen everywhere: {problem or 'nobody looked'}.",
            f"Publish, on every server: {key.key.record}",
        )
    elif key.state.is_published and key.state is not KeyState.PUBLISHED and evidence.lost:
        yield _trouble(f"lost {name}", f"{what}: {problem}. Publish again: {key.key.record}")
    elif key.state.is_published and late and is_unconfirmed(key, rotation):
        mend = "Mend the server, or take it out of the zone"
        yield _trouble(
            f"silent {name}",
            f"{what}: {problem or 'nobody looked'}, for longer than",
            f"{lasting(rotation.schedule.patience)}.",
            "See that `avowal keys run` is running" if problem is None else mend,
        )
    elif key.state is KeyState.REVOKED and late and evidence.lost:
        yield _trouble(
            f"unrevoked {name}",
            f"{what} is revoked, but {problem}.",
            f"Publish, on every server: {key.record}",
        )


def is_unconfirmed(key: RotatedKey, rotation: Rotation) -> bool:
    """Whether it is long ago that every server was seen to show a record."""
    seen = key.evidence.until
    return seen is None or rotation.elapsed - seen > rotation.schedule.patience


def _trouble(name: str, *sentences: str) -> tuple[str, str]:
    return name, " ".join(filter(None, sentences))
