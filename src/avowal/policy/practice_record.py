"""Practices in words: ``dkim=all; t=y``, as SSP of 2007 and ADSP (RFC 5617) write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from avowal.limits import DEFAULT, Limits
from avowal.policy.trace import excerpt
from avowal.taglist import TagList, TagListFault, colon_list

UNKNOWN, ALL, STRICT, DISCARDABLE = "unknown", "all", "strict", "discardable"
_BEGINNING = re.compile(rb"dkim[ \t]*+=")  # RFC 5617 §4.2.1: the first tag, in lower case
_LINE_BREAK = re.compile(rb"[\r\n]")  # WSP, not FWS: RFC 5617 §4.1


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRecord:
    """One record; `practices` is one of the words its era knows, `unknown` for any other.

    `flags` (t=) and `handling` stand in the drafts only; `other_tags` holds the rest, among
    it the reporting tags ra, rp, rr and rs of RFC 6651 §4.
    """

    octets: bytes
    practices: str
    flags: tuple[str, ...] = ()
    handling: str | None = None
    other_tags: tuple[tuple[str, bytes], ...] = ()
    problem: str | None = None

    @classmethod
    def parse(
        cls, octets: bytes, words: frozenset[str], *, limits: Limits = DEFAULT
    ) -> WordRecord | None:
        """Read a record that knows these words; None for what is none (RFC 5617 §4.1)."""
        if _BEGINNING.match(octets) is None or _LINE_BREAK.search(octets):
            return None
        try:
            tags = TagList.parse(octets, most=limits.policy_tags)
        except TagListFault:
            return None
        written = (tags.get("dkim") or b"").decode("utf-8", "backslashreplace")
        known = written in words
        handling = tags.get("handling")
        return cls(
            octets=octets,
            practices=written if known else UNKNOWN,
            flags=tuple(
                f.decode("utf-8", "backslashreplace") for f in colon_list(tags.get("t") or b"")
            ),
            handling=None if handling is None else excerpt(handling),
            other_tags=tuple(
                (tag.name, tag.value) for tag in tags if tag.name not in {"dkim", "t", "handling"}
            ),
            problem=None if known else f"dkim={excerpt(written)} counts as unknown",
        )

    @property
    def testing(self) -> bool:
        """Whether the domain is only testing: t=y."""
        return "y" in self.flags

    @property
    def not_for_subdomains(self) -> bool:
        """Whether the record speaks for its own name alone: t=s."""
        return "s" in self.flags
