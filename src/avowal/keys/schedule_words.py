"""A schedule as people write it: ``rotate-every=90d``, ``when-stolen=stop``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Final

from avowal.errors import UsageError
from avowal.keys.schedule import Schedule, WhenStolen

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_TRUTHS: Final = {"yes": True, "no": False}


def changed(schedule: Schedule, given: Iterable[str]) -> Schedule:
    """Return a schedule with some of its words changed.  Raises UsageError."""
    known = asdict(schedule)
    fields: dict[str, object] = {}
    for one in given:
        name, equals, text = one.partition("=")
        field = name.strip().replace("-", "_")
        if not equals or field not in known:
            names = ", ".join(sorted(known)).replace("_", "-")
            raise UsageError(f"{one!r}: write NAME=VALUE with a name of {names}")
        fields[field] = _read(name.strip(), known[field], text.strip())
    return replace(schedule, **fields)  # type: ignore[arg-type]


def words(schedule: Schedule) -> Iterator[str]:
    """Write a schedule, a line for each of its words."""
    for name, given in asdict(schedule).items():
        yield f"{name.replace('_', '-')}={_written(name, given)}"


def _read(name: str, before: object, text: str) -> object:
    if isinstance(before, bool):
        if text not in _TRUTHS:
            raise UsageError(f"{name}={text}: yes or no")
        return _TRUTHS[text]
    if isinstance(before, WhenStolen):
        if text not in list(WhenStolen):
            raise UsageError(f"{name}={text}: {' or '.join(WhenStolen)}")
        return WhenStolen(text)
    if name == "bits":
        return _read_bits(text)
    return read_span(text, name) if isinstance(before, int) else text


def _read_bits(text: str) -> int:
    if not _is_number(text):
        raise UsageError(f"bits={text}: write a number, such as 2048")
    return int(text)


def read_span(text: str, name: str = "span") -> int:
    """Read 90d, 12h, 30m, 45s, or a plain number of seconds.  Raises UsageError."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not _is_number(number):
        raise UsageError(f"{name}={text}: write 90d, 12h, 30m or 45s")
    return int(number) * _UNITS[unit]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _written(name: str, given: object) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    if not isinstance(given, int) or name == "bits":
        return str(given)
    unit = next(unit for unit, length in _UNITS.items() if given % length == 0)
    return f"{given // _UNITS[unit]}{unit}" if given else "0s"
