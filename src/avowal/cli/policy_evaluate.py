"""``avowal policy evaluate``: a message under one or several generations of policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from avowal.cli import sources
from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus, worst
from avowal.cli.shared_options import at_option, dns_options, line_ends_option
from avowal.cli.streams import echo
from avowal.errors import UsageError
from avowal.line_ends import LineEnds

if TYPE_CHECKING:
    from avowal.lookup import Resolver
    from avowal.policy.assessment import Assessment, Choice
    from avowal.policy.spf import SpfRequest

_GENERATIONS = ("domainkeys", "2005", "2007", "adsp", "2015", "2026")


def _generations(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    unknown = [word for word in chosen if word not in _GENERATIONS]
    if unknown or not chosen:
        raise click.BadParameter(f"choose from {','.join(_GENERATIONS)}, separated by commas")
    return chosen


def _client(
    _: click.Context, __: click.Parameter, value: str | None
) -> IPv4Address | IPv6Address | None:
    try:
        return None if value is None else ip_address(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no IP address") from None


class _Options(TypedDict):
    """The options that say what is evaluated."""

    generations: tuple[str, ...]
    compare: bool
    handling: str
    nonexistent: str
    atps: bool
    certifier: tuple[str, ...]
    client: IPv4Address | IPv6Address | None
    mail_from: str
    helo: str
    now: int
    line_ends: LineEnds


@click.command("evaluate")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--as",
    "generations",
    default="2026",
    show_default=True,
    callback=_generations,
    metavar="LIST",
    help=f"The generations, separated by commas: {', '.join(_GENERATIONS)}.",
)
@click.option("--client", callback=_client, metavar="IP", help="The SMTP client, for SPF.")
@click.option("--mail-from", default="", metavar="ADDRESS", help="The reverse-path, for SPF.")
@click.option("--helo", default="", metavar="NAME", help="The argument of HELO, for SPF.")
@click.option("--compare", is_flag=True, help="Also say where RFC 7489 and RFC 9989 part, and why.")
@click.option(
    "--nonexistent",
    type=click.Choice(["nxdomain", "no-host"]),
    default="nxdomain",
    show_default=True,
    help="When np= applies: at NXDOMAIN alone, or also without A, AAAA and MX records.",
)
@click.option("--atps", is_flag=True, help="Let authors authorize third parties (RFC 6541).")
@click.option(
    "--certifier", multiple=True, metavar="DOMAIN", help="Trust this one to vouch (RFC 5518)."
)
@click.option(
    "--handling",
    type=click.Choice(["report", "cautious", "full"]),
    default="full",
    show_default=True,
    help="How far the receiver follows: not at all, to quarantine at most, as asked.",
)
@click.option("--trace", is_flag=True, help="Show every step.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@dns_options
@at_option
@line_ends_option
def evaluate(
    *, paths: tuple[str, ...], as_json: bool, trace: bool, dns: Dns, **options: Unpack[_Options]
) -> int:
    """Say what each generation of policy makes of a message.

    The status is 0 when every message is accepted, 1 when some other disposition is asked
    for, 3 when DNS leaves it open.
    """
    from avowal.cli.policy_report import as_object, as_text

    choice = _choice(options)
    statuses = {ExitStatus.PASSED}
    with dns.opened() as resolver:
        for path in (file for given in paths for file in sources.files(given)):
            for origin, chunks in sources.messages(path, lambda octets: None):
                assessment = _assessed(origin, chunks, resolver, choice, options)
                statuses.add(_status(assessment))
                if as_json:
                    import json

                    echo(json.dumps(as_object(origin, assessment)))
                else:
                    echo(as_text(origin, assessment, trace=trace))
    return worst(*statuses)


def _choice(options: _Options) -> Choice:
    from avowal.policy.assessment import Choice, Handling, PolicyGeneration
    from avowal.policy.dmarc.evaluate import DmarcRules
    from avowal.policy.existence import Existence

    wanted = options["generations"]
    if options["compare"]:
        wanted = tuple(dict.fromkeys((*wanted, "2015", "2026")))
    return Choice(
        generations=tuple(PolicyGeneration(word) for word in wanted),
        handling=Handling(options["handling"]),
        dmarc=DmarcRules(existence=Existence(options["nonexistent"])),
        atps=options["atps"],
        certifiers=tuple(domain_name(written) for written in options["certifier"]),
    )


def _assessed(
    origin: sources.MessageOrigin,
    chunks: Iterator[bytes],
    resolver: Resolver,
    choice: Choice,
    options: _Options,
) -> Assessment:
    """Verify and evaluate one message."""
    from avowal.calls.examine import examine
    from avowal.cli.inspection import begun
    from avowal.dkim.rules import PROFILES
    from avowal.examine.findings import Receiver, Want

    header, body = begun(origin, chunks, options["line_ends"])
    found = examine(
        header,
        body,
        Receiver(choice=choice, historic=PROFILES["archive"]),
        Want.DKIM | Want.DOMAINKEYS | Want.POLICIES,
        resolver,
        now=options["now"],
        envelope=_client_of(options),
    )
    assert found.policies is not None  # noqa: S101 - a generation is chosen
    if found.spf is None:
        return found.policies
    return replace(found.policies, trace=(*found.spf.trace, *found.policies.trace))


def _client_of(options: _Options) -> SpfRequest | None:
    """Return whom SPF is checked for, None where no client is given."""
    from avowal.policy.spf import SpfRequest

    if options["client"] is None:
        if options["mail_from"] or options["helo"]:
            raise UsageError("--mail-from and --helo need --client: SPF is about an IP address")
        return None
    return SpfRequest(
        client=options["client"],
        mail_from=options["mail_from"].encode("utf-8", "surrogateescape"),
        helo=options["helo"].encode("utf-8", "surrogateescape"),
        now=options["now"],
    )


def _status(assessment: Assessment) -> ExitStatus:
    if assessment.disposition.value not in {"accept", "tempfail"}:
        return ExitStatus.NOT_PASSED
    unknown = any(verdict.word == "temperror" for verdict in assessment.verdicts)
    return ExitStatus.TRY_AGAIN if unknown else ExitStatus.PASSED
