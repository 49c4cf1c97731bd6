"""Spans, jitter and the names of new selectors."""

from __future__ import annotations

import pytest

from avowal.errors import UsageError
from avowal.keys.schedule import DAY, Schedule, jitter, next_selector, selector_names
from avowal.names import DomainName

AUTUMN = 1_790_000_000  # 2026-09-21
DOMAIN = DomainName.parse(b"example.com")


@pytest.mark.parametrize(
    ("template", "algorithm", "number", "name"),
    [
        pytest.param("{algorithm}{year}{month}{day}{n}", "rsa-sha256", 1, "r20260921a", id="rsa"),
        pytest.param("{algorithm}{year}{n}", "ed25519-sha256", 2, "e2026b", id="the second name"),
        pytest.param("{year}-{n}", "rsa-sha256", 27, "2026-ba", id="more than the alphabet has"),
        pytest.param("k{year}", "rsa-sha256", 1, "k2026", id="without n"),
        pytest.param("k{year}", "rsa-sha256", 2, "k2026b", id="without n, taken"),
    ],
)
def test_a_template_names_the_day_and_the_key(
    template: str, algorithm: str, number: int, name: str
) -> None:
    assert selector_names(template, algorithm, AUTUMN, number).ascii == name


@pytest.mark.parametrize(
    ("template", "why"),
    [
        pytest.param("{host}{n}", "'host' is none of", id="another field"),
        pytest.param("{n", "expected '}'", id="an open brace"),
        pytest.param("{n:>9}", "names only", id="a width"),
        pytest.param("a b", "a label may hold", id="no selector"),
        pytest.param("{0}", "'0' is none of", id="a number"),
    ],
)
def test_a_template_that_gives_no_selector_is_refused(template: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Schedule(template=template)


def test_a_name_that_was_used_is_never_used_again() -> None:
    taken = frozenset({"r20260921a", "r20260921b"})
    assert next_selector(Schedule(), "rsa-sha256", AUTUMN, taken).ascii == "r20260921c"


def test_jitter_is_the_same_every_time_and_within_its_span() -> None:
    schedule = Schedule(jitter=2 * DAY)
    found = [jitter(schedule, DOMAIN, str(seed)) for seed in range(50)]
    assert found == [jitter(schedule, DOMAIN, str(seed)) for seed in range(50)]
    assert all(0 <= span <= 2 * DAY for span in found)
    assert len(set(found)) == 50


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"rotate_every": 0}, id="a key that never signs"),
        pytest.param({"lead": -1}, id="less than nothing"),
        pytest.param({"rotate_every": DAY, "jitter": DAY}, id="jitter as long as a life"),
        pytest.param({"rotate_every": "year"}, id="no number"),
    ],
)
def test_spans_that_make_no_sense_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Schedule(**given)


def test_a_record_stays_for_all_that_may_be_under_way() -> None:
    schedule = Schedule(pickup=1, queue_lifetime=20, signature_lifetime=300, record_ttl=4000)
    assert schedule.drain == 4321
