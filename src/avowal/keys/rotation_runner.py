"""Running rotations: a store's states go through the machine, and what it asks for is done.

One host acts at a time, by the store's lease; whoever takes over goes on from what the store
has.  Each answer is worked in and written before the next action is begun, together with its
entry in the audit log: a process may die anywhere.  What only moves a clock is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from avowal.errors import AvowalError
from avowal.keys import rotation_actions as actions
from avowal.keys import rotation_events as events
from avowal.keys.audit import deed
from avowal.keys.health import falls
from avowal.keys.lifecycle import KeyState, ManagedKey, Sight
from avowal.keys.observation import Observation
from avowal.keys.publishing import Publisher, PublishError
from avowal.keys.rotation import advance, pending
from avowal.keys.rotation_document import read_rotation, write_rotation
from avowal.keys.rotation_evidence import is_visible
from avowal.keys.rotation_pending import seconds_left
from avowal.keys.rotation_state import Rotation, revoked_text
from avowal.keys.schedule import DAY, Moment
from avowal.keys.store import Change, ConflictError, KeptRotation, KeyStore, Lease
from avowal.names import DomainName, Selector, key_name
from avowal.valueclass import value

LEASE = "rotation"
_HEALTH_DAYS = 60  # of reports that are compared


class Looks(Protocol):
    """Asks every server about a name (`avowal.keys.observation.Observer`)."""

    def look(self, name: str) -> Observation: ...


@value
class Hands:
    """What carries actions out; each may wait.

    `make` makes a key pair, or finds the one that it made for the selector before, and raises
    AvowalError; `canary` returns why a message signed with a key does not verify, None if it
    does, and whether that may pass; `expose` publishes a private half; `tell` tells the operator.
    """

    publisher: Publisher
    observer: Looks
    make: Callable[[DomainName, actions.Make], events.Made]
    canary: Callable[[ManagedKey], tuple[str | None, bool]]
    expose: Callable[[ManagedKey], None]
    tell: Callable[[str], None]


class Runner:
    """Works on the rotations of a store."""

    def __init__(
        self,
        store: KeyStore,
        hands: Hands,
        clock: Callable[[], Moment],
        *,
        who: str,
        holder: str,
        lease_seconds: int = 300,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._hands = hands
        self._clock = clock
        self._who = who
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._note = note
        self._lease: Lease | None = None
        self._kept: dict[tuple[str, str], tuple[KeptRotation, Rotation]] = {}

    def run(self) -> int | None:
        """Do what is due now; return in how many seconds to come back, None if another host acts.

        Raises StoreError where the store cannot be read or written.
        """
        if not self._lead():
            return None
        waits = [self._work(kept) for kept in self._store.rotations()]
        return max(min(waits, default=self._lease_seconds), 1)

    def _lead(self) -> bool:
        now, seconds = self._clock().wall, self._lease_seconds
        self._lease = self._store.take_lease(LEASE, self._holder, now=now, seconds=seconds)
        if self._lease is None:
            self._kept.clear()
        return self._lease is not None

    def release(self) -> None:
        """Let another host act at once."""
        if self._lease is not None:
            self._store.release(self._lease)
            self._lease = None

    def _work(self, kept: KeptRotation) -> int:
        """Bring one rotation on; return in how many seconds it wants more."""
        work = Work(self, kept, self._remembered(kept))
        try:
            work.round()
        except ConflictError as error:  # an operator's command came between: read again
            self._note(str(error))
            self._kept.pop((kept.domain.ascii, kept.algorithm), None)
            return 1
        self._kept[kept.domain.ascii, kept.algorithm] = work.kept, work.rotation
        return seconds_left(work.rotation)

    def _remembered(self, kept: KeptRotation) -> Rotation:
        """Return the rotation, with what was seen since it was written if nobody wrote since."""
        there = self._kept.get((kept.domain.ascii, kept.algorithm))
        if there is not None and there[0] == kept:
            return there[1]
        return read_rotation(kept.state)


class Work:
    """One rotation of a store, while it is brought on."""

    def __init__(self, runner: Runner, kept: KeptRotation, rotation: Rotation) -> None:
        self._runner = runner
        self.kept = kept
        self.rotation = rotation

    def round(self) -> None:
        """Take the time, and do everything that waits, once."""
        self.take(events.Tick())
        done: set[actions.Action] = set()
        self._act(done)
        domain, since = self.rotation.domain.ascii, self.rotation.wall // DAY - _HEALTH_DAYS
        rows = self._runner._store.shares(domain, since)
        for fall in falls(self.rotation, rows):
            self.take(fall)
        self._act(done)  # who signs, and the operator, hear of a fall at once

    def _act(self, done: set[actions.Action]) -> None:
        while left := [a for a in pending(self.rotation, self._runner._clock()) if a not in done]:
            done.add(left[0])
            if (event := self._perform(left[0])) is not None:
                self.take(event)

    def take(self, event: events.Event) -> None:
        """Work an event in, and write what came of it."""
        before = self.rotation
        step = advance(before, event, self._runner._clock())
        for note in step.notes:
            self._runner._note(note)
        self.rotation = step.rotation
        sights = _sights(event, before.domain)
        if _weighs(before) != _weighs(step.rotation):
            self._commit(before, step.notes or (type(event).__name__,), sights)
        elif sights:
            self._write(Change(who=self._runner._who, at=step.rotation.wall, sights=sights))

    def _commit(
        self, before: Rotation, said: Iterable[str], sights: tuple[tuple[str, Sight], ...]
    ) -> None:
        after, old = self.rotation, {one.key for one in before.keys}
        state, subject = write_rotation(after), f"{after.domain.ascii} {after.algorithm}"
        self._write(
            Change(
                who=self._runner._who,
                at=after.wall,
                deeds=tuple(deed("rotation", subject, said=one) for one in said),
                rotations=(replace(self.kept, state=state),),
                keys=tuple(one.key for one in after.keys if one.key not in old),
                sights=sights,
            )
        )
        self.kept = replace(self.kept, version=self.kept.version + 1, state=state)

    def _write(self, change: Change) -> None:
        self._runner._store.commit(replace(change, lease=self._runner._lease))

    # -- actions -------------------------------------------------------------------------

    def _perform(self, action: actions.Action) -> events.Event | None:
        match action:
            case actions.Make():
                return self._make(action)
            case actions.Publish() | actions.PublishRevoked():
                return self._publish(action.selector, action.record)
            case actions.Withdraw():
                return self._publish(action.selector, None)
            case actions.Look():
                return self._look(action)
            case actions.SendCanary():
                return self._canary(action)
            case actions.Sign():
                return events.Switched(selector=action.selector)
            case actions.PublishPrivate():
                return self._expose(action)
            case actions.Alert():
                self._runner._hands.tell(action.text)
                return events.Told(name=action.name)

    def _make(self, action: actions.Make) -> events.Event:
        if action.selector.ascii in _used(self._runner._store, self.rotation):
            return events.Taken(selector=action.selector)
        try:
            return self._runner._hands.make(self.rotation.domain, action)
        except (AvowalError, OSError) as error:
            return events.MakeFailed(selector=action.selector, why=str(error))

    def _publish(self, selector: Selector, record: str | None) -> events.Event:
        name = key_name(selector, self.rotation.domain)
        managed = self._runner._store.keys()
        standing = {one.name: text for one in managed if (text := _text(one)) is not None}
        standing.pop(name, None)
        if record is not None:
            standing[name] = record
        try:
            publication = self._runner._hands.publisher.publish({name: record}, standing)
        except (PublishError, OSError) as error:
            return events.PublishFailed(selector=selector, why=str(error))
        self._runner._note(f"{name}: {publication.told if publication.written else 'told'}")
        return events.Published(selector=selector, record=record)

    def _look(self, action: actions.Look) -> events.Event:
        seen = self._runner._hands.observer.look(key_name(action.selector, self.rotation.domain))
        return events.Looked(
            selector=action.selector,
            number=action.number,
            sights=tuple(_lasting(sight, seen.negative_ttl) for sight in seen.sights),
            complete=seen.is_whole,
            problems=seen.problems,
        )

    def _canary(self, action: actions.SendCanary) -> events.Event:
        key = self.rotation.key(action.selector)
        assert key is not None  # noqa: S101 - the rotation asked for it
        try:
            why, temporary = self._runner._hands.canary(key.key)
        except AvowalError as error:  # the key cannot be opened
            why, temporary = str(error), False
        if why is None:
            return events.CanaryPassed(selector=action.selector, number=action.number)
        return events.CanaryFailed(
            selector=action.selector, number=action.number, why=why, temporary=temporary
        )

    def _expose(self, action: actions.PublishPrivate) -> events.Event | None:
        key = self.rotation.key(action.selector)
        assert key is not None  # noqa: S101 - the rotation asked for it
        try:
            self._runner._hands.expose(key.key)
        except (AvowalError, OSError) as error:
            self._runner._note(f"{key.key.name}: its private half is not published: {error}")
            return None
        return events.PrivatePublished(selector=action.selector)


def _weighs(rotation: Rotation) -> object:
    """Return what has to be written when it changes: everything but clocks and equal looks."""
    keys = tuple(
        replace(key, evidence=replace(key.evidence, number=0, at=None, until=None))
        for key in rotation.keys
    )
    visible = [is_visible(key, rotation) for key in rotation.keys]
    return replace(rotation, keys=keys, elapsed=0, wall=0, marks=()), visible


def _sights(event: events.Event, domain: DomainName) -> tuple[tuple[str, Sight], ...]:
    if not isinstance(event, events.Looked):
        return ()
    name = key_name(event.selector, domain)
    return tuple((name, sight) for sight in event.sights)


def _lasting(sight: Sight, negative_ttl: int) -> Sight:
    """Return a sight with the TTL that caches may keep it for, not what one cache has left."""
    if sight.record is not None or sight.problem is not None:
        return sight
    return replace(sight, ttl=max(sight.ttl, negative_ttl))


def _used(store: KeyStore, rotation: Rotation) -> Iterator[str]:
    """Give every selector that any key of a domain ever had; of fixed ones, those in use."""
    fixed = bool(rotation.schedule.selectors)
    for key in store.keys(rotation.domain):
        if not fixed or key.state is not KeyState.GONE:
            yield key.selector.ascii
    archived = () if fixed else store.archived(rotation.domain.ascii)
    yield from (key.selector.lower() for key in archived)


def _text(key: ManagedKey) -> str | None:
    """Return what has to stand in DNS of a key."""
    if key.state is KeyState.REVOKED:
        return revoked_text(key.algorithm)
    return key.record if key.state.is_published else None
