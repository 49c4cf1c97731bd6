"""What the commands of ``avowal reports`` make of a configuration."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from avowal import __version__
from avowal.cli.domains import as_in_reports
from avowal.cli.exits import ExitStatus, complain
from avowal.cli.streams import echo
from avowal.dates import DAY
from avowal.errors import AvowalError, ConfigError, UsageError
from avowal.names import is_below

if TYPE_CHECKING:
    from avowal.config.toml import Loaded
    from avowal.lookup import Resolver
    from avowal.names import DomainName
    from avowal.policy.dmarc.destinations import Kind
    from avowal.report.aggregate import AggregateReport
    from avowal.report.aggregation import Reporter
    from avowal.report.bounces import BounceAddresses
    from avowal.report.report_ledger import MailName, ReportLedger
    from avowal.report.report_sending import Letter, ReportSender
    from avowal.report.submission import Login
    from avowal.stores.report_tables import ReportStore

_EPOCH = date(1970, 1, 1)
config_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    required=True,
    metavar="FILE",
    help="The configuration, in TOML.",
)
day_option: Callable[[Any], Any] = click.option(
    "--day", metavar="DATE", show_default="yesterday", help="A day of UTC that is over: 2026-11-29."
)
domain_option: Callable[[Any], Any] = click.option(
    "--domain",
    metavar="DOMAIN",
    callback=as_in_reports,
    help="Only the reports about this policy domain.",
)


def day_of(text: str | None, now: float | None = None) -> int:
    """Return a day as a number; it has to be over.  Raises UsageError."""
    today = datetime.fromtimestamp(time.time() if now is None else now, UTC).date()
    if text is None:
        return (today - _EPOCH).days - 1
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--day: {text!r} is no date such as 2026-11-29") from None
    if day >= today:
        raise UsageError(f"--day {text}: is not over yet (UTC)")
    return (day - _EPOCH).days


def _store(loaded: Loaded) -> ReportStore:
    from avowal.stores.events import open_kept_events

    name = loaded.configuration.events.store
    if name is None:
        raise ConfigError("no events are kept", key="events.store", hint="reports count them")
    return open_kept_events(name)


def events_of(path: str) -> ReportStore:
    """Open the events of a configuration.  Raises ConfigError, StoreError."""
    from avowal.config import toml

    return _store(toml.read(path))


@dataclass(frozen=True, slots=True)
class Reporting:
    """A configuration, and who reports by it."""

    loaded: Loaded
    reporter: Reporter
    excluded: tuple[DomainName, ...]
    """Policy domains, and domains of addresses, that get no reports, with all below them."""
    consented: tuple[DomainName, ...]
    """Policy domains that may have reports about single messages, likewise."""

    @classmethod
    def read(cls, path: str) -> Reporting:
        """Read a configuration.  Raises ConfigError where it does not say who reports."""
        from avowal.config import toml
        from avowal.flow.tables import read_trees
        from avowal.report.aggregation import Reporter

        loaded = toml.read(path)
        wanted = loaded.configuration.aggregate
        if wanted.sender is None:
            raise ConfigError(
                "nobody is named as the sender of aggregate reports",
                key="aggregate.sender", file=path, hint='such as "dmarc-reports@example.com"',
            )  # fmt: skip
        domain = wanted.sender.rpartition("@")[2].lower()
        reporter = Reporter(
            organization=wanted.organization or domain,
            domain=domain,
            email=wanted.sender,
            contact=wanted.contact,
            software=f"avowal {__version__}",
        )
        excluded = read_trees(loaded, "aggregate", "excluded")
        return cls(loaded, reporter, excluded, read_trees(loaded, "failure_reports", "domains"))

    def store(self) -> ReportStore:
        """Open the events.  Raises ConfigError, StoreError."""
        return _store(self.loaded)

    def retain(self, store: ReportStore, now: int) -> None:
        """Let go of what is older than the configuration has it.  Raises StoreError."""
        kept = self.loaded.configuration.events
        store.prune(
            events_before=now - kept.keep_days * DAY,
            counts_before=now // DAY - kept.keep_counts_days,
        )

    def reports(
        self, store: ReportStore, day: int, domain: str | None, tell: Callable[[str], None]
    ) -> Iterator[AggregateReport]:
        """Yield the reports of a day, domain by domain, but for excluded domains.

        Each domain is read by itself, to its end: sending takes hours, and no transaction may.
        """
        from avowal.report.aggregation import aggregate_reports
        from avowal.report.event import EventKey
        from avowal.report.put_aside import put_aside

        for one in store.domains(day) if domain is None else [domain]:
            if not self.excludes(one):
                with put_aside(store.rows(day, domain=one, reported=True)) as rows:
                    counts = ((EventKey.of(facts), number) for _, facts, number in rows)
                    yield from aggregate_reports(counts, day, self.reporter, tell=tell)

    def excludes(self, name: str, kind: Kind = "rua") -> bool:
        """Whether a policy domain, or that of an address, gets no reports of a kind.

        Those about single messages need the operator's consent too, which names policy domains:
        one that was taken back counts for reports that wait.
        """
        from avowal.flow.failure_drafts import consents

        domain = name.rpartition("@")[2].lower()
        if any(is_below(domain, one.ascii) for one in self.excluded):
            return True
        return kind == "ruf" and "@" not in name and not consents(name, self.consented)

    def sender(
        self, ledger: ReportLedger, tell: Callable[[str], None], *, kind: Kind = "rua"
    ) -> ReportSender:
        """Return what sends reports to whom `kind` names.  Raises AvowalError."""
        from avowal import app
        from avowal.report.recipients import asked
        from avowal.report.report_sending import ReportSender
        from avowal.report.submission import Submission

        wanted = self.loaded.configuration.aggregate
        resolver = app.blocking_resolver(self.loaded.configuration)
        return ReportSender(
            ledger=ledger,
            ask=lambda domain: asked(domain, resolver, kind=kind),
            excludes=partial(self.excludes, kind=kind),
            seal=self._seal(resolver),
            post=Submission(
                wanted.relay,
                self.reporter.domain,
                encryption=wanted.relay_tls,
                login=self._login(),
            ),
            bounces=self._bounces(),
            holder=f"{socket.gethostname()}/{os.getpid()}/{time.time_ns()}",
            clock=lambda: int(time.time()),
            interval=60 / wanted.per_minute,
            threads=wanted.connections,
            tell=tell,
        )

    def bounce_addresses(self) -> BounceAddresses | None:
        """Return the envelope senders of mails, None where there are none.  Raises StoreError."""
        from avowal.report.bounces import SECRET, BounceAddresses
        from avowal.stores.failure_tables import FailureTables

        address = self.loaded.configuration.aggregate.bounces
        if address is None:
            return None
        with closing(self.store()) as store:
            return BounceAddresses(address, FailureTables(store).secret(SECRET))

    def _bounces(self) -> Callable[[MailName], str]:
        addresses = self.bounce_addresses()
        return (lambda name: "") if addresses is None else addresses.of

    def _login(self) -> Login | None:
        """Return how we log in at the relay.  Raises ConfigError, KeyMaterialError."""
        from avowal.keys.files import read_password
        from avowal.report.submission import Login

        wanted = self.loaded.configuration.aggregate
        if wanted.relay_user is None and wanted.relay_password_file is None:
            return None
        if wanted.relay_user is None or wanted.relay_password_file is None:
            raise ConfigError(
                "a login needs a user and a password", key="aggregate.relay_user",
                hint="set relay_user and relay_password_file, or neither",
            )  # fmt: skip
        password = read_password(wanted.relay_password_file)
        return Login(wanted.relay_user, password.decode("utf-8", "replace"))

    def _seal(self, resolver: Resolver) -> Callable[[bytes], bytes]:
        """Return what signs a mail of ours and looks at it as its receivers will."""
        from avowal import app
        from avowal.calls.authenticate import authenticate
        from avowal.calls.sign import sign
        from avowal.crypto.signing import AsyncSigningKey

        wanted = self.loaded.configuration.aggregate
        plan = app.plan(self.loaded.configuration, self.loaded.places)
        use = plan.keys.get(wanted.key or "")
        if use is None or use.domain is None or use.loaded is None:
            raise ConfigError(
                "has to name an entry of `keys` that has a domain of its own",
                key="aggregate.key", hint="reports have to pass DMARC (RFC 9990 §3.5)",
            )  # fmt: skip
        if isinstance(use.loaded, AsyncSigningKey):
            raise ConfigError("cannot be a key behind a network: it signs no reports yet",
                              key="aggregate.key")  # fmt: skip
        domain, selector, key = use.domain.text, use.entry.selector, use.loaded

        def sealed(octets: bytes) -> bytes:
            made = sign(octets, domain=domain, selector=selector, key=key) + octets
            found = authenticate(made, resolver).findings.policies
            dmarc = None if found is None else found.dmarc
            if dmarc is None or dmarc.result != "pass":
                word = "nothing" if dmarc is None else dmarc.result
                raise NotAligned(
                    f"our own mail does not pass DMARC ({word}): is {selector}._domainkey.{domain}"
                    f" published, does {domain} align with {self.reporter.domain}, and has that a"
                    " DMARC record?"
                )
            return made

        return sealed


class NotAligned(AvowalError):
    """Mail of ours that receivers would not believe."""


def deliver(
    sender: ReportSender, days: Iterable[tuple[int, Iterable[Letter]]]
) -> ExitStatus | None:
    """Send the reports of some days; return the status where that could not be, and say why."""
    from avowal.report.report_sending import NotLeading

    try:
        for day, letters in days:
            sender.send(day, letters)
    except NotLeading as fault:
        complain(str(fault))
        return ExitStatus.TRY_AGAIN
    except NotAligned as fault:
        complain(str(fault))
        return ExitStatus.NOT_PASSED
    finally:
        sender.ledger.resign(sender.holder)
    return None


def tell_delivered(done: Counter[str], *, of: str = "") -> ExitStatus:
    """Say what became of report mails, and whether some are to be tried again."""
    words = ", ".join(f"{number} {word}" for word, number in sorted(done.items()))
    echo(of + (words or "nothing to send"), err=True)
    later = any(done[word] for word in ("waiting", "waiting before", "unknown"))
    return ExitStatus.TRY_AGAIN if later else ExitStatus.PASSED
