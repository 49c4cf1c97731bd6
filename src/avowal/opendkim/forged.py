"""Removing Authentication-Results fields that claim to be ours (RFC 8601 §5).

OpenDKIM removes those of its own name that hold a DKIM result, and all of its name with
RemoveARAll.  Deliberate: those it cannot read are removed too where they name us, or where
RemoveARFrom lists whom they may name; leaving them is how a forger gets through.
"""

from __future__ import annotations

from avowal.authres.forged import cause_of, hidden
from avowal.authres.grammar import PayloadFault, VersionFault, parse
from avowal.authres.identifiers import Identifiers
from avowal.keys.opendkim import DataSet
from avowal.message import Field, Header
from avowal.milter.actions import delete
from avowal.milter.packets import Modification
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.hosts import holds_name
from avowal.opendkim.journal import Journal
from avowal.opendkim.results import NAME
from avowal.opendkim.settings import Settings


def authserv_id(settings: Settings, envelope: Envelope) -> str:
    """Return the id we report under (AuthservID, AuthservIDWithJobID)."""
    name = _own_name(settings, envelope)
    return f"{name}/{envelope.job}" if settings.on("AuthservIDWithJobID") else name


def _own_name(settings: Settings, envelope: Envelope) -> str:
    name = settings.text("AuthservID")
    if name == "HOSTNAME":
        name = settings.hostname
    return envelope.hostname if name is None else name


def removals(
    settings: Settings, envelope: Envelope, header: Header, journal: Journal
) -> tuple[Modification, ...]:
    """Return the deletions of fields that may not stay."""
    if settings.on("KeepAuthResults"):
        return ()
    places = header.positions.get(NAME.lower(), ())
    unread = 0 if header.beyond is None else header.beyond.count(NAME.lower())
    ours = Identifiers({_own_name(settings, envelope)})
    holding = {one.place: one for one in hidden(header, ours)}
    gone = [
        index
        for index, place in enumerate(places, 1)
        if place in holding or _goes(settings, header[place], ours, journal)
    ]
    within = [
        deletion
        for place, one in sorted(holding.items(), reverse=True)  # each changes those below it
        if place not in places
        for deletion in delete(one.name, [one.index])
    ]
    # What stands beyond a limit was not read: whatever it says, it goes.
    return (*delete(NAME, (*gone, *range(len(places) + 1, len(places) + unread + 1))), *within)


def _goes(settings: Settings, field: Field, ours: Identifiers, journal: Journal) -> bool:
    try:
        parsed = parse(field.value)
    except (PayloadFault, VersionFault):
        name = field.raw[: field.colon].decode("ascii", "replace")
        journal.info(f"failed to parse {name}: header field")
        listed_unread = settings.remove_results_from is not None
        return listed_unread or cause_of(field.value, ours, None) is not None
    named = parsed.authserv_id.partition("/")[0]
    listed: DataSet | None = settings.remove_results_from
    claims = holds_name(listed, named) if listed is not None else ours.resembles(named)
    return claims and (settings.on("RemoveARAll") or bool(parsed.named("dkim")))
