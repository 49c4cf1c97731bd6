"""``avowal explain``: why signatures failed, proven."""

from __future__ import annotations

import click

from avowal.cli.dns import Dns
from avowal.cli.shared_options import at_option, dns_options, line_ends_option
from avowal.dkim.rules import PROFILES
from avowal.line_ends import LineEnds


@click.command("explain")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@dns_options
@at_option
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="default",
    show_default=True,
    help="The receiver's rules, as of verify.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    metavar="PATH",
    help="Other mail of the list or its authors: copies of a message, and who writes to whom.",
)
@click.option(
    "--keys-from",
    metavar="FILE",
    help="Take the keys from an archive of retired keys (avowal keys recover) instead of DNS.",
)
@click.option(
    "--profiles",
    metavar="FILE",
    help="Begin with what proofs have taught about lists and signers, and keep it there.",
)
@click.option(
    "--retired",
    metavar="FILE",
    help="Try the keys of an archive too, where the one in DNS is gone or another.",
)
@click.option("--thorough", is_flag=True, help="Try twenty times as much, for as long as it takes.")
@click.option(
    "--restore",
    metavar="FILE",
    help="Write the author's message to FILE, if it is proven: of one message.",
)
@click.option("--html", metavar="FILE", help="Write a page to FILE, which must not be there yet.")
@click.option("--summary", is_flag=True, help="Write only the table of lists.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that share the messages; each learns from the proofs of its own alone.",
)
@line_ends_option
def command(
    *,
    paths: tuple[str, ...],
    dns: Dns,
    now: int,
    profile: str,
    contexts: tuple[str, ...],
    keys_from: str | None,
    profiles: str | None,
    retired: str | None,
    thorough: bool,
    restore: str | None,
    html: str | None,
    summary: bool,
    as_json: bool,
    jobs: int,
    line_ends: LineEnds,
) -> int:
    """Say why the signatures of messages fail, with proof.

    SOURCE is a file with one message, an mbox, a Maildir, a folder of such files, or - for
    standard input. What lists and servers are known to do is undone; only what then hashes to
    what was signed is called proven, and it is never a pass. The status is 0 when every signature
    passes or its failure is explained, 1 when one is not or there is none.
    """
    from avowal.cli.explaining import Wish, explain

    wish = Wish(
        now=now,
        profile=profile,
        contexts=contexts,
        profiles=profiles,
        retired=retired,
        thorough=thorough,
        restore=restore,
        html=html,
        summary=summary,
        as_json=as_json,
        line_ends=line_ends,
        jobs=jobs,
    )
    return explain(paths, dns._replace(keys_from=keys_from), wish)
