"""``avowal list pipe``: a list's DKIM work between two programs (Sympa, mlmmj, procmail).

A post comes in on standard input: it is verified, the result recorded, changed as the
options ask, signed for the list, sealed on request, and written to standard output with
the line ends it came with.  Nothing is written for a post that is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from avowal.cli import exits
from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.envelope import Envelope, envelope_options
from avowal.cli.exits import ExitStatus
from avowal.cli.keyfile import load, password_option
from avowal.cli.list_work import ListWork, RewriteFrom, refusal, sealed
from avowal.cli.post import examined
from avowal.cli.post_checks import Checks, check_options
from avowal.cli.shared_options import at_option, dns_options
from avowal.cli.sources import stored
from avowal.cli.streams import output
from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.dkim.intent import Intent


@click.command("pipe")
@click.argument("path", default="-", metavar="[FILE]")
@click.option("-l", "--list", "address", required=True, help="The list's own address.")
@click.option("-n", "--name", help="What the list is called.  [default: its local part]")
@click.option("-d", "--domain", required=True, help="The list's signing domain, d=.")
@click.option("-s", "--selector", multiple=True, required=True, help="The key's selector, s=.")
@click.option(
    "-k", "--key", "keys", multiple=True, required=True, metavar="FILE", help="The private key."
)
@password_option
@click.option("--authserv-id", help="The name results are recorded under.  [default: the domain]")
@click.option("--subject-tag", metavar="TAG", help="Put this before the subject, once.")
@click.option("--footer", metavar="FILE", help="Add the text of this file at the end.")
@click.option(
    "--rewrite-from",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="auto: where the author's policy asks for a signature that the changes break.",
)
@click.option(
    "--replies",
    type=click.Choice(["author", "list", "both"]),
    default="author",
    show_default=True,
    help="Where replies go when From is rewritten.",
)
@click.option(
    "--remove",
    type=click.Choice(["none", "broken", "all"]),
    default="none",
    show_default=True,
    help="Signatures of others to take out (RFC 6377 section 5.7).",
)
@click.option(
    "--seal",
    is_flag=True,
    help="Add an ARC set over everything at the end, with the first key (RFC 8617: experimental).",
)
@envelope_options
@click.option(
    "--refuse", is_flag=True, help="Refuse what the advice says to refuse or hold: exit status 1."
)
@click.option(
    "--require",
    is_flag=True,
    help="Refuse what nothing shows to come from its author's domain, whoever else signed it.",
)
@check_options
@at_option
@dns_options
def pipe(
    *,
    path: str,
    address: str,
    name: str | None,
    domain: str,
    selector: tuple[str, ...],
    keys: tuple[str, ...],
    password_file: str | None,
    authserv_id: str | None,
    subject_tag: str | None,
    footer: str | None,
    rewrite_from: RewriteFrom,
    replies: str,
    remove: str,
    seal: bool,
    envelope: Envelope,
    refuse: bool,
    require: bool,
    checks: Checks,
    now: int,
    dns: Dns,
) -> int:
    """Verify, record, change and sign one post; standard input to standard output."""
    from avowal.lists.author import Replies, Rewriting
    from avowal.lists.resign import Removal, Resigner

    rewriting = Rewriting(
        address=address.encode(), name=name or address.partition("@")[0], replies=Replies(replies)
    )
    text = None if footer is None else _text(footer)
    work = ListWork(tag=subject_tag, footer=text, rewrite=rewrite_from, rewriting=rewriting)
    resigner = Resigner(
        authserv_id=authserv_id or domain,
        intents=_intents(domain, selector, keys, password_file),
        removal=Removal(remove),
    )
    out = output()
    came = stored(path)
    post = examined(
        came.message, dns, now=now, request=envelope.request(now), chain=seal,
        signer=domain_name(domain), address=rewriting.address,
    )  # fmt: skip
    if post.own and rewrite_from != "never":
        exits.complain(f"warning: From cannot name {address}: {post.own[0]}, not met by {domain}")
    changed, given = work.considered(came.message, post, resigner, now=now)
    exits.complain(f"{given[0].act}: {given[0].why}")
    status = refusal(post, given, refuse=refuse, require=require)
    if status is None:
        status = checks.refusal(came.ended(came.message.octets), address, envelope)
    if status is not None:
        return status
    sent = work.sent(changed, given, post, resigner, now=now)
    if post.found.arc is not None:
        sent = sealed(sent, resigner, post.found.arc, now)
    out.write(came.written(sent.octets))
    out.flush()
    return ExitStatus.PASSED


def _intents(
    domain: str, selectors: tuple[str, ...], keys: tuple[str, ...], password_file: str | None
) -> tuple[Intent, ...]:
    from avowal.dkim.intent import Intent

    if len(selectors) != len(keys):
        raise UsageError(
            f"one --selector belongs to each --key: {len(selectors)} and {len(keys)} are given"
        )
    return tuple(
        Intent(domain=domain, selector=selector, key=load(key, password_file))
        for selector, key in zip(selectors, keys, strict=True)
    )


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as the other commands do
            return file.read()
    except UnicodeDecodeError:
        raise UsageError(f"{path}: a footer is text in UTF-8") from None
