"""``avowal policy make``: the records to publish, from options or from answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from avowal.cli.domains import domain_name
from avowal.cli.streams import echo
from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.policy.publish import Published, Wish


class _Options(TypedDict, total=False):
    """The options of the command."""

    policy: str | None
    subdomains: str | None
    nonexistent: str | None
    rua: tuple[str, ...]
    ruf: tuple[str, ...]
    fo: str
    strict_dkim: bool
    strict_spf: bool
    psd: str | None
    testing: bool
    terms: str | None
    third_party: str | None
    ssp2005: str | None
    user: tuple[str, ...]
    ssp2007: str | None
    adsp: str | None
    no_mail: bool


_POLICIES = click.Choice(["none", "quarantine", "reject"])


@click.command("make")
@click.argument("domain")
@click.option("-p", "--policy", type=_POLICIES, help="p=: what is asked for mail that fails.")
@click.option("--subdomains", type=_POLICIES, help="sp=: the same for subdomains.")
@click.option("--nonexistent", type=_POLICIES, help="np=: the same for names that do not exist.")
@click.option(
    "--rua", multiple=True, metavar="ADDRESS", help="Where aggregate reports go; may be repeated."
)
@click.option(
    "--ruf", multiple=True, metavar="ADDRESS", help="Where failure reports go; may be repeated."
)
@click.option("--fo", default="0", metavar="OPTIONS", help="fo=: when failure reports are wanted.")
@click.option("--strict-dkim", is_flag=True, help="adkim=s: d= has to be the same name.")
@click.option("--strict-spf", is_flag=True, help="aspf=s: MAIL FROM has to be the same name.")
@click.option("--psd", type=click.Choice(["y", "n"]), help="y: a public suffix; n: none.")
@click.option("--testing", is_flag=True, help="t=y: receivers do one level less.")
@click.option("--spf", "terms", metavar="TERMS", help="Also an SPF record: 'mx -all'.")
@click.option("--third-party", metavar="SIGNER", help="Only an ATPS record for this signer.")
@click.option("--ssp2005", metavar="SYMBOL", help="Historic: only o=, one of ~ - ! . ^ ?")
@click.option(
    "--user",
    multiple=True,
    metavar="NAME=SYMBOL",
    help="Historic: the record of a user, beside --ssp2005 ^; may be repeated.",
)
@click.option("--ssp2007", metavar="WORD", help="Historic: only dkim=, as SSP of 2007 has it.")
@click.option("--adsp", metavar="WORD", help="Historic: only dkim=, as ADSP (RFC 5617) has it.")
@click.option("--no-mail", is_flag=True, help="Only the records of a name without any mail.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record and line.")
def make(*, domain: str, as_json: bool, **options: Unpack[_Options]) -> None:
    """Print the records that DOMAIN has to publish, as lines of a zone file.

    Without options the questions are asked on the terminal.
    """
    from avowal.policy import publish

    name = domain_name(domain)
    given = {key: value for key, value in options.items() if value and value != "0"}
    if not given:
        options |= _asked()
    early = [options.get(key) for key in ("ssp2005", "ssp2007", "adsp", "user")]
    if any(early):
        records = publish.historic(
            name,
            symbol=options["ssp2005"],
            practices=options["ssp2007"],
            adsp_practices=options["adsp"],
            users=_users(options["user"]),
            testing=options["testing"],
        )
    elif options["no_mail"]:
        records = publish.no_mail(name)
    elif options["third_party"]:
        records = (publish.third_party(domain_name(options["third_party"]), name),)
    else:
        records = publish.dmarc(name, _wish(options))
        if options["terms"]:
            records = (*records, publish.spf(name, options["terms"]))
    for record in records:
        _print(record, as_json)


def _wish(options: _Options) -> Wish:
    from avowal.policy.dmarc.record import Policy
    from avowal.policy.publish import Wish

    def policy(word: str | None) -> Policy | None:
        return None if word is None else Policy(word)

    return Wish(
        policy=policy(options["policy"]) or Policy.NONE,
        subdomains=policy(options["subdomains"]),
        nonexistent=policy(options["nonexistent"]),
        aggregate_to=_each(options["rua"]),
        failures_to=_each(options["ruf"]),
        failure_options=options["fo"],
        strict_dkim=options["strict_dkim"],
        strict_spf=options["strict_spf"],
        suffix=options["psd"] or "u",
        testing=options["testing"],
    )


def _each(written: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses of an option, which may name several between commas."""
    return tuple(address for text in written for address in text.split(",") if address.strip())


def _users(written: tuple[str, ...]) -> dict[str, str]:
    """Return the symbols of users by their local parts, as receivers ask for them.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for text in written:
        user, equals, symbol = text.rpartition("=")
        if not equals or not user:
            raise UsageError(f"--user {text}: write NAME=SYMBOL, such as alice=exclusive")
        if user.lower() in found:
            raise UsageError(f"--user {text}: {user} has a record already")
        found[user.lower()] = symbol
    return found


def _asked() -> _Options:
    """Ask on the terminal, so that the records alone go to standard output.

    Raises UsageError where there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("nothing to make: give options such as --policy none --rua ADDRESS")
    if not click.confirm("Does this name send mail?", default=True, err=True):
        return {"no_mail": True}
    policy: str = click.prompt(
        "What is asked for mail that fails", type=_POLICIES, default="none", err=True
    )
    rua: str = click.prompt("Where do aggregate reports go (empty: nowhere)", default="", err=True)
    strict = policy == "quarantine" and click.confirm(
        "For names that do not exist: reject?", default=True, err=True
    )
    testing = policy != "none" and click.confirm(
        "Only test it first (t=y)?", default=True, err=True
    )
    return {
        "policy": policy,
        "rua": (rua,) if rua else (),
        "nonexistent": "reject" if strict else None,
        "testing": testing,
    }


def _print(record: Published, as_json: bool) -> None:
    if as_json:
        import json

        members = {"name": record.name, "type": record.rrtype, "text": record.text}
        echo(json.dumps({**members, "note": record.why or None}))
        return
    from avowal.keys.records import txt_line

    if record.why:
        echo(f"; {record.why}")
    if record.rrtype == "TXT":
        echo(txt_line(record.name, record.text))
    else:
        echo(f"{record.name}. 3600 IN {record.rrtype} {record.text}")
