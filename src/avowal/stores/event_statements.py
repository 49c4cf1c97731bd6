"""What is asked of the tables of events, in the SQL that SQLite and PostgreSQL share."""

from __future__ import annotations

from typing import Final

EVENT: Final = "INSERT INTO event (time, host, key, queue_id, rules) VALUES (?, ?, ?, ?, ?)"
HOST: Final = (
    "INSERT INTO event_host (name) VALUES (?) ON CONFLICT DO NOTHING",
    "SELECT id FROM event_host WHERE name = ?",
)
RULES: Final = (
    "INSERT INTO event_rules (name) VALUES (?) ON CONFLICT DO NOTHING",
    "SELECT id FROM event_rules WHERE name = ?",
)
UNUSED_RULES: Final = (
    "DELETE FROM event_rules WHERE id NOT IN (SELECT rules FROM event WHERE rules IS NOT NULL)"
)
KEY: Final = (
    "INSERT INTO event_key (digest, domain, reported, source, facts) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (digest) DO NOTHING"
)
COUNT: Final = (
    "INSERT INTO event_count (day, key, messages) VALUES (?, ?, ?)"
    " ON CONFLICT (day, key) DO UPDATE SET messages = event_count.messages + excluded.messages"
)
LOST: Final = (
    "INSERT INTO event_lost (day, host, messages) VALUES (?, ?, ?)"
    " ON CONFLICT (day, host) DO UPDATE SET messages = event_lost.messages + excluded.messages"
)
EVENTS: Final = (
    "SELECT e.time, h.name, e.queue_id, k.facts, r.name FROM event e"
    " JOIN event_host h ON h.id = e.host JOIN event_key k ON k.id = e.key"
    " LEFT JOIN event_rules r ON r.id = e.rules"
    " WHERE e.time >= ? AND e.time < ? ORDER BY e.time"
)
COUNTS: Final = """SELECT k.domain, k.facts, c.messages FROM event_count c
    JOIN event_key k ON k.id = c.key WHERE c.day = ?"""
DOMAINS: Final = """SELECT DISTINCT k.domain FROM event_count c JOIN event_key k ON k.id = c.key
    WHERE c.day = ? AND k.reported = 1 ORDER BY k.domain"""
OLD_REPORTS: Final = tuple(
    f"DELETE FROM {table} WHERE day < ?"  # noqa: S608 - one of five
    for table in ("report_mail", "failure_mail", "failure_case", "failure_count", "event_lost")
)
UNUSED: Final = (
    "DELETE FROM event_key WHERE id NOT IN (SELECT key FROM event)"
    " AND id NOT IN (SELECT key FROM event_count)"
)
