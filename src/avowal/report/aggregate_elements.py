"""The elements of an aggregate report, taken one by one, become its values.

Whoever finds the elements (expat, or the salvager of broken XML) calls `start`, `text` and
`end` in balance, and `settle` now and then.  Elements of other namespaces and unknown ones are
passed over with all they hold.  A record that cannot be used is left out and named by its line;
the others are kept.  What goes beyond a limit raises ReportFault: a report is never read in
part as if it were whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from avowal.report import aggregate_sections as sections
from avowal.report.aggregate import (
    DkimAuthResult,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    ReportMetadata,
    SpfAuthResult,
)
from avowal.report.aggregate_sections import RecordFault
from avowal.report.arf import ReportFault
from avowal.report.limits import ReportLimits
from avowal.valueclass import value

_MOST_PROBLEMS = 100  # kept with their lines; the rest is counted
_MOST_NOTES = 100  # distinct ones


@value(kw_only=False)
class ReportProblem:
    """What is wrong with a report, and in which line (from 1)."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


class _Kind:
    """An element that holds others: which, and whether their texts go into a table of its own."""

    __slots__ = ("children", "name", "own")

    def __init__(self, name: str, texts: str = "", *children: _Kind, own: bool = True) -> None:
        self.name = name
        self.own = own
        self.children: dict[str, _Kind | None] = dict.fromkeys(texts.split())
        self.children.update({child.name: child for child in children})


_RESULT = "domain selector scope result human_result"
_REASON = _Kind("reason", "type comment")
_EVALUATED = _Kind("policy_evaluated", "disposition dkim spf", _REASON, own=False)
_ROW = _Kind("row", "source_ip count", _EVALUATED, own=False)
_IDENTIFIERS = _Kind("identifiers", "header_from envelope_from envelope_to", own=False)
_RESULTS = _Kind("auth_results", "", _Kind("dkim", _RESULT), _Kind("spf", _RESULT), own=False)
_RECORD = _Kind("record", "", _ROW, _IDENTIFIERS, _RESULTS)
_RECORD.children["identities"] = _IDENTIFIERS  # of a draft
_RANGE = _Kind("date_range", "begin end", own=False)
_ABOUT = "org_name email report_id extra_contact_info error generator"
_METADATA = _Kind("report_metadata", _ABOUT, _RANGE)
_POLICY = _Kind(
    "policy_published",
    "domain p sp np fo adkim aspf pct testing discovery_method version_published",
)
_FEEDBACK = _Kind("feedback", "version", _METADATA, _POLICY, _RECORD)
_DOCUMENT = _Kind("", "", _FEEDBACK)
NAMES = frozenset(
    name
    for kind in (
        _DOCUMENT, _FEEDBACK, _METADATA, _POLICY, _RANGE, _RECORD, _ROW, _EVALUATED, _REASON,
        _IDENTIFIERS, _RESULTS, *_RESULTS.children.values(),
    )
    if kind is not None
    for name in kind.children
)  # fmt: skip
"""All names of elements that are read."""


