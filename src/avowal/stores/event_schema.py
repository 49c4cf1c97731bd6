"""The tables of events, version by version, in the SQL that SQLite and PostgreSQL share.

``{id}`` and ``{octets}`` are what the two call a numbered key and a string of octets.
"""

from __future__ import annotations

from typing import Final

VERSIONS: Final[tuple[tuple[str, ...], ...]] = (
    (  # 1: events, and how many of a kind there were on a day
        "CREATE TABLE event_host (id {id}, name TEXT NOT NULL UNIQUE)",
        """CREATE TABLE event_key (id {id}, digest {octets} NOT NULL UNIQUE, domain TEXT,
            reported INTEGER NOT NULL, source TEXT, facts {octets} NOT NULL)""",
        """CREATE TABLE event (time BIGINT NOT NULL, host BIGINT NOT NULL, key BIGINT NOT NULL,
            queue_id TEXT)""",
        "CREATE INDEX event_time ON event (time)",
        """CREATE TABLE event_count (day BIGINT NOT NULL, key BIGINT NOT NULL,
            messages BIGINT NOT NULL, PRIMARY KEY (day, key))""",
    ),
    (  # 2: what became of report mails
        """CREATE TABLE report_mail (day BIGINT NOT NULL, domain TEXT NOT NULL,
            report_id TEXT NOT NULL, recipient TEXT NOT NULL, state TEXT NOT NULL,
            attempts BIGINT NOT NULL, next_at BIGINT NOT NULL, why TEXT NOT NULL,
            changed BIGINT NOT NULL, PRIMARY KEY (day, domain, report_id, recipient))""",
        """CREATE TABLE report_suspension (recipient TEXT NOT NULL PRIMARY KEY,
            until BIGINT NOT NULL, why TEXT NOT NULL)""",
        """CREATE TABLE report_lease (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL,
            until BIGINT NOT NULL)""",
    ),
    (  # 3: one domain of a day at a time
        "CREATE INDEX event_key_domain ON event_key (domain)",
    ),
    (  # 4: which rules decided, each set of them once
        "CREATE TABLE event_rules (id {id}, name TEXT NOT NULL UNIQUE)",
        "ALTER TABLE event ADD COLUMN rules BIGINT",
    ),
    (  # 5: failure reports that wait, how many there were, what became of their mails
        "CREATE TABLE report_secret (name TEXT NOT NULL PRIMARY KEY, octets {octets} NOT NULL)",
        """CREATE TABLE failure_case (day BIGINT NOT NULL, domain TEXT NOT NULL,
            condition TEXT NOT NULL, facts {octets} NOT NULL, source TEXT,
            noted_at BIGINT NOT NULL, incidents BIGINT NOT NULL,
            PRIMARY KEY (day, domain, condition))""",
        """CREATE TABLE failure_count (day BIGINT NOT NULL, domain TEXT NOT NULL,
            taken BIGINT NOT NULL, beyond BIGINT NOT NULL, PRIMARY KEY (day, domain))""",
        """CREATE TABLE failure_mail (day BIGINT NOT NULL, domain TEXT NOT NULL,
            report_id TEXT NOT NULL, recipient TEXT NOT NULL, state TEXT NOT NULL,
            attempts BIGINT NOT NULL, next_at BIGINT NOT NULL, why TEXT NOT NULL,
            changed BIGINT NOT NULL, PRIMARY KEY (day, domain, report_id, recipient))""",
    ),
    (  # 6: messages whose events were dropped
        """CREATE TABLE event_lost (day BIGINT NOT NULL, host TEXT NOT NULL,
            messages BIGINT NOT NULL, PRIMARY KEY (day, host))""",
    ),
    (  # 7: the last batch of each writer, where a server may not say what became of it
        """CREATE TABLE event_writer (writer BIGINT NOT NULL PRIMARY KEY, batch BIGINT NOT NULL,
            changed BIGINT NOT NULL)""",
    ),
)
"""What makes version n of version n - 1; a version that was released never changes."""
CREATE: Final = (
    "CREATE TABLE event_schema (version BIGINT NOT NULL, generation BIGINT NOT NULL)",
    "INSERT INTO event_schema (version, generation) VALUES (0, 0)",
)
