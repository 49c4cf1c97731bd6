"""The life of keys, step by step: what each step waits for, and what undoes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.rotating import (
    ALGORITHM,
    DOMAIN,
    NEGATIVE_TTL,
    SHORT,
    Course,
    changing_course,
    selector,
    signing_course,
)

from avowal.errors import UsageError
from avowal.keys import rotation_actions as actions
from avowal.keys import rotation_events as events
from avowal.keys.lifecycle import KeyState, ManagedKey, Sight
from avowal.keys.rotation import advance, begin
from avowal.keys.rotation_document import read_rotation, write_rotation
from avowal.keys.schedule import Moment, WhenStolen

OTHER = "v=DKIM1; k=ed25519; p=" + "B" * 43 + "="


def kinds(course: Course) -> list[str]:
    return [type(action).__name__ for action in course.pending()]


# -- the way of a new key ----------------------------------------------------------------


def test_the_life_of_a_key_in_its_order() -> None:
    course = changing_course(replace(SHORT, publish_private=True))
    course.run_until(lambda: course.state("sa") is KeyState.GONE)
    assert [state for state, _ in course.key("sa").times] == list(KeyState)
    assert course.servers["ns1"]["sa"] is None
    assert course.signing == "sb"


def test_what_stands_at_a_selector_is_looked_at_before_anything_is_published() -> None:
    course = Course()
    course.run(90)
    names = [type(action).__name__ for action in course.done]
    assert names.index("Look") < names.index("Publish")


def test_a_key_signs_only_after_the_negative_answer_ran_out() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    seen = course.seconds
    course.run_until(lambda: course.signing == "sa")
    assert course.seconds - seen >= NEGATIVE_TTL


def test_a_server_that_lags_holds_the_switch() -> None:
    course = Course()
    course.deaf = {"ns2"}
    course.run(3000)
    assert course.state("sa") is KeyState.PUBLISHED
    assert course.signing is None


def test_a_server_that_does_not_answer_holds_the_switch() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    course.silent = {"ns2"}
    course.run(3000)
    assert course.signing is None


def test_the_wait_begins_anew_after_a_server_was_silent() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    course.silent = {"ns2"}
    course.run(120)
    course.silent = set()
    back = course.seconds
    course.run_until(lambda: course.signing == "sa")
    assert course.seconds - back >= NEGATIVE_TTL


def test_the_wait_begins_anew_when_a_server_forgets() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    course.run(NEGATIVE_TTL - 60)
    course.show("sa", None, "ns2")
    course.deaf = {"ns2"}
    course.run(120)
    course.show("sa", course.key("sa").key.record)
    back = course.seconds
    course.run_until(lambda: course.signing == "sa")
    assert course.seconds - back >= NEGATIVE_TTL


def test_an_old_record_is_waited_for_as_long_as_its_ttl() -> None:
    course = Course()
    course.take(events.Tick())
    made = course.perform(course.pending()[0])
    assert made is not None
    course.take(made)
    sights = tuple(
        Sight(server=one, at=0, authoritative=True, record="a wildcard's text", ttl=7200)
        for one in ("ns1", "ns2")
    )
    course.take(events.Looked(selector=selector("sa"), number=1, sights=sights, complete=True))
    course.run_until(lambda: course.signing == "sa")
    assert course.seconds >= 7200


def test_a_server_that_joins_later_is_waited_for_as_well() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    course.run(NEGATIVE_TTL - 60)
    course.servers["ns3"] = {"sa": course.key("sa").key.record}
    joined = course.seconds
    course.run_until(lambda: course.signing == "sa")
    assert course.seconds - joined >= NEGATIVE_TTL


def test_an_answer_that_comes_twice_counts_once() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    again = course.looked("sa", course.key("sa").evidence.number)
    course.seconds += 10 * NEGATIVE_TTL
    before = course.key("sa").evidence
    course.take(again)
    assert course.key("sa").evidence == before


def test_a_key_of_others_is_not_published_over() -> None:
    course = Course()
    course.show("sa", OTHER)
    course.run(600)
    assert course.state("sa") is KeyState.PREPARED
    assert "another key stands there" in course.troubles()
    course.take(events.Retire(selector=selector("sa")))
    course.run_until(lambda: course.signing == "sb")
    assert course.servers["ns1"]["sa"] == OTHER


def test_a_record_of_any_length_is_kept_short() -> None:
    course = Course()
    course.step()
    course.show("sa", "\x1b[2J\udcff" + "x" * 60_000, "ns1")
    course.deaf = {"ns1"}
    course.run(120)
    assert len(course.key("sa").evidence.other or "") < 100
    assert course.state("sa") is KeyState.PUBLISHED
    assert read_rotation(write_rotation(course.rotation)) == course.rotation


def test_a_selector_that_was_taken_is_passed_over() -> None:
    course = Course()
    course.take(events.Tick())
    course.take(events.Taken(selector=selector("sa")))
    assert course.rotation.making == selector("sb")


def test_the_canary_comes_before_the_first_message() -> None:
    course = signing_course()
    names = [type(action).__name__ for action in course.done]
    assert names.index("SendCanary") < names.index("Sign")


def test_after_the_canary_the_servers_are_looked_at_once_more() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.CANARY))
    course.take(events.CanaryPassed(selector=selector("sa"), number=1))
    assert course.signing is None
    assert "Look" in kinds(course)
    course.take(course.looked("sa"))
    assert course.signing == "sa"


def test_a_record_that_nobody_looked_at_is_not_blamed_on_its_server() -> None:
    course = signing_course()
    course.seconds += SHORT.patience + 2 * SHORT.watch_every
    course.take(events.Tick())
    said = course.troubles()
    assert "nobody looked, for longer than 66 minutes. See that `avowal keys run` is" in said
    assert "Mend the server" not in said


def test_a_key_is_named_once_where_what_was_seen_names_it_too() -> None:
    course = signing_course()
    name = course.key("sa").key.name
    looked = course.looked("sa")
    course.take(replace(looked, sights=(), complete=False, problems=(f"{name}: no servers",)))
    course.seconds += SHORT.patience + 2 * SHORT.watch_every
    course.take(events.Tick())
    assert f"{name}: no servers, for longer" in course.troubles()
    assert f"{name}: {name}" not in course.troubles()


def test_what_is_tried_again_is_told_in_two_sentences() -> None:
    course = Course()
    course.take(events.Tick())
    course.take(events.MakeFailed(selector=selector("sa"), why="the disk is full"))
    assert "the disk is full. It is tried again by itself" in course.troubles()


def test_a_canary_that_fails_halts_and_says_why() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.CANARY))
    course.take(events.CanaryFailed(selector=selector("sa"), number=1, why="bad p="))
    course.run(3000)
    assert course.signing is None
    assert "did not verify: bad p=" in course.troubles()
    assert "avowal keys resume example.com" in course.troubles()
    course.take(events.Resume())
    course.run_until(lambda: course.signing == "sa")


def test_a_canary_that_was_lost_is_sent_again() -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.CANARY))
    lost = events.CanaryFailed(selector=selector("sa"), number=1, why="no way", temporary=True)
    course.take(lost)
    course.run_until(lambda: course.signing == "sa")


def test_a_successor_is_made_ahead_of_its_time() -> None:
    course = signing_course()
    course.run_until(lambda: len(course.rotation.keys) == 2, every=1000)
    signed = course.key("sa").signed_since or 0
    assert SHORT.rotate_every - SHORT.lead <= course.rotation.elapsed - signed
    course.run_until(lambda: course.signing == "sb", every=1000)
    assert course.rotation.elapsed - signed >= SHORT.rotate_every


# -- clocks ------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-10_000_000, 10_000_000], ids=["back", "ahead"])
def test_the_wall_clock_shortens_no_wait(jump: int) -> None:
    course = Course()
    course.run_until(lambda: course.is_at("sa", KeyState.SEEN))
    event = course.looked("sa")
    now = Moment(wall=course.now.wall + jump, steady=course.now.steady + 1)
    before = course.rotation.elapsed
    after = advance(course.rotation, event, now).rotation
    assert after.elapsed == before + 1
    assert after.key(selector("sa")).state is KeyState.SEEN  # type: ignore[union-attr]


def test_another_machine_begins_to_count_where_the_last_one_stopped() -> None:
    rotation = begin(DOMAIN, ALGORITHM, SHORT, Moment(wall=0, steady=100, boot="a"))
    rotation = advance(rotation, events.Tick(), Moment(wall=0, steady=150, boot="a")).rotation
    rotation = advance(rotation, events.Tick(), Moment(wall=0, steady=9000, boot="b")).rotation
    assert rotation.elapsed == 50
    rotation = advance(rotation, events.Tick(), Moment(wall=0, steady=9007, boot="b")).rotation
    assert rotation.elapsed == 57
    rotation = advance(rotation, events.Tick(), Moment(wall=0, steady=300, boot="a")).rotation
    assert rotation.elapsed == 200


# -- after the switch --------------------------------------------------------------------


@pytest.mark.parametrize("shown", [None, OTHER], ids=["forgotten", "another key"])
def test_a_key_that_one_server_stops_showing_gives_way_to_the_one_before(shown: str | None) -> None:
    course = changing_course()
    course.deaf = {"ns2"}
    course.show("sb", shown, "ns2")
    course.run_until(lambda: course.signing == "sa")
    assert course.state("sb") is KeyState.DRAINING
    assert "the rotation halted: sb._domainkey.example.com: ns2: " in course.troubles()


def test_without_a_key_that_is_seen_nothing_signs_and_somebody_is_told() -> None:
    course = signing_course()
    course.deaf = {"ns2"}
    course.show("sa", None, "ns2")
    course.run_until(lambda: course.signing is None)
    assert "no key signs, mail leaves unsigned" in course.troubles()
    course.deaf = set()
    course.show("sa", course.key("sa").key.record)
    course.run_until(lambda: course.signing == "sa")
    assert "unsigned" not in course.troubles()


def test_what_a_server_forgot_is_published_again() -> None:
    course = signing_course()
    course.show("sa", None, "ns2")
    course.run(700)
    assert course.servers["ns2"]["sa"] is not None


def test_a_server_that_is_silent_stops_nobody_from_signing() -> None:
    course = signing_course()
    course.silent = {"ns1", "ns2"}
    course.run(6000)
    assert course.signing == "sa"
    assert "ns1: no reply; ns2: no reply, for longer than 66 minutes" in course.troubles()


def test_nothing_is_revoked_while_its_mail_may_be_under_way() -> None:
    course = changing_course()
    switched = course.seconds
    course.run_until(lambda: course.state("sa") is KeyState.REVOKED)
    assert course.seconds - switched >= SHORT.drain


def test_mail_is_under_way_until_those_who_sign_let_go() -> None:
    course = signing_course()
    course.take(events.RotateNow())
    course.run_until(lambda: course.state("sa") is KeyState.DRAINING)
    course.rotation = replace(course.rotation, handed="sa", keys=tuple(
        replace(key, stopped=None) for key in course.rotation.keys
    ))  # fmt: skip
    course.seconds += 10 * SHORT.drain
    course.take(events.Tick())
    assert course.state("sa") is KeyState.DRAINING


def test_a_share_that_fell_rolls_back_on_its_evidence() -> None:
    course = changing_course()
    fell = events.ShareFell(selector=selector("sb"), receiver="big.example", evidence="40 % of 900")
    course.take(fell)
    assert course.signing == "sa"
    assert "big.example: 40 % of 900" in course.troubles()


def test_a_share_that_fell_without_a_key_before_it_halts_and_signs_on() -> None:
    course = signing_course()
    fell = events.ShareFell(selector=selector("sa"), receiver="big.example", evidence="40 %")
    course.take(fell)
    assert course.signing == "sa"
    assert course.rotation.halted is not None


def test_a_private_half_is_published_after_every_cache_let_go_of_the_public_one() -> None:
    course = changing_course(replace(SHORT, publish_private=True))
    course.run_until(lambda: course.state("sa") is KeyState.REVOKED)
    revoked = course.seconds
    course.run_until(lambda: course.key("sa").private_published)
    assert course.seconds - revoked >= 100
    assert any(isinstance(action, actions.PublishPrivate) for action in course.done)


# -- commands ----------------------------------------------------------------------------


def test_a_pause_holds_what_is_next_and_not_what_protects_mail() -> None:
    course = changing_course()
    course.take(events.Pause())
    course.run(2 * SHORT.drain)
    assert course.state("sa") is KeyState.DRAINING
    course.deaf = {"ns1"}
    course.show("sb", None, "ns1")
    course.run_until(lambda: course.signing == "sa")


def test_a_roll_back_signs_with_the_key_before_and_halts() -> None:
    course = changing_course()
    course.take(events.RollBack())
    assert course.signing == "sa"
    assert course.rotation.halted == "an operator said so"


@pytest.mark.parametrize(
    ("course", "event", "why"),
    [
        pytest.param(signing_course, events.RollBack(), "no key to go back to", id="no older key"),
        pytest.param(
            signing_course, events.Revoke(selector=selector("sa")), "follow it first", id="signing"
        ),
        pytest.param(
            changing_course,
            events.Revoke(selector=selector("sa")),
            "mail that it signed may be under way for",
            id="under way",
        ),
        pytest.param(
            signing_course, events.Retire(selector=selector("x")), "has no key x", id="unknown"
        ),
    ],
)
def test_what_would_break_a_rule_is_refused(course: object, event: events.Event, why: str) -> None:
    assert callable(course)
    with pytest.raises(UsageError, match=why):
        course().take(event)


# -- a stolen key ------------------------------------------------------------------------


def ready() -> Course:
    """A course whose successor is seen everywhere before its time."""
    course = signing_course(replace(SHORT, lead=SHORT.rotate_every))
    course.run(3000)
    assert course.state("sb") is KeyState.SEEN
    return course


def test_a_successor_that_is_seen_signs_at_once_and_the_stolen_key_is_revoked_at_once() -> None:
    course = ready()
    course.take(events.Emergency(selectors=(selector("sa"),)))
    assert course.signing == "sb"
    assert course.state("sa") is KeyState.REVOKED
    assert kinds(course)[:2] == ["Sign", "PublishRevoked"]


@pytest.mark.parametrize(
    ("choice", "signing"),
    [
        pytest.param(WhenStolen.SIGN_ON, "sa", id="sign on"),
        pytest.param(WhenStolen.STOP, None, id="stop"),
    ],
)
def test_without_a_successor_it_is_the_operators_choice(
    choice: WhenStolen, signing: str | None
) -> None:
    course = signing_course(replace(SHORT, when_stolen=choice))
    course.take(events.Emergency(selectors=(selector("sa"),)))
    assert course.signing == signing
    stolen = course.seconds
    course.run_until(lambda: course.signing == "sb")
    assert course.state("sa") is KeyState.REVOKED
    assert NEGATIVE_TTL <= course.seconds - stolen <= NEGATIVE_TTL + 200


def test_a_pause_does_not_hold_up_an_emergency() -> None:
    course = signing_course()
    course.take(events.Pause())
    course.take(events.Emergency(selectors=(selector("sa"),)))
    course.run_until(lambda: course.signing == "sb")


def test_a_stolen_successor_never_signs() -> None:
    course = ready()
    course.take(events.Emergency(selectors=(selector("sa"), selector("sb"))))
    assert course.signing == "sa"
    course.run_until(lambda: course.signing == "sc")
    assert course.state("sb") is KeyState.REVOKED


# -- state -------------------------------------------------------------------------------


def test_a_rotation_survives_as_text() -> None:
    course = changing_course()
    assert read_rotation(write_rotation(course.rotation)) == course.rotation


def test_what_is_to_be_done_is_in_the_state_alone() -> None:
    course = Course()
    for _ in range(40):
        course.seconds += 30
        course.step()
        read = read_rotation(write_rotation(course.rotation))
        assert read == course.rotation


def test_a_key_that_signed_before_goes_on_and_its_age_counts() -> None:
    old = ManagedKey(
        domain=DOMAIN, selector=selector("old"), algorithm=ALGORITHM, record=OTHER,
        private="file:old.pem", state=KeyState.SIGNING, since=1000, created=1000,
    )  # fmt: skip
    course = Course()
    course.rotation = begin(DOMAIN, ALGORITHM, SHORT, course.now, keys=[old])
    course.show("old", OTHER)
    assert course.signing == "old"
    course.run_until(lambda: course.signing == "sa")
    assert course.state("old") is KeyState.DRAINING
