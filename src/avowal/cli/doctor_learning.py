"""What signs for a domain, learned from own mail and from aggregate reports.

Own mail is believed: whatever it names signs.  Of reports only selectors count that some
receiver saw pass: anybody can send mail that names our domain and a selector of his own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import IO

from avowal.calls.arguments import read_header
from avowal.cli import exits, sources
from avowal.cli.exits import ExitStatus
from avowal.cli.outcomes import outcomes
from avowal.dkim.reasons import Result
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.keys.doctor.survey import KeyUse
from avowal.keys.samples import sent_at
from avowal.limits import DEFAULT
from avowal.message import Message
from avowal.names import DomainName, NameFault, Selector
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_reader import read_aggregate
from avowal.report.arf import ReportFault
from avowal.report.containers import Damaged, expanded, kind_of
from avowal.report.mail_parts import attachments

_COMPRESSED = (b"\x1f\x8b", b"PK")
_BEGINNING = 1024  # octets in which a report shows


class Learning:
    """What mail and reports show of the selectors of some domains."""

    def __init__(self, domains: Sequence[DomainName]) -> None:
        self._of: dict[str, dict[str, _Seen]] = {domain.ascii: {} for domain in domains}
        self.status = ExitStatus.PASSED

    def uses(self) -> Mapping[str, tuple[KeyUse, ...]]:
        """Return what was learned, by domain."""
        return {
            domain: tuple(one.use() for one in seen.values() if one.believed)
            for domain, seen in self._of.items()
        }

    def _complain(self, text: str) -> None:
        exits.complain(text)
        self.status = ExitStatus.UNUSABLE

    def _seen(self, domain: str, selector: Selector) -> _Seen | None:
        known = self._of.get(domain)
        return None if known is None else known.setdefault(selector.ascii, _Seen(selector))

    # -- mail ----------------------------------------------------------------------------------

    def read_mail(self, paths: Sequence[str]) -> None:
        """Read the signatures of own mail; say what could not be read."""
        for outcome in outcomes(paths, self._message):
            if outcome is not None:
                self._complain(outcome[1])

    def _message(self, _: sources.MessageOrigin, chunks: Iterator[bytes]) -> None:
        header, body = read_header(chunks)
        for place in header.positions.get(FIELD_NAME, ())[: DEFAULT.signatures_parsed]:
            try:
                signature = Signature.parse(header[place])
            except SignatureFault:
                continue
            seen = self._seen(signature.domain.ascii, signature.selector)
            if seen is not None:
                seen.add_mail(signature, sent_at(header, signature))
        for _rest in body:
            pass

    # -- reports -------------------------------------------------------------------------------

    def read_reports(self, paths: Sequence[str]) -> None:
        """Read aggregate reports: files as they came, and mails that they are attached to."""
        for path in paths:
            try:
                files = sources.files(path)
            except sources.Unusable as fault:
                self._complain(str(fault))
                continue
            for file in files:
                self._file(file)

    def _file(self, path: str) -> None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - as `sources` does
                beginning = file.read(_BEGINNING)
                file.seek(0)
                if beginning.startswith(_COMPRESSED) or _is_xml(beginning):
                    self._report(path, file)
                    return
            for origin, chunks in sources.messages(path, lambda _: None):
                message = Message.from_stored(_whole(chunks))
                name = path if origin.number is None else f"{path} ({origin.number})"
                for one in attachments(message):
                    self._report(name, io.BytesIO(one.octets))
        except OSError as error:
            self._complain(exits.os_error(error))
        except sources.Unusable as fault:
            self._complain(str(fault))

    def _report(self, name: str, file: IO[bytes]) -> None:
        try:
            pieces = expanded(file)
            first = next(pieces)
            if kind_of(first) == "json":
                return  # a report of TLS (RFC 8460)
            self._take(read_aggregate(chain((first,), pieces)).report)
        except ReportFault as fault:
            self._complain(f"{name}: no aggregate report: {fault.why}")
        except Damaged:
            self._complain(f"{name}: the compressed report is broken")

    def _take(self, report: AggregateReport) -> None:
        for record in report.records:
            for result in record.dkim_results:
                selector = _selector(result.selector)
                if selector is None:
                    continue
                seen = self._seen(result.domain.lower(), selector)
                if seen is not None:
                    passed = result.result is Result.PASS
                    seen.add_report(record.count, report.metadata.end, passed=passed)


class _Seen:
    """What is known of one selector."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector
        self._mail = self._passed = self._failed = 0
        self._newest: int | None = None
        self._identities: dict[str, None] = {}

    @property
    def believed(self) -> bool:
        """Whether it is one of ours."""
        return bool(self._mail or self._passed)

    def add_mail(self, signature: Signature, when: int | None) -> None:
        self._mail += 1
        self._identities[signature.auid.domain.ascii] = None
        self._note(when)

    def add_report(self, count: int, when: int, *, passed: bool) -> None:
        if passed:
            self._passed += count
            self._note(when)
        else:
            self._failed += count

    def _note(self, when: int | None) -> None:
        if when is not None:
            self._newest = max(when, self._newest or when)

    def use(self) -> KeyUse:
        reported = self._passed + self._failed
        words = [word for word, count in (("mail", self._mail), ("reports", reported)) if count]
        return KeyUse(
            selector=self._selector,
            messages=self._mail + reported,
            failed=self._failed,
            identity_domains=tuple(sorted(self._identities)),
            newest=self._newest,
            learned=" and ".join(words),
        )


def _is_xml(beginning: bytes) -> bool:
    try:
        return kind_of(beginning) == "xml"
    except ReportFault:
        return False


def _selector(written: str | None) -> Selector | None:
    try:
        return None if not written else DomainName.parse(written.encode("utf-8", "replace"))
    except NameFault:
        return None


def _whole(chunks: Iterator[bytes]) -> bytes:
    octets = b"".join(_upto(chunks, sources.MOST_WHOLE))
    if len(octets) > sources.MOST_WHOLE:
        raise sources.Unusable(f"a message over {sources.MOST_WHOLE >> 20} MiB")
    return octets


def _upto(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        most -= len(chunk)
        if most < 0:
            return
