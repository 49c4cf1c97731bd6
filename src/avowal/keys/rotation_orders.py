"""What operators do to the rotations of a store; whoever runs them acts on it.

Nothing here publishes, looks or signs: a command changes the state, with an entry in the
audit log, and `avowal.keys.rotation_runner` does what follows.
"""

from __future__ import annotations

from dataclasses import replace

from avowal.errors import UsageError
from avowal.keys import rotation_events as events
from avowal.keys.audit import deed
from avowal.keys.rotation import advance, begin
from avowal.keys.rotation_document import read_rotation, write_rotation
from avowal.keys.rotation_state import Rotation
from avowal.keys.schedule import Moment, Schedule
from avowal.keys.store import Change, KeptRotation, KeyStore
from avowal.names import DomainName


def enrol(
    store: KeyStore,
    domain: DomainName,
    algorithm: str,
    schedule: Schedule,
    *,
    now: Moment,
    who: str,
) -> Rotation:
    """Begin a rotation in a store, with the keys of the domain that it has.

    Raises UsageError, ConflictError where there is one already, StoreError.
    """
    there = store.keys(domain)
    keys = [key for key in there if key.algorithm == algorithm]
    taken = {key.selector.ascii for key in there if key.algorithm != algorithm}
    rotation = begin(domain, algorithm, schedule, now, keys=keys, taken=taken)
    kept = KeptRotation(
        domain=domain, algorithm=algorithm, version=0, state=write_rotation(rotation)
    )
    said = deed("rotation", f"{domain.ascii} {algorithm}", command="schedule")
    store.commit(Change(who=who, at=now.wall, deeds=(said,), rotations=(kept,)))
    return rotation


def end(store: KeyStore, kept: KeptRotation, now: Moment, who: str) -> Rotation:
    """Look after a rotation no more: its keys stay as they are, in the store and in DNS.

    Returns what it was.  Raises UsageError while a stolen key is not revoked yet, ConflictError
    where somebody wrote meanwhile, StoreError.
    """
    rotation = read_rotation(kept.state)
    stolen = [one for one in rotation.keys if one.stolen and one.stands != (one.record or "")]
    if stolen:
        raise UsageError(
            f"{stolen[0].key.name} is stolen, and its record is not revoked yet: end the rotation"
            " when it is"
        )
    subject = f"{kept.domain.ascii} {kept.algorithm}"
    said = deed("rotation", subject, command="schedule --off")
    store.commit(Change(who=who, at=now.wall, deeds=(said,), ended=(kept,)))
    return rotation


def command(
    store: KeyStore, kept: KeptRotation, event: events.Event, now: Moment, who: str
) -> Rotation:
    """Work an operator's command in, and write it; whoever runs the rotation acts on it.

    Raises UsageError for one that would break a rule, ConflictError where somebody wrote
    meanwhile, StoreError.
    """
    before = read_rotation(kept.state)
    step = advance(before, event, now)
    old, what = {one.key for one in before.keys}, type(event).__name__
    subject = f"{kept.domain.ascii} {kept.algorithm}"
    store.commit(
        Change(
            who=who,
            at=now.wall,
            deeds=tuple(
                deed("rotation", subject, command=what, said=said) for said in step.notes or (what,)
            ),
            rotations=(replace(kept, state=write_rotation(step.rotation)),),
            keys=tuple(one.key for one in step.rotation.keys if one.key not in old),
        )
    )
    return step.rotation
