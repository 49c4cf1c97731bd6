"""``avowal verdict``: is this mail really from whom it says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from avowal.cli import sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus, worst
from avowal.cli.shared_options import at_option, dns_options, line_ends_option, own_hops_option
from avowal.cli.sign import duration
from avowal.cli.streams import echo
from avowal.line_ends import LineEnds

if TYPE_CHECKING:
    from avowal.examine.judgement import Judgement
    from avowal.lookup import Resolver


class _Options(TypedDict):
    """The options that say what is known of a message, and what is accepted."""

    client: str | None
    mail_from: str
    helo: str
    trusted_id: str | None
    own_hops: int
    accept_arc: tuple[str, ...]
    accept_spf: bool
    accept_unsigned: tuple[str, ...]
    max_age: int | None
    recipient: tuple[str, ...]
    now: int


@click.command("verdict")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--client", metavar="IP", help="The SMTP client, for SPF.")
@click.option("--mail-from", metavar="ADDRESS", help="The reverse-path; '' for a bounce.")
@click.option("--helo", metavar="NAME", help="The argument of HELO, for SPF.")
@click.option(
    "--trusted-id",
    metavar="ID",
    help="Take SPF from the Authentication-Results of this own host, which has to remove "
    "every such field that a message brings along.",
)
@own_hops_option
@click.option("--accept-arc", multiple=True, metavar="DOMAIN", help="Believe this ARC sealer.")
@click.option("--accept-spf", is_flag=True, help="Let the connection alone vouch.")
@click.option(
    "--accept-unsigned", multiple=True, metavar="NAME", help="A field that need not be signed."
)
@click.option(
    "--max-age", type=duration, metavar="DURATION", help="Accept nothing older, such as 7d."
)
@click.option(
    "--recipient", multiple=True, metavar="ADDRESS", help="Whom it came to; helps to see replays."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@dns_options
@at_option
@line_ends_option
def command(
    *,
    paths: tuple[str, ...],
    as_json: bool,
    dns: Dns,
    line_ends: LineEnds,
    **options: Unpack[_Options],
) -> int:
    """Say whether messages are really from whom they say.

    FILE is a message, an mbox, a folder of such files, or - for standard input. The status is
    0 when each message is authentic, 1 when one is not, 4 when it cannot be told of one, and
    3 when it cannot be told for now because DNS does not answer.
    """
    from avowal.cli.judgement_report import as_object, as_text

    statuses = {ExitStatus.PASSED}
    with dns.opened() as resolver:
        judge = _judging(resolver, line_ends, options)
        for path in (file for given in paths for file in sources.files(given)):
            for origin, chunks in sources.messages(path, lambda octets: None):
                found = judge(origin, chunks)
                statuses.add(_status(found))
                if as_json:
                    import json

                    echo(json.dumps(as_object(origin, found)))
                else:
                    echo(as_text(origin, found))
    return worst(*statuses)


def _judging(
    resolver: Resolver, line_ends: LineEnds, options: _Options
) -> Callable[[sources.MessageOrigin, Iterator[bytes]], Judgement]:
    """Read the options; return what judges one message.  Raises UsageError."""
    from avowal.calls.authenticate import RECEIVER, WANT
    from avowal.calls.connection import Connection, TrustedHost
    from avowal.calls.examine import examine
    from avowal.calls.verdict import accepted
    from avowal.cli.inspection import begun
    from avowal.examine.judgement_rows import judge

    now = options["now"]
    trusted = None
    if options["trusted_id"] is not None:
        trusted = TrustedHost(
            authserv_id=options["trusted_id"],
            own_hops=options["own_hops"],
            removes_forgeries=True,  # what the option's help says
        )
    connection = Connection(
        options["client"], options["mail_from"], options["helo"], trusted, now=now
    )
    accepting = accepted(
        options["accept_arc"],
        options["accept_spf"],
        options["accept_unsigned"],
        options["max_age"],
        options["recipient"],
    )

    def judged(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> Judgement:
        header, body = begun(origin, chunks, line_ends)
        envelope = connection.envelope(header, RECEIVER.limits)
        found = examine(header, body, RECEIVER, WANT, resolver, now=now, envelope=envelope)
        return judge(header, found, accepting, now=now)

    return judged


def _status(found: Judgement) -> ExitStatus:
    from avowal.examine.judgement import Authenticity

    if found.authentic:
        return ExitStatus.PASSED
    if found.answer is Authenticity.NOT_AUTHENTIC:
        return ExitStatus.NOT_PASSED
    return ExitStatus.TRY_AGAIN if found.temporary else ExitStatus.CANNOT_TELL
