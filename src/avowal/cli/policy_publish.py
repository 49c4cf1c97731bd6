"""``avowal policy show`` and ``check``: what a domain publishes, and what is wrong with it."""

from __future__ import annotations

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.text import printable

_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


@click.command("show")
@click.argument("domain")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@dns_options
def show(*, domain: str, as_json: bool, dns: Dns) -> int:
    """Show in words everything DOMAIN publishes: DMARC, SPF, and what came before them."""
    from avowal.lookup import run
    from avowal.policy.explanation import described
    from avowal.policy.survey import survey

    with dns.opened() as resolver:
        found = run(survey(domain_name(domain)), resolver)
    statements = described(found)
    if as_json:
        import json

        members = [
            {
                "mechanism": statement.mechanism,
                "name": statement.name,
                "records": list(statement.records),
                "sentences": list(statement.sentences),
            }
            for statement in statements
        ]
        organization = None if found.walk is None else found.walk.organizational_domain
        echo(
            json.dumps(
                {
                    "domain": found.domain.ascii,
                    "exists": found.exists,
                    "organizational_domain": organization,
                    "statements": members,
                    "failures": [failure.name for failure in found.failures],
                }
            )
        )
    else:
        for statement in statements:
            click.secho(f"{statement.title}  {printable(statement.name)}", bold=True)
            for record in statement.records:
                echo(f"  {printable(record)}")
            for sentence in statement.sentences:
                echo(f"    {printable(sentence)}")
    return ExitStatus.TRY_AGAIN if found.failures else ExitStatus.PASSED


@click.command("check")
@click.argument("domain")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@dns_options
def check(*, domain: str, as_json: bool, dns: Dns) -> int:
    """Look for mistakes and leftovers in what DOMAIN publishes.

    The status is 1 when there is an error, 0 for warnings and advice alone.
    """
    from avowal.lookup import run
    from avowal.policy.lint import LintLevel, lint
    from avowal.policy.survey import survey

    with dns.opened() as resolver:
        found = run(survey(domain_name(domain)), resolver)
        findings = run(lint(found), resolver)
    if as_json:
        import json

        members = [{**finding._asdict(), "level": finding.level.value} for finding in findings]
        echo(json.dumps({"domain": found.domain.ascii, "findings": members}))
    else:
        for finding in findings:
            level = click.style(f"{finding.level.value:<8}", fg=_COLOURS[finding.level.value])
            echo(f"{level} {printable(finding.place)}: {printable(finding.what)}")
            echo(f"         {printable(finding.hint)} [{finding.code}]")
        if not findings:
            echo("nothing to find fault with")
    if any(finding.code == "no-answer" for finding in findings):
        return ExitStatus.TRY_AGAIN
    errors = any(finding.level is LintLevel.ERROR for finding in findings)
    return ExitStatus.NOT_PASSED if errors else ExitStatus.PASSED
