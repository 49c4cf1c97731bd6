"""The DMARC policy record (RFC 9989 §4.7 and §4.8; pct, rf and ri of RFC 7489 §6.3).

The version stands first and its value is exact, else the octets are no DMARC record.  Behind it
a tag with a syntax error is left out in favour of its default, and `problems` names it.  Names of
tags have no case: ``dmarc-version = "v" equals %s"DMARC1"`` makes the value alone exact (§4.8,
RFC 5234 §2.3, RFC 7405 §2.1), and the other names are words of the same kind (RFC 7489 §6.4).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.policy.dmarc.uris import ReportUri, read_uris
from avowal.policy.trace import excerpt

WSP = b" \t"
_VERSION = re.compile(rb"[ \t]*+[Vv][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")
_VALUE_OCTETS = bytes(range(0x20, 0x7F)) + b"\t"
_DIGITS = re.compile(r"[0-9]{1,10}")
_REMEMBERED = 1024  # octets; longer records are read each time


class Policy(StrEnum):
    """What a domain asks for mail that fails: p=, sp=, np=."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def strictness(self) -> int:
        """0, 1 or 2."""
        return _ORDER.index(self)

    @property
    def weaker(self) -> Policy:
        """One level down, as t=y and an unsampled pct= ask."""
        return _ORDER[max(0, self.strictness - 1)]


_ORDER = (Policy.NONE, Policy.QUARANTINE, Policy.REJECT)


class DmarcRecordFault(SyntaxFault):
    """Octets that are no DMARC policy record."""

    def again(self) -> DmarcRecordFault:
        """Return the same fault, without the places it was raised at before."""
        return DmarcRecordFault(self.offset, self.why)


@dataclass(frozen=True, slots=True)
class TagProblem:
    """A tag that was left out, and why."""

    tag: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """One record; `p`, `sp` and `np` are None when absent or invalid.

    `psd` is y, n or u; `fo` holds 0, 1, d, s; `pct`, `rf` and `ri` are RFC 7489's, None when
    absent or invalid.
    """

    octets: bytes
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    adkim: str = "r"
    aspf: str = "r"
    fo: tuple[str, ...] = ("0",)
    psd: str = "u"
    testing: bool = False
    rua: tuple[ReportUri, ...] = ()
    ruf: tuple[ReportUri, ...] = ()
    pct: int | None = None
    rf: tuple[str, ...] | None = None
    ri: int | None = None
    other_tags: tuple[tuple[str, bytes], ...] = ()
    problems: tuple[TagProblem, ...] = ()

    @classmethod
    def parse(cls, octets: bytes, *, limits: Limits = DEFAULT) -> DmarcRecord:
        """Read a record.  Raises DmarcRecordFault."""
        found = (_remembered if len(octets) <= _REMEMBERED else _read)(octets, limits.policy_tags)
        if isinstance(found, DmarcRecordFault):
            raise found.again()
        return found

    @classmethod
    def _read(cls, octets: bytes, most: int) -> DmarcRecord:
        version = _VERSION.match(octets)
        if version is None:
            raise DmarcRecordFault(0, "does not begin with v=DMARC1")
        problems: list[TagProblem] = []
        tags = _tags(octets, version.end(), problems, most)
        known: dict[str, Any] = {}
        others: list[tuple[str, bytes]] = []
        for name, value in tags.items():
            reader = _READERS.get(name)
            if reader is None:
                others.append((name, value))  # RFC 9989 §4.7: unknown tags are ignored
                continue
            try:
                known[_FIELDS.get(name, name)] = reader(value)
            except ValueError as error:
                problems.append(TagProblem(name, str(error)))
        return cls(octets=octets, other_tags=tuple(others), problems=tuple(problems), **known)

    @property
    def usable_policy(self) -> Policy | None:
        """What p= amounts to; None: the record asks for nothing, DMARC does not apply.

        Without a valid p=, or with an invalid sp= or np=, a record that has a valid rua=
        counts as p=none (RFC 9989 §4.10.1, RFC 7489 §6.6.3 step 6).
        """
        if self.p is not None and not self.spoiled:
            return self.p
        return Policy.NONE if self.rua else None

    @property
    def spoiled(self) -> bool:
        """Whether p= is missing, or p=, sp= or np= is invalid."""
        return self.p is None or any(problem.tag in {"p", "sp", "np"} for problem in self.problems)

    def for_subdomains(self, *, existing: bool) -> tuple[str, Policy | None]:
        """Return the tag that decides for a name below this one, and what it asks.

        np= falls back to sp=, sp= to p= (RFC 9989 §4.7).
        """
        if self.spoiled:
            return "p", self.usable_policy
        if not existing and self.np is not None:
            return "np", self.np
        return ("p", self.p) if self.sp is None else ("sp", self.sp)

    @property
    def tells_existence_apart(self) -> bool:
        """Whether it matters that a name below this one exists."""
        return self.for_subdomains(existing=True)[1] != self.for_subdomains(existing=False)[1]


