"""Records in the plain form that nearly all receivers write, read without an XML parser.

`plain_record` takes a record that is nothing but the known elements in their usual order,
without attributes, references, comments or other namespaces; its octets are well-formed XML by
the shape of the pattern alone.  Anything else is None, and the parser reads it.  What comes out
is what the parser would make of the same octets (`tests/properties/test_aggregate_laws.py`), at
a fifth of its cost: sections that repeat from record to record are looked up.
"""

from __future__ import annotations

import re
from typing import TypeVar

from avowal.report import aggregate_sections as sections
from avowal.report.aggregate import DkimAuthResult, PolicyOverrideReason, Record, SpfAuthResult
from avowal.report.aggregate_sections import (
    AuthResults,
    Evaluated,
    Identifiers,
    RecordFault,
)

_KEPT = 2000  # sections of each kind; then they are forgotten
_LONGEST_KEPT = 2000  # characters of one
_SPACE = r"[ \t\r\n]*+"
# No references, no tags, nothing that XML forbids, no line end that a parser would rewrite.
_TEXT = r"[^<&\x00-\x1f\ufffe\uffff]*+"
_RECORD = re.compile(
    rf"{_SPACE}<record>{_SPACE}<row>{_SPACE}<source_ip>({_TEXT})</source_ip>{_SPACE}"
    rf"<count>({_TEXT})</count>{_SPACE}<policy_evaluated>"
)
_ROW_END = re.compile(rf"{_SPACE}</row>{_SPACE}<identifiers>")
_RESULTS = re.compile(rf"{_SPACE}<auth_results>")
_END = re.compile(rf"{_SPACE}</record>")
_LEAF = re.compile(
    rf"{_SPACE}<([a-z_]{{1,20}})>({_TEXT})</([a-z_]{{1,20}})>|{_SPACE}<([a-z_]{{1,20}})/>"
)
_OPEN = re.compile(rf"{_SPACE}<(dkim|spf|reason)>")
_CLOSE = re.compile(rf"{_SPACE}</(dkim|spf|reason)>")
_REST = re.compile(rf"{_SPACE}\Z")
_EVALUATED = frozenset(("disposition", "dkim", "spf"))
_REASON = frozenset(("type", "comment"))
_IDENTIFIERS = frozenset(("header_from", "envelope_from", "envelope_to"))
_RESULT = frozenset(("domain", "selector", "scope", "result", "human_result"))


T = TypeVar("T")


class NotPlain(Exception):
    """Octets that the parser has to read."""


def _refuse(note: str) -> None:
    raise NotPlain


class PlainRecords:
    """Reads plain records; keeps what their sections came to."""

    def __init__(self, *, text_octets: int, results: int) -> None:
        self._longest = text_octets
        self._most = results
        self._evaluated: dict[str, Evaluated] = {}
        self._identifiers: dict[str, Identifiers] = {}
        self._results: dict[str, AuthResults] = {}

    def read(self, text: str, at: int) -> tuple[Record, int] | None:
        """Return the record that begins at a place (behind white space), and where it ends."""
        row = _RECORD.match(text, at)
        if row is None:
            return None
        begin = row.end()
        stop = text.find("</policy_evaluated>", begin)
        who = _ROW_END.match(text, stop + 19) if stop >= 0 else None
        if who is None:
            return None
        who_stop = text.find("</identifiers>", who.end())
        how = _RESULTS.match(text, who_stop + 14) if who_stop >= 0 else None
        if how is None:
            return None
        how_stop = text.find("</auth_results>", how.end())
        end = _END.match(text, how_stop + 15) if how_stop >= 0 else None
        if end is None:
            return None
        address, count = row.groups()
        try:
            return (
                sections.record(
                    sections.address(address.strip()),
                    sections.count(count.strip()),
                    self._what(text[begin:stop]),
                    self._who(text[who.end() : who_stop]),
                    self._how(text[how.end() : how_stop]),
                ),
                end.end(),
            )
        except (NotPlain, RecordFault):
            return None

    def _what(self, section: str) -> Evaluated:
        found = self._evaluated.get(section)
        if found is None:
            texts, at = self._leaves(section, 0, _EVALUATED)
            reasons: list[PolicyOverrideReason] = []
            while _REST.match(section, at) is None:
                _, inner, at = self._inner(section, at, ("reason",), _REASON)
                reason = sections.reason(inner, _refuse)
                if reason is not None:
                    reasons.append(reason)
                self._most_of(len(reasons))
            found = sections.evaluated(texts, reasons, _refuse)
            _remember(self._evaluated, section, found)
        return found

    def _who(self, section: str) -> Identifiers:
        found = self._identifiers.get(section)
        if found is None:
            texts, at = self._leaves(section, 0, _IDENTIFIERS)
            _only(section, at)
            found = sections.identifiers(texts)
            _remember(self._identifiers, section, found)
        return found

    def _how(self, section: str) -> AuthResults:
        found = self._results.get(section)
        if found is None:
            dkim: list[DkimAuthResult] = []
            spf: list[SpfAuthResult] = []
            at = 0
            while _REST.match(section, at) is None:
                kind, inner, at = self._inner(section, at, ("dkim", "spf"), _RESULT)
                if kind == "dkim":
                    dkim.append(sections.dkim_result(inner, _refuse))
                else:
                    spf.append(sections.spf_result(inner, _refuse))
                self._most_of(len(dkim) + len(spf))
            found = AuthResults(tuple(dkim), tuple(spf))
            _remember(self._results, section, found)
        return found

    def _inner(
        self, section: str, at: int, kinds: tuple[str, ...], names: frozenset[str]
    ) -> tuple[str, dict[str, str], int]:
        """Read one element that holds others: its name, their texts, and where it ends."""
        opened = _OPEN.match(section, at)
        if opened is None or opened[1] not in kinds:
            raise NotPlain
        texts, at = self._leaves(section, opened.end(), names)
        closed = _CLOSE.match(section, at)
        if closed is None or closed[1] != opened[1]:
            raise NotPlain
        return opened[1], texts, closed.end()

    def _leaves(self, section: str, at: int, names: frozenset[str]) -> tuple[dict[str, str], int]:
        """Read elements that hold text only, each once, as far as they follow each other."""
        texts: dict[str, str] = {}
        while (leaf := _LEAF.match(section, at)) is not None:
            name, text, closed, empty = leaf.groups()
            if empty:
                name, text, closed = empty, "", empty
            if name != closed or name not in names or name in texts or len(text) > self._longest:
                raise NotPlain
            texts[name] = text.strip()
            at = leaf.end()
        return texts, at

    def _most_of(self, results: int) -> None:
        if results >= self._most:
            raise NotPlain


def _only(section: str, at: int) -> None:
    if _REST.match(section, at) is None:
        raise NotPlain


def _remember(kept: dict[str, T], section: str, found: T) -> None:
    if len(section) > _LONGEST_KEPT:
        return
    if len(kept) >= _KEPT:
        kept.clear()
    kept[section] = found
