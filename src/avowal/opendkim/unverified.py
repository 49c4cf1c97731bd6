"""What happens to a message that OpenDKIM does not verify: broken, or beyond a limit."""

from __future__ import annotations

from avowal.message import Header
from avowal.milter.packets import InsertHeader
from avowal.opendkim import forged, results
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.journal import Journal
from avowal.opendkim.settings import Settings
from avowal.opendkim.sigerrors import SYNTAX
from avowal.opendkim.verdict import OpendkimVerdict, answer_of, holds


def settled_action(settings: Settings) -> str:
    """Return what On-Security says of what never mends: held where it says tempfail."""
    action = settings.actions["On-Security"]
    return "quarantine" if action == "tempfail" else action


def syntax_verdict(settings: Settings, journal: Journal, why: str) -> OpendkimVerdict:
    """Return what happens to a message with a signature that is no tag list."""
    journal.info(f"{SYNTAX.log}: {why}")
    action = settings.actions[SYNTAX.option]
    return OpendkimVerdict(
        answer=answer_of(action, SYNTAX.reply), modifications=holds(action, SYNTAX.log)
    )


def oversize_verdict(settings: Settings, journal: Journal) -> OpendkimVerdict:
    """Return what happens to a message whose header is beyond MaximumHeaders."""
    journal.notice("too much header data")
    action = settings.actions["On-Security"]
    return OpendkimVerdict(
        answer=answer_of(action, None), modifications=holds(action, "too much header data")
    )


def malformed_verdict(
    settings: Settings, envelope: Envelope, header: Header, journal: Journal
) -> OpendkimVerdict:
    """Return what happens to a message whose author cannot be told, or that breaks RFC 5322."""
    removals = forged.removals(settings, envelope, header, journal)
    if settings.on("IgnoreMalformedMail"):
        return OpendkimVerdict(modifications=removals)
    value = results.malformed_value(forged.authserv_id(settings, envelope))
    return OpendkimVerdict(modifications=(*removals, InsertHeader(0, results.NAME, value)))
