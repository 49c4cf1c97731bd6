"""Rotations of a real store, run by one host or two, and killed at every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.rotating import NEGATIVE_TTL, SHORT

from avowal.errors import UsageError
from avowal.keys import rotation_events as events
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare, Sight
from avowal.keys.observation import Observation
from avowal.keys.publishing import Publication, PublishError
from avowal.keys.rotation_actions import Make
from avowal.keys.rotation_document import read_rotation
from avowal.keys.rotation_orders import command, enrol
from avowal.keys.rotation_runner import Hands, Runner
from avowal.keys.schedule import Moment
from avowal.keys.store import ConflictError, KeyStore, signing_keys
from avowal.names import DomainName
from avowal.stores.key_stores import create_key_store

DOMAIN = DomainName.parse(b"example.com")
ALGORITHM = "ed25519-sha256"
QUICK = replace(
    SHORT,
    rotate_every=6000,
    lead=3000,
    watch_every=2000,
    look_every=150,
    queue_lifetime=500,
    signature_lifetime=200,
    revoked_for=1000,
)


class KilledError(Exception):
    """The process ends here."""


class Scene:
    """A zone on one server, a clock, and hands that die at a chosen step."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self.seconds = 0
        self.zone: dict[str, str] = {}
        self.pairs: dict[str, str] = {}
        self.standing: list[set[str]] = []
        self.told: list[str] = []
        self.exposed: list[str] = []
        self.steps = 0
        self.kill_at: int | None = None
        self.refuses = False
        self.silent = False
        enrol(store, DOMAIN, ALGORITHM, QUICK, now=self.now(), who="test")

    def now(self) -> Moment:
        return Moment(wall=1_800_000_000 + self.seconds, steady=self.seconds)

    def runner(self, holder: str = "host") -> Runner:
        hands = Hands(
            publisher=self,
            observer=self,
            make=self.make,
            canary=self.canary,
            expose=lambda key: self.exposed.append(key.name),
            tell=self.told.append,
        )
        return Runner(self.store, hands, self.now, who="test", holder=holder)

    def _step(self) -> None:
        """Die after an action was done, and before it is noted."""
        self.steps += 1
        if self.steps == self.kill_at:
            raise KilledError

    def make(self, domain: DomainName, wanted: Make) -> events.Made:
        del domain
        selector = wanted.selector
        record = f"v=DKIM1; k=ed25519; p={wanted.number:043d}="
        record = self.pairs.setdefault(f"{selector.ascii}.{wanted.number}", record)
        self._step()
        return events.Made(selector=selector, record=record, private=f"file:/{selector.ascii}")

    def canary(self, key: ManagedKey) -> tuple[str | None, bool]:
        del key
        self._step()
        return None, False

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        if self.refuses:
            raise PublishError("REFUSED: give the key the right to write")
        for name, record in changes.items():
            self.zone.pop(name, None)
            if record is not None:
                self.zone[name] = record
        self.standing.append(set(standing))
        self._step()
        return Publication(written=True, told="written")

    def look(self, name: str) -> Observation:
        record = self.zone.get(name)
        self._step()
        sight = Sight(server="ns1", at=self.now().wall, authoritative=True, record=record, ttl=0)
        if self.silent:
            sight = replace(sight, record=None, problem="no reply")
        return Observation(
            name=name, at=self.now().wall, sights=(sight,), negative_ttl=NEGATIVE_TTL
        )

    def states(self) -> dict[str, KeyState]:
        return {key.selector.ascii: key.state for key in self.store.keys(DOMAIN)}

    def run(self, runner: Runner, until: str, state: KeyState) -> None:
        for _ in range(2000):
            wait = runner.run()
            if self.states().get(until) is state:
                return
            self.seconds += wait or 60
        raise AssertionError(f"never: {self.states()}")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = create_key_store(str(tmp_path / "keys.db"))
    yield Scene(store)
    store.close()


def test_a_store_comes_from_nothing_to_a_key_that_signs_and_follows_it(scene: Scene) -> None:
    scene.run(scene.runner(), "sa", KeyState.GONE)
    assert scene.states()["sb"] is KeyState.SIGNING
    assert [key.selector.ascii for key in signing_keys(scene.store, DOMAIN)] == ["sb"]
    assert list(scene.zone) == [f"sb._domainkey.{DOMAIN}"]


def test_the_negative_ttl_of_the_zone_is_waited_for(scene: Scene) -> None:
    scene.run(scene.runner(), "sa", KeyState.SIGNING)
    assert scene.seconds >= NEGATIVE_TTL


def test_equal_looks_are_kept_as_sights_and_not_in_the_audit_log(scene: Scene) -> None:
    runner = scene.runner()
    scene.run(runner, "sa", KeyState.SIGNING)
    (kept,) = scene.store.rotations(DOMAIN)
    slow = replace(QUICK, rotate_every=1_000_000)
    command(scene.store, kept, events.Reschedule(schedule=slow), scene.now(), "test")
    runner.run()
    before = len(list(scene.store.audit()))
    for _ in range(5):
        scene.seconds += QUICK.watch_every
        runner.run()
    assert len(list(scene.store.audit())) == before
    assert len(scene.store.sights(f"sa._domainkey.{DOMAIN}")) >= 5