class Elements:
    """Takes elements; gives `metadata`, `policy`, and `records` as they become whole."""

    def __init__(self, limits: ReportLimits, line: Callable[[], int]) -> None:
        self.records: list[Record] = []
        self.metadata: ReportMetadata | None = None
        self.policy: PolicyPublished | None = None
        self.version: str | None = None
        self.found = False  # the element feedback
        self.notes: Counter[str] = Counter()
        self.problems: list[ReportProblem] = []
        self.lost = 0  # records that could not be used
        self.untold = 0  # problems beyond those that are kept
        self.line = line
        self._limits = limits
        self._unknown: set[str] = set()
        self._root_prefix = ""
        self._pieces: list[str] = []
        self.text = self._pieces.append  # a call of C's for each piece: half of all calls
        self.restart()

    def restart(self) -> None:
        """Stand in front of the document."""
        self._frames: list[tuple[_Kind, dict[str, str]]] = [(_DOCUMENT, {})]
        self._kind, self._texts = self._frames[0]
        self._skipped = 0
        self._wrappers = 0
        self._leaf: str | None = None
        self._pieces.clear()
        self._too_long = False
        self._begin()

    def return_to_top(self) -> None:
        """Let go of a record that is not whole; go on behind it, within feedback."""
        del self._frames[2:]
        if len(self._frames) == 1:
            self._frames.append((_FEEDBACK, {}))
        self._kind, self._texts = self._frames[-1]
        self._skipped, self._leaf = 0, None
        self._begin()

    @property
    def at_top(self) -> bool:
        """Whether the next element is a child of feedback."""
        return self._kind is _FEEDBACK and not self._skipped and self._leaf is None

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return self._wrappers + len(self._frames) - 1 + self._skipped + (self._leaf is not None)

    def problem(self, why: str, line: int | None = None) -> None:
        """Keep what is wrong here."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(ReportProblem(self.line() if line is None else line, why))
        else:
            self.untold += 1

    def note(self, text: str) -> None:
        """Count a word that was read as another."""
        if text in self.notes or len(self.notes) < _MOST_NOTES:
            self.notes[text] += 1

    def start(self, name: str, attributes: object = ()) -> None:
        """An element begins.  Raises ReportFault."""
        if self._skipped or self._leaf is not None:
            self._skip()
            return
        child = self._kind.children.get(name, self)
        if child is self and ":" in name:
            name = self._without_prefix(name)
            child = self._kind.children.get(name, self)
        if child is None:
            self._leaf = name
            self._pieces.clear()
        elif isinstance(child, _Kind):
            self._open(child)
        else:
            self._pass_over(name)

    def settle(self) -> None:
        """Let go of text that nobody asks for or that is longer than any may be: called often.

        What stays is one piece, so that it is not counted again and again.
        """
        text = "" if self._leaf is None else "".join(self._pieces)
        self._pieces.clear()
        if len(text) > self._limits.text_octets:
            self._too_long = True
        elif text:
            self.text(text)

    def end(self, name: str) -> None:
        """The innermost element ends."""
        if self._skipped:
            self._skipped -= 1
        elif self._leaf is not None:
            self._keep(self._leaf)
            self._leaf = None
        elif len(self._frames) > 1:
            kind, texts = self._frames.pop()
            self._kind, self._texts = self._frames[-1]
            self._close(kind, texts)
        else:
            self._wrappers -= 1

    def take(self) -> list[Record]:
        """Hand out the records that are whole."""
        taken, self.records = self.records, []
        return taken

    def _begin(self) -> None:
        """A record, or what stands before the first one, begins."""
        self._fault: str | None = None
        self._dkim: list[DkimAuthResult] = []
        self._spf: list[SpfAuthResult] = []
        self._reasons: list[PolicyOverrideReason] = []
        self._errors: list[str] = []

    def _open(self, kind: _Kind) -> None:
        if kind is _RECORD:
            self._begin()
        elif kind is _FEEDBACK:
            self.found = True
        self._texts = {} if kind.own else self._texts
        self._kind = kind
        self._frames.append((kind, self._texts))

    def _keep(self, name: str) -> None:
        text = "".join(self._pieces).strip()
        if self._too_long or len(text) > self._limits.text_octets:
            self._too_long = False
            self._wrong(f"{name} has more than {self._limits.text_octets} characters")
            return
        if name == "error":
            self._errors.append(text)
        elif name not in self._texts:
            self._texts[name] = text
        elif self._texts[name] != text:
            self._wrong(f"{name} stands there twice")

    def _wrong(self, why: str) -> None:
        """The record cannot be used; in front of them it is only left out."""
        if self._kind in (_METADATA, _POLICY, _FEEDBACK, _RANGE):
            self.problem(why)
        elif self._fault is None:
            self._fault = why

    def _close(self, kind: _Kind, texts: dict[str, str]) -> None:
        if kind.name == "dkim":
            self._dkim.append(sections.dkim_result(texts, self.note))
        elif kind.name == "spf":
            self._spf.append(sections.spf_result(texts, self.note))
        elif kind is _REASON:
            if any(texts.values()) and (reason := sections.reason(texts, self.note)) is not None:
                self._reasons.append(reason)
        elif kind is _RECORD:
            self._record(texts)
        elif kind is _METADATA or kind is _POLICY:
            self._about(kind, texts)
        elif kind is _FEEDBACK:
            self.version = texts.get("version", self.version)
        if len(self._dkim) + len(self._spf) + len(self._reasons) > self._limits.results:
            raise ReportFault(0, f"a record with more than {self._limits.results} results")

    def _about(self, kind: _Kind, texts: dict[str, str]) -> None:
        try:
            if kind is _METADATA:
                self.metadata = self.metadata or sections.metadata(texts, self._errors)
            else:
                self.policy = self.policy or sections.policy(texts, self.note)
        except RecordFault as fault:
            self.problem(str(fault))

    def _record(self, texts: dict[str, str]) -> None:
        try:
            if self._fault is not None:
                raise RecordFault(self._fault)
            self.records.append(
                sections.record(
                    sections.address(texts.get("source_ip")),
                    sections.count(texts.get("count")),
                    sections.evaluated(texts, self._reasons, self.note),
                    sections.identifiers(texts),
                    sections.AuthResults(tuple(self._dkim), tuple(self._spf)),
                )
            )
        except RecordFault as fault:
            self.lost += 1
            self.problem(f"a record is left out: {fault}")

    def _skip(self) -> None:
        self._skipped += 1
        if self.depth > self._limits.depth:
            raise ReportFault(0, f"elements more than {self._limits.depth} deep")

    def _pass_over(self, name: str) -> None:
        """An element that is not ours; around feedback it only wraps."""
        self._unknown.add(name)
        if len(self._unknown) > self._limits.names:
            raise ReportFault(0, f"more than {self._limits.names} names of unknown elements")
        if self._kind is _DOCUMENT:
            self._wrappers += 1
            if self.depth > self._limits.depth:
                raise ReportFault(0, f"elements more than {self._limits.depth} deep")
        else:
            self._skip()

    def _without_prefix(self, name: str) -> str:
        """The name where its prefix is that of feedback; other namespaces are not ours."""
        prefix, _, local = name.partition(":")
        if self._kind is _DOCUMENT and local == "feedback":
            self._root_prefix = prefix
        return local if prefix == self._root_prefix else name
