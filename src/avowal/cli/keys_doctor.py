"""``avowal keys doctor``: what is wrong with the keys of domains, and what to do."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import click

from avowal.cli.check import for_option
from avowal.cli.dns import Dns, EitherResolver
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus, worst
from avowal.cli.shared_options import dns_options, gathered, servers_port_option
from avowal.cli.streams import echo
from avowal.dates import DAY
from avowal.errors import UsageError
from avowal.names import is_below

if TYPE_CHECKING:
    from avowal.cli.doctor_subjects import Subject, Subjects
    from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
    from avowal.lookup import Resolver
    from avowal.policy.lint.finding import LintFinding
    from avowal.requirements import Answered


class Known(NamedTuple):
    """What the command line knows of the domains."""

    selector: tuple[str, ...]
    selectors: str | None
    mail: tuple[str, ...]
    reports: tuple[str, ...]
    key_file: str | None


_known_options = gathered(
    "known",
    Known,
    ("selector", "selectors", "mail", "reports", "key_file"),
    click.option(
        "-s", "--selector", multiple=True, help="A selector of the domains; may be repeated."
    ),
    click.option("--selectors", metavar="FILE", help="Selectors, a line each: SELECTOR [DOMAIN]."),
    click.option(
        "--mail",
        multiple=True,
        metavar="PATH",
        help="Learn from own mail which selectors sign: a message, an mbox, a Maildir, a folder.",
    ),
    click.option(
        "--reports",
        multiple=True,
        metavar="PATH",
        help="Learn from aggregate reports (DMARC): files as they came, or mail with them.",
    ),
    click.option(
        "--key", "key_file", metavar="FILE", help="The private key that signs with --selector."
    ),
)


@click.command("doctor")
@click.argument(
    "subjects", nargs=-1, required=True, metavar="DOMAIN|ZONEFILE|CONFIG|store:STORE..."
)
@_known_options
@click.option(
    "--longest-ttl",
    type=click.IntRange(min=1),
    default=DAY,
    show_default=True,
    metavar="SECONDS",
    help="How long caches may keep a key.",
)
@click.option(
    "--no-servers", is_flag=True, help="Ask a resolver only, not each authoritative server."
)
@servers_port_option
@for_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@dns_options
def command(
    *,
    subjects: tuple[str, ...],
    known: Known,
    longest_ttl: int,
    no_servers: bool,
    port: int,
    receivers: str | None,
    as_json: bool,
    dns: Dns,
) -> int:
    """Look for what is wrong with the keys that domains publish, and say what to do.

    A word that names a file is that file: a zone file is read, a configuration names domains,
    selectors and the keys that sign (of `avowal milter`, OpenDKIM, dkimpy-milter, rspamd or
    Stalwart); store:STORE is a key store, any other word a domain, asked for in DNS.  The
    status is 0 if there is nothing but advice, 1 for errors and warnings, 3 where DNS gives no
    answer.  docs/reference/doctor.md has a paragraph for each finding.
    """
    from avowal.cli import doctor_report, requirement_report
    from avowal.cli.doctor_subjects import Subjects
    from avowal.keys.doctor import examine

    found = Subjects(dns.origin if dns.zone is None else None)
    found.take(subjects)
    read = _add(found, known)
    surveys = _surveyed(list(found), dns, None if no_servers else port, longest_ttl)
    findings = examine(surveys)
    asked = [] if receivers is None else _held_against(receivers, list(found), surveys, dns)
    if as_json:
        told = doctor_report.as_object(surveys, findings)
        told |= {"requirements": [requirement_report.as_object(*one) for one in asked]}
        echo(json.dumps(told))
    else:
        doctor_report.write(surveys, findings)
        for domain, answered in asked:
            for line in requirement_report.report(domain, answered):
                echo(line)
    return worst(read, _status(findings), *(requirement_report.status_of(a) for _, a in asked))


def _held_against(
    receivers: str, subjects: Sequence[Subject], surveys: Sequence[KeySurvey], dns: Dns
) -> list[tuple[str, tuple[Answered, ...]]]:
    """Hold each domain against what receivers ask for."""
    from avowal.cli.check import with_keys
    from avowal.requirements import chosen, judge

    names, asked = chosen(receivers), []
    dns = dns if dns.zone is not None else dns._replace(origin=None)
    with dns.opened() as resolver:
        for subject, survey in zip(subjects, surveys, strict=True):
            facts = with_keys(subject.domain, survey, _policies_of(subject, resolver))
            asked.append((subject.domain.ascii, tuple(judge(facts, names))))
    return asked


def _policies_of(subject: Subject, resolver: EitherResolver) -> Resolver | None:
    """Return who knows of SPF and DMARC; a zone file without a SOA is but a piece of the zone."""
    if subject.zone is None:
        return resolver
    return subject.zone if "SOA" in subject.names.get(subject.domain.ascii, {}) else None


def _add(found: Subjects, known: Known) -> ExitStatus:
    """Add what the options know of the domains; there has to be a selector of each."""
    names = [domain_name(one) for one in known.selector]
    for subject in found:
        for name in names:
            subject.add(name)
    if known.selectors is not None:
        found.name_selectors(known.selectors)
    if known.key_file is not None:
        from avowal.keys.files import load_key

        if len(names) != 1:
            raise UsageError("--key belongs to one --selector")
        key = load_key(known.key_file, require_safe=False)
        for subject in list(found):
            found.hold(subject.domain, names[0], key, known.key_file)
    learned = known.mail or known.reports
    status = found.learn(known.mail, known.reports) if learned else ExitStatus.PASSED
    for subject in found:
        if not subject.selectors and not subject.uses:
            raise UsageError(
                f"{subject.domain}: no selector is known, and none is guessed: give --selector, "
                "--selectors, --mail, --reports or a configuration"
            )
    return status


def _status(findings: Sequence[LintFinding]) -> ExitStatus:
    counted = {finding.code for finding in findings if finding.level.value != "advice"}
    if not counted:
        return ExitStatus.PASSED
    return ExitStatus.TRY_AGAIN if counted == {"no-answer"} else ExitStatus.NOT_PASSED


# -- looking -----------------------------------------------------------------------------------


def _surveyed(
    subjects: Sequence[Subject], dns: Dns, port: int | None, longest_ttl: int
) -> tuple[KeySurvey, ...]:
    """Look at every domain: in its zone file, or in DNS and at each of its servers."""
    if all(subject.zone is not None for subject in subjects):
        return tuple(_of_zone(subject, longest_ttl) for subject in subjects)
    dns = dns if dns.zone is not None else dns._replace(origin=None)
    with dns.opened() as resolver:
        return tuple(
            _of_zone(subject, longest_ttl)
            if subject.zone is not None
            else _of_dns(subject, resolver, dns, port, longest_ttl)
            for subject in subjects
        )


def _survey(subject: Subject, resolver: Resolver, longest_ttl: int) -> KeySurvey:
    from avowal.keys.doctor.survey import survey
    from avowal.lookup import run

    stranger = domain_name(f"none-{secrets.token_hex(8)}")
    flow = survey(
        subject.domain,
        subject.selectors.values(),
        stranger,
        held=subject.held,
        uses=subject.uses,
        longest_ttl=longest_ttl,
    )
    return replace(run(flow, resolver), managed=tuple(subject.managed))


def _of_zone(subject: Subject, longest_ttl: int) -> KeySurvey:
    """Look at a zone file: what leads out of it is not known, nor who will sign the zone."""
    assert subject.zone is not None  # noqa: S101 - the callers looked
    surveyed = _survey(subject, subject.zone, longest_ttl)
    keys = []
    for key in surveyed.keys:
        node = subject.names.get(key.name, {})
        beside = node["TXT"].records if "CNAME" in node and "TXT" in node else ()
        leads_out = key.alias is not None and key.alias not in subject.names
        leads_out = leads_out and not is_below(key.alias or "", subject.domain.ascii)
        answer = None if leads_out else key.answer
        keys.append(replace(key, answer=answer, beside_alias=beside))
    return replace(surveyed, keys=tuple(keys), zone_keys=None, delegation=None, file=subject.file)


def _of_dns(
    subject: Subject, resolver: EitherResolver, dns: Dns, port: int | None, longest_ttl: int
) -> KeySurvey:
    surveyed = _survey(subject, resolver, longest_ttl)
    if dns.zone is not None or dns.replay is not None:
        return surveyed
    keys = [_unchecked(key, dns) for key in surveyed.keys]
    if port is not None:
        from avowal.cli.observing import observer

        watcher = observer(dns.resolver, port=port)
        keys = [
            replace(key, seen=watcher.look(key.name)) if _is_answered(key) else key for key in keys
        ]
    return replace(surveyed, keys=tuple(keys))


def _is_answered(key: SurveyedKey) -> bool:
    """Whether a resolver answers: through one that does not nobody's servers are found either."""
    return key.answer is None or key.answer.failure is None


def _unchecked(key: SurveyedKey, dns: Dns) -> SurveyedKey:
    """Ask once more without DNSSEC where a resolver failed: is it that, or is nothing there?"""
    from avowal.dns.dnspython import DnsResolver
    from avowal.lookup import Failure, Question

    if key.answer is None or key.answer.failure is not Failure.SERVER_FAILURE:
        return key
    resolver = DnsResolver(dns.resolver or None, unchecked=True)
    (answer,) = resolver.resolve((Question(key.name),))
    return key if answer.failure is not None else replace(key, unchecked=answer)
