"""``avowal verify``: one message or a whole archive."""

from __future__ import annotations

import click

from avowal.cli.dns import Dns
from avowal.cli.shared_options import at_option, dns_options, line_ends_option
from avowal.dkim.rules import PROFILES
from avowal.message import LineEnds


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@dns_options
@at_option
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="default",
    show_default=True,
    help="The receiver's rules; archive also accepts what has expired or is historic, "
    "and reads DomainKeys.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@line_ends_option
def command(
    *,
    paths: tuple[str, ...],
    dns: Dns,
    now: int,
    profile: str,
    as_json: bool,
    line_ends: LineEnds,
) -> int:
    """Verify the DKIM signatures of messages.

    SOURCE is a file with one message, an mbox, a Maildir, a folder of such files, or -
    for standard input.  A message passes when one of its signatures does.
    """
    from avowal.cli.verification import verify

    return verify(paths, dns, now=now, profile=profile, as_json=as_json, line_ends=line_ends)
