"""Sending the reports of a day: who gets them, once each, and what became of it.

Everything that reaches outside is handed in: DNS, the signer, the mail server, the clock.
Sending is repeated as often as one likes: what was sent, or may have been, is not sent again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from avowal.errors import AvowalError, PeerError
from avowal.report.pace import Dispatcher
from avowal.report.recipients import Recipient, Recipients
from avowal.report.report_ledger import (
    LEASE_SECONDS,
    RETRIES,
    SUSPENDED_SECONDS,
    MailEntry,
    MailName,
    MailState,
    ReportLedger,
    after_failure,
)

_ASKING = 16  # domains that DNS is asked about at once
_MOST_AHEAD = 100_000  # rows of reports that wait for DNS; one report may have as many
MOST_MAIL = 25 << 20
"""Octets of a mail that we send: larger ones are refused by about every server."""


class MailRefused(PeerError):
    """The server will never take this mail to this address (5yz, RFC 5321 §4.2.1)."""


class NotLeading(AvowalError):
    """Another process sends the reports just now."""


class Post(Protocol):
    """Hands a mail to a server.  Raises MailRefused, PeerError for a failure for now."""

    def __call__(self, recipient: str, octets: bytes, /, *, sender: str) -> None: ...


class Letter(Protocol):
    """A report that can be sent to any number of addresses, the same each time."""

    @property
    def domain(self) -> str:
        """The policy domain that it is about."""

    @property
    def report_id(self) -> str:
        """What tells it apart from others about the domain and day."""

    @property
    def weight(self) -> int:
        """How many rows of memory it takes until its size is asked for."""

    @property
    def size(self) -> int:
        """About how many octets a mail with it has."""

    def octets(self, recipient: str, /, *, date: int) -> bytes:
        """Compose the mail to an address, in wire form; `date` in Unix seconds."""


@dataclass(frozen=True, slots=True)
class _Job:
    name: MailName
    attempts: int
    letter: Letter


@dataclass(slots=True, kw_only=True)
class ReportSender:
    """Sends reports.  `seal` signs a mail and lets nobody have one that does not verify.

    `ask` finds the recipients of a policy domain; `excludes` says of a domain or an address
    why it gets nothing.  `bounces` gives the envelope sender of a mail, empty for none.
    `holder` names this process.
    """

    ledger: ReportLedger
    ask: Callable[[str], Recipients]
    excludes: Callable[[str], bool]
    seal: Callable[[bytes], bytes]
    post: Post
    holder: str
    clock: Callable[[], int]
    bounces: Callable[[MailName], str] = lambda name: ""
    interval: float = 1.0
    threads: int = 4
    tell: Callable[[str], None] = lambda sentence: None
    done: Counter[str] = field(default_factory=Counter)
    _led_at: int = 0

    def send(self, day: int, letters: Iterable[Letter]) -> Counter[str]:
        """Send the reports of a day, which come domain by domain; return what became of them.

        Raises NotLeading, StoreError, and AvowalError where our own mail does not verify.
        """
        self._lead()
        dispatcher = Dispatcher(self._send, interval=self.interval, threads=self.threads)
        told = ""
        try:
            for letter, found in self._with_recipients(day, letters):
                if letter.domain != told:
                    told = letter.domain
                    self._tell(told, found)
                self._put(dispatcher, day, letter, found)
        finally:
            dispatcher.finish()
        return self.done

    def _with_recipients(
        self, day: int, letters: Iterable[Letter]
    ) -> Iterator[tuple[Letter, Recipients]]:
        """Yield reports that have not been settled, with who gets them.

        Domains are asked about side by side and ahead: those whose servers are slow, on
        purpose or not, hold up few others.
        """
        weight = 0
        ahead: deque[tuple[Letter, Future[Recipients]]] = deque()
        with ThreadPoolExecutor(_ASKING, "ask") as pool:
            for letter in letters:
                entries = self._entries(day, letter)
                if entries and not any(one.state is MailState.WAITING for one in entries):
                    self.done.update(f"{one.state} before" for one in entries)
                    continue
                same = bool(ahead) and ahead[-1][0].domain == letter.domain
                asking = ahead[-1][1] if same else pool.submit(self._asked, letter.domain)
                ahead.append((letter, asking))
                weight += letter.weight
                while len(ahead) > 2 * _ASKING or weight > _MOST_AHEAD:
                    first, answer = ahead.popleft()
                    weight -= first.weight
                    yield first, answer.result()
            for left, answer in ahead:
                yield left, answer.result()

    def _asked(self, domain: str) -> Recipients:
        self._lead_on()
        return Recipients() if self.excludes(domain) else self.ask(domain)

    def _lead(self) -> None:
        if not self.ledger.lead(self.holder, self.clock()):
            raise NotLeading("another process sends the reports; try again later")
        self._led_at = self.clock()

    def _lead_on(self) -> None:
        """Renew the lease in time.  Raises NotLeading."""
        if self.clock() - self._led_at >= LEASE_SECONDS // 4:
            self._lead()

    def _tell(self, domain: str, found: Recipients) -> None:
        if found.unknown is not None:
            self.done["unknown"] += 1
            self.tell(f"{domain}: {found.unknown}; asked again with the next run")
        for address, why in found.declined:
            self.done["declined"] += 1
            self.tell(f"{domain}: {address} gets nothing: {why}")

    def _put(
        self,
        dispatcher: Dispatcher[_Job],
        day: int,
        letter: Letter,
        found: Recipients,
    ) -> None:
        """Let the mails of one report leave, those that have not."""
        names = {
            one: MailName(day, letter.domain, letter.report_id, one.address)
            for one in found.willing
        }
        self.ledger.enter(tuple(names.values()), self.clock())
        known = {one.name: one for one in self._entries(day, letter)}
        for recipient, name in names.items():
            entry = known.get(name, MailEntry(name, MailState.WAITING))
            if not self._is_due(entry):
                self.done[f"{entry.state} before"] += 1
                continue
            if (why := self._hindrance(recipient, letter)) is not None:
                self.ledger.settle(name, MailState.WITHDRAWN, self.clock(), why=why)
                self.tell(f"{recipient.address}: {why}")
                self.done["withdrawn"] += 1
                continue
            destination = recipient.address.rpartition("@")[2].lower()
            dispatcher.put(destination, _Job(name, entry.attempts, letter))

    def _entries(self, day: int, letter: Letter) -> list[MailEntry]:
        """Return what is known of the mails of one report."""
        found = self.ledger.entries(day, letter.domain)
        return [one for one in found if one.name.report_id == letter.report_id]

    def _is_due(self, entry: MailEntry) -> bool:
        return entry.state is MailState.WAITING and entry.next_at <= self.clock()

    def _hindrance(self, recipient: Recipient, letter: Letter) -> str | None:
        """Return why an address does not get a report; None: it gets it."""
        limit = MOST_MAIL if recipient.size_limit is None else recipient.size_limit
        if letter.size > min(limit, MOST_MAIL):
            return f"the report has {letter.size} octets, and {min(limit, MOST_MAIL)} are taken"
        if self.excludes(recipient.address):
            return "excluded by the configuration"
        return self.ledger.suspended(recipient.address, self.clock())

    # -- one mail, in a thread ------------------------------------------------------------

    def _send(self, job: _Job) -> None:
        recipient = job.name.recipient
        self._lead_on()
        octets = self.seal(job.letter.octets(recipient, date=self.clock()))
        if self.excludes(recipient) or not self.ledger.begin(job.name, self.holder, self.clock()):
            self.done["withdrawn"] += 1
            return
        try:
            self.post(recipient, octets, sender=self.bounces(job.name))
        except MailRefused as refusal:
            self._settle(job, MailState.REFUSED, why=str(refusal))
            until = self.clock() + SUSPENDED_SECONDS
            self.ledger.suspend(recipient, until, f"suspended: {refusal}")
        except PeerError as fault:
            state, next_at = after_failure(job.attempts + 1, self.clock())
            self._settle(job, state, why=str(fault), next_at=next_at)
        else:
            self._settle(job, MailState.SENT)

    def _settle(self, job: _Job, state: MailState, *, why: str = "", next_at: int = 0) -> None:
        self.ledger.settle(job.name, state, self.clock(), why=why[:500], next_at=next_at)
        self.done[str(state)] += 1
        if why:
            self.tell(f"{job.name.recipient}: {state}: {why}")


LAST_RETRY_SECONDS = sum(RETRIES)
"""From the first attempt to the last: a day and a little less."""
