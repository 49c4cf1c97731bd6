r"""Reads aggregate reports: RFC 9990, RFC 7489, drafts, and what receivers really send.

Octets are fed as they come and records come back as they are whole, so memory does not grow
with a report.  Plain records are read directly (`aggregate_plain`), everything else by expat,
which may neither declare a type nor an entity; where the XML is broken, the error is kept with
its line and what can still be told apart is salvaged (`aggregate_salvage`).

>>> reading = read_aggregate(b"<feedback><report_metadata><org_name>r.example</org_name><email>"
...     b"a@r.example</email><report_id>7</report_id><date_range><begin>0</begin><end>86399</end>"
...     b"</date_range></report_metadata><policy_published><domain>example.org</domain>"
...     b"<p>none</p></policy_published></feedback>")
>>> reading.report.key
ReportKey(org_name='r.example', report_id='7', domain='example.org')
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from xml.parsers import expat

from avowal.report import aggregate_oddities as oddities
from avowal.report.aggregate import AggregateReport, PolicyPublished, Record, ReportMetadata
from avowal.report.aggregate_elements import Elements, ReportProblem
from avowal.report.aggregate_plain import PlainRecords
from avowal.report.aggregate_salvage import Salvager
from avowal.report.arf import ReportFault
from avowal.report.limits import DEFAULT, ReportLimits
from avowal.valueclass import value

_END = b"</record>"
_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]{0,100}?encoding=[\"']([A-Za-z0-9._-]{1,20})")
_READ_AS_UTF8 = frozenset((b"utf-8", b"utf8", b"us-ascii", b"ascii"))
_MARKUP = (b"<!", b"<?")
_PIECE = 64 << 10  # octets that expat gets at a time where there are no records


@value
class Reading:
    """A report that was read whole into memory.

    `lost` counts records that could not be used; `damaged` says that the XML was broken, so
    that records may be missing of which nobody knows.  `notes` are words that were read as
    others, with their number.
    """

    report: AggregateReport
    problems: tuple[ReportProblem, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    lost: int = 0
    damaged: bool = False


class AggregateReader:
    """Takes the octets of a report, gives its records.

    `metadata` and `policy` are there before the first record, as the RFC orders them; a record
    that comes earlier is held.  Every method raises ReportFault for what is no report, and for
    one beyond a limit; then nothing that came before is to be used.
    """

    def __init__(self, limits: ReportLimits = DEFAULT) -> None:
        self.damaged = False
        self._limits = limits
        self._elements = Elements(limits, self._line)
        self._plain = PlainRecords(text_octets=limits.text_octets, results=limits.results)
        self._rest = b""
        self._fed = self._records = 0
        self._quiet = 0  # octets that expat took without finding anything in them
        self._skipped_lines = 0  # of records that expat did not see
        self._salvaged_line = 1
        self._salvager: Salvager | None = None
        self._lane: bool | None = None  # whether plain records may be read directly
        self._parser = self._expat()

    @property
    def metadata(self) -> ReportMetadata | None:
        """Who reports; None as long as it has not come."""
        return self._elements.metadata

    @property
    def policy(self) -> PolicyPublished | None:
        """What was found in DNS; None as long as it has not come."""
        return self._elements.policy

    @property
    def version(self) -> str | None:
        """The version of the format that the report names."""
        return self._elements.version

    @property
    def lost(self) -> int:
        """How many records could not be used."""
        return self._elements.lost

    @property
    def problems(self) -> tuple[ReportProblem, ...]:
        """What is wrong, by line; beyond a hundred the number only."""
        kept = tuple(self._elements.problems)
        if self._elements.untold:
            kept += (ReportProblem(self._line(), f"{self._elements.untold} more problems"),)
        return kept

    @property
    def notes(self) -> tuple[tuple[str, int], ...]:
        """Words that were read as others, and what else is odd (`aggregate_oddities`)."""
        return tuple(self._elements.notes.items())

    def feed(self, octets: bytes) -> list[Record]:
        """Take the next octets; return the records that are whole by them."""
        self._fed += len(octets)
        if self._fed > self._limits.expanded_octets:
            raise ReportFault(self._fed, f"more than {self._limits.expanded_octets} octets of XML")
        whole = self._rest + octets
        stop = whole.rfind(_END) + len(_END)
        if stop >= len(_END):
            self._rest = whole[stop:]
            self._block(whole[:stop])
        elif len(whole) >= _PIECE:
            self._rest = b""
            self._lane = False  # whatever this is, it is not plain records
            self._parse(whole)
        else:
            self._rest = whole
        return self._take()

    def finish(self) -> list[Record]:
        """Say that nothing follows; return the last records."""
        rest, self._rest = self._rest, b""
        self._parse(rest)
        if self._salvager is None:
            try:
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                self._broken(error)
        if not self._elements.found:
            raise ReportFault(0, "no element feedback: this is no aggregate report")
        if self.metadata is None or self.policy is None:
            why = "; ".join(map(str, self._elements.problems[:3]))
            raise ReportFault(0, f"nobody can tell who reports on what{': ' if why else ''}{why}")
        self._elements.notes.update(oddities.of_period(self.metadata))
        return self._take()

    def _expat(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartElementHandler = self._elements.start
        parser.EndElementHandler = self._elements.end
        parser.CharacterDataHandler = self._elements.text
        parser.StartDoctypeDeclHandler = _refuse_type
        parser.EntityDeclHandler = _refuse_type
        # expat's own guess when to look at a long token again; `_quiet` bounds tokens here.
        with suppress(AttributeError):  # releases before 3.11.8, 3.12.2
            parser.SetReparseDeferralEnabled(False)
        return parser

    def _take(self) -> list[Record]:
        if self.metadata is None or self.policy is None:
            if len(self._elements.records) > self._limits.names:
                raise ReportFault(0, "records stand in front of who reports on what")
            return []
        taken = self._elements.take()
        self._records += len(taken)
        self._elements.notes.update(oddities.of_records(taken))
        if self._records > self._limits.records:
            raise ReportFault(0, f"more than {self._limits.records} records")
        return taken

    def _block(self, block: bytes) -> None:
        """Read octets that end behind a record: plain ones directly, the others by expat."""
        if self._lane is None:
            at = block.find(b"<record>")
            header = block[: max(at, 0)]
            self._parse(header)
            block = block[len(header) :]
            self._lane = _is_plain(header) and self._elements.at_top and self._salvager is None
        if not self._lane:
            self._parse(block)
            return
        text = _decoded(block)
        if text is None:
            self._records_of(block)
        else:
            self._plain_block(text)

    def _plain_block(self, text: str) -> None:
        """Read records one by one; a stretch that is not plain goes to expat."""
        at, records = 0, self._elements.records
        while at < len(text):
            found = self._plain.read(text, at) if self._lane else None
            if found is not None:
                record, end = found
                records.append(record)
                self._skipped_lines += text.count("\n", at, end)
            else:
                end = text.find("</record>", at) + len("</record>") if self._lane else len(text)
                self._parse(text[at:end].encode())
                records = self._elements.records
            at = end

    def _records_of(self, block: bytes) -> None:
        """Hand each record to expat apart, so that a broken one takes no other with it."""
        for piece in block.split(_END)[:-1]:
            self._parse(piece + _END)

    def _parse(self, octets: bytes) -> None:
        """Hand octets to expat, or to the salvager once the XML is broken."""
        for at in range(0, len(octets), _PIECE):
            piece = octets[at : at + _PIECE] if len(octets) > _PIECE else octets
            if self._salvager is not None:
                self._salvager.feed(piece)
            else:
                self._parse_piece(piece)
        if self._lane and (not self._elements.at_top or any(m in octets for m in _MARKUP)):
            self._lane = False

    def _parse_piece(self, piece: bytes) -> None:
        kept = len(self._elements.records)
        before = self._parser.CurrentByteIndex
        try:
            self._parser.Parse(piece, False)
        except ReportFault:
            raise
        except (expat.ExpatError, LookupError, ValueError) as error:
            del self._elements.records[kept:]
            self._broken(error, piece)
            return
        self._elements.settle()
        moved = self._parser.CurrentByteIndex != before
        self._quiet = 0 if moved else self._quiet + len(piece)
        if self._quiet > self._limits.token_octets:
            raise ReportFault(self._fed, f"a tag of more than {self._limits.token_octets} octets")

    def _broken(self, error: Exception, piece: bytes = b"") -> None:
        """Keep the error; go on with what can be told apart, from the last whole record on."""
        self.damaged = True
        line, why = 1 + self._skipped_lines, f"{error}"  # an encoding that Python does not know
        if isinstance(error, expat.ExpatError):
            line, why = error.lineno + self._skipped_lines, expat.ErrorString(error.code)
        self._elements.problem(f"the XML is broken: {why}", line)
        self._lane = False
        self._salvager = Salvager(self._elements, self._count_lines)
        self._salvaged_line = line
        if self._elements.metadata is None or self._elements.policy is None:
            self._elements.restart()
        else:
            self._elements.return_to_top()
            self._salvager.within("feedback")
        self._salvager.feed(piece)

    def _count_lines(self, lines: int) -> None:
        self._salvaged_line += lines

    def _line(self) -> int:
        if self._salvager is not None:
            return self._salvaged_line
        return int(self._parser.CurrentLineNumber) + self._skipped_lines


def read_aggregate(source: bytes | Iterable[bytes], *, limits: ReportLimits = DEFAULT) -> Reading:
    """Read a report into memory: XML as it is, not compressed.  Raises ReportFault."""
    reader = AggregateReader(limits)
    records: list[Record] = []
    for chunk in (source,) if isinstance(source, bytes) else source:
        for at in range(0, len(chunk), _PIECE):
            records += reader.feed(chunk[at : at + _PIECE])
    records += reader.finish()
    assert reader.metadata is not None and reader.policy is not None  # noqa: S101 - finish
    report = AggregateReport(
        metadata=reader.metadata, policy=reader.policy, records=tuple(records),
        version=reader.version,
    )  # fmt: skip
    return Reading(
        report=report, problems=reader.problems, notes=reader.notes, lost=reader.lost,
        damaged=reader.damaged,
    )  # fmt: skip


def _refuse_type(*_: object) -> None:
    raise ReportFault(0, "a document type or an entity: reports have none")


def _is_plain(header: bytes) -> bool:
    """Whether what stands in front of the records lets them be read directly."""
    declared = _DECLARED.match(header)
    if declared is not None and declared[1].lower() not in _READ_AS_UTF8:
        return False
    return b"<!" not in header and b"<?" not in header[5:]


def _decoded(block: bytes) -> str | None:
    """The text of octets in which plain records may be found."""
    if b"]]>" in block:
        return None
    try:
        return block.decode()
    except UnicodeDecodeError:
        return None
