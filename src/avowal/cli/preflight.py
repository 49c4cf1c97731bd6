"""``avowal preflight``: what would break a signature on its way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from avowal.cli import sources
from avowal.cli.exits import ExitStatus, complain
from avowal.cli.streams import echo
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.diagnose.preflight import Risk


@click.command("preflight")
@click.argument("file", metavar="FILE")
@click.option(
    "--through",
    metavar="NAME,...",
    help="Only what these do: mailman2, mailman3, postfix, proxy, exchange, disclaimer, gateway, "
    "mailbox.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per signature and line.")
def command(*, file: str, through: str | None, as_json: bool) -> int:
    """Say which known treatments of lists and servers would break the signatures of a message.

    FILE is a signed message, or - for standard input. No key and no DNS is needed. The status is
    0 when every signature survives all that is done to it, 1 when one does not or there is none.
    """
    from avowal.diagnose import preflight

    message = sources.whole(file)
    chosen = preflight.treatments(through.split(",") if through else ())
    survives = True
    found = preflight.signatures(message)
    for place, signature in found:
        risks = list(preflight.risks(message, place, signature, chosen))
        survives = survives and not any(risk.breaks for risk in risks)
        who = {"domain": signature.domain.ascii, "selector": signature.selector.ascii}
        if as_json:
            echo(json.dumps(who | {"treatments": [_object(risk) for risk in risks]}))
        else:
            echo(_text(f"d={who['domain']} s={who['selector']}", risks))
    if not found:
        complain(f"{sources.named(file)}: no signature that can be read: sign it first")
    return ExitStatus.PASSED if found and survives else ExitStatus.NOT_PASSED


def _text(who: str, risks: list[Risk]) -> str:
    lines = [printable(who)]
    for risk in risks:
        what = [name.decode("ascii", "backslashreplace").title() for name in risk.fields]
        what += ["the body"] if risk.body else []
        word = "breaks " if risk.breaks else "survives"
        tail = f": {', '.join(what)}" if what else ""
        lines.append(f"  {word} {risk.treatment.name}: {risk.treatment.sentence}{tail}")
    advice = dict.fromkeys(text for risk in risks if risk.breaks for text in risk.avoid)
    if advice:
        lines.append("  before sending:")
        lines += [f"    {text}" for text in advice]
    return "\n".join(lines)


def _object(risk: Risk) -> dict[str, object]:
    return {
        "name": risk.treatment.name,
        "sentence": risk.treatment.sentence,
        "breaks": risk.breaks,
        "fields": [name.decode("ascii", "backslashreplace") for name in risk.fields],
        "body": risk.body,
        "avoid": list(risk.avoid),
    }
