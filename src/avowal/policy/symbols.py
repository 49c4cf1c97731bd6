"""Policy records of symbols: ``o=~; t=y; n=...; r=...``.

DomainKeys (RFC 4870 §3.6) and the Sender Signing Policy of 2005 write the same record,
with different symbols.  A record in which a tag is missing or makes no sense says ``~``.
What is plain and only spelled wrong is read as meant, and named in `spelling`: a dash that
typography made of ``-``, a version in front of ``o=``, the words of 2007 at the name of 2005.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from avowal.limits import DEFAULT, Limits
from avowal.policy.trace import Notes, excerpt
from avowal.taglist import FWS, TagList, TagListFault

NEUTRAL, EXCLUSIVE = "~", "!"
_KNOWN = frozenset("ornut")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212") | {"\\x96", "\\x97"}  # cp1252
_WORDS = {"unknown": NEUTRAL, "all": "-", "strict": EXCLUSIVE, "discardable": EXCLUSIVE}
_FOREIGN = frozenset((b"dmarc1", b"spf1", b"stsv1", b"tlsrptv1", b"bimi1"))  # v= of other records
_SEPARATOR = re.compile(rb"[|:]")  # "|" in the era of symbols, ":" later


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRecord:
    """One record; `problem` says why its symbol is the default.

    `spelling` says what was read otherwise than it is written.
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
    spelling: str | None = None

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
        if not _speaks(tags, symbols):
            return None  # a record of something else, such as a wildcard's
        symbol, spelling = _meant(tags, symbols)
        known = len(symbol) == 1 and symbol in symbols
        return cls(
            octets=octets,
            symbol=symbol if known else NEUTRAL,
            flags=_flags(tags),
            reports_to=tags.get("r"),
            note=tags.get("n"),
            user_flags=tags.get("u"),
            problem=None if known or not symbol else f"{spelling or _written(tags)} is unknown",
            spelling=spelling if known else None,
        )

    @property
    def testing(self) -> bool:
        """Whether the domain is only testing: t=y."""
        return "y" in self.flags


def _speaks(tags: TagList, symbols: str) -> bool:
    """Whether a record is one of policy."""
    version = tags.get("v")
    if version is not None and (version.lower() in _FOREIGN or "p" in tags):
        return False
    known = {"o"} if version is not None else _KNOWN
    words = {"dkim"} if EXCLUSIVE in symbols else set()  # the policy of DomainKeys has no words
    return not (known | words).isdisjoint(tag.name for tag in tags)


def _meant(tags: TagList, symbols: str) -> tuple[str, str | None]:
    """Return the symbol that a record means, and how it is written where that is not its own."""
    written = (tags.get("o") or b"").decode("utf-8", "backslashreplace")
    symbol, spelling = written, None
    if "o" not in tags and "dkim" in tags:
        word = (tags.get("dkim") or b"").decode("utf-8", "backslashreplace")
        spelling = f"dkim={excerpt(word)}"
        symbol = _WORDS.get(word, word or "dkim=")
    elif written in _DASHES:
        symbol, spelling = "-", f"o={written}"
    elif "v" in tags:
        spelling = f"v={excerpt(tags.get('v') or b'')} before o={excerpt(written)}"
    return symbol, spelling


def _written(tags: TagList) -> str:
    return f"o={excerpt(tags.get('o') or b'')}"


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
    if kept[0].spelling:
        notes.add("chose", f"o={kept[0].symbol}", f"{kept[0].spelling} of {name} means that")
    return kept[0]
