"""Looking after keys in DNS: which is due, which may sign, what is news."""

from __future__ import annotations

import math

import pytest

from avowal.crypto.signing import PrivateKey, generate
from avowal.keys.check import KeyCheck, check
from avowal.keys.records import record_text
from avowal.keys.sightings import Sighting
from avowal.keys.watch import (
    MISSING_SECONDS,
    PUBLISHED_SECONDS,
    UNPUBLISHED_SECONDS,
    Watch,
    Watched,
    WatchedKey,
)
from avowal.lookup import Answer, Failure, run
from avowal.names import DomainName
from avowal.testing import Zone

NAME = "s._domainkey.example.com"
DOMAIN, SELECTOR = DomainName.parse(b"example.com"), DomainName.parse(b"s")
PUBLISHED = KeyCheck(name=NAME)
MISSING = KeyCheck(name=NAME, problem="no record")
UNKNOWN = KeyCheck(name=NAME, problem="DNS: timeout", temporary=True)


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate("ed25519")


def watch(key: PrivateKey, *, strict: bool = True) -> tuple[Watch, Watched]:
    one = Watched("k", DOMAIN, SELECTOR, WatchedKey(key, Sighting(), strict=strict))
    return Watch(strict, [one]), one


def test_a_watched_key_signs_like_the_key_itself(key: PrivateKey) -> None:
    watched = WatchedKey(key, Sighting(), strict=True)
    assert watched.sign(bytes(32)) == key.sign(bytes(32))
    assert (watched.algorithm, watched.public_octets) == (key.algorithm, key.public_octets)


SIGNS, WITHHELD, OPEN = "signs", "withheld", "unknown"


@pytest.mark.parametrize(
    ("story", "state"),
    [
        pytest.param((), OPEN, id="before the first look"),
        pytest.param((PUBLISHED,), SIGNS, id="published"),
        pytest.param((MISSING,), WITHHELD, id="missing"),
        pytest.param((UNKNOWN,), OPEN, id="DNS is dead from the start"),
        pytest.param((PUBLISHED, UNKNOWN), SIGNS, id="published, then DNS is dead"),
        pytest.param((MISSING, UNKNOWN), WITHHELD, id="missing, then DNS is dead"),
        pytest.param((PUBLISHED, MISSING), WITHHELD, id="taken away"),
        pytest.param((MISSING, PUBLISHED), SIGNS, id="published later"),
    ],
)
def test_with_a_strict_watch_only_published_keys_sign(
    key: PrivateKey, story: tuple[KeyCheck, ...], state: str
) -> None:
    """That nobody has asked, or that DNS is silent, is not that a key is missing."""
    all_keys, one = watch(key)
    for found in story:
        all_keys.note(one, found, 0)
    assert one.key.withheld is (state is WITHHELD)
    assert one.key.unknown is (state is OPEN)
    assert (one in all_keys.withheld) is (state is WITHHELD)


def test_that_a_key_was_missing_counts_for_its_time_while_dns_is_silent(key: PrivateKey) -> None:
    all_keys, one = watch(key)
    all_keys.note(one, MISSING, 1000)
    all_keys.note(one, UNKNOWN, 1000 + MISSING_SECONDS)
    assert one.key.withheld
    assert all_keys.note(one, UNKNOWN, 1001 + MISSING_SECONDS)
    assert one.key.unknown


def test_a_lenient_watch_withholds_nothing(key: PrivateKey) -> None:
    all_keys, one = watch(key, strict=False)
    all_keys.note(one, MISSING, 0)
    assert not one.key.withheld


@pytest.mark.parametrize(
    ("found", "seconds"),
    [
        (PUBLISHED, PUBLISHED_SECONDS),
        (MISSING, UNPUBLISHED_SECONDS),
        (UNKNOWN, UNPUBLISHED_SECONDS),
    ],
    ids=["published", "missing", "unknown"],
)
def test_a_key_is_looked_for_again_after_its_time(
    key: PrivateKey, found: KeyCheck, seconds: int
) -> None:
    all_keys, one = watch(key)
    assert all_keys.due(0) == [one]
    all_keys.note(one, found, 100)
    assert all_keys.due(100 + seconds - 1) == []
    assert all_keys.due(100 + seconds) == [one]


def test_only_a_change_is_news(key: PrivateKey) -> None:
    all_keys, one = watch(key)
    story = (MISSING, MISSING, PUBLISHED, PUBLISHED, UNKNOWN, MISSING)
    news = [all_keys.note(one, found, 0) for found in story]
    assert news == [True, False, True, False, False, True]


@pytest.mark.parametrize(("found", "state"), [(PUBLISHED, 1.0), (MISSING, 0.0)])
def test_the_state_is_a_number(key: PrivateKey, found: KeyCheck, state: float) -> None:
    all_keys, one = watch(key)
    assert math.isnan(one.state)
    all_keys.note(one, found, 0)
    assert one.state == state


@pytest.mark.parametrize(
    ("zone", "published"),
    [
        pytest.param("right", True, id="our record"),
        pytest.param({}, False, id="no record"),
        pytest.param({NAME: "v=DKIM1; p="}, False, id="revoked"),
        pytest.param({NAME: Answer.failed(Failure.TIMEOUT)}, None, id="DNS is dead"),
    ],
)
def test_the_question_fits_the_watch(key: PrivateKey, zone: object, published: bool | None) -> None:
    names = {NAME: record_text(key)} if zone == "right" else zone
    all_keys, one = watch(key)
    found = run(check(one.key.key, SELECTOR, DOMAIN), Zone(names))  # type: ignore[arg-type]
    all_keys.note(one, found, 0)
    assert one.key.sighting.shown is published
