"""The tables of events in ClickHouse, and what is asked of them.

A batch is an INSERT into `event` for each day; a view counts it by day and kind.  Both tables are
in parts by day, so that retention lets whole parts go, and in the order in which reports are
made.  Each row has the facts of its kind: equal ones stand side by side, where they compress to
next to nothing.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 2
CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS event_schema (version UInt32) ENGINE = MergeTree ORDER BY version",
    """CREATE TABLE IF NOT EXISTS event (day Int32, time Int64, host String, key String,
        queue_id Nullable(String), domain String, reported UInt8, source String, facts String,
        rules Nullable(String), batch UInt64 DEFAULT 0)
        ENGINE = MergeTree PARTITION BY day ORDER BY (domain, key, time)""",
    """CREATE TABLE IF NOT EXISTS event_count (day Int32, domain String, key String, reported UInt8,
        source String, facts String, messages UInt64)
        ENGINE = SummingMergeTree(messages) PARTITION BY day ORDER BY (day, domain, key)""",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS event_counting TO event_count AS SELECT day, domain,
        key, any(reported) AS reported, any(source) AS source, any(facts) AS facts,
        count() AS messages FROM event GROUP BY day, domain, key""",
)
FOUND: Final = "SELECT max(version) FROM event_schema"
HAS_BATCH: Final = (
    "SELECT count() FROM system.columns"
    " WHERE database = currentDatabase() AND table = 'event' AND name = 'batch'"
)
ADD_BATCH: Final = "ALTER TABLE event ADD COLUMN batch UInt64 DEFAULT 0"
"""2: by which batches whose answer was lost are found; tables may be made by somebody else."""
WRITTEN: Final = "SELECT count() FROM event WHERE day = %(day)s AND batch = %(batch)s"
RUNNING: Final = "SELECT count() FROM system.processes WHERE query_id = %(name)s"
MARK: Final = "INSERT INTO event_schema (version) VALUES"
INSERT: Final = (
    "INSERT INTO event (day, time, host, key, queue_id, domain, reported, source, facts, rules,"
    " batch) VALUES"
)
EVENTS: Final = (
    "SELECT time, host, queue_id, facts, rules FROM event"
    " WHERE day >= %(first)s AND day <= %(last)s AND time >= %(begin)s AND time < %(end)s"
    " ORDER BY time"
)
_ROWS = (
    "SELECT domain, any(facts), sum(messages) FROM event_count WHERE day = %(day)s{more}"
    " GROUP BY domain, key ORDER BY domain, key"
)
DOMAINS: Final = (
    "SELECT DISTINCT domain FROM event_count WHERE day = %(day)s AND reported ORDER BY domain"
)
DAYS: Final = "SELECT day, sum(messages) FROM event_count GROUP BY day ORDER BY day"
NAMING: Final = (
    "SELECT key, any(facts) FROM (SELECT key, facts FROM event WHERE position(facts, %(mark)s) > 0"
    " UNION ALL SELECT key, facts FROM event_count WHERE position(facts, %(mark)s) > 0)"
    " GROUP BY key"
)
PARTS: Final = "SELECT DISTINCT day FROM {table} WHERE day < %(before)s ORDER BY day"
DROP: Final = "ALTER TABLE {table} DROP PARTITION {day:d}"
MUTATIONS: Final = (
    "SELECT count() FROM system.mutations"
    " WHERE database = currentDatabase() AND table = %(table)s AND NOT is_done"
)
OLD_EVENTS: Final = "time < %(before)s"
OLD_COUNTS: Final = "day < %(before)s"
NAMED: Final = "source = %(source)s OR has(%(keys)s, key)"
EVENT_COUNT: Final = "SELECT count() FROM event WHERE {where}"
KIND_COUNT: Final = "SELECT uniqExact(day, key) FROM event_count WHERE {where}"
KEY_COUNT: Final = (
    "SELECT uniqExact(key) FROM (SELECT key FROM event WHERE {where}"
    " UNION ALL SELECT key FROM event_count WHERE {where})"
)
DELETE: Final = "ALTER TABLE {table} DELETE WHERE {where}"


def rows(*, domain: bool, reported: bool) -> str:
    """Return what asks for the kinds of a day, of one domain or only those that are reported."""
    more = " AND domain = %(domain)s" if domain else ""
    return _ROWS.format(more=f"{more} AND reported" if reported else more)
