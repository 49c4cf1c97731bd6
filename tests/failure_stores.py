"""What every store of failure reports has to do: one set of tests over all."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.event_stores import DAY_0, Opening

from avowal.dates import DAY
from avowal.report.failure_case import FailureCase
from avowal.report.failure_spool import FailureCaps
from avowal.stores.failure_tables import FailureTables

CAPS = FailureCaps(domain=3, total=5)


def case_of(number: int, *, domain: str = "p.example", day: int = DAY_0) -> FailureCase:
    return FailureCase(
        time=day * DAY + number, host="mx", domain=domain, author=domain, failure="dmarc",
        unaligned=("dkim", "spf"), result="dmarc=fail", delivery="delivered", header=b"",
        client=f"192.0.2.{number}",
    )  # fmt: skip


def cases_that_are_alike_are_one_and_counted(opening: Opening) -> None:
    store = FailureTables(opening())
    noted = [store.note(case_of(1), CAPS) for _ in range(4)]
    assert noted == ["new", "again", "again", "again"]
    (one,) = store.waiting(DAY_0, DAY_0 * DAY + DAY)
    assert (one.incidents, one.case) == (4, case_of(1))


def a_domain_gets_so_many_of_a_day(opening: Opening) -> None:
    store = FailureTables(opening())
    noted = Counter(store.note(case_of(number), CAPS) for number in range(10))
    assert noted == {"new": 3, "beyond": 7}
    assert store.beyond() == [(DAY_0, "p.example", 7)]
    assert store.note(case_of(1, day=DAY_0 + 1), CAPS) == "new"


def all_domains_get_so_many_of_a_day(opening: Opening) -> None:
    store = FailureTables(opening())
    noted = Counter(
        store.note(case_of(number, domain=f"p{number}.example"), CAPS) for number in range(10)
    )
    assert noted == {"new": 5, "beyond": 5}


def the_bounds_hold_over_all_workers(opening: Opening) -> None:
    stores = [FailureTables(opening()) for _ in range(4)]

    def work(place: int) -> Counter[str]:
        mine = (case_of(place * 20 + number) for number in range(20))
        return Counter(stores[place].note(one, CAPS) for one in mine)

    with ThreadPoolExecutor(4) as pool:
        noted = sum(pool.map(work, range(4)), Counter[str]())
    assert noted == {"new": 3, "beyond": 77}
    assert len(list(stores[0].waiting(DAY_0, DAY_0 * DAY + DAY))) == 3


def a_case_waits_for_others_that_are_alike(opening: Opening) -> None:
    store = FailureTables(opening())
    store.note(case_of(50), CAPS)
    assert not list(store.waiting(DAY_0, DAY_0 * DAY + 49))
    assert len(list(store.waiting(DAY_0, DAY_0 * DAY + 50))) == 1


def all_hosts_have_one_secret(opening: Opening) -> None:
    one, other = FailureTables(opening()), FailureTables(opening())
    assert one.secret("redaction") == other.secret("redaction")
    assert len(one.secret("redaction")) == 32
    assert one.secret("bounces") != one.secret("redaction")


def an_address_goes_from_failures_too(opening: Opening) -> None:
    tables = opening()
    store = FailureTables(tables)
    store.note(case_of(1), CAPS)
    store.note(case_of(2), CAPS)
    tables.erase("192.0.2.1")
    assert [one.case.client for one in store.waiting(DAY_0, DAY_0 * DAY + DAY)] == ["192.0.2.2"]


def cases_of_days_that_are_over_go(opening: Opening) -> None:
    store = FailureTables(opening())
    for day in (DAY_0, DAY_0 + 1):
        store.note(case_of(1, day=day), CAPS)
    assert store.forget(DAY_0 + 1) == 1
    assert store.days() == [DAY_0 + 1]


FAILURE_CASES = (
    cases_that_are_alike_are_one_and_counted,
    a_domain_gets_so_many_of_a_day,
    all_domains_get_so_many_of_a_day,
    the_bounds_hold_over_all_workers,
    a_case_waits_for_others_that_are_alike,
    all_hosts_have_one_secret,
    an_address_goes_from_failures_too,
    cases_of_days_that_are_over_go,
)
