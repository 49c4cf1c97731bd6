"""What received reports say of a domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import METADATA, POLICY, RECORD

from avowal.dates import DAY
from avowal.dns.zone import Zone
from avowal.lookup import run
from avowal.report.aggregate import Aligned, Disposition, DkimAuthResult, Record, Result
from avowal.report.overview import Cost, Overview, SourceKind, overview
from avowal.report.received import Period, ReceivedHead
from avowal.report.shares import Share
from avowal.report.source_names import named
from avowal.stores.received_sqlite import SqliteReceived

PASSED = RECORD
FAILED = replace(
    RECORD, disposition=Disposition.NONE, dkim=Aligned.FAIL, dkim_results=(
        DkimAuthResult(domain="example.org", selector="s1", result=Result.FAIL),
    ),
)  # fmt: skip
FORGED = replace(FAILED, source_ip="203.0.113.66", dkim_results=(), spf_results=())
FOREIGN = replace(
    FAILED, source_ip="198.51.100.5",
    dkim_results=(DkimAuthResult(domain="esp.example", selector="k", result=Result.PASS),),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteReceived]:
    with SqliteReceived(tmp_path / "reports.db") as made:
        yield made


def add(store: SqliteReceived, day: int, *counted: tuple[Record, int]) -> None:
    metadata = replace(
        METADATA, report_id=str(day), begin=day * DAY, end=day * DAY + DAY - 1, org_name="Big"
    )
    head = ReceivedHead(metadata=metadata, policy=POLICY, origin="", received=0)
    with store.adding(head) as adding:
        adding.rows([replace(record, count=count) for record, count in counted])


def seen(store: SqliteReceived, **more: object) -> Overview:
    return overview(store, "example.org", Period(0, 20), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "kind", "label"),
    [
        pytest.param(PASSED, SourceKind.SIGNED, "example.org", id="signs"),
        pytest.param(FOREIGN, SourceKind.OTHERS, "esp.example", id="signed-by-others"),
        pytest.param(FORGED, SourceKind.UNKNOWN, "", id="nothing-passes"),
        pytest.param(
            replace(PASSED, dkim=Aligned.FAIL, dkim_results=(), spf=Aligned.PASS),
            SourceKind.LISTED, "example.org", id="spf-passed",
        ),
    ],
)  # fmt: skip
def test_a_source_is(store: SqliteReceived, record: Record, kind: SourceKind, label: str) -> None:
    add(store, 1, (record, 5))
    (source,) = seen(store).sources
    assert (source.kind, source.label) == (kind, label)


def test_the_spf_record_tells_which_include_permits_a_source(store: SqliteReceived) -> None:
    add(store, 1, (FORGED, 5))
    (source,) = seen(store, permits=lambda address: "esp.example").sources
    assert (source.kind, source.label) == (SourceKind.LISTED, "esp.example")


def test_what_fails_newly_stands_first(store: SqliteReceived) -> None:
    for day in range(1, 10):
        add(store, day, (PASSED, 100), (FOREIGN, 1000))
    for day in range(15, 20):
        add(store, day, (FAILED, 100), (FOREIGN, 1000), (FORGED, 7))
    found = seen(store)
    assert [one.address for one in found.sources] == ["192.0.2.1", "203.0.113.66", "198.51.100.5"]
    assert [one.address for one in found.newly_failing] == ["192.0.2.1"]
    assert [one.address for one in found.new_unknown] == ["203.0.113.66"]


def test_a_key_that_fell_is_named_with_its_receiver_and_first_day(store: SqliteReceived) -> None:
    for day in range(1, 10):
        add(store, day, (PASSED, 100))
    add(store, 16, (FAILED, 100))
    (fall,) = seen(store).fallen
    assert (fall.selector, fall.receiver, fall.first_day) == ("s1", "Big", 16)
    assert (fall.before, fall.after) == (Share(900, 0), Share(0, 100))


def test_what_reject_would_have_cost_is_a_range(store: SqliteReceived) -> None:
    add(store, 1, (PASSED, 100))
    add(store, 2, (PASSED, 50), (FAILED, 3), (FORGED, 7))
    assert seen(store).cost == Cost(day=2, low=3, high=10, total=60, already=0)


def test_without_reports_there_is_nothing_to_say(store: SqliteReceived) -> None:
    found = seen(store)
    assert (found.cost, found.total, found.sources, found.policy) == (None, Share(0, 0), (), None)


def test_so_many_names_are_looked_up(store: SqliteReceived) -> None:
    add(store, 1, *((replace(FORGED, source_ip=f"203.0.113.{n}"), 1) for n in range(60)))
    zone = Zone(
        {f"{n}.113.0.203.in-addr.arpa": {"PTR": f"h{n}.example"} for n in range(60)}
        | {f"h{n}.example": {"A": f"203.0.113.{n}"} for n in range(60) if n != 10}
    )
    found = run(named(seen(store)), zone)
    assert len(found.sources) == 60
    names = {one.address: one.name for one in found.sources}
    assert sum(name is not None for name in names.values()) in (39, 40)
    assert names["203.0.113.10"] is None
