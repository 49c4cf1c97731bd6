"""``avowal reputation``: opinions about those who answer for mail, in a table of one's own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from avowal.cli import exits, sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.group import Group
from avowal.cli.progress import bar
from avowal.cli.shared_options import dns_options, line_ends_option, moment
from avowal.cli.streams import echo
from avowal.line_ends import LineEnds
from avowal.text import counted, printable

if TYPE_CHECKING:
    from avowal.lookup import Resolver
    from avowal.reputation.opinions import Opinion, Subject

_SHARE = click.FloatRange(0.0, 1.0)
_database = click.option(
    "--database", required=True, metavar="FILE", help="The SQLite file, as `reputation.database`."
)


@click.group("reputation", cls=Group)
def command() -> None:
    """See, set and count opinions about the domains that sign mail."""


@command.command("show")
@click.argument("subjects", nargs=-1, metavar="[SUBJECT...]")
@_database
@click.option("--json", "as_json", is_flag=True, help="One JSON object per opinion and line.")
def show(*, subjects: tuple[str, ...], database: str, as_json: bool) -> int:
    """Show what is thought of a domain or an identity, those above it included; or all.

    The status is 1 where there is no opinion.
    """
    from avowal.reputation.opinions import Subject
    from avowal.stores.opinions import SqliteOpinions

    store = SqliteOpinions(database)
    if subjects:
        found = store.assess([Subject(name.lower()) for name in subjects], now=int(time.time()))
        for problem in found.problems:
            exits.complain(problem)
        if found.problems:
            return ExitStatus.UNUSABLE
        opinions: Iterator[Opinion] = iter(found.opinions)
    else:
        opinions = store.all()
    shown = 0
    for shown, opinion in enumerate(opinions, 1):  # noqa: B007 - counted
        if as_json:
            import json

            echo(json.dumps(_as_object(opinion)))
        else:
            echo(_line(opinion))
    return ExitStatus.PASSED if shown else ExitStatus.NOT_PASSED


@command.command("set")
@click.argument("subject")
@click.argument("assertion")
@click.argument("rating", type=_SHARE)
@_database
@click.option("--confidence", type=_SHARE, metavar="SHARE", help="How sure that is, 0.0 to 1.0.")
@click.option("--expires", type=moment, metavar="TIME", help="After which it does not count.")
def set_(
    *,
    subject: str,
    assertion: str,
    rating: float,
    database: str,
    confidence: float | None,
    expires: int | None,
) -> int:
    """Set what is thought of a domain, .domain (all below it) or an identity.

    ASSERTION is a word such as spam, RATING how far it holds, from 0.0 to 1.0.
    """
    from avowal.reputation.opinions import Opinion, Subject
    from avowal.stores.opinions import SqliteOpinions

    store = SqliteOpinions(database)
    store.create()
    opinion = Opinion(
        rater=database,
        subject=Subject(subject.lower()),
        assertion=assertion.lower(),
        rating=rating,
        confidence=confidence,
        generated=int(time.time()),
        expires=expires,
    )
    store.put(opinion)
    return ExitStatus.PASSED


@command.command("forget")
@click.argument("subject")
@click.argument("assertion", required=False)
@_database
def forget(*, subject: str, assertion: str | None, database: str) -> int:
    """Forget one opinion about a subject, or all of them; the status is 1 where there is none."""
    from avowal.stores.opinions import SqliteOpinions

    gone = SqliteOpinions(database).remove(
        subject.lower(), None if assertion is None else assertion.lower()
    )
    return ExitStatus.PASSED if gone else ExitStatus.NOT_PASSED


@command.command("count")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@_database
@click.option(
    "--as", "assertion", default="spam", show_default=True, metavar="WORD", help="What holds."
)
@click.option("--fails", is_flag=True, help="Count them as messages of which it does not hold.")
@dns_options
@line_ends_option
def count(
    *,
    paths: tuple[str, ...],
    database: str,
    assertion: str,
    fails: bool,
    dns: Dns,
    line_ends: LineEnds,
) -> int:
    """Count messages of which something holds (or does not) for whoever validly signed them.

    SOURCE is a file, an mbox, a Maildir or a folder, such as the one that users move spam to.
    Each message counts once for each domain and identity of a signature that passes, at the
    time it came; what nobody validly signed counts for nobody.
    """
    from avowal.stores.opinions import SqliteOpinions

    seen: Counter[Subject] = Counter()
    messages = unsigned = 0
    with dns.opened() as resolver:
        for subjects in _identities(paths, resolver, line_ends):
            messages += 1
            unsigned += not subjects
            seen.update(subjects)
    store = SqliteOpinions(database)
    store.create()
    store.observe(assertion.lower(), seen, holds=not fails, now=int(time.time()))
    named = "1 identity" if len(seen) == 1 else f"{len(seen):,} identities"
    echo(f"{counted(messages, 'message')}, {unsigned:,} of them signed by nobody; {named}")
    return ExitStatus.PASSED if messages else ExitStatus.UNUSABLE


def _identities(
    paths: tuple[str, ...], resolver: Resolver, line_ends: LineEnds
) -> Iterator[tuple[Subject, ...]]:
    """Yield the validated identifiers of each message; what is none is said and passed over."""
    from avowal.cli.inspection import inspect
    from avowal.dkim.rules import DEFAULT
    from avowal.reputation.opinions import subjects_of

    now = int(time.time())
    files = [file for path in paths for file in sources.files(path)]
    with bar(files) as progress:
        for path in files:
            try:
                for origin, chunks in sources.messages(path, progress):
                    found = inspect(
                        origin, chunks, resolver,
                        now=now, at_receipt=True, rules=DEFAULT, line_ends=line_ends,
                    )  # fmt: skip
                    yield subjects_of(found.verdicts)
            except sources.Unusable as fault:
                exits.complain(str(fault))


def _line(opinion: Opinion) -> str:
    sure = "" if opinion.confidence is None else f"  confidence {opinion.confidence:.2f}"
    of = "" if opinion.sample_size is None else f"  of {opinion.sample_size:,} messages"
    return printable(
        f"{opinion.subject.name:<40} {opinion.assertion} {opinion.rating:.3f}{sure}{of}"
    )


def _as_object(opinion: Opinion) -> dict[str, object]:
    return {
        "subject": opinion.subject.name,
        "assertion": opinion.assertion,
        "rating": opinion.rating,
        "confidence": opinion.confidence,
        "sample_size": opinion.sample_size,
        "generated": opinion.generated,
        "expires": opinion.expires,
    }
