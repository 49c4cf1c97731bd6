"""From an answer of DNS to what it shows of a key."""

from __future__ import annotations

from typing import Final

from avowal.keys.lifecycle import Sight
from avowal.lookup import NO_DATA, Answer

LAME: Final = "answers without authority: the zone is not served there"


def sight_of(
    label: str,
    at: int,
    answer: Answer | None,
    *,
    problem: str | None = None,
    authoritative: bool = True,
) -> Sight:
    """Return what an answer shows of a key's name; None shows nothing there.

    More than one record is a problem: what a verifier takes is not known.
    """
    answer = answer or NO_DATA
    record = None
    if problem is None and answer.failure is not None:
        problem = f"no answer: {answer.failure.value}"
    elif len(answer.records) > 1:
        problem = (
            f"{len(answer.records)} TXT records at the name: verifiers may take any "
            "(RFC 6376 §3.6.2.2)"
        )
    elif answer.records and problem is None:
        record = answer.records[0].decode("utf-8", "surrogateescape")
    return Sight(
        server=label,
        at=at,
        authoritative=authoritative,
        record=record,
        ttl=int(answer.ttl),
        problem=problem,
    )
