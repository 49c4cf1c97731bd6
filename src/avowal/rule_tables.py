"""Signing rules in a table: a file or a database with a row per author, for thousands of them.

A row is a pattern as in `signing.rules` and a value ``KEY[,KEY...][:IDENTITY]``.  The table is
read whole, at the start and at each reload: a message waits for no database, and every mistake
is told before the first one.
"""

from __future__ import annotations

from collections.abc import Iterator

from avowal.config.mistakes import Collector
from avowal.config.model import Configuration, Rule
from avowal.config.places import Path, Place, Places
from avowal.errors import AvowalError, ConfigError, StoreError

MOST_ROWS = 1_000_000
_OPTION = ("signing", "rules_table")


def with_table(configuration: Configuration, places: Places) -> tuple[Configuration, Places]:
    """Return the configuration with the rules of its table behind its own, and their places.

    Raises ConfigError, Mistakes with every row that cannot be read.
    """
    signing = configuration.signing
    if signing.rules_table is None:
        return configuration, places
    from msgspec.structs import replace  # noqa: PLC0415 - few have a table

    mistakes = Collector(places)
    rules = list(signing.rules)
    known: dict[Path, Place] = dict(places.known)
    for author, value, place in _rows(signing.rules_table, places):
        keys, _, identity = value.partition(":")
        names = tuple(name.strip() for name in keys.split(",") if name.strip())
        if not names:
            mistakes.add(_OPTION, f"{place}: {author}: no key is named", "write KEY or KEY,KEY")
            continue
        known["signing", "rules", len(rules)] = place
        rules.append(Rule(author=author, keys=names, identity=identity.strip() or None))
    mistakes.raise_any()
    wanted = replace(signing, rules=tuple(rules), rules_table=None)
    return replace(configuration, signing=wanted), Places(known)


def _rows(spec: str, places: Places) -> Iterator[tuple[str, str, Place]]:
    from avowal.stores.opening import open_data_set, why_not  # noqa: PLC0415 - as above

    collector = Collector(places)
    kind, _, _ = spec.partition(":")
    try:
        if kind not in {"file", "dsn"}:
            raise StoreError("write file:PATH or dsn:URL")
        with_rows = open_data_set(spec)
        name = with_rows.name
        for number, row in enumerate(with_rows, 1):
            if number > MOST_ROWS:
                raise StoreError(f"over {MOST_ROWS} rows")
            yield row.key, row.value, Place(name, row.line or number)
    except AvowalError as fault:
        why = ConfigError(why_not(fault), hint="file:PATH, or dsn:URL of a database")
        raise collector.blame(_OPTION, why) from None
