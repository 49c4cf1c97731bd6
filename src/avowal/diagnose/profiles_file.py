r"""What proofs have taught, as a file: it can be kept, handed on, looked at and cut.

A file is text, one JSON object a line.  The first names the format, each other one list or
signer::

    {"format": "avowal-profiles", "version": 1}
    {"list": "dev.lists.example", "steps": {"footer": 12}, "removed": [{"address":
     "bob@example.net", "count": 3, "spellings": {"Bob <bob@example.net>": 3},
     "before": {"a@example.net": 2}, "behind": {}}], "writers": [[75, 76, false, "", true, 0]]}
    {"domain": "example.com", "selector": "s1", "there": {"cc": 3}, "absent": {"sender": 5},
     "writers": []}

Octets that are no UTF-8 are written as lone surrogates, as Python's surrogateescape does.
Deleting a line forgets the list or the signer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, TypeVar

from avowal.diagnose.profiles import Profile, Profiles, SignerProfile
from avowal.diagnose.quoted_writers import ESCAPED, Writer
from avowal.diagnose.registry import REGISTRY
from avowal.errors import ConfigError

FORMAT = "avowal-profiles"
VERSION = 1
_MOST_COUNT = 1 << 40
_Name = TypeVar("_Name", str, tuple[str, str])
_Row = dict[str, object]
_WriterRow = tuple[int, int, bool, str, bool, int]


class _Removed(TypedDict, total=False):
    """An address that a list takes out, as a file has it."""

    address: str
    count: int
    spellings: dict[str, int]
    before: dict[str, int]
    behind: dict[str, int]


class _Line(TypedDict, total=False):
    """A line as this program writes it; of a line that somebody wrote, each use is guarded."""

    format: str
    version: int
    list: str
    domain: str
    selector: str
    steps: dict[str, int]
    removed: Sequence[_Removed]
    there: dict[str, int]
    absent: dict[str, int]
    writers: Sequence[_WriterRow]


def written(profiles: Profiles) -> str:
    """Return profiles as the text of a file, in an order that does not depend on chance."""
    rows: list[_Row] = [{"format": FORMAT, "version": VERSION}]
    rows += [{"list": name, **_list(one)} for name, one in sorted(profiles.lists(), key=_name)]
    rows += [
        {"domain": who[0], "selector": who[1], **_signer(one)}
        for who, one in sorted(profiles.signers(), key=_name)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _name(pair: tuple[_Name, object]) -> _Name:
    return pair[0]


def _list(one: Profile) -> _Row:
    return {
        "steps": dict(sorted(one.steps.items())),
        "removed": [
            {
                "address": _text(key),
                "count": count,
                "spellings": _counts(one.spellings.get(key, {})),
                "before": _counts(one.before.get(key, {})),
                "behind": _counts(one.behind.get(key, {})),
            }
            for key, count in sorted(one.removed.items())
        ],
        "writers": _writers(one.writers),
    }


def _signer(one: SignerProfile) -> _Row:
    return {
        "there": _counts(one.there),
        "absent": _counts(one.absent),
        "writers": _writers(one.writers),
    }


def _counts(counts: Mapping[bytes, int]) -> dict[str, int]:
    return {_text(key): count for key, count in sorted(counts.items())}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _writers(writers: Sequence[Writer]) -> list[list[object]]:
    return [[*one[:3], _text(one.escaped), *one[4:]] for one in writers]


# -- reading -------------------------------------------------------------------------------------


def read(text: str, *, file: str, into: Profiles) -> None:
    """Take the profiles of a file.  Raises ConfigError (file, line, why)."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if number > 1 and not line.strip():
            continue
        try:
            row: _Line = json.loads(line)
            if number == 1:
                _head(row)
            elif "list" in row:
                _take_list(row, into)
            else:
                _take_signer(row, into)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            why = str(error) if isinstance(error, _RowError) else "no row of profiles"
            raise ConfigError(why, file=file, line=number) from None


class _RowError(ValueError):
    """What is wrong with a row, in words."""


def _head(row: object) -> None:
    head: _Row = row if isinstance(row, dict) else {}
    if head.get("format") != FORMAT:
        raise _RowError("this is no file of profiles")
    if head.get("version") != VERSION:
        raise _RowError(f"version {head.get('version')!r}: this program reads {VERSION}")


def _take_list(row: _Line, into: Profiles) -> None:
    steps = _read_counts(row.get("steps", {}))
    unknown = [name for name in steps if name.decode() not in REGISTRY]
    if unknown:
        raise _RowError(f"{unknown[0].decode()!r} is no change of the registry")
    one = into.of(str(row["list"]))
    one.steps.update({name.decode(): count for name, count in steps.items()})
    for removed in row.get("removed", ()):
        key = _octets(removed["address"])
        one.removed[key] += _count(removed["count"])
        for counts, found in (
            (one.spellings, removed.get("spellings", {})),
            (one.before, removed.get("before", {})),
            (one.behind, removed.get("behind", {})),
        ):
            counts.setdefault(key, Counter()).update(_read_counts(found))
    one.writers[:] = _read_writers(row.get("writers", ()))


def _take_signer(row: _Line, into: Profiles) -> None:
    one = into.of_signer(str(row["domain"]), str(row["selector"]))
    one.there.update(_read_counts(row.get("there", {})))
    one.absent.update(_read_counts(row.get("absent", {})))
    one.writers[:] = _read_writers(row.get("writers", ()))


def _read_counts(counts: dict[str, int]) -> dict[bytes, int]:
    return {_octets(key): _count(count) for key, count in counts.items()}


def _count(count: object) -> int:
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count < _MOST_COUNT:
        raise _RowError("a count is no number from 1 on")
    return count


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_width(width: object) -> bool:
    return isinstance(width, int) and 20 <= width <= 200


def _read_writers(rows: Sequence[_WriterRow]) -> Iterator[Writer]:
    for soft, last, at_blank, escaped, blanks, dots in rows:
        widths = _is_width(soft) and _is_width(last)
        if not (widths and dots in range(4) and _octets(escaped) in ESCAPED):
            raise _RowError("a writer is none of those that are known")
        yield Writer(soft, last, bool(at_blank), _octets(escaped), bool(blanks), dots)