def _read(octets: bytes, most: int) -> DmarcRecord | DmarcRecordFault:
    try:
        return DmarcRecord._read(octets, most)
    except DmarcRecordFault as fault:
        return fault


_remembered = lru_cache(maxsize=1024)(_read)  # the same few domains in much of the mail


def _tags(octets: bytes, start: int, problems: list[TagProblem], most: int) -> dict[str, bytes]:
    tags: dict[str, bytes] = {}
    specs = octets[start:].split(b";", most + 1)
    if len(specs) > most:
        raise DmarcRecordFault(len(octets) - len(specs[-1]), f"more than {most} tags")
    for spec in specs:
        if not spec.strip(WSP):
            continue
        written, equals, value = spec.partition(b"=")
        name = written.strip(WSP).lower()
        if not equals or _NAME.fullmatch(name) is None:
            problems.append(TagProblem(excerpt(spec.strip(WSP)), "no tag name and ="))
        elif value.translate(None, _VALUE_OCTETS):
            problems.append(TagProblem(name.decode(), "octets that a value may not hold"))
        elif name.decode() in tags or name == b"v":
            raise DmarcRecordFault(start, f"the tag {name.decode()}= stands twice")  # RFC 6376 §3.2
        else:
            tags[name.decode()] = value.strip(WSP)
    return tags


def _word(value: bytes) -> str:
    return value.decode("ascii").lower()  # the words of RFC 9989 §4.8 ignore case (RFC 5234 §2.3)


def _one_of(*allowed: str) -> Callable[[bytes], str]:
    def read(value: bytes) -> str:
        word = _word(value)
        if word not in allowed:
            raise ValueError(f"{excerpt(value)!r} is none of {', '.join(allowed)}")
        return word

    return read


_request = _one_of(*(policy.value for policy in Policy))


def _policy(value: bytes) -> Policy:
    return Policy(_request(value))


def _failure_options(value: bytes) -> tuple[str, ...]:
    options = tuple(_word(option.strip(WSP)) for option in value.split(b":"))
    known = tuple(dict.fromkeys(option for option in options if option in {"0", "1", "d", "s"}))
    if not known:
        raise ValueError(f"{excerpt(value)!r} holds none of 0, 1, d, s")
    return known


def _number(largest: int) -> Callable[[bytes], int]:
    def read(value: bytes) -> int:
        text = value.decode("ascii")
        if _DIGITS.fullmatch(text) is None or int(text) > largest:
            raise ValueError(f"{excerpt(value)!r} is no number up to {largest}")
        return int(text)

    return read


def _report_formats(value: bytes) -> tuple[str, ...]:
    formats = tuple(_word(part.strip(WSP)) for part in value.split(b":"))
    if "afrf" not in formats:  # the only one registered, RFC 7489 §6.3
        raise ValueError(f"{excerpt(value)!r} does not hold afrf")
    return formats


_READERS: dict[str, Callable[[bytes], Any]] = {
    "p": _policy,
    "sp": _policy,
    "np": _policy,
    "adkim": _one_of("r", "s"),
    "aspf": _one_of("r", "s"),
    "fo": _failure_options,
    "psd": _one_of("y", "n", "u"),
    "t": lambda value: _one_of("y", "n")(value) == "y",
    "rua": read_uris,
    "ruf": read_uris,
    "pct": _number(100),
    "rf": _report_formats,
    "ri": _number(2**32 - 1),
}
_FIELDS = {"t": "testing"}
REMOVED_TAGS = frozenset({"pct", "rf", "ri"})  # RFC 9989 App. C; read for comparison only
