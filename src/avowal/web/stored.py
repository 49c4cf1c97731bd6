"""What a key store knows of one domain: the life of its keys, and how receivers judge them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from avowal.dates import DAY, date_of
from avowal.keys.audit import AuditEntry
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare
from avowal.keys.store import KeyStore
from avowal.names import DomainName, Selector
from avowal.report.shares import Share, ShareRow, by_receiver, falls
from avowal.stores.key_stores import open_key_store
from avowal.text import printable
from avowal.web.hops import moment
from avowal.web.report import State

TREND_DAYS: Final = 30
"""Days of reports that a page looks back."""
SEEN_DEEDS: Final = 12
"""Entries of the audit log that a page shows of one key, the newest ones."""
SEEN_SHARES: Final = 60
"""Rows of shares by selector and receiver that a page shows, the worst first."""
_LATE_DAYS: Final = 7
_GOOD: Final = 0.95  # forwards break some signatures of every key
_FEW: Final = 20  # messages below which a share is not called bad
_STATES: Final[dict[KeyState, tuple[State, str]]] = {
    KeyState.PREPARED: ("plain", "made, not published yet"),
    KeyState.PUBLISHED: ("open", "published, not seen everywhere yet"),
    KeyState.SEEN: ("open", "seen everywhere, caches run out"),
    KeyState.CANARY: ("open", "signs a message to ourselves"),
    KeyState.SIGNING: ("good", "signs mail"),
    KeyState.DRAINING: ("plain", "signs no more, its mail is still under way"),
    KeyState.REVOKED: ("plain", "revoked: published with an empty p="),
    KeyState.GONE: ("plain", "gone from DNS"),
}


class KeyLife(NamedTuple):
    """One key: its state in words, its times, who took it last, and what was done to it.

    `start` and `since` are parts of the picture's width, from 0 to 100.
    """

    selector: str
    algorithm: str
    state: State
    word: str
    sentence: str
    created: str
    changed: str
    used: str
    start: float
    since: float
    deeds: tuple[tuple[str, str, str], ...]


class ShareView(NamedTuple):
    """How one receiver judges one selector: passed, all, and between which shares the truth is."""

    selector: str
    receiver: str
    passed: int
    total: int
    low: float
    high: float
    state: State


class TrendDay(NamedTuple):
    """One day of all selectors and receivers: the share that passed, None where none came."""

    day: str
    passed: int
    total: int
    rate: float | None


class StoredDomain(NamedTuple):
    """What the store has of a domain; `first` is the day on which the picture begins."""

    store: str
    selectors: tuple[Selector, ...] = ()
    keys: tuple[KeyLife, ...] = ()
    first: str = ""
    shares: tuple[ShareView, ...] = ()
    trend: tuple[TrendDay, ...] = ()
    falls: tuple[str, ...] = ()


def stored_domain(name: str, domain: DomainName, *, now: int) -> StoredDomain:
    """Read what a store has of a domain.  Raises StoreError."""
    store = open_key_store(name)
    try:
        return _read(store, name, domain, now)
    finally:
        store.close()


def _read(store: KeyStore, name: str, domain: DomainName, now: int) -> StoredDomain:
    keys = store.keys(domain)
    begin = min((key.created for key in keys), default=now)
    used = {use.selector.ascii: max(use.at, 0) for use in store.uses(domain)}
    subjects = {f"{key.selector.ascii}.{domain.ascii}" for key in keys}
    deeds = [entry for entry in store.audit() if entry.subject in subjects] if keys else []
    shares = store.shares(domain.ascii, now // DAY - TREND_DAYS)
    rows = [
        ShareRow(one.domain, one.selector, one.receiver, one.day, one.passed, one.failed)
        for one in shares
    ]
    return StoredDomain(
        store=printable(name.partition("@")[2] or name),  # no password of a database
        selectors=tuple(key.selector for key in keys if key.state.is_published),
        keys=tuple(_life(key, begin, now, used, deeds) for key in keys),
        first=moment(begin)[:10],
        shares=tuple(_shares(rows)),
        trend=tuple(_trend(shares, now)) if shares else (),
        falls=tuple(_falls(rows, now)),
    )


def _life(
    key: ManagedKey, begin: int, now: int, used: dict[str, int], deeds: Iterable[AuditEntry]
) -> KeyLife:
    state, sentence = _STATES[key.state]
    subject = f"{key.selector.ascii}.{key.domain.ascii}"
    own = [one for one in deeds if one.subject == subject][-SEEN_DEEDS:]
    span = max(1, now - begin)
    size = "" if key.bits is None else f", {key.bits} bits"
    return KeyLife(
        selector=key.selector.text,
        algorithm=f"{key.algorithm}{size}",
        state=state,
        word=key.state.value,
        sentence=sentence,
        created=moment(key.created),
        changed=moment(key.since),
        used=moment(used[key.selector.ascii]) if key.selector.ascii in used else "",
        start=round(100 * (key.created - begin) / span, 2),
        since=round(100 * min(1.0, max(0, key.since - begin) / span), 2),
        deeds=tuple((moment(one.at), printable(one.what), printable(one.who)) for one in own),
    )


def _falls(rows: Sequence[ShareRow], now: int) -> Iterator[str]:
    """Say where a key passes less often in the last week than before, by more than chance."""
    for one in falls(rows, since=now // DAY - _LATE_DAYS)[:SEEN_DEEDS]:
        day = date_of(one.first_day)
        before, after = (f"{100 * (share.rate or 0):.1f} %" for share in (one.before, one.after))
        yield printable(
            f"{one.selector} fell at {one.receiver} from {before} to {after}, first on {day}"
        )


def _shares(rows: Sequence[ShareRow]) -> Iterator[ShareView]:
    found = sorted(by_receiver(rows).items(), key=lambda item: item[1].interval.high)
    for (_, selector, receiver), share in found[:SEEN_SHARES]:
        low, high = share.interval
        yield ShareView(
            printable(selector), printable(receiver), share.passed, share.total,
            round(100 * low, 1), round(100 * high, 1), _state(share),
        )  # fmt: skip


def _state(share: Share) -> State:
    """Say how a share stands by its whole interval; few messages prove nothing."""
    if share.interval.low > _GOOD:
        return "good"
    return "bad" if share.interval.high < _GOOD and share.total >= _FEW else "open"


def _trend(shares: Iterable[PassShare], now: int) -> Iterator[TrendDay]:
    days: dict[int, Share] = {}
    for one in shares:
        days[one.day] = days.get(one.day, Share(0, 0)).plus(one.passed, one.failed)
    today = now // DAY
    for day in range(today - TREND_DAYS + 1, today + 1):
        share = days.get(day, Share(0, 0))
        rate = None if share.rate is None else round(100 * share.rate, 1)
        yield TrendDay(date_of(day), share.passed, share.total, rate)
