"""A rotation that is run by hand, step by step, over servers that show what a test says."""

from __future__ import annotations

from collections.abc import Callable

from avowal.keys import rotation_actions as actions
from avowal.keys import rotation_events as events
from avowal.keys.lifecycle import KeyState, Sight
from avowal.keys.rotation import RotatedKey, Rotation, advance, begin, pending
from avowal.keys.schedule import Moment, Schedule
from avowal.names import DomainName, Selector

DOMAIN = DomainName.parse(b"example.com")
ALGORITHM = "ed25519-sha256"
NEGATIVE_TTL = 300
SHORT = Schedule(
    rotate_every=100_000,
    lead=10_000,
    jitter=0,
    look_every=60,
    watch_every=600,
    retry_every=30,
    shortest_wait=0,
    record_ttl=100,
    pickup=10,
    queue_lifetime=2000,
    signature_lifetime=1000,
    revoked_for=5000,
    patience=4000,
    template="s{n}",
)


class Course:
    """A rotation, its time, and what each of its servers shows per selector.

    Publishing is done at once on all servers, but for those that are in `deaf`.
    """

    def __init__(self, schedule: Schedule = SHORT) -> None:
        self.seconds = 0
        self.servers: dict[str, dict[str, str | None]] = {"ns1": {}, "ns2": {}}
        self.deaf: set[str] = set()
        self.silent: set[str] = set()
        self.done: list[actions.Action] = []
        self.notes: list[str] = []
        self.rotation = begin(DOMAIN, ALGORITHM, schedule, self.now)

    @property
    def now(self) -> Moment:
        """What both clocks say."""
        return Moment(wall=1_800_000_000 + self.seconds, steady=self.seconds)

    def take(self, event: events.Event) -> Rotation:
        """Hand an event in."""
        step = advance(self.rotation, event, self.now)
        self.rotation = step.rotation
        self.notes += step.notes
        return step.rotation

    def pending(self) -> tuple[actions.Action, ...]:
        """What waits to be done."""
        return pending(self.rotation, self.now)

    def key(self, name: str) -> RotatedKey:
        """One key."""
        key = self.rotation.key(selector(name))
        assert key is not None
        return key

    def state(self, name: str) -> KeyState:
        """The state of a key."""
        return self.key(name).state

    def is_at(self, name: str, state: KeyState) -> bool:
        """Whether a key is there, and in a state."""
        key = self.rotation.key(selector(name))
        return key is not None and key.state is state

    @property
    def signing(self) -> str | None:
        """The selector that signs."""
        return None if self.rotation.signing is None else self.rotation.signing.selector.ascii

    def troubles(self) -> str:
        """What the operator is told."""
        return "\n".join(one.text for one in self.rotation.troubles)

    def step(self) -> None:
        """Do all that waits, once each."""
        self.take(events.Tick())
        for action in self.pending():
            self.done.append(action)
            if (event := self.perform(action)) is not None:
                self.take(event)

    def run(self, seconds: int, every: int = 30) -> None:
        """Let time pass, doing what is to be done."""
        for _ in range(seconds // every):
            self.seconds += every
            self.step()

    def run_until(self, reached: Callable[[], bool], every: int = 30) -> None:
        """Let time pass until something is so."""
        until = self.seconds + 200_000
        self.step()
        while not reached():
            assert self.seconds < until, f"never reached; {self.rotation}"
            self.run(every, every)

    def show(self, name: str, record: str | None, *servers: str) -> None:
        """Have servers show something else."""
        for server in servers or self.servers:
            self.servers[server][name] = record

    def perform(self, action: actions.Action) -> events.Event | None:
        """Do what is asked for."""
        match action:
            case actions.Make(selector=name):
                record = f"v=DKIM1; k=ed25519; p={name.ascii.rjust(43, 'A')}="
                return events.Made(selector=name, record=record, private=f"file:{name.ascii}")
            case actions.Publish(selector=name) | actions.PublishRevoked(selector=name):
                for server in self.servers.keys() - self.deaf:
                    self.servers[server][name.ascii] = action.record
                return events.Published(selector=name, record=action.record)
            case actions.Withdraw(selector=name):
                self.show(name.ascii, None)
                return events.Published(selector=name, record=None)
            case actions.Look(selector=name, number=number):
                return self.looked(name.ascii, number)
            case actions.SendCanary(selector=name, number=number):
                return events.CanaryPassed(selector=name, number=number)
            case actions.Sign(selector=who):
                return events.Switched(selector=who)
            case actions.PublishPrivate(selector=name):
                return events.PrivatePublished(selector=name)
            case actions.Alert(name=trouble):
                return events.Told(name=trouble)

    def looked(self, name: str, number: int | None = None) -> events.Looked:
        """What a look at all servers gives now."""
        key = self.rotation.key(selector(name))
        if number is None:
            number = 1 if key is None else key.evidence.number + 1
        sights = tuple(
            Sight(
                server=server,
                at=self.now.wall,
                authoritative=True,
                record=shown.get(name),
                ttl=NEGATIVE_TTL if shown.get(name) is None else 100,
                problem="no reply" if server in self.silent else None,
            )
            for server, shown in self.servers.items()
        )
        return events.Looked(selector=selector(name), number=number, sights=sights, complete=True)


def selector(name: str) -> Selector:
    """A selector by its text."""
    return Selector.parse(name.encode())


def signing_course(schedule: Schedule = SHORT) -> Course:
    """A course whose first key, ``sa``, signs."""
    course = Course(schedule)
    course.run_until(lambda: course.signing == "sa")
    course.step()
    return course


def changing_course(schedule: Schedule = SHORT) -> Course:
    """A course whose first key drains and whose second, ``sb``, signs."""
    course = signing_course(schedule)
    course.take(events.RotateNow())
    course.run_until(lambda: course.signing == "sb")
    course.step()
    return course
