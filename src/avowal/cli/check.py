"""``avowal check``: whether a message, or a domain, has what large receivers ask for."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avowal.cli import requirement_report
from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.envelope import Envelope, envelope_options
from avowal.cli.shared_options import at_option, dns_options
from avowal.cli.streams import echo
from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.keys.doctor.survey import KeySurvey
    from avowal.lookup import Resolver
    from avowal.names import DomainName
    from avowal.requirements import SenderFacts

for_option = click.option(
    "--for",
    "receivers",
    metavar="NAME,...",
    help="The receivers: gmail, yahoo, microsoft.  [default: all]",
)


@click.command("check")
@click.argument("subject", metavar="FILE|DOMAIN")
@for_option
@click.option("-s", "--selector", multiple=True, help="A selector of the domain.")
@click.option("--marketing", is_flag=True, help="The message is one that people subscribe to.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@envelope_options
@at_option
@dns_options
def command(
    *,
    subject: str,
    receivers: str | None,
    selector: tuple[str, ...],
    marketing: bool,
    as_json: bool,
    envelope: Envelope,
    now: int,
    dns: Dns,
) -> int:
    """Hold a message or a domain against what large receivers ask of senders.

    The rules are a dated file with the address of each receiver's page. The status is 0 when
    nothing that is required is missing, 1 when something is; what cannot be seen from here is
    told as unknown.
    """
    from avowal.requirements import chosen, judge

    names = chosen(receivers)
    with dns.opened() as resolver:
        if subject == "-" or Path(subject).is_file():
            facts = _of_message(subject, envelope, resolver, now, marketing=marketing)
        elif "/" in subject:
            raise UsageError(f"{subject}: no such file")
        else:
            wanted = tuple(domain_name(one) for one in selector)
            facts = of_domain(domain_name(subject), wanted, resolver)
    answered = tuple(judge(facts, names))
    if as_json:
        echo(json.dumps(requirement_report.as_object(subject, answered)))
    else:
        for line in requirement_report.report(subject, answered):
            echo(line)
    return requirement_report.status_of(answered)


def _of_message(
    path: str, envelope: Envelope, resolver: Resolver, now: int, *, marketing: bool
) -> SenderFacts:
    from avowal.calls.authenticate import authenticate
    from avowal.cli import sources
    from avowal.requirements.facts import of_message

    message = sources.whole(path)
    found = authenticate(
        message.octets,
        resolver,
        client=envelope.client,
        mail_from=envelope.mail_from if envelope.client else None,
        helo=envelope.helo if envelope.client else None,
        now=now,
        line_ends="wire",
    )
    return of_message(found, marketing=marketing)


def of_domain(
    domain: DomainName, selectors: tuple[DomainName, ...], resolver: Resolver
) -> SenderFacts:
    """Look at what a domain publishes, and at the keys of these selectors."""
    from avowal.keys.doctor.survey import survey
    from avowal.lookup import run

    if not selectors:
        return with_keys(domain, None, resolver)
    stranger = domain_name(f"none-{secrets.token_hex(8)}")
    return with_keys(domain, run(survey(domain, selectors, stranger), resolver), resolver)


def with_keys(
    domain: DomainName, surveyed: KeySurvey | None, resolver: Resolver | None
) -> SenderFacts:
    """Look at what a domain publishes beside its keys; without a resolver that is not known."""
    from avowal.keys.doctor.reading import reading_of
    from avowal.lookup import run
    from avowal.policy.survey import survey
    from avowal.requirements import SenderFacts
    from avowal.requirements.facts import of_domain as facts_of

    bits: tuple[int, ...] = ()
    live: int | None = None
    if surveyed is not None:
        readings = [reading_of(one) for key in surveyed.keys for one in key.records]
        keys = [one.key for one in readings if one.is_live and one.key is not None]
        bits, live = tuple(key.bits for key in keys if key.exponent is not None), len(keys)
    if resolver is None:
        return SenderFacts(rsa_bits=bits, keys=live)
    return facts_of(run(survey(domain), resolver), rsa_bits=bits, keys=live)
