"""What a stranger's message or record may cost in policy questions.

These stand apart from `avowal.limits` because only this floor knows the mechanisms.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _cap(default: int, unit: str, source: str) -> int:
    made: int = field(default=default, metadata={"unit": unit, "source": source})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Limits of the policy mechanisms.  Beyond one, a result says so; nothing is let pass."""

    walked_identifiers: int = _cap(
        10, "domains", "RFC 4686 §4.1.6; one tree walk for each passing, possibly aligned domain"
    )
    record_tags: int = _cap(64, "tags", "the DMARC registry holds 13; the rest is unknown tags")
    report_uris: int = _cap(20, "addresses", "RFC 7489 §6.2 asks for two at least")
    atps_signatures: int = _cap(10, "signatures", "RFC 6541 §4.3; one question each")
    vbr_fields: int = _cap(5, "fields", "RFC 5518 §8; the same mc= must stand in each")
    vbr_questions: int = _cap(10, "questions", "RFC 5518 §8; one per certifier and field")
    ssp_authors: int = _cap(10, "mailboxes", "RFC 4686 §4.2.4; practices are asked for each")
    ssp_parents: int = _cap(5, "questions", "RFC 5016 §5.1: a small, fixed number of exchanges")


DEFAULT = Caps()
