"""Events in Parquet: what every store does, and what this one does besides."""

from __future__ import annotations

import fcntl
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.event_stores import CASES, DAY_0, Opening, counts_of, some_events, with_rules
from tests.unit.stores.test_event_stores import WRITER

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey
from avowal.report.event_store import counted
from avowal.stores import event_segments, parquet_engine, parquet_events, parquet_files
from avowal.stores.event_segments import SegmentWriter
from avowal.stores.events import open_event_sink, open_event_store, open_kept_events
from avowal.stores.parquet_events import MERGED, ParquetEvents
from avowal.stores.sqlite_events import SqliteEvents

duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed (extra: reports)")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ParquetEvents]:
    opened = ParquetEvents(str(tmp_path / "e"))
    yield opened
    opened.close()


def one(number: int, *, day: int = DAY_0, queue_id: str | None = None) -> Event:
    return Event(
        day * DAY, "mx", EventKey(source=f"192.0.2.{number}", author="a.example"), queue_id
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_events_in_parquet(case: Callable[[Opening], None], tmp_path: Path) -> None:
    opened = []

    def opening() -> ParquetEvents:
        opened.append(ParquetEvents(str(tmp_path / "e")))
        return opened[-1]

    case(opening)
    for each in opened:
        each.close()


def test_rows_are_those_of_sqlite(store: ParquetEvents, tmp_path: Path) -> None:
    other, events = SqliteEvents(str(tmp_path / "e.db")), some_events(400)
    store.append(events)
    other.append(events)
    assert list(store.rows(DAY_0, reported=True)) == list(other.rows(DAY_0, reported=True))
    assert list(store.rows(DAY_0)) == list(other.rows(DAY_0))


def test_a_day_is_read_in_ranges_of_domains_and_nothing_is_left_out(
    store: ParquetEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SqliteEvents(str(tmp_path / "e.db"))
    none = Event(DAY_0 * DAY, "mx", EventKey(source="192.0.2.1"))
    empty = Event(DAY_0 * DAY, "mx", EventKey(source="192.0.2.1", author=""))
    for at in range(4):
        batch = [*some_events(100, seed=at), none, empty]
        store.append(batch)
        store.pack()
        other.append(batch)
    for most in (1, 7, 40):
        monkeypatch.setattr(parquet_engine, "RANGE_KINDS", most)
        for reported in (True, False):
            found = list(store.rows(DAY_0, reported=reported))
            assert found == list(other.rows(DAY_0, reported=reported))


def test_what_writes_needs_no_engine(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom tests.event_stores import some_events\n"
        "from avowal.stores.events import open_event_sink\n"
        f"open_event_sink('parquet:{tmp_path}/e').append(some_events(3))\n"
        "print(sorted(m for m in sys.modules if m in ('duckdb', 'sqlite3')))"
    )
    assert subprocess.check_output([sys.executable, "-c", script]) == b"['sqlite3']\n"


def test_a_kill_leaves_what_was_written_half_a_second_before(
    store: ParquetEvents, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, f"parquet:{tmp_path}/e"], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    assert sum(number for _, number in store.days()) == 1000


def test_a_line_that_a_killed_writer_did_not_end_is_no_event(
    store: ParquetEvents, tmp_path: Path
) -> None:
    store.append([one(1)])
    (segment,) = (tmp_path / "e").glob("*.segment")
    with segment.open("ab") as file:
        file.write(b'1728000000,"mx",00112233')
    assert store.days() == [(DAY_0, 1)]


def test_packing_that_died_before_it_removed_a_segment_counts_nothing_twice(
    store: ParquetEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = some_events(50)
    store.append(events)
    with monkeypatch.context() as dying:
        dying.setattr(Path, "unlink", _die)
        with pytest.raises(KeyboardInterrupt):
            store.pack()
    assert list((tmp_path / "e").glob("*.taken"))
    assert counts_of(store) == counted(events)
    assert not list((tmp_path / "e").glob("*.taken"))


def test_packing_that_died_before_its_parts_counted_is_done_again(
    store: ParquetEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = some_events(50)
    store.append(events)
    with monkeypatch.context() as dying:
        dying.setattr(store._catalog, "change", _die, raising=True)
        with pytest.raises(KeyboardInterrupt):
            store.pack()
    left = set((tmp_path / "e").glob("day=*/*.parquet"))
    assert left
    assert counts_of(store) == counted(events)
    assert not left & set((tmp_path / "e").glob("day=*/*.parquet"))


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_many_parts_become_one(store: ParquetEvents, tmp_path: Path) -> None:
    for number in range(MERGED):
        store.append([one(number), one(0)])
        store.pack()
    assert len(list((tmp_path / "e").glob("day=*/*.kinds.parquet"))) == 1
    assert len(list(store.events(0, 1 << 40))) == 2 * MERGED
    assert dict(store.counts(DAY_0))[one(0).key] == MERGED + 1


def test_parts_of_very_many_kinds_stay_as_they_are(
    store: ParquetEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_events, "MERGED_KINDS", 2 * MERGED - 1)
    for number in range(MERGED):
        store.append([one(number), one(100)])
        store.pack()
    assert len(list((tmp_path / "e").glob("day=*/*.kinds.parquet"))) == MERGED
    assert dict(store.counts(DAY_0))[one(100).key] == MERGED


def test_what_is_too_much_for_memory_goes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_engine, "MEMORY", "16MB")
    engine = parquet_engine.ParquetEngine(str(tmp_path))
    engine._run("CREATE TABLE wide AS SELECT hash(range) AS number FROM range(4_000_000)")
    assert list((tmp_path / "spilled").glob("*/*"))
    engine.close()
    assert not list((tmp_path / "spilled").iterdir())


def of_the_first_form(directory: Path) -> None:
    """Make what an older program wrote of what this one wrote: nothing of it has rules."""
    for segment in directory.glob("*.segment"):
        lines = re.sub(rb',(?:"(?:[^"]|"")*")?\n', b"\n", segment.read_bytes())
        segment.with_name(segment.name.replace(".2.", ".")).write_bytes(lines)
        segment.unlink()
    for part in directory.glob("day=*/*.events.parquet"):
        old = part.with_suffix(".old")
        duckdb.sql(
            f"COPY (SELECT time, host, key, queue_id FROM read_parquet('{part}',"
            f" hive_partitioning = false)) TO '{old}' (FORMAT parquet)"
        )
        old.rename(part)


def test_segments_and_parts_without_rules_are_read_beside_those_with(
    store: ParquetEvents, tmp_path: Path
) -> None:
    packed, waiting, new = (with_rules(some_events(30, seed=seed)) for seed in (1, 2, 3))
    store.append(packed)
    store.pack()
    of_the_first_form(tmp_path / "e")
    assert [e.rules for e in store.events(0, 1 << 40)] == [()] * 30
    store.append(waiting)
    store.close()
    of_the_first_form(tmp_path / "e")
    store = ParquetEvents(str(tmp_path / "e"))
    store.append(new)
    expected = {e.queue_id: e.rules for e in new}
    found = {e.queue_id: e.rules for e in store.events(0, 1 << 40)}
    assert len(found) == 90
    assert found == {queue_id: expected.get(queue_id, ()) for queue_id in found}
    assert not list((tmp_path / "e").glob("*.damaged"))
    for _ in range(MERGED):  # old and new become one
        store.append([one(1)])
        store.pack()
    assert {e.queue_id: e.rules for e in store.events(0, 1 << 40) if e.queue_id} == found
    store.close()


def test_a_kind_known_since_yesterday_is_whole_today(store: ParquetEvents) -> None:
    store.append([one(1), one(1, day=DAY_0 + 1)])
    assert [event.key for event in store.events(0, 1 << 40)] == [one(1).key] * 2
    assert counts_of(store) == counted([one(1), one(1, day=DAY_0 + 1)])


@pytest.mark.parametrize(
    ("queue_id", "back"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("", "", id="an empty one"),
        pytest.param('a"b,c', 'a"b,c', id="quotes and commas"),
        pytest.param("NULL", "NULL", id="the word NULL"),
        pytest.param("a\nb\x00", "a?b?", id="control characters become question marks"),
        pytest.param("bücher", "bücher", id="other letters"),
    ],
)
def test_queue_ids_come_back(store: ParquetEvents, queue_id: str | None, back: str | None) -> None:
    store.append([one(1, queue_id=queue_id), one(1)])
    assert sorted(event.queue_id or "" for event in store.events(0, 1 << 40)) == ["", back or ""]


def test_no_file_has_an_erased_address(store: ParquetEvents, tmp_path: Path) -> None:
    store.append(some_events(200))
    store.pack()
    before = set((tmp_path / "e").glob("day=*/*.parquet"))
    store.append([one(3)])  # not packed yet
    store.erase("192.0.2.3")
    after = set((tmp_path / "e").glob("day=*/*.parquet"))
    assert not before & after
    assert not any(path.suffix in {".segment", ".taken"} for path in (tmp_path / "e").iterdir())
    assert {key.source for day in counts_of(store).values() for key in day} == {
        "192.0.2.0", "192.0.2.1", "192.0.2.2",
    }  # fmt: skip


def test_a_writer_goes_on_in_another_segment_when_its_own_was_taken(
    store: ParquetEvents, tmp_path: Path
) -> None:
    writer = open_event_sink(f"parquet:{tmp_path}/e")
    for number in range(3):
        writer.append([one(1), one(number)])
        assert store.days() == [(DAY_0, 2 * number + 2)]
    writer.close()


def test_a_large_segment_is_left_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_segments, "MOST_OCTETS", 100)
    writer = SegmentWriter(str(tmp_path))
    for _ in range(3):
        writer.append([one(1)])
    assert len(list(tmp_path.glob("*.segment"))) == 3


def test_a_full_disk_is_named_and_leaves_no_half_of_a_batch(tmp_path: Path) -> None:
    script = f"""
import resource
from tests.event_stores import some_events
from avowal.errors import StoreError
from avowal.stores.event_segments import SegmentWriter
writer = SegmentWriter({str(tmp_path / "e")!r})
writer.append(some_events(20))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    writer.append(some_events(500, seed=2))
except StoreError as fault:
    print(fault)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append(some_events(30, seed=3))
"""
    said = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert ".segment: File too large" in said
    store = ParquetEvents(str(tmp_path / "e"))
    assert counts_of(store) == counted(some_events(20) + some_events(30, seed=3))
    store.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_who_holds_the_files_is_named(
    store: ParquetEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "WAIT_SECONDS", 0.0)
    store.append([one(1)])
    with (tmp_path / "e" / "changing.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match=r"changing\.lock: another process holds it"):
            store.days()
        store.append([one(2)])  # who writes waits for nobody
    assert store.days() == [(DAY_0, 2)]


def test_files_stay_while_they_are_read_and_go_then(store: ParquetEvents, tmp_path: Path) -> None:
    other = ParquetEvents(str(tmp_path / "e"))
    store.append(some_events(100))
    reading = store.rows(DAY_0)
    next(reading)
    other.prune(events_before=1 << 40, counts_before=1 << 40)
    assert list((tmp_path / "e").glob("day=*/*.parquet"))
    assert len(list(reading)) == len(counted(some_events(100))[DAY_0]) - 1
    other.prune(events_before=0, counts_before=0)
    assert not list((tmp_path / "e").glob("day=*"))
    other.close()


def test_what_is_no_segment_is_set_aside_and_named(store: ParquetEvents, tmp_path: Path) -> None:
    store.append([one(1)])
    (tmp_path / "e" / "0.segment").write_bytes(b"Dear diary,\n192.0.2.7\n")
    with pytest.raises(StoreError, match=r"0\.damaged: is no segment and was set aside"):
        store.days()
    assert store.days() == [(DAY_0, 1)]
    store.erase("192.0.2.7")
    assert not (tmp_path / "e" / "0.damaged").exists()


@pytest.mark.parametrize(
    ("damage", "lost", "kept"),
    [
        pytest.param(lambda n: [*n[:5], b"Dear diary\n", *n[5:]], 1, 14, id="a-foreign-line"),
        pytest.param(lambda n: [*n[:5], n[5][:30] + b"\n", *n[6:]], 1, 13, id="a-cut-line"),
        pytest.param(lambda n: [*n[:5], b"\xff\x00" * 40, *n[6:]], 1, 12, id="octets-and-no-end"),
        pytest.param(lambda n: [b"x" + n[0], *n[1:]], 7, 7, id="what-names-a-kind"),
    ],
)
def test_of_a_damaged_segment_the_good_lines_are_kept_and_the_others_counted(
    store: ParquetEvents,
    tmp_path: Path,
    damage: Callable[[list[bytes]], list[bytes]],
    lost: int,
    kept: int,
) -> None:
    store.append([one(number % 2) for number in range(14)])
    (segment,) = (tmp_path / "e").glob("*.segment")
    segment.write_bytes(b"".join(damage(segment.read_bytes().splitlines(keepends=True))))
    with pytest.raises(StoreError, match=rf"\.damaged: {lost} lines cannot be read"):
        store.days()
    assert store.days() == [(DAY_0, kept)]
    (aside,) = (tmp_path / "e").glob("*.damaged")
    assert len(aside.read_bytes().splitlines()) == lost
    assert aside.stat().st_mode & 0o077 == 0


def test_a_missing_file_keeps_no_other_from_forgetting(
    store: ParquetEvents, tmp_path: Path
) -> None:
    store.append([one(1), one(2)])
    store.pack()
    (gone,) = (tmp_path / "e").glob("day=*/*.kinds.parquet")
    store.append([one(1, day=DAY_0 + 1), one(2, day=DAY_0 + 1)])
    store.pack()
    gone.unlink()
    with pytest.raises(StoreError, match=r"1 events and 1 counts of 192\.0\.2\.1 are gone, but .*"
                       r"\.kinds\.parquet: is missing"):  # fmt: skip
        store.erase("192.0.2.1")
    assert [event.key.source for event in store.events((DAY_0 + 1) * DAY, (DAY_0 + 2) * DAY)] == [
        "192.0.2.2"
    ]
    with pytest.raises(StoreError, match=r"\.kinds\.parquet: is missing.*: bring it back"):
        list(store.rows(DAY_0))


def test_a_damaged_file_is_told_in_our_words(store: ParquetEvents, tmp_path: Path) -> None:
    store.append([one(1)])
    store.pack()
    (file,) = (tmp_path / "e").glob("day=*/*.kinds.parquet")
    file.write_bytes(b"no parquet")
    with pytest.raises(
        StoreError, match=r"a file is damaged: bring it back from a backup \(DuckDB: "
    ):
        list(store.rows(DAY_0))


def test_nobody_else_may_read_the_files(store: ParquetEvents, tmp_path: Path) -> None:
    store.append([one(1)])
    store.pack()
    store.append([one(2)])
    assert not any(path.stat().st_mode & 0o077 for path in tmp_path.rglob("*"))


def test_a_newer_version_is_refused(store: ParquetEvents, tmp_path: Path) -> None:
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO parquet_schema (version) VALUES (99)")
    with pytest.raises(StoreError, match="version 99"):
        open_event_store(f"parquet:{tmp_path}/e")


def test_a_name_that_the_engine_takes_for_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="patterns"):
        open_event_store(f"parquet:{tmp_path}/e*")


def test_the_extra_is_named_where_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(StoreError, match=r"avowal\[reports\]"):
        open_event_store(f"parquet:{tmp_path}/e")


def test_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e").chmod(0o777)
    for opening in (open_event_sink, open_event_store):
        with pytest.raises(StoreError, match="others may write there: chmod 700"):
            opening(f"parquet:{tmp_path}/e")


def test_the_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root writes beside the events of a service, the service could not read."""
    ParquetEvents(str(tmp_path / "e")).close()
    monkeypatch.setattr(event_segments.os, "geteuid", lambda: 12345)
    with pytest.raises(StoreError, match=r"belongs to .*: run this as"):
        open_event_store(f"parquet:{tmp_path}/e")


def test_parts_without_their_ledger_are_no_empty_store(
    store: ParquetEvents, tmp_path: Path
) -> None:
    store.append([one(1)])
    store.pack()
    store.close()
    for path in (tmp_path / "e").glob("ledger.db*"):
        path.unlink()
    with pytest.raises(StoreError, match=r"without ledger\.db, which says what counts"):
        open_event_store(f"parquet:{tmp_path}/e")


@pytest.mark.parametrize("form", ["parquet:", "sqlite:", ""])
def test_reading_makes_no_store(form: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing is there"):
        open_kept_events(f"{form}{tmp_path}/none")
    assert not (tmp_path / "none").exists()
