"""``avowal keys look``: what every server says of a key's record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.cli.shared_options import looked_through_option, servers_port_option
from avowal.cli.streams import echo
from avowal.names import key_name
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.keys.lifecycle import Sight
    from avowal.keys.observation import Observation

_SHOWN = 60  # characters of a record in a line


@click.command("look")
@click.argument("domain")
@click.option("-s", "--selector", required=True, help="The key's selector, s=.")
@click.option("--record", metavar="TEXT", help="The record that ought to be there.")
@looked_through_option
@servers_port_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    *,
    domain: str,
    selector: str,
    record: str | None,
    resolver: tuple[str, ...],
    port: int,
    as_json: bool,
) -> int:
    """Show what every name server of DOMAIN, and every resolver, says of a key.

    Each authoritative server is asked by itself, those behind a CNAME too.  The status is 0
    if all show one record, or the one of --record; 1 if not; 3 if not all could be asked.
    """
    from avowal.cli.observing import observer
    from avowal.keys.differences import differences

    name = key_name(domain_name(selector), domain_name(domain))
    seen = observer(resolver, port=port).look(name)
    wanted = record or next((s.record for s in seen.sights if s.record is not None), None)
    faults = (
        (f"{name}: no server has a record", *seen.problems)
        if wanted is None
        else differences(seen, wanted)
    )
    if as_json:
        echo(json.dumps(_object(seen, faults)))
    else:
        _write(seen, faults, _agreed(wanted))
    if not seen.is_whole:
        return ExitStatus.TRY_AGAIN
    return ExitStatus.NOT_PASSED if faults else ExitStatus.PASSED


def _object(seen: Observation, faults: tuple[str, ...]) -> dict[str, object]:
    return {
        "name": seen.name,
        "at": seen.at,
        "whole": seen.is_whole,
        "negative_ttl": seen.negative_ttl,
        "sights": [
            {
                "server": sight.server,
                "authoritative": sight.authoritative,
                "record": sight.record,
                "ttl": sight.ttl,
                "problem": sight.problem,
            }
            for sight in seen.sights
        ],
        "differences": list(faults),
        "remarks": list(seen.remarks),
    }


def _agreed(wanted: str | None) -> str:
    """Say what it is that all of them show."""
    from avowal.dkim.key import KeyRecordFault, read_record

    read = read_record((wanted or "").encode("utf-8", "surrogateescape"))
    if not isinstance(read, KeyRecordFault) and read.revoked:
        return "all of them show that the key is revoked: p= is empty"
    return "all of them show the same key"


def _write(seen: Observation, faults: tuple[str, ...], agreed: str) -> None:
    click.secho(printable(seen.name), bold=True)
    width = max((len(sight.server) for sight in seen.sights), default=0)
    for sight in seen.sights:
        shown = printable(_shows(sight))
        echo(f"  {printable(sight.server):<{width}}  TTL {sight.ttl:<6} {shown}")
    for remark in seen.remarks:
        echo(f"note: {printable(remark)}")
    for fault in faults:
        echo(click.style(printable(fault), fg="red"))
    if not faults:
        echo(agreed)


def _shows(sight: Sight) -> str:
    text = sight.problem or sight.record or "no record"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
