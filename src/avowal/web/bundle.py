"""A report as it may leave this machine: hashes and structure, no content and no addresses.

What may stay is marked (`report.Shared`), closed (a word of a `Literal`) or a number; every
other text is emptied, so that a text which is added tomorrow is left out until somebody has
thought about it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, structs

from avowal.errors import UsageError
from avowal.web.report import Report

S = TypeVar("S", bound=Struct)
MOST_OCTETS: Final = 4 << 20
"""Of a bundle that is opened."""
MOST_MEMBERS: Final = 12_000
"""Of such a bundle: steps, lines, hosts and all else that a page has a row for."""
BEGINNING: Final = b'{"kind":"avowal-report"'
_DECODER: Final = msgspec.json.Decoder(Report)


def written(report: Report) -> bytes:
    """Return the octets of the bundle of a report."""
    made = structs.replace(_redacted(report), redacted=True)
    return msgspec.json.format(msgspec.json.encode(made), indent=1)


def read(octets: bytes) -> Report:
    """Read a bundle, whoever wrote it.  Raises UsageError."""
    if len(octets) > MOST_OCTETS:
        raise UsageError(f"a bundle has at most {MOST_OCTETS >> 20} MiB")
    try:
        report = _DECODER.decode(octets)
    except (msgspec.DecodeError, RecursionError) as fault:  # ValidationError is one of them
        raise UsageError(f"this is no bundle of avowal web: {fault}") from None
    if _members(report) > MOST_MEMBERS:
        raise UsageError(f"a bundle has at most {MOST_MEMBERS} steps, lines and hosts")
    return structs.replace(_redacted(report), redacted=True)


def looks_like_one(octets: bytes) -> bool:
    """Whether octets begin as a bundle does: no message does."""
    return octets[:200].replace(b" ", b"").replace(b"\n", b"").startswith(BEGINNING)


def _members(value: object) -> int:
    """Return how many values a page would show of a report or a part of it."""
    if isinstance(value, Struct):
        held: dict[str, object] = structs.asdict(value)
        return 1 + sum(map(_members, held.values()))
    if isinstance(value, tuple):
        members: tuple[object, ...] = value
        return len(members) + sum(map(_members, members))
    return 0


def _redacted(made: S) -> S:
    hints = _hints(type(made))
    values: dict[str, object] = structs.asdict(made)
    kept = {name: _kept(value, hints[name]) for name, value in values.items()}
    return structs.replace(made, **kept)


@lru_cache(maxsize=64)
def _hints(kind: type[Struct]) -> dict[str, object]:
    return get_type_hints(kind, include_extras=True)


def _kept(value: object, hint: object) -> object:
    if isinstance(value, Struct):
        return _redacted(value)
    if isinstance(value, tuple):
        inner, *_ = _arguments(hint)
        if _is_content(inner):
            return ()
        members: tuple[object, ...] = value
        return tuple(_kept(one, inner) for one in members)
    return "" if isinstance(value, str) and _is_content(hint) else value


def _is_content(hint: object) -> bool:
    if get_origin(hint) is Annotated:
        return not any(isinstance(m, Meta) and _is_shared(m) for m in _arguments(hint)[1:])
    return hint is str and get_origin(hint) is not Literal


def _is_shared(meta: Meta) -> bool:
    extra: dict[str, object] = meta.extra or {}
    return bool(extra.get("shared"))


def _arguments(hint: object) -> tuple[object, ...]:
    arguments: tuple[object, ...] = get_args(hint)
    return arguments
