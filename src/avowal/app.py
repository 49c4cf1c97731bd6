"""Wiring: from a configuration to what it describes.  Only here do all packages meet.

`milter` gives what a generation of the daemon's workers works with; a reload calls it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from typing import Protocol

from avowal import __version__, paths
from avowal.agenda import Agenda, Rank
from avowal.config.mistakes import Collector, Mistakes
from avowal.config.model import Configuration
from avowal.config.places import NOWHERE, Places
from avowal.dns.cache import Cached
from avowal.dns.dnspython import DnsResolver
from avowal.dns.servers import bracketed
from avowal.errors import AvowalError, ConfigError, StoreError
from avowal.extensions import use_all
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.inspection import Inspection
from avowal.flow.plan import Plan
from avowal.flow.transaction import Transaction
from avowal.key_files import KeyFiles, account_of, key_notes
from avowal.keys.watch import Watch
from avowal.lookup import AsyncResolver, Failure, Resolver
from avowal.message import Header
from avowal.milter import descriptors
from avowal.milter.events import SessionLimits
from avowal.milter.filter_maker import FilterMaker, explaining_maker
from avowal.milter.journal import LOGGER
from avowal.milter.key_watch import ask_first, recall, watching
from avowal.milter.meters import Meters
from avowal.milter.outbox import Notes, Outbox
from avowal.milter.prerequisites import examine
from avowal.milter.worker import Prepared
from avowal.report.delivery import way_out
from avowal.report.recorder import Recorder
from avowal.reputation.background import Background
from avowal.reputation.dnswl import DnsWhitelist
from avowal.reputation.opinions import Assessor, Several
from avowal.reputation.table import OpinionTable
from avowal.rule_tables import with_table
from avowal.stored_keys import StoredDomains, with_stored_keys

SOFTWARE = f"avowal v{__version__}"
_LAST_SECONDS = 3.0  # for reports when a worker ends; the supervisor grants it 10 beyond the drain
_MOST_OCTETS = 256 << 20  # of a file of opinions or a zone


def plan(
    configuration: Configuration,
    places: Places = NOWHERE,
    *,
    generation: int = 0,
    watch: Watch | None = None,
    stored: StoredDomains | None = None,
) -> Plan:
    """Compile a configuration and load its keys, those of `stored` too.  Raises ConfigError."""
    use_all(configuration, places)
    configuration, places = with_table(configuration, places)
    configuration = with_stored_keys(configuration, places, stored)
    account = account_of(configuration)
    load = KeyFiles(
        require_safe=configuration.signing.require_safe_keys, account=account, watch=watch
    )
    with paths.Directories(account.judge) as load.directories:
        compiled = compile_plan(
            configuration,
            places,
            load=load,
            generation=generation,
            assessor=assessor(configuration, places),
            software=SOFTWARE,
        )
    load.directories = None  # keys that are read with a message are walked to
    return compiled


def examined(
    configuration: Configuration,
    places: Places = NOWHERE,
    *,
    generation: int = 0,
    watch: Watch | None = None,
    stored: StoredDomains | None = None,
) -> Plan:
    """Return the same, with a look at what else is named: sockets, users, files, servers.

    Raises Mistakes with everything that was found.
    """
    found: list[ConfigError] = []
    try:
        examine(configuration, places)
    except Mistakes as mistakes:
        found += mistakes.each
    try:
        compiled = plan(configuration, places, generation=generation, watch=watch, stored=stored)
    except ConfigError as fault:
        found += fault.each if isinstance(fault, Mistakes) else (fault,)
        raise Mistakes(found) from None
    if found:
        raise Mistakes(found)
    return compiled


def assessor(configuration: Configuration, places: Places = NOWHERE) -> Assessor | None:
    """Return whoever is asked for opinions, None for nobody.  Raises ConfigError."""
    wanted = configuration.reputation
    found = own_assessors(configuration, places)
    if wanted.whitelists:
        asking = _resolver(configuration)
        found += [Background(DnsWhitelist(zone, asking)) for zone in wanted.whitelists]
    if wanted.service is not None:
        from avowal.reputation.repute import Repute  # noqa: PLC0415 - loads an HTTP client

        found.append(Background(Repute(wanted.service)))
    return Several(*found) if found else None


def own_assessors(configuration: Configuration, places: Places = NOWHERE) -> list[Assessor]:
    """Return those that look into files of this host alone.  Raises ConfigError."""
    wanted = configuration.reputation
    found: list[Assessor] = []
    if wanted.file is not None:
        found.append(_opinions(wanted.file, places))
    if wanted.database is not None:
        from avowal.stores.opinions import SqliteOpinions  # noqa: PLC0415 - few have one

        found.append(SqliteOpinions(wanted.database))
    return found


def _opinions(path: str, places: Places) -> OpinionTable:
    fault: AvowalError
    try:
        return OpinionTable.parse(paths.read(path, _MOST_OCTETS).decode(), file=path)
    except OSError as error:
        fault = StoreError(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        fault = ConfigError("not UTF-8", file=path, hint="save it as UTF-8")
    except ConfigError as mistake:
        fault = mistake
    raise Collector(places).blame(("reputation", "file"), fault)


def resolver(configuration: Configuration) -> AsyncResolver:
    """Return what answers questions to DNS.  Raises ResolverSetupError, StoreError."""
    return _resolver(configuration)


def blocking_resolver(configuration: Configuration) -> Resolver:
    """Return the same for callers that wait.  Raises ResolverSetupError, StoreError."""
    return _resolver(configuration)


class _BothResolver(Resolver, AsyncResolver, Protocol):
    """A resolver for both kinds of callers."""


def _resolver(configuration: Configuration) -> _BothResolver:
    dns = configuration.dns
    if dns.zone_file is not None:
        return _zone(dns.zone_file)
    asking = DnsResolver(
        [bracketed(text) for text in dns.servers] or None,
        lifetime=float(dns.timeout),
        trust_ad=True if dns.trust_ad else None,
    )
    if not dns.cache:
        return asking
    return Cached(asking, entries=dns.cache_entries, octets=dns.cache_octets)


def outbox(configuration: Configuration) -> Outbox | None:
    """Return the way out for reports and notes, None where there are none to be.

    Raises ConfigError, StoreError.
    """
    wanted = configuration.reports
    notes = None if wanted.diagnostic_directory is None else Notes(wanted.diagnostic_directory)
    sending = way_out(relay=wanted.relay, command=wanted.command) if wanted.send else None
    spool = None
    if configuration.failure_reports.domains:
        from avowal.stores.failure_tables import failure_spool  # noqa: PLC0415 - few send them

        spool = failure_spool(configuration, LOGGER.warning)
    if sending is None and notes is None and spool is None:
        return None
    return Outbox(sending, notes, spool=spool, most_per_hour=wanted.most_per_hour)


def recorders(configuration: Configuration) -> Callable[[Meters], Recorder] | None:
    """Return what makes a worker's recorder of events, None where none are kept.

    All that is imported is imported here: workers may not see our files.  Raises StoreError.
    """
    wanted = configuration.events
    if wanted.store is None:
        return None
    from avowal.stores.events import event_opener  # noqa: PLC0415 - few keep events

    opener = event_opener(wanted.store)
    return lambda meters: Recorder(
        opener, waiting=wanted.most_waiting, count=meters.events, tell=LOGGER.warning
    )


def _zone(path: str) -> _BothResolver:
    from avowal.dns.zone import Zone  # noqa: PLC0415 - for tests only

    try:
        return Zone.from_octets(paths.read(path, _MOST_OCTETS), file=path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None


def milter(
    configuration: Configuration, places: Places = NOWHERE, *, generation: int = 0
) -> Prepared:
    """Make what a generation of milter workers works with.  Raises AvowalError."""
    signing, server = configuration.signing, configuration.server
    watch = None
    if signing.require_published or server.metrics is not None:
        watch = Watch(strict=signing.require_published)
    stored = StoredDomains(signing.key_store)
    compiled = examined(configuration, places, generation=generation, watch=watch, stored=stored)
    rehearse(compiled)
    if generation:  # a check alone writes nothing
        stored.note_use()
    if watch is not None and generation:  # a check alone leaves no file
        try:
            recall(watch, signing.publication_file)
        except StoreError as fault:
            raise Collector(places).blame(("signing", "publication_file"), fault) from None
    descriptors.reserve(server.connections)  # before the resolver takes its share of them
    explains = explaining_maker(configuration)
    filters = FilterMaker(compiled, outbox(configuration), recorders(configuration), explains)
    return Prepared(
        generation=generation,
        make_filter=filters,
        resolver=resolver(configuration),
        listeners=configuration.listeners,
        role=configuration.mode,
        server=server,
        log=configuration.log,
        session_limits=SessionLimits(
            header_octets=configuration.limits.header_octets,
            header_fields=configuration.limits.header_fields,
            watched=_watched_fields(configuration),
        ),
        seconds=configuration.limits.seconds,
        dns_seconds=configuration.dns.timeout,
        places=places,
        before=None if watch is None else partial(ask_first, watch),
        beside=None if watch is None else partial(watching, watch),
        notes=partial(key_notes, configuration),
        changed=stored.changed if stored.domains else None,
        rotations=stored.rotations if stored.domains else None,
        ending=partial(filters.settle, _LAST_SECONDS),
    )


def _watched_fields(configuration: Configuration) -> frozenset[bytes]:
    """Return the names of the fields that go wherever they stand, beyond a limit too."""
    names = (
        configuration.actions.tag_field,
        configuration.results.mark,
        configuration.explanations.field,
    )
    return frozenset(name.lower().encode() for name in names if name is not None)


_REHEARSAL = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from; bh=YQ==; b=YQ==\r\n"
    b"From: a@a.example\r\nTo: b@a.example\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
)


def rehearse(compiled: Plan) -> None:
    """Treat a message of ours and a stranger's, for what is imported at the first use.

    Workers may not see our files any more: another user, a chroot.
    """
    header = Header.parse(_REHEARSAL)
    clients = (None, IPv4Address("192.0.2.1"))
    transactions = [
        Transaction(received_at=0, client=client, hostname="a.example") for client in clients
    ]
    for transaction in transactions:
        agenda = Agenda()
        inspection = Inspection(compiled, transaction, header, now=0, agenda=agenda)
        inspection.feed(b"body \r\n")
        agenda.close(Failure.UNREACHABLE)
        decide(inspection.sealed(agenda.add(inspection.finish(), Rank.POLICY).value))
