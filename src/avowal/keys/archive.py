r"""The key archive: public keys that were seen, or found again, kept for old mail.

A file is text, one JSON object a line.  The first names the format, each other one key::

    {"format": "avowal-key-archive", "version": 1}
    {"domain": "example.com", "selector": "s1", "record": "v=DKIM1; k=rsa; p=...",
     "source": "recovered", "first": 1577836800, "last": 1609459200, "messages": 64}

`record` is the key record; `source` is `dns` for one that DNS showed and `recovered` for one
that was worked out from mail (`avowal.keys.recovery`).  `first` and `last` are Unix seconds
between which it was seen or signed, `messages` counts what it verified; `secure` says whether
DNSSEC vouched for the record when it was last seen; each may be absent.
Members that a reader does not know are kept.  docs/reference/key-archive.md is the page.

An archive is a resolver too: it answers for the names of its keys, and knows no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from avowal import paths
from avowal.errors import ConfigError
from avowal.lookup import NO_NAME, Answer, Outcome, Question
from avowal.names import DomainName, NameFault, Selector, key_name

FORMAT = "avowal-key-archive"
VERSION = 1
_MOST_OCTETS = 256 << 20  # of a file
_MODE = 0o644  # public keys


class KeySource(StrEnum):
    """Where a key in an archive is from."""

    DNS = "dns"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedKey:
    """One key at one selector; times in Unix seconds, None where nothing told."""

    domain: str
    selector: str
    record: str
    source: KeySource
    first: int | None = None
    last: int | None = None
    messages: int = 0
    secure: bool | None = None
    other: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Where its record stands, or stood."""
        return key_name(
            Selector.parse(self.selector.encode()), DomainName.parse(self.domain.encode())
        )

    def with_(self, other: ArchivedKey) -> ArchivedKey:
        """Return what two sights of one key say together."""
        times = [at for one in (self, other) for at in (one.first, one.last) if at is not None]
        return replace(
            self,
            first=min(times, default=None),
            last=max(times, default=None),
            messages=max(self.messages, other.messages),
            secure=self._last_said(other),
        )

    def _last_said(self, other: ArchivedKey) -> bool | None:
        """What DNSSEC said of the later sight; of the other one where that does not tell."""
        early, late = (self, other) if (self.last or 0) <= (other.last or 0) else (other, self)
        return early.secure if late.secure is None else late.secure


class KeyArchive:
    """The keys of a file, in memory."""

    def __init__(self, keys: Iterable[ArchivedKey] = ()) -> None:
        self._keys: dict[tuple[str, str, KeySource], ArchivedKey] = {}
        self._names: dict[str, list[ArchivedKey]] = {}
        for key in keys:
            self.add(key)

    def __iter__(self) -> Iterator[ArchivedKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: ArchivedKey) -> None:
        """Add a key, or widen what is known of it."""
        name = key.name
        at = name, key.record, key.source
        if (there := self._keys.get(at)) is not None:
            key = there.with_(key)
            self._names[name].remove(there)
        self._keys[at] = key
        self._names.setdefault(name, []).append(key)

    def at(self, name: str) -> tuple[ArchivedKey, ...]:
        """Return the keys whose records stand, or stood, at a name."""
        return tuple(self._names.get(name.lower(), ()))

    # -- as a resolver -----------------------------------------------------------------

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer from the archive; a name that is not in it does not exist."""
        return tuple([self._answer(question) for question in questions])

    recall = resolve

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Do the same; nothing is waited for."""
        return self.resolve(questions)

    def _answer(self, question: Question) -> Answer:
        keys = self._names.get(question.name.lower(), ()) if question.type == "TXT" else ()
        if not keys:
            return NO_NAME
        shown = [key.record.encode() for key in keys if key.source is KeySource.DNS]
        recovered = [key.record.encode() for key in keys if key.source is KeySource.RECOVERED]
        return Answer(
            outcome=Outcome.FOUND,
            records=(*shown, *recovered),
            unpublished=frozenset(recovered).difference(shown),
        )

    # -- as a file ---------------------------------------------------------------------

    @classmethod
    def load(cls, path: str) -> KeyArchive:
        """Read a file.  Raises ConfigError (file, line, why) and OSError."""
        octets = paths.read(path, _MOST_OCTETS)
        return cls(_keys_of(path, octets))

    def save(self, path: str) -> None:
        """Write the file anew, or not at all.  Raises OSError."""
        lines = [{"format": FORMAT, "version": VERSION}]
        lines += [
            members_of(key) for key in sorted(self, key=lambda key: (key.domain, key.selector))
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        paths.replace(path, text.encode(), _MODE)


def _keys_of(path: str, octets: bytes) -> Iterator[ArchivedKey]:
    lines = octets.splitlines()
    head = _object(path, 1, lines[0] if lines else b"")
    if head.get("format") != FORMAT:
        raise ConfigError("this is no key archive", file=path, line=1)
    if head.get("version") != VERSION:
        why = f"version {head.get('version')} of the format: this program reads {VERSION}"
        raise ConfigError(why, file=path, line=1)
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            yield _key(path, number, _object(path, number, line))


def _object(path: str, number: int, line: bytes) -> dict[str, object]:
    try:
        found: object = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("no JSON object", file=path, line=number)
    return found


def _key(path: str, number: int, members: dict[str, object]) -> ArchivedKey:
    """Read one key.  Raises ConfigError."""
    try:
        key = ArchivedKey(
            domain=_text(members, "domain"),
            selector=_text(members, "selector"),
            record=_text(members, "record"),
            source=_source(members),
            first=_count(members, "first"),
            last=_count(members, "last"),
            messages=_count(members, "messages") or 0,
            secure=_flag(members, "secure"),
            other={name: value for name, value in members.items() if name not in _MEMBERS},
        )
        key.name  # noqa: B018 - raises for what is no name
    except NameFault as fault:
        raise ConfigError(f"no name: {fault.why}", file=path, line=number) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error), file=path, line=number) from None
    return key


_MEMBERS = ("domain", "selector", "record", "source", "first", "last", "messages", "secure")


def _text(members: dict[str, object], name: str) -> str:
    found = members.get(name)
    if not isinstance(found, str):
        raise TypeError(f"{name} is missing, or no string")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise TypeError(f"{name} holds half a surrogate pair, which is no character") from None
    return found


def _source(members: dict[str, object]) -> KeySource:
    found = _text(members, "source")
    if found not in list(KeySource):
        raise ValueError(f"source is {found[:40]!r}: it has to be {' or '.join(KeySource)}")
    return KeySource(found)


def _count(members: dict[str, object], name: str) -> int | None:
    found = members.get(name)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool)):
        raise TypeError(f"{name} is no whole number")
    return found


def _flag(members: dict[str, object], name: str) -> bool | None:
    found = members.get(name)
    if found is not None and not isinstance(found, bool):
        raise TypeError(f"{name} is neither true nor false")
    return found


def members_of(key: ArchivedKey) -> dict[str, object]:
    """Return a key as it is written."""
    known = {
        "domain": key.domain,
        "selector": key.selector,
        "record": key.record,
        "source": str(key.source),
        "first": key.first,
        "last": key.last,
        "messages": key.messages or None,
        "secure": key.secure,
    }
    return {name: value for name, value in known.items() if value is not None} | key.other
