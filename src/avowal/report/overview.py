"""What received reports say of a domain, put together for people and for alerts: pure, no I/O.

Sources come with what they are: permitted by the domain's SPF, signing with its keys, signed by
somebody else only, or unknown.  What fails newly stands first.  "What would p=reject have cost"
is a range: reports do not tell whether mail that failed was wanted, so it lies between the
failing mail of sources that are known to send for the domain and all failing mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from avowal.enums import Word
from avowal.names import is_below
from avowal.report.aggregate import PolicyPublished
from avowal.report.received import (
    DayRow,
    FailureRow,
    Period,
    ReceivedReports,
    ReporterRow,
    SourceRow,
    TlsRow,
)
from avowal.report.shares import Fall, Share, ShareRow, by_receiver, falls
from avowal.valueclass import value

RECENT = 7
"""Days at the end of a period that are compared with those before."""
_SIGNERS = 5  # domains named of one source
_OFTEN = 0.9  # share that passed of a source that used to pass

Permits = Callable[[str], str | None]
"""Which part of the domain's SPF permits an address: its own record "", or an included domain."""


class SourceKind(Word):
    """What a source is to the domain."""

    LISTED = "listed", "the SPF record of the domain permits it"
    SIGNED = "signed", "it signs with a key of the domain"
    OTHERS = "others", "only somebody else's signatures pass"
    UNKNOWN = "unknown", "nothing that it sends passes anything"


@value
class Source:
    """One address over the period; `label` says more of its kind (an include, a signer)."""

    address: str
    kind: SourceKind
    label: str
    passed: int
    failed: int
    recent: Share
    before: Share
    first: int
    last: int
    signers: tuple[str, ...]
    authors: tuple[str, ...]
    name: str | None = None

    @property
    def messages(self) -> int:
        """All of them."""
        return self.passed + self.failed

    @property
    def is_known(self) -> bool:
        """Whether it sends for the domain, as far as anything shows it."""
        return self.kind in (SourceKind.LISTED, SourceKind.SIGNED)

    @property
    def newly_failing(self) -> bool:
        """Whether it used to pass, and recently fails."""
        usual = self.before.rate is not None and self.before.rate >= _OFTEN
        now = self.recent.rate is not None and self.recent.rate < _OFTEN
        return usual and now

    @property
    def is_new(self) -> bool:
        """Whether it sends only recently, and fails."""
        return not self.before.total and self.recent.failed > 0


class Cost(NamedTuple):
    """Messages of one day that p=reject would have refused: between `low` and `high`."""

    day: int
    low: int
    high: int
    total: int
    already: int


@value
class Overview:
    """Everything about one domain in one period."""

    domain: str
    period: Period
    policy: PolicyPublished | None
    days: tuple[DayRow, ...]
    sources: tuple[Source, ...]
    shares: tuple[ShareRow, ...]
    fallen: tuple[Fall, ...]
    reporters: tuple[ReporterRow, ...]
    cost: Cost | None
    tls: tuple[TlsRow, ...]
    failures: tuple[FailureRow, ...]

    @property
    def total(self) -> Share:
        """All messages of the period."""
        return Share(sum(day.passed for day in self.days), sum(day.failed for day in self.days))

    @property
    def newly_failing(self) -> tuple[Source, ...]:
        """Sources that used to pass and do not any more, the largest first."""
        return tuple(one for one in self.sources if one.newly_failing)

    @property
    def new_unknown(self) -> tuple[Source, ...]:
        """Sources that nobody knows and that were not there before."""
        return tuple(one for one in self.sources if one.is_new and one.kind is SourceKind.UNKNOWN)

    @property
    def receivers(self) -> dict[tuple[str, str, str], Share]:
        """The shares of the period by key and receiver."""
        return by_receiver(self.shares)


def overview(
    store: ReceivedReports, domain: str, period: Period, *, permits: Permits | None = None
) -> Overview:
    """Put together what a store holds of a domain.  Raises StoreError."""
    since = period.last - RECENT + 1
    sources = sorted(
        _summed(store.sources(domain, period), domain, since, permits or _permits_nothing),
        key=lambda one: (
            not one.newly_failing,
            not one.is_new or one.kind is not SourceKind.UNKNOWN,
            -one.failed,
            -one.passed,
            one.address,
        ),
    )
    days, shares = store.days(domain, period), store.shares(domain, period)
    return Overview(
        domain=domain, period=period, policy=store.policy(domain), days=days,
        sources=tuple(sources), shares=shares, fallen=tuple(falls(shares, since=since)),
        reporters=store.reporters(domain, period),
        cost=_cost(store, domain, days, sources),
        tls=store.tls(domain, period), failures=store.failures(domain, period),
    )  # fmt: skip


class _Sum:
    """What one address sent."""

    def __init__(self, day: int) -> None:
        self.first = self.last = day
        self.recent = self.before = Share(0, 0)
        self.signed = False
        self.signers: Counter[str] = Counter()
        self.authors: Counter[str] = Counter()

    def add(self, row: SourceRow, since: int) -> None:
        passed, failed = (row.messages, 0) if row.passed else (0, row.messages)
        if row.day >= since:
            self.recent = self.recent.plus(passed, failed)
        else:
            self.before = self.before.plus(passed, failed)
        self.first, self.last = min(self.first, row.day), max(self.last, row.day)
        self.signed = self.signed or row.dkim
        for signer in row.signers:
            self.signers[signer] += row.messages
        self.authors[row.header_from] += row.messages


def _summed(
    rows: Iterable[SourceRow], domain: str, since: int, permits: Permits
) -> Iterable[Source]:
    sums: dict[str, _Sum] = {}
    for row in rows:
        kept = sums.get(row.source)
        if kept is None:
            kept = sums[row.source] = _Sum(row.day)
        kept.add(row, since)
    for address, one in sums.items():
        kind, label = _kind(address, one, domain, permits)
        yield Source(
            address=address, kind=kind, label=label,
            passed=one.recent.passed + one.before.passed,
            failed=one.recent.failed + one.before.failed,
            recent=one.recent, before=one.before, first=one.first, last=one.last,
            signers=_most(one.signers), authors=_most(one.authors),
        )  # fmt: skip


def _kind(address: str, one: _Sum, domain: str, permits: Permits) -> tuple[SourceKind, str]:
    permitted = permits(address)
    if permitted is not None:
        return SourceKind.LISTED, permitted or domain
    if one.signed:
        own = [name for name in one.signers if is_below(name, domain)]
        return SourceKind.SIGNED, own[0] if own else domain
    if one.signers:
        return SourceKind.OTHERS, _most(one.signers)[0]
    if one.recent.passed + one.before.passed:
        return SourceKind.LISTED, domain  # SPF passed in alignment, as the receiver saw it
    return SourceKind.UNKNOWN, ""


def _cost(
    store: ReceivedReports, domain: str, days: tuple[DayRow, ...], sources: Iterable[Source]
) -> Cost | None:
    """The last day that has reports, seen as if p=reject had been published."""
    if not days:
        return None
    last = days[-1]
    known = {one.address for one in sources if one.is_known}
    rows = store.sources(domain, Period(last.day, last.day))
    low = sum(row.messages for row in rows if not row.passed and row.source in known)
    return Cost(last.day, low, last.failed, last.passed + last.failed, last.rejected)


def _most(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in counted.most_common(_SIGNERS))


def _permits_nothing(address: str) -> str | None:
    return None
