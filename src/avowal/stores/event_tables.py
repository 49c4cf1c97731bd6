"""Events in SQL tables: what SQLite and PostgreSQL do alike.

A key (`EventKey`) is written once and has a number; an event is its time, two numbers and a
queue id.  Keys are known by number in memory: whoever removes keys raises `generation`, which
every writer reads in its transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, SupportsInt

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey, digest, rules_of
from avowal.report.event_store import KindsOfRows, LostEvents, Pruned
from avowal.stores import event_statements as sql
from avowal.stores.event_schema import CREATE, VERSIONS

_REMEMBERED = 50_000  # keys known by their number, about 6 MB
_CHUNK = 500  # parameters of one statement; SQLite before 3.32 took 999


class Cursor(Protocol):
    """What is used of a cursor (PEP 249)."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> object: ...
    def executemany(self, statement: str, rows: Sequence[Sequence[object]], /) -> object: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class EventTables(KindsOfRows):
    """The statements over a connection that a subclass has opened.

    Methods are called by one thread at a time.  Each raises StoreError.
    """

    types: ClassVar[dict[str, str]]
    """What ``{id}`` and ``{octets}`` are here."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._hosts: dict[str, int] = {}
        self._rules: dict[str, int] = {}
        self._generation: int | None = None

    # -- what a subclass brings ------------------------------------------------------------

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]:
        """Begin a transaction that ends with the block; a fault undoes it."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Cursor]:
        """Return a cursor whose rows are read as they are wanted."""
        return self.transaction(writes=False)

    def statement(self, text: str) -> str:
        """Return a statement as the driver has it."""
        return text

    def has_schema(self, cursor: Cursor) -> bool:
        """Whether the tables are there, of whatever version."""
        raise NotImplementedError

    # -- the schema ------------------------------------------------------------------------

    def migrate(self) -> None:
        """Bring the tables to this version.  A newer one is refused: it is not for us."""
        with self.transaction() as cursor:
            if not self.has_schema(cursor):
                for text in CREATE:
                    cursor.execute(text)
            found = self._one(cursor, "SELECT version FROM event_schema")
            if found > len(VERSIONS):
                raise StoreError(
                    f"the events are of version {found}, and this program knows {len(VERSIONS)}:"
                    " update it"
                )
            for statements in VERSIONS[found:]:
                for text in statements:
                    cursor.execute(text.format(**self.types))
            if found < len(VERSIONS):
                self._run(cursor, "UPDATE event_schema SET version = ?", len(VERSIONS))

    # -- writing ---------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> None:
        """Write events and count them: all or none."""
        keyed = [(event, event.key.octets()) for event in events]
        with self.transaction() as cursor:
            generation = self._one(cursor, self.generation)
            self.writing(cursor)
            if generation != self._generation or len(self._numbers) > _REMEMBERED:
                self._numbers.clear()
                self._hosts.clear()
                self._rules.clear()
                self._generation = None
            numbers = self._keys(cursor, {octets: event.key for event, octets in keyed})
            hosts = self._named(cursor, sql.HOST, self._hosts, {event.host for event in events})
            texts = [event.rules_text() for event in events]
            rules = self._named(cursor, sql.RULES, self._rules, set(filter(None, texts)))
            rows = [
                (e.time, hosts[e.host], numbers[octets], e.queue_id, rules.get(text or ""))
                for (e, octets), text in zip(keyed, texts, strict=True)
            ]
            cursor.executemany(self.statement(sql.EVENT), rows)
            counts = Counter((row[0] // DAY, row[2]) for row in rows)
            cursor.executemany(
                self.statement(sql.COUNT), sorted((*place, n) for place, n in counts.items())
            )
        self._numbers.update(numbers)
        self._hosts.update(hosts)
        self._rules.update(rules)
        self._generation = generation

    def note_lost(self, lost: LostEvents) -> None:
        """Count events that were dropped."""
        with self.transaction() as cursor:
            rows = [(*place, messages) for place, messages in sorted(lost.items())]
            cursor.executemany(self.statement(sql.LOST), rows)

    def writing(self, cursor: Cursor) -> None:
        """Note the transaction in which events are written, where a store may be asked for it."""

    generation: ClassVar[str] = "SELECT generation FROM event_schema"
    """Asked by a writer: nobody removes keys until its transaction ends."""

    def _keys(self, cursor: Cursor, wanted: dict[bytes, EventKey]) -> dict[bytes, int]:
        """Return the number of each key, by its octets; new ones are written."""
        known = {octets: self._numbers[octets] for octets in wanted if octets in self._numbers}
        new = {digest(octets): octets for octets in sorted(wanted) if octets not in known}
        cursor.executemany(
            self.statement(sql.KEY),
            [(name, *_columns(wanted[octets]), octets) for name, octets in sorted(new.items())],
        )
        names = list(new)
        for at in range(0, len(names), _CHUNK):
            some = names[at : at + _CHUNK]
            marks = ", ".join("?" * len(some))
            text = f"SELECT digest, id FROM event_key WHERE digest IN ({marks})"  # noqa: S608 - marks only
            cursor.execute(self.statement(text), some)
            found: list[tuple[bytes, int]] = cursor.fetchall()
            known.update({new[bytes(name)]: number for name, number in found})
        return known

    def _named(
        self, cursor: Cursor, statements: tuple[str, str], numbers: dict[str, int], names: set[str]
    ) -> dict[str, int]:
        """Return the numbers of names that are written once; new ones are written."""
        known = {name: numbers[name] for name in names if name in numbers}
        write, find = statements
        for name in sorted(names - known.keys()):
            self._run(cursor, write, name)
            known[name] = self._one(cursor, find, name)
        return known

    # -- reading ---------------------------------------------------------------------------

    def events(self, begin: int, end: int) -> Iterator[Event]:
        """Yield the events of a time, by time."""
        with self.reading() as cursor:
            self._run(cursor, sql.EVENTS, begin, end)
            found: Iterator[tuple[int, str, str | None, bytes, str | None]] = iter(cursor)
            for time, host, queue_id, facts, text in found:
                rules = () if text is None else rules_of(text)
                yield Event(time, host, EventKey.of(bytes(facts)), queue_id, rules)

    def rows(
        self, day: int, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield the same as it is written: policy domain, octets of the key, messages."""
        text, parameters = sql.COUNTS, (day,) if domain is None else (day, domain)
        if reported:
            text += " AND k.reported = 1"
        if domain is not None:
            text += " AND k.domain = ?"
        with self.reading() as cursor:
            self._run(cursor, f"{text} ORDER BY k.domain, k.digest", *parameters)
            found: Iterator[tuple[str | None, bytes, int]] = iter(cursor)
            for where, facts, messages in found:
                yield where or "", bytes(facts), messages

    def domains(self, day: int) -> list[str]:
        """Return the policy domains of a day that get reports, in order."""
        with self.transaction(writes=False) as cursor:
            self._run(cursor, sql.DOMAINS, day)
            found: list[tuple[str]] = cursor.fetchall()
            return [domain for (domain,) in found]

    def days(self) -> list[tuple[int, int]]:
        """Return each day that has counts, and how many messages it had."""
        with self.reading() as cursor:
            cursor.execute("SELECT day, sum(messages) FROM event_count GROUP BY day ORDER BY day")
            found: list[tuple[int, SupportsInt]] = cursor.fetchall()  # PostgreSQL sums to Decimal
            return [(day, int(messages)) for day, messages in found]

    # -- removing --------------------------------------------------------------------------

    def prune(self, *, events_before: int, counts_before: int) -> Pruned:
        """Remove events older than a time; counts of days before a day, and their mails."""
        with self.transaction() as cursor:
            self._run(cursor, "UPDATE event_schema SET generation = generation + 1")
            events = self._run(cursor, "DELETE FROM event WHERE time < ?", events_before)
            counts = self._run(cursor, "DELETE FROM event_count WHERE day < ?", counts_before)
            keys = self._run(cursor, sql.UNUSED)
            cursor.execute(sql.UNUSED_RULES)
            for text in sql.OLD_REPORTS:
                self._run(cursor, text, counts_before)
        self.shrink()
        return Pruned(events, counts, keys)

    def erase(self, source: str) -> Pruned:
        """Remove whatever names the address of a client."""
        gone = Counter[str]()
        with self.transaction() as cursor:
            self._run(cursor, "UPDATE event_schema SET generation = generation + 1")
            cursor.execute("SELECT id, source, facts FROM event_key")
            found: list[tuple[int, str | None, bytes]] = cursor.fetchall()
            # A trusted chain names an address in its comment (RFC 8617 §7.2.2).
            named = [
                number
                for number, written, facts in found
                if written == source or EventKey.of(bytes(facts)).names(source)
            ]
            for number in named:
                gone["events"] += self._run(cursor, "DELETE FROM event WHERE key = ?", number)
                gone["counts"] += self._run(cursor, "DELETE FROM event_count WHERE key = ?", number)
                gone["keys"] += self._run(cursor, "DELETE FROM event_key WHERE id = ?", number)
            self._run(cursor, "DELETE FROM failure_case WHERE source = ?", source)
        self.shrink()
        return Pruned(gone["events"], gone["counts"], gone["keys"])

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError

    def shrink(self) -> None:
        """Leave no octets of what was removed in the files."""

    # -- statements ------------------------------------------------------------------------

    def _run(self, cursor: Cursor, text: str, *parameters: object) -> int:
        cursor.execute(self.statement(text), parameters)
        return cursor.rowcount

    def _one(self, cursor: Cursor, text: str, *parameters: object) -> int:
        self._run(cursor, text, *parameters)
        found: tuple[int] = cursor.fetchone()
        return int(found[0])


def _columns(key: EventKey) -> tuple[str | None, int, str | None]:
    return key.policy_domain, int(key.is_reported), key.source
