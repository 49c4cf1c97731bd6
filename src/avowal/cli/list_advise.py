"""``avowal list advise``: one message, one list, and what the list should do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.cli.post import Post, examined, list_receiver
from avowal.cli.shared_options import at_option, dns_options
from avowal.cli.sources import whole
from avowal.cli.streams import echo
from avowal.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from avowal.dkim.verification import Verification
    from avowal.lists.advice import Advice, Habits
    from avowal.message import Message


@click.command("advise")
@click.argument("path", default="-", metavar="[FILE]")
@click.option("--subject-tag", is_flag=True, help="The list puts a tag into the subject.")
@click.option("--footer", is_flag=True, help="The list adds text to the body.")
@click.option("--rewraps", is_flag=True, help="The list rewrites the MIME structure.")
@click.option(
    "--touches", multiple=True, metavar="FIELD", help="A field the list sets; may be repeated."
)
@click.option(
    "--seen",
    metavar="FILE",
    help="Verify this copy, as the list sent it, and read the habits off it.",
)
@click.option("-d", "--domain", help="The list's own signing domain, where it has one.")
@click.option("--must-change", is_flag=True, help="The list cannot pass a message on unchanged.")
@click.option("--no-rewriting", is_flag=True, help="The list cannot rewrite From.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@at_option
@dns_options
def advise(
    *,
    path: str,
    seen: str | None,
    domain: str | None,
    as_json: bool,
    now: int,
    dns: Dns,
    **habits: Any,
) -> int:
    """Say what a list should do with the message in FILE, and why.

    The first line is the decision, the others go with it.
    """
    from avowal.lists import advice

    message = whole(path)
    copy = None if seen is None else whole(seen)
    signer = None if domain is None else domain_name(domain)
    post = examined(message, dns, now=now, signer=signer)
    chosen = _habits(message, copy, **habits)
    told = _fates(post, copy, chosen, now)
    given = advice.advise(message.header, post.found.dkim, chosen, post.policies, seen=told)
    if as_json:
        _write_json(given, post.found.dkim, told)
    else:
        _write(given, post.found.dkim, told)
    refused = given[0].act in (advice.Act.REFUSE, advice.Act.HOLD)
    return ExitStatus.NOT_PASSED if refused else ExitStatus.PASSED


def _fates(post: Post, copy: Message | None, habits: Habits, now: int) -> dict[int, str | None]:
    """Say what becomes of each signature: by the copy where there is one, else by the habits."""
    from avowal.examine.posts import as_it_leaves
    from avowal.lists.advice import expected, fates

    if copy is None:
        return expected(post.found.dkim, habits)
    return fates(post.found.dkim, as_it_leaves(copy, post.found, list_receiver(), now=now), habits)


def _habits(
    message: Message,
    copy: Message | None,
    *,
    subject_tag: bool,
    footer: bool,
    rewraps: bool,
    touches: tuple[str, ...],
    must_change: bool,
    no_rewriting: bool,
) -> Habits:
    from dataclasses import replace

    from avowal.lists.advice import Habits
    from avowal.lists.changes import changes

    habits = Habits()
    if copy is not None:
        findings = changes(message, copy).findings
        fields = [f.subject.lower().encode() for f in findings if f.kind.value in _OF_FIELDS]
        habits = Habits.observed([finding.kind for finding in findings], fields)
    return replace(
        habits,
        subject_tag=habits.subject_tag or subject_tag,
        footer=habits.footer or footer,
        rewraps=habits.rewraps or rewraps,
        fields=habits.fields.union(name.lower().encode() for name in touches),
        can_leave_unchanged=not must_change,
        can_rewrite_from=not no_rewriting,
    )


_OF_FIELDS = ("field-added", "field-dropped", "field-changed", "from-rewritten", "reply-to")


def _write(
    given: tuple[Advice, ...],
    verdicts: tuple[Verification, ...],
    told: Mapping[int, str | None],
) -> None:
    for verdict in verdicts:
        line = f"signature of {verdict.domain}: {verdict.result}"
        if verdict.place in told:
            why = told[verdict.place]
            line += ", survives" if why is None else f", breaks: {why}"
        echo(printable(line))
    for one in given:
        echo(printable(f"{one.act}: {one}"))


def _write_json(
    given: tuple[Advice, ...],
    verdicts: tuple[Verification, ...],
    told: Mapping[int, str | None],
) -> None:
    import json

    advice = [
        {"act": str(a.act), "sentence": a.act.sentence, "source": a.act.source, "why": a.why}
        for a in given
    ]
    results = [
        {
            "domain": v.domain,
            "result": str(v.result),
            "survives": None if v.place not in told else told[v.place] is None,
        }
        for v in verdicts
    ]
    echo(json.dumps({"advice": advice, "results": results}))