def test_a_process_that_is_killed_at_any_step_skips_and_repeats_none(scene: Scene) -> None:
    for step in range(1, 40):
        scene.kill_at, scene.steps = step % 7 + 1, 0
        try:
            scene.run(scene.runner(), "sb", KeyState.SIGNING)
            break
        except KilledError:
            scene.seconds += 30
    else:
        scene.kill_at = None
        scene.run(scene.runner(), "sb", KeyState.SIGNING)
    assert list(scene.pairs) == ["sa.1", "sb.2"]
    assert scene.states() == {"sa": KeyState.DRAINING, "sb": KeyState.SIGNING}


def test_one_host_acts_and_another_takes_over_when_it_is_gone(scene: Scene) -> None:
    first, second = scene.runner("first"), scene.runner("second")
    scene.run(first, "sa", KeyState.PUBLISHED)
    assert second.run() is None
    scene.seconds += 301  # the first host is gone, and its lease over
    scene.run(second, "sa", KeyState.SIGNING)
    assert first.run() is None
    second.release()
    assert first.run() is not None


def test_the_command_of_an_operator_is_followed_by_whoever_runs(scene: Scene) -> None:
    runner = scene.runner()
    scene.run(runner, "sa", KeyState.SIGNING)
    (kept,) = scene.store.rotations(DOMAIN)
    command(scene.store, kept, events.RotateNow(), scene.now(), "operator")
    scene.run(runner, "sb", KeyState.SIGNING)
    assert any("RotateNow" in entry.detail for entry in scene.store.audit())


def test_two_commands_upon_one_state_are_not_both_taken(scene: Scene) -> None:
    (kept,) = scene.store.rotations(DOMAIN)
    command(scene.store, kept, events.Pause(), scene.now(), "one")
    with pytest.raises(ConflictError):
        command(scene.store, kept, events.Resume(), scene.now(), "other")


def test_a_refused_command_changes_nothing(scene: Scene) -> None:
    (kept,) = scene.store.rotations(DOMAIN)
    with pytest.raises(UsageError):
        command(scene.store, kept, events.RollBack(), scene.now(), "one")
    assert scene.store.rotations(DOMAIN) == (kept,)


def test_a_zone_that_refuses_is_told_after_some_tries(scene: Scene) -> None:
    scene.refuses = True
    runner = scene.runner()
    for _ in range(12):
        runner.run()
        scene.seconds += 30
    assert [text for text in scene.told if "REFUSED: give the key the right to write" in text]
    assert scene.states()["sa"] is KeyState.PREPARED


def test_everything_that_has_to_stand_is_handed_to_those_who_write_whole_files(
    scene: Scene,
) -> None:
    scene.run(scene.runner(), "sb", KeyState.PUBLISHED)
    names = {f"sa._domainkey.{DOMAIN}", f"sb._domainkey.{DOMAIN}"}
    assert scene.standing[-1] == names


def test_reports_of_a_large_receiver_roll_the_key_back(scene: Scene) -> None:
    from avowal.keys.store import Change

    runner = scene.runner()
    scene.run(runner, "sb", KeyState.SIGNING)
    day = scene.now().wall // 86_400
    rows = [("sa", 9900, 100), ("sb", 100, 800)]
    shares = tuple(
        PassShare(
            domain=DOMAIN.ascii, selector=name, receiver="big.example", day=day, passed=yes,
            failed=no,
        )
        for name, yes, no in rows
    )  # fmt: skip
    scene.store.commit(Change(who="test", at=scene.now().wall, shares=shares))
    runner.run()
    assert scene.states() == {"sa": KeyState.SIGNING, "sb": KeyState.DRAINING}
    (kept,) = scene.store.rotations(DOMAIN)
    assert "big.example: passed 100 of 900" in str(read_rotation(kept.state).halted)


def test_private_halves_are_exposed_in_the_end(scene: Scene) -> None:
    (kept,) = scene.store.rotations(DOMAIN)
    schedule = replace(QUICK, publish_private=True)
    command(scene.store, kept, events.Reschedule(schedule=schedule), scene.now(), "test")
    scene.run(scene.runner(), "sa", KeyState.GONE)
    assert scene.exposed == [f"sa._domainkey.{DOMAIN}"]


def test_a_server_that_falls_silent_is_not_asked_without_end(scene: Scene) -> None:
    runner = scene.runner()
    scene.run(runner, "sa", KeyState.SEEN)
    scene.silent = True
    for _ in range(4):  # beyond the wait for caches
        scene.seconds += NEGATIVE_TTL
        scene.steps = 0
        runner.run()
        assert scene.steps <= 2


def test_two_fixed_selectors_are_used_in_turn_each_once_its_key_is_gone(scene: Scene) -> None:
    (kept,) = scene.store.rotations(DOMAIN)
    schedule = replace(QUICK, selectors="avowal1 avowal2", lead=0)
    command(scene.store, kept, events.Reschedule(schedule=schedule), scene.now(), "test")
    runner = scene.runner()
    scene.run(runner, "avowal1", KeyState.SIGNING)
    scene.run(runner, "avowal2", KeyState.SIGNING)
    scene.run(runner, "avowal1", KeyState.GONE)
    scene.run(runner, "avowal1", KeyState.SIGNING)
    assert list(scene.pairs) == ["avowal1.1", "avowal2.2", "avowal1.3"]
    assert scene.states() == {"avowal1": KeyState.SIGNING, "avowal2": KeyState.DRAINING}
