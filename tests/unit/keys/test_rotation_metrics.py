"""What metrics tell of rotations: each in trouble, and never more series than are bounded."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.rotating import changing_course, signing_course

from avowal.keys import rotation_events as events
from avowal.keys.rotation_metrics import MOST_ROTATIONS, Gauges, exposition, gauges_of
from avowal.keys.rotation_troubles import KINDS, troubles
from avowal.keys.store import Lease

QUIET = Gauges(
    domain="a", algorithm="rsa-sha256", since=100, due=900, differs=False, kinds=frozenset()
)


def sample(text: str, name: str) -> list[str]:
    return re.findall(rf"^avowal_{name}(?:{{.*}})? .*$", text, re.MULTILINE)


def test_a_rotation_tells_when_its_key_began_to_sign_and_when_it_is_to_be_followed() -> None:
    rotation = signing_course().rotation
    told = gauges_of(rotation)
    assert rotation.signing is not None
    assert told.since == rotation.signing.key.since
    assert told.due == told.since + rotation.schedule.rotate_every


def test_a_rotation_that_halted_and_one_whose_record_is_gone_say_so() -> None:
    course = changing_course()
    course.take(events.RollBack(why="somebody said so"))
    assert gauges_of(course.rotation).halted
    course = signing_course()
    course.show("sa", None, "ns1")
    course.deaf.add("ns1")
    course.run(700)
    assert gauges_of(course.rotation).differs


def test_every_kind_of_trouble_has_its_series_before_there_is_any() -> None:
    told = sample(exposition([], None, 5), "rotation_troubles")
    assert told == [f'avowal_rotation_troubles{{kind="{kind}"}} 0' for kind in (*KINDS, "paused")]


def test_all_troubles_that_the_machine_knows_are_kinds() -> None:
    course = signing_course()
    course.take(events.Emergency(selectors=(course.key("sa").selector,)))
    course.run(10_000)
    found = troubles(replace(course.rotation, halted="so", make_failure="no"))
    assert {one.name.partition(" ")[0] for one in found} <= set(KINDS)


def test_domains_beyond_the_bound_share_one_series_with_the_worst() -> None:
    many = [replace(QUIET, domain=f"d{n:04}.example") for n in range(MOST_ROTATIONS)]
    worst = replace(QUIET, domain="z.example", since=7)
    halted = replace(QUIET, domain="zz.example", kinds=frozenset({"halted"}))
    text = exposition([*many, worst, halted], Lease(name="n", holder="h", until=9, fence=1), 5)
    since = sample(text, "rotation_signing_since_timestamp_seconds")
    assert len(since) == MOST_ROTATIONS + 1
    assert since[0].startswith('avowal_rotation_signing_since_timestamp_seconds{domain="zz.')
    assert since[-1].endswith('{domain="other",algorithm="other"} 7')
    assert sample(text, "rotations") == ["avowal_rotations 102"]
    assert sample(text, "rotation_leader_until_timestamp_seconds")[0].endswith(" 9")
    assert 'rotation_halted{domain="zz.example",algorithm="rsa-sha256"} 1' in text
