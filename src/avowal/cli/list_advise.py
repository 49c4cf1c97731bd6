"""``avowal list advise``: one message, one list, and what the list should do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.post import examined
from avowal.cli.shared_options import at_option, dns_options
from avowal.cli.sources import whole
from avowal.cli.streams import echo
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.dkim.verification import Verification
    from avowal.lists.advice import Advice, Habits


@click.command("advise")
@click.argument("path", default="-", metavar="[FILE]")
@click.option("--subject-tag", is_flag=True, help="The list puts a tag into the subject.")
@click.option("--footer", is_flag=True, help="The list adds text to the body.")
@click.option("--rewraps", is_flag=True, help="The list rewrites the MIME structure.")
@click.option(
    "--touches", multiple=True, metavar="FIELD", help="A field the list sets; may be repeated."
)
@click.option("--seen", metavar="FILE", help="Read the habits off this copy, as the list sent it.")
@click.option("--must-change", is_flag=True, help="The list cannot pass a message on unchanged.")
@click.option("--no-rewriting", is_flag=True, help="The list cannot rewrite From.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@at_option
@dns_options
def advise(*, path: str, seen: str | None, as_json: bool, now: int, dns: Dns, **habits: Any) -> int:
    """Say what a list should do with the message in FILE, and why.

    The first line is the decision, the others go with it.
    """
    from avowal.examine.posts import author_policies
    from avowal.lists import advice

    message = whole(path)
    found = examined(message, dns, now=now)
    chosen = _habits(message, seen, **habits)
    given = advice.advise(message.header, found.dkim, chosen, author_policies(found))
    if as_json:
        _write_json(given, found.dkim)
    else:
        _write(given, found.dkim, chosen)
    refused = given[0].act in (advice.Act.REFUSE, advice.Act.HOLD)
    return ExitStatus.NOT_PASSED if refused else ExitStatus.PASSED


def _habits(
    message: Any,
    seen: str | None,
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
    if seen is not None:
        findings = changes(message, whole(seen)).findings
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


def _write(given: tuple[Advice, ...], verdicts: tuple[Verification, ...], habits: Habits) -> None:
    from avowal.lists.advice import breaks

    for verdict in verdicts:
        line = f"signature of {verdict.domain}: {verdict.result}"
        if verdict.passed and verdict.signature is not None:
            why = breaks(habits, verdict.signature)
            line += ", survives" if why is None else f", breaks: {why}"
        echo(printable(line))
    for one in given:
        echo(printable(f"{one.act}: {one}"))


def _write_json(given: tuple[Advice, ...], verdicts: tuple[Verification, ...]) -> None:
    import json

    advice = [
        {"act": str(a.act), "sentence": a.act.sentence, "source": a.act.source, "why": a.why}
        for a in given
    ]
    results = [{"domain": v.domain, "result": str(v.result)} for v in verdicts]
    echo(json.dumps({"advice": advice, "results": results}))
