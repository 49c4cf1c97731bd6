"""Policy records of symbols: ``o=~; t=y; n=...; r=...``.

DomainKeys (RFC 4870 §3.6) and the Sender Signing Policy of 2005 write the same record,
with different symbols.  A record in which a tag is missing or makes no sense says ``~``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from avowal.limits import DEFAULT, Limits
from avowal.policy.trace import Notes, excerpt
from avowal.taglist import FWS, TagList, TagListFault

NEUTRAL = "~"
_KNOWN = frozenset("ornut")
_SEPARATOR = re.compile(rb"[|:]")  # "|" in the era of symbols, ":" later


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRecord:
    """One record; `problem` says why its symbol is the default.

    `reports_to` is r=, an address for inquiries; `note` is n=; `user_flags` is u=, whose
    meaning is lost.
    """

    octets: bytes
    symbol: str = NEUTRAL
    flags: tuple[str, ...] = ()
    reports_to: bytes | None = None
    note: bytes | None = None
    user_flags: bytes | None = None
    problem: str | None = None

    @classmethod
    def parse(cls, octets: bytes, symbols: str, *, limits: Limits = DEFAULT) -> SymbolRecord | None:
        """Read a record that knows these symbols; None for what is no policy record."""
        if not octets.strip(FWS):
            return cls(octets=octets, problem="an empty record")
        try:
            tags = TagList.parse(octets, most=limits.policy_tags)
        except TagListFault as fault:
            tags = TagList.salvage(octets, most=limits.policy_tags)
            if "o" not in tags:
                return None
            return cls(octets=octets, flags=_flags(tags), problem=str(fault))
        if _KNOWN.isdisjoint(tag.name for tag in tags) or "v" in tags:
            return None  # a record of something else, such as a wildcard's
        written = (tags.get("o") or b"").decode("utf-8", "backslashreplace")
        known = len(written) == 1 and written in symbols
        return cls(
            octets=octets,
            symbol=written if known else NEUTRAL,
            flags=_flags(tags),
            reports_to=tags.get("r"),
            note=tags.get("n"),
            user_flags=tags.get("u"),
            problem=None if known or not written else f"o={excerpt(written)} is unknown",
        )

    @property
    def testing(self) -> bool:
        """Whether the domain is only testing: t=y."""
        return "y" in self.flags


def _flags(tags: TagList) -> tuple[str, ...]:
    written = _SEPARATOR.split(tags.get("t") or b"")
    words = (flag.strip(FWS).decode("utf-8", "backslashreplace") for flag in written)
    return tuple(word for word in words if word)


def record_among(
    octets: Iterable[bytes], symbols: str, name: str, notes: Notes, *, limits: Limits = DEFAULT
) -> SymbolRecord | None:
    """Choose the record at a name: None when there is none.

    Deliberate: of several none counts, and the domain says nothing (the drafts are silent).
    """
    read = [SymbolRecord.parse(item, symbols, limits=limits) for item in octets]
    kept = [record for record in read if record is not None]
    if not kept:
        notes.add("absent", name)
        return None
    if len(kept) > 1:
        notes.add("discarded", name, f"{len(kept)} records at one name")
        return SymbolRecord(octets=b"", problem="several records")
    notes.add("found", name, excerpt(kept[0].octets))
    if kept[0].problem:
        notes.add("discarded", f"o= of {name}", kept[0].problem)
    return kept[0]
