"""What proofs teach about a list: bounded, whatever mail comes."""

from __future__ import annotations

from avowal.diagnose import profiles
from avowal.diagnose.profiles import Profile, Profiles


def test_a_profile_is_the_same_one_the_next_time() -> None:
    known = Profiles()
    known.of("a.example").steps["footer"] += 1
    assert known.of("a.example").steps["footer"] == 1


def test_beyond_the_limit_the_list_not_asked_for_the_longest_goes() -> None:
    known = Profiles(most=2)
    for name in ("a", "b"):
        known.of(name).steps["footer"] += 1
    known.of("a")
    known.of("c")
    assert known.of("a").steps
    assert not known.of("b").steps


def test_so_many_removed_subscribers_are_known() -> None:
    one = Profile()
    for number in range(profiles._MOST_REMOVED + 10):
        one.learn_recipients(b"a@x.example, s%d@x.example" % number, b"a@x.example")
    assert len(one.removed) == profiles._MOST_REMOVED


def test_those_who_are_known_are_counted_on() -> None:
    one = Profile()
    for _ in range(3):
        one.learn_recipients(b"a@x.example, s@x.example", b"a@x.example")
    assert one.removed[b"s@x.example"] == 3
