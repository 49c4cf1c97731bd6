"""A whole key store as text: its backup, and what the plain directory keeps.

One JSON object a line, in UTF-8.  The first names the format and the schema, each other one
is a row (``{"table": ..., columns}``), the last counts the rows and has the SHA-256 of all
lines before it, so that half a file is never taken for a whole one.  Every kind of store
reads what any other wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256

from avowal.errors import StoreError
from avowal.stores.key_rows import COLUMNS, Row, parameters
from avowal.stores.key_schema import NEWEST, newer

_FORMAT = "avowal-key-store"
MAX_OCTETS = 1 << 30
"""Of a backup."""


def written(rows: Iterable[tuple[str, Row]], revision: int = 0) -> bytes:
    """Return the text of a store's rows; `revision` is the number of changes it went through."""
    lines = [_line({"format": _FORMAT, "schema": NEWEST, "revision": revision})]
    lines += [_line({"table": table} | parameters(table, row)) for table, row in rows]
    text = b"".join(lines)
    return text + _line({"rows": len(lines) - 1, "sha256": sha256(text).hexdigest()})


def _line(members: dict[str, object]) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode() + b"\n"


def read(name: str, octets: bytes) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a text.  Raises StoreError for anything but a whole one."""
    lines = octets.splitlines(keepends=True)
    head = _object(name, 1, lines[0] if lines else b"")
    if head.get("format") != _FORMAT:
        raise StoreError(f"{name}: this is no backup of a key store")
    schema = head.get("schema")
    if not isinstance(schema, int) or schema > NEWEST:
        raise StoreError(f"{name}: {newer(schema if isinstance(schema, int) else 0)}")
    end = _object(name, len(lines), lines[-1])
    whole = {"rows": len(lines) - 2, "sha256": sha256(b"".join(lines[:-1])).hexdigest()}
    if end != whole:
        raise StoreError(f"{name}: not whole: it was cut or changed after it was written")
    for number, line in enumerate(lines[1:-1], 2):
        yield _row(name, number, _object(name, number, line))


def revision_of(octets: bytes) -> int:
    """Return the number of changes that a whole text tells."""
    head: dict[str, object] = json.loads(octets.partition(b"\n")[0])
    found = head.get("revision", 0)
    return found if isinstance(found, int) else 0


def _row(name: str, number: int, members: dict[str, object]) -> tuple[str, Row]:
    table = str(members.pop("table", None))
    columns = COLUMNS.get(table, "").split()
    if set(columns) != set(members):
        raise StoreError(f"{name}:{number}: no row of a key store")
    return table, tuple(members[column] for column in columns)


def _object(name: str, number: int, line: bytes) -> dict[str, object]:
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StoreError(f"{name}:{number}: no JSON object: it was cut or changed")
    return found
