"""A rotation in a world where everything fails: servers, clocks, actions, the process itself.

A seed names one world and all that happens in it, so that a violation is found again.  What
was decided and done is kept in a `Record` for the judge (`rotation_judge`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.laws.rotation_dns import BEGINNING, NEVER, Fault, Resolver, Server, Zone

from avowal.errors import UsageError
from avowal.keys import rotation_actions as actions
from avowal.keys import rotation_events as events
from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation import Rotation, advance, begin, pending
from avowal.keys.rotation_document import read_rotation, write_rotation
from avowal.keys.schedule import Moment, Schedule, WhenStolen
from avowal.names import DomainName, key_name

DOMAIN = DomainName.parse(b"example.com")
ALGORITHM = "ed25519-sha256"
LIVE = frozenset(KeyState) - {KeyState.REVOKED, KeyState.GONE}


@dataclass(slots=True)
class Span:
    """From when to when a key signed."""

    selector: str
    start: int
    end: int = NEVER


@dataclass(slots=True)
class Glance:
    """One answer of an authoritative server that came in."""

    server: str
    selector: str
    at: int
    known: int


@dataclass(slots=True)
class Record:
    """What happened: decisions, what those who sign did, and what was published when."""

    decided: list[Span] = field(default_factory=list)
    signed: list[Span] = field(default_factory=list)
    glances: list[Glance] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    private: dict[str, int] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    stolen: set[str] = field(default_factory=set)
    gaps: list[int] = field(default_factory=list)
    unserved: list[int] = field(default_factory=list)
    hasty: list[int] = field(default_factory=list)
    switches: int = 0


def schedule_of(draw: random.Random) -> Schedule:
    """Draw a schedule of short spans."""
    return Schedule(
        rotate_every=draw.choice([3000, 8000]),
        lead=draw.choice([500, 2000, 9000]),
        jitter=draw.choice([0, 300]),
        look_every=draw.choice([20, 60]),
        watch_every=draw.choice([60, 200]),
        retry_every=30,
        shortest_wait=draw.choice([0, 0, 100]),
        record_ttl=draw.choice([0, 100]),
        pickup=40,
        queue_lifetime=400,
        signature_lifetime=300,
        revoked_for=600,
        patience=1000,
        publish_private=draw.random() < 0.5,
        when_stolen=draw.choice([WhenStolen.STOP, WhenStolen.SIGN_ON]),
    )


class World:
    """One zone, one rotation, and what happens to both."""

    def __init__(self, seed: int, *, chaos: float = 1.0) -> None:
        self.draw = draw = random.Random(seed)
        self.chaos = chaos
        self.now = 0
        self.wall_ahead = 0
        self.boot, self.booted = "a", -1000
        servers = [
            Server(
                name=f"ns{number}",
                lag=draw.choice([0, 5, 150, 700]),
                negative_ttl=draw.choice([30, 100, 400]),
                ttl=draw.choice([60, 300]),
            )
            for number in range(draw.randint(1, 3))
        ]
        resolvers = [Resolver(f"resolver{number}") for number in range(draw.randint(0, 2))]
        self.zone = Zone(servers, resolvers, draw)
        self.rotation = begin(DOMAIN, ALGORITHM, self.schedule(), self.moment())
        self.record = Record()
        self.old: list[events.Event] = []
        self.deaf_until = BEGINNING

    def moment(self) -> Moment:
        """What the clocks of the machine say."""
        return Moment(
            wall=1_800_000_000 + self.now + self.wall_ahead,
            steady=self.now - self.booted,
            boot=self.boot,
        )

    def schedule(self) -> Schedule:
        """Draw the schedule to begin with."""
        return schedule_of(self.draw)

    # -- time ----------------------------------------------------------------------------

    def live(self, until: int) -> None:
        """Let time pass."""
        while self.now < until:
            self.now += self.draw.choice([1, 5, 15, 15, 30, 60])
            self._misfortune()
            if self.draw.random() < 0.01 * self.chaos:
                self.now += self.draw.randint(100, 1500)  # nobody ran it
            self._round()

    def _round(self) -> None:
        self.take(events.Tick())
        for action in pending(self.rotation, self.moment()):
            if self.draw.random() < 0.1 * self.chaos:
                continue  # put off
            event = self.perform(action)
            if self.draw.random() < 0.03 * self.chaos:  # killed before it was noted
                self.rotation = read_rotation(write_rotation(self.rotation))
                return
            if event is not None:
                self.take(event)

    def take(self, event: events.Event) -> None:
        """Hand an event in, and note what was decided."""
        before = self.rotation
        self.rotation = advance(before, event, self.moment()).rotation
        self._note_revocation(before)
        if isinstance(event, events.Looked):
            self._note_glances(event)
        self._note_decision(self.rotation)
        if self.rotation.elapsed > self.now:
            self.record.hasty.append(self.now)

    def _note_glances(self, event: events.Looked) -> None:
        for sight in event.sights:
            if sight.authoritative and sight.problem is None:
                self.record.glances.append(
                    Glance(sight.server, event.selector.ascii, sight.at, self.now)
                )

    def _note_decision(self, rotation: Rotation) -> None:
        signing = None if rotation.signing is None else rotation.signing.selector.ascii
        decided = self.record.decided
        last = decided[-1] if decided and decided[-1].end == NEVER else None
        if last is not None and last.selector != signing:
            last.end = self.now
        if signing is not None and (last is None or last.selector != signing):
            decided.append(Span(signing, self.now))
            self.record.switches += 1
            if self.draw.random() < 0.2 * self.chaos:  # those who sign cannot be told
                self.deaf_until = self.now + self.draw.choice([100, 1000])
        told = any(one.name == "stopped" for one in rotation.troubles)
        if decided and signing is None and not told:
            self.record.gaps.append(self.now)

    # -- what goes wrong -----------------------------------------------------------------

    def _misfortune(self) -> None:
        draw = self.draw
        if draw.random() < 0.02 * self.chaos:
            self.wall_ahead = draw.choice([0, -50_000, 50_000, 10_000_000])
        if draw.random() < 0.005 * self.chaos:
            self.boot = draw.choice("abc")
            self.booted = self.now - draw.randint(0, 50) if self.boot == "c" else -1000
        if draw.random() < 0.02 * self.chaos:
            draw.choice(self.zone.servers).silent_until = self.now + draw.randint(10, 400)
        if draw.random() < 0.015 * self.chaos:
            self._spoil()
        if draw.random() < 0.002 * self.chaos:
            self._join_or_leave()
        if draw.random() < 0.01 * self.chaos:
            self._command()
        if self.old and draw.random() < 0.05 * self.chaos:
            self.take(draw.choice(self.old))  # an answer comes a second time

    def _spoil(self) -> None:
        live = [key for key in self.rotation.keys if key.state.is_published]
        if not live:
            return
        key = self.draw.choice(live)
        shown = self.draw.choice([None, "v=DKIM1; k=ed25519; p=AAAA", key.key.record[:-8]])
        server = self.draw.choice(self.zone.servers)
        ttl = server.negative_ttl if shown is None else 300
        end = self.now + self.draw.choice([20, 300, 2000])
        server.spoil(key.key.name, Fault(self.now, end, shown, ttl))

    def _join_or_leave(self) -> None:
        present = self.zone.present(self.now)
        if len(present) > 1 and self.draw.random() < 0.5:
            self.draw.choice(present).left = self.now
            return
        new = Server(
            name=f"ns{len(self.zone.servers)}",
            lag=5,
            negative_ttl=self.draw.choice([100, 500]),
            ttl=100,
            joined=self.now,
        )
        for name, given in present[0].given.items():
            text = given[-1][1]
            new.given[name] = [(self.now + self.draw.choice([-1, 300]), text)]
        self.zone.servers.append(new)

    def _command(self) -> None:
        draw = self.draw
        live = [key for key in self.rotation.keys if key.state is not KeyState.GONE]
        selector = draw.choice(live).selector if live else DOMAIN
        signing = self.rotation.signing
        commands: list[events.Event] = [
            events.Pause(),
            events.RotateNow(),
            events.RollBack(),
            events.Retire(selector=selector),
            events.Revoke(selector=selector),
            events.Reschedule(schedule=schedule_of(draw)),
        ]
        commands += [events.Resume()] * 8
        if signing is not None:
            name = signing.selector
            commands.append(events.ShareFell(selector=name, receiver="big", evidence="it fell"))
        if draw.random() < 0.3:
            commands = [events.Emergency(selectors=(selector,))]
        command = draw.choice(commands)
        try:
            self.take(command)
        except UsageError:
            return
        if isinstance(command, events.Emergency):
            self.record.stolen.add(selector.ascii)

    # -- what is done --------------------------------------------------------------------

    def perform(self, action: actions.Action) -> events.Event | None:
        """Do what is asked for, or fail at it."""
        failed = self.draw.random() < 0.1 * self.chaos
        match action:
            case actions.Make():
                return self._make(action, failed=failed)
            case actions.Publish() | actions.PublishRevoked() | actions.Withdraw():
                return self._publish(action, failed=failed)
            case actions.Look():
                return self._look(action)
            case actions.SendCanary():
                return self._canary(action, failed=failed)
            case actions.Sign():
                return self._sign(action)
            case actions.PublishPrivate():
                self.record.private.setdefault(action.selector.ascii, self.now)
                return events.PrivatePublished(selector=action.selector)
            case actions.Alert():
                return events.Told(name=action.name)

    def _make(self, action: actions.Make, *, failed: bool) -> events.Event:
        name = action.selector.ascii
        if failed:
            return events.MakeFailed(selector=action.selector, why="the disk is full")
        if name not in self.record.records and self.draw.random() < 0.1 * self.chaos:
            return events.Taken(selector=action.selector)
        text = f"v=DKIM1; k=ed25519; p={len(self.record.records):040d}aaa="
        self.record.records.setdefault(name, text)
        return events.Made(
            selector=action.selector, record=self.record.records[name], private=f"file:{name}"
        )

    def _publish(
        self, action: actions.Publish | actions.PublishRevoked | actions.Withdraw, *, failed: bool
    ) -> events.Event:
        record = None if isinstance(action, actions.Withdraw) else action.record
        if failed:
            return events.PublishFailed(selector=action.selector, why="REFUSED")
        if not isinstance(action, actions.Publish):
            self.record.removed.setdefault(action.selector.ascii, self.now)
        self.zone.give(key_name(action.selector, DOMAIN), record, self.now)
        return events.Published(selector=action.selector, record=record)

    def _note_revocation(self, before: Rotation) -> None:
        """When it is decided that a key which signed goes, another one has to sign."""
        gone = {key.selector for key in before.keys if key.state not in LIVE}
        for key in self.rotation.keys:
            given_up = key.state not in LIVE and key.selector not in gone and not key.stolen
            if given_up and key.signed_since is not None and self.rotation.signing is None:
                self.record.unserved.append(self.now)

    def _look(self, action: actions.Look) -> events.Event:
        sights = self.zone.look(key_name(action.selector, DOMAIN), self.now)
        complete = self.draw.random() >= 0.05 * self.chaos
        if not complete:
            sights = sights[: self.draw.randint(0, len(sights))]
        event = events.Looked(
            selector=action.selector, number=action.number, sights=sights, complete=complete
        )
        self.old = [*self.old[-20:], event]
        self.now += self.draw.choice([0, 0, 1, 3])
        return event

    def _canary(self, action: actions.SendCanary, *, failed: bool) -> events.Event:
        if failed:
            return events.CanaryFailed(
                selector=action.selector,
                number=action.number,
                why="it did not come",
                temporary=self.draw.random() < 0.5,
            )
        event = events.CanaryPassed(selector=action.selector, number=action.number)
        self.old = [*self.old[-20:], event]
        return event

    def _sign(self, action: actions.Sign) -> events.Event | None:
        """Those who sign take it up within `pickup`; what they did before ends then."""
        if self.now < self.deaf_until:
            return None
        late = self.now + self.draw.randint(0, self.rotation.schedule.pickup)
        for span in self.record.signed:
            if span.end == NEVER:
                span.end = late
        if action.selector is not None:
            self.record.signed.append(Span(action.selector.ascii, self.now))
        return events.Switched(selector=action.selector)


def lived(seed: int, *, until: int = 20_000, chaos: float = 1.0) -> World:
    """Return a world after its time."""
    world = World(seed, chaos=chaos)
    world.live(until)
    return world
