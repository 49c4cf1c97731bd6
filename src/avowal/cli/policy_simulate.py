"""``avowal policy simulate``: what policies and actions would have done to mail that is here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from avowal.cli import exits, sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.progress import bar
from avowal.cli.shared_options import at_option, dns_options, line_ends_option, own_hops_option
from avowal.cli.streams import echo
from avowal.line_ends import LineEnds

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from avowal.lookup import Resolver
    from avowal.simulation.candidates import Candidate
    from avowal.simulation.result import Simulation
    from avowal.simulation.tally import Tally


class _Trusted(NamedTuple):
    """The host whose Authentication-Results are believed."""

    authserv_id: str
    own_hops: int


@click.command("simulate")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="POLICY",
    help="A policy or action to try; may be repeated. dmarc:reject, 'dmarc:p=reject; adkim=s', "
    "adsp:discardable, 2007:strict and 2005:! are taken as published by every author's domain; "
    "published is what DNS says; unsigned:reject and broken:quarantine are a receiver's own.",
)
@click.option(
    "--handling",
    type=click.Choice(["cautious", "full"]),
    default="full",
    show_default=True,
    help="How far the receiver follows what domains ask: to quarantine at most, or as asked.",
)
@click.option(
    "--trusted-id",
    metavar="ID",
    help="Believe the Authentication-Results of this own host where a key is gone; it has to "
    "remove every such field that a message brings along.",
)
@own_hops_option
@click.option("--offline", is_flag=True, help="Ask DNS nothing: every key is taken as gone.")
@click.option("--plots", metavar="FOLDER", help="Write an SVG per policy, and a page with all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all counts.")
@dns_options
@at_option
@line_ends_option
def simulate(
    *,
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    handling: str,
    trusted_id: str | None,
    own_hops: int,
    offline: bool,
    plots: str | None,
    as_json: bool,
    dns: Dns,
    now: int,
    line_ends: LineEnds,
) -> int:
    """Count what policies and actions would have done to a mailbox or an archive.

    SOURCE is a file, an mbox, a Maildir or a folder. Nothing is changed. Each message is judged
    as at the time it came. Where a key is gone, what hangs on it is counted as open. Ctrl-C
    ends early and shows what was counted so far.
    """
    from avowal.cli import simulation_report

    trusted = None if trusted_id is None else _Trusted(trusted_id, own_hops)
    with _resolver(dns, offline=offline) as resolver:
        trying = _candidates(policies, None if offline else resolver, handling)
        found = _counted(paths, trying, _observing(resolver, trusted, now, line_ends))
    if plots is not None:
        simulation_report.write_plots(found, plots)
    echo(simulation_report.as_json(found) if as_json else simulation_report.as_text(found))
    if found.interrupted:
        return ExitStatus.INTERRUPTED
    return ExitStatus.PASSED if found.messages else ExitStatus.UNUSABLE


def _resolver(dns: Dns, *, offline: bool) -> AbstractContextManager[Resolver]:
    """Return a context with the resolver.  Raises UsageError."""
    from contextlib import nullcontext

    from avowal.errors import UsageError
    from avowal.simulation.silence import Silence

    if not offline:
        return dns.opened()
    if any((dns.zone, dns.resolver, dns.replay, dns.record)):
        raise UsageError("--offline asks nothing: it excludes --zone, --resolver and --replay")
    return nullcontext(Silence())


def _candidates(
    policies: tuple[str, ...], resolver: Resolver | None, handling: str
) -> tuple[Candidate, ...]:
    from avowal.policy.assessment import Handling
    from avowal.simulation.candidates import STANDARD, candidates

    return candidates(policies or STANDARD, dns=resolver, handling=Handling(handling))


_Observe = Callable[
    ["Tally", "tuple[Candidate, ...]", sources.MessageOrigin, Iterator[bytes]], None
]


def _observing(
    resolver: Resolver, trusted: _Trusted | None, now: int, line_ends: LineEnds
) -> _Observe:
    """Return what examines one message and counts it."""
    from avowal.authres.reader import read
    from avowal.calls.examine import examining
    from avowal.calls.receipt import received_at
    from avowal.cli.inspection import begun
    from avowal.dns.drivers import complete
    from avowal.examine.findings import Receiver, Want
    from avowal.mailbox import Authors
    from avowal.policy.authentication_results import envelope_result
    from avowal.simulation.candidates import Case
    from avowal.simulation.causes import cause_of, organization
    from avowal.simulation.evidence import BodyWitness, Bounds, fates

    receiver = Receiver()

    def observe(
        tally: Tally,
        trying: tuple[Candidate, ...],
        origin: sources.MessageOrigin,
        chunks: Iterator[bytes],
    ) -> None:
        header, body = begun(origin, chunks, line_ends)
        witness = BodyWitness(header)
        at = received_at(header, otherwise=now)
        call = examining(header, body, receiver, Want.DKIM, now=at, hasher=witness.hasher)
        found = complete(call, resolver)
        hosts = () if trusted is None else (trusted.authserv_id,)
        hops = None if trusted is None else trusted.own_hops
        recorded = read(header, trusted=hosts, own_hops=hops)
        spf = recorded.named("spf")
        told = fates(found.dkim, witness, recorded.named("dkim"))
        authors = Authors.of(header)
        case = Case(
            header=header,
            authors=authors,
            bounds=Bounds.of(told),
            envelope=envelope_result(spf[0]) if spf else None,
        )
        owners = dict.fromkeys(organization(domain.ascii) for domain in authors.domains)
        effects = tuple([candidate.effect(case).word for candidate in trying])
        tally.add(owners, cause_of(header, authors, told), [one.fate for one in told], effects)

    return observe


def _counted(
    paths: tuple[str, ...], trying: tuple[Candidate, ...], observe: _Observe
) -> Simulation:
    """Count all sources; what cannot be used is said and passed over."""
    from avowal.simulation.result import simulation
    from avowal.simulation.tally import Tally

    tally, unreadable, interrupted = Tally(), 0, False
    try:
        found = [file for path in paths for file in sources.files(path)]
        with bar(found) as progress:
            for path in found:
                try:
                    for origin, chunks in sources.messages(path, progress):
                        observe(tally, trying, origin, chunks)
                except sources.Unusable as fault:
                    exits.complain(str(fault))
                    unreadable += 1
    except KeyboardInterrupt:
        interrupted = True
    names = [(candidate.name, candidate.record) for candidate in trying]
    return simulation(tally, names, unreadable=unreadable, interrupted=interrupted)
