"""``avowal verify``: one message or a whole archive."""

from __future__ import annotations

import click

from avowal.calls.receipt import RECEIVED
from avowal.cli.dns import Dns
from avowal.cli.event_option import events_option
from avowal.cli.shared_options import dns_options, line_ends_option, moment_or_receipt
from avowal.dkim.rules import PROFILES
from avowal.line_ends import LineEnds


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@dns_options
@click.option(
    "--at",
    "now",
    type=moment_or_receipt,
    default=None,
    show_default="now",
    metavar="TIME",
    help="Judge as at this time: Unix seconds, ISO 8601, or `received`: for each message when its "
    "topmost Received field says it came, for mailboxes.",
)
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="default",
    show_default=True,
    help="The receiver's rules; archive also accepts what has expired or is historic, "
    "and reads DomainKeys.",
)
@click.option(
    "--keys-from",
    metavar="FILE",
    help="Take the keys from a key archive (avowal keys recover), or from that of a key store "
    "(store:STORE); DNS is not asked.",
)
@click.option(
    "--granularity",
    is_flag=True,
    help="Honour g= of keys, as before RFC 6376: an identity that does not match fails.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@click.option(
    "--table", "as_table", is_flag=True, help="Counts by list and year in place of verdicts."
)
@events_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=None,
    show_default="one for each processor",
    help="Processes that share the messages of mailboxes and folders; few messages stay in one.",
)
@line_ends_option
def command(
    *,
    paths: tuple[str, ...],
    dns: Dns,
    now: int | None,
    profile: str,
    keys_from: str | None,
    granularity: bool,
    as_json: bool,
    as_table: bool,
    events: str | None,
    jobs: int | None,
    line_ends: LineEnds,
) -> int:
    """Verify the DKIM signatures of messages.

    SOURCE is a file with one message, an mbox, a Maildir, a folder of such files, or -
    for standard input.  A message passes when one of its signatures does.
    """
    from avowal.cli.verification import verify

    received = now == RECEIVED
    return verify(
        paths, dns._replace(keys_from=keys_from), now=None if received else now,
        at_receipt=received, profile=profile, granularity=granularity, as_json=as_json,
        as_table=as_table, line_ends=line_ends, events=events, jobs=jobs,
    )  # fmt: skip
