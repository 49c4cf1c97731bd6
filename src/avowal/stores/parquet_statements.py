"""The statements of DuckDB over segments and parts (`parquet_engine`)."""

from __future__ import annotations

from collections.abc import Sequence

from avowal.dates import DAY
from avowal.stores.event_segments import COLUMNS

FORM = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960"
TAKEN = f"""CREATE OR REPLACE TABLE taken
    ({", ".join(f"{name} {kind}" for name, kind in COLUMNS)}, day BIGINT)"""


def read(form: Sequence[tuple[str, str]]) -> str:
    """Return the statement that reads segments of a form."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in form)
    return f"""INSERT INTO taken BY NAME SELECT *, time // {DAY} AS day FROM read_csv(?,
        auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
        allow_quoted_nulls = false, columns = {{{columns}}})"""  # noqa: S608 - our own words


TAKEN_KINDS = """CREATE OR REPLACE TABLE taken_kind AS SELECT key, any_value(domain) AS domain,
    any_value(reported) AS reported, any_value(source) AS source, any_value(facts) AS facts
    FROM taken WHERE facts IS NOT NULL GROUP BY key"""
TAKEN_DAYS = "SELECT DISTINCT day FROM taken ORDER BY day"
PACKED_EVENTS = "SELECT time, host, key, queue_id, rules FROM taken WHERE day = ? ORDER BY time"
PACKED_KINDS = """SELECT k.*, n.messages FROM taken_kind k JOIN
    (SELECT key, count(*) AS messages FROM taken WHERE day = ? GROUP BY key) n USING (key)
    ORDER BY domain, key"""
SUMS = "SELECT count(*), coalesce(sum(messages), 0)::BIGINT FROM read_parquet(?)"
WITH_RULES = """(SELECT NULL::VARCHAR AS rules WHERE false UNION ALL BY NAME SELECT * FROM
    read_parquet({files}, hive_partitioning = false, union_by_name = true))"""  # all may lack them
KEPT_EVENTS = f"""SELECT time, host, key, queue_id, rules FROM {WITH_RULES.format(files="?")}
    WHERE time >= ? AND NOT list_contains(?::UUID[], key)"""  # noqa: S608 - our own words
NO_EVENTS = "SELECT 0 WHERE false"
KEPT_KINDS = """SELECT * FROM read_parquet(?, hive_partitioning = false)
    WHERE NOT list_contains(?::UUID[], key) ORDER BY domain, key"""
MERGED_KINDS = """SELECT key, any_value(domain) AS domain, any_value(reported) AS reported,
    any_value(source) AS source, any_value(facts) AS facts, sum(messages)::BIGINT AS messages
    FROM read_parquet(?, hive_partitioning = false) GROUP BY key ORDER BY domain, key"""
EVENTS = f"""SELECT e.time, e.host, e.queue_id, k.facts, e.rules FROM
    {WITH_RULES.format(files="$2")} e JOIN
    (SELECT key, any_value(facts) AS facts FROM read_parquet($1, hive_partitioning = false)
    GROUP BY key) k USING (key) WHERE e.time >= $3 AND e.time < $4 ORDER BY e.time"""  # noqa: S608 - our own words
ROWS = """SELECT any_value(domain), any_value(facts), sum(messages)::BIGINT
    FROM read_parquet($1, hive_partitioning = false)
    WHERE domain >= $3 AND domain <= $4 AND (reported OR NOT $2) GROUP BY key ORDER BY 1, key"""
ROWS_OF_NONE = """SELECT NULL, any_value(facts), sum(messages)::BIGINT
    FROM read_parquet($1, hive_partitioning = false)
    WHERE domain IS NULL AND (reported OR NOT $2) GROUP BY key ORDER BY key"""
KINDS_OF_DOMAINS = """SELECT domain, count(*) FROM read_parquet($1, hive_partitioning = false)
    WHERE domain IS NOT NULL AND (reported OR NOT $2) GROUP BY domain ORDER BY domain"""
DOMAINS = """SELECT DISTINCT domain FROM read_parquet(?, hive_partitioning = false)
    WHERE reported ORDER BY domain"""
NAMING = """SELECT replace(key::VARCHAR, '-', ''), facts FROM
    read_parquet(?, hive_partitioning = false) WHERE source = ? OR contains(facts, ?)"""
COUNT_OF_KEYS = """SELECT replace(key::VARCHAR, '-', ''), count(*) FROM
    read_parquet(?, hive_partitioning = false) WHERE list_contains(?::UUID[], key) GROUP BY key"""
