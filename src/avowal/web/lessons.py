"""Built-in messages with a zone of their own: what a signature is, by looking at five of them.

The messages are files beside this module, signed once with keys that everybody knows
(scripts/lessons.py).  They are examined as any other message is; DNS is not asked.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from avowal.dns.zone import Zone
from avowal.web.analysis import Given, analysed
from avowal.web.report import Report

NOW: Final = 1795525260
"""When they are looked at: 24 Nov 2026, 13:01 UTC, an hour after they were written."""
_SEARCH = 5.0


class Look(NamedTuple):
    """Where to look on the page (the id of a place), and what is seen there."""

    place: str
    text: str


class Lesson(NamedTuple):
    """One message of the tour."""

    name: str
    title: str
    short: str
    story: str
    looks: tuple[Look, ...]
    point: str


LESSONS: Final[tuple[Lesson, ...]] = (
    Lesson(
        "good",
        "A signature that holds",
        "Sent, relayed, and whole when it came.",
        "Alice writes to Bob. Her server signs with a key of example.com, Bob's server receives"
        " it. Two hosts had it in their hands, and neither changed what was signed.",
        (
            Look("path", "Her server took the message from her program, and signed it there."),
            Look(
                "signatures",
                "Open the steps: the tags say what was signed, DNS has the key,"
                " and both hashes come out equal.",
            ),
            Look("verdict", "The domain she shows vouches for it. Read what that does not say."),
        ),
        "A signature says that a domain answers for these octets. No more, and that is a lot.",
    ),
    Lesson(
        "list",
        "Broken by a mailing list",
        "A tag in the Subject, a footer: the signature fails, and nobody forged anything.",
        "Alice posts to a list about food. The list puts its name into the Subject and three"
        " lines below her text, and sends that to everybody.",
        (
            Look(
                "undo",
                "Go back step by step. At the last one the message is Alice's again, and"
                " its hashes are the signed ones: that is the proof.",
            ),
            Look("path", "The change came in at the list's host, behind the signature."),
            Look("advice", "What each party could do about it."),
        ),
        "A signature that fails is no sign of forgery. It counts as no signature at all.",
    ),
    Lesson(
        "forged",
        "Forged",
        "Somebody writes in the name of example.com, with a signature cut out of other mail.",
        "Mallory shows Alice as the author and asks for money. The signature is a true one of"
        " example.com, taken from Alice's message about lunch.",
        (
            Look(
                "signatures",
                "The key made this signature, but over another header and body:"
                " both hashes differ.",
            ),
            Look(
                "policies",
                "example.com asks to reject what nothing of it vouches for, so a"
                " receiver can do that without knowing Mallory.",
            ),
            Look("verdict", "Not authentic, by that domain's word."),
        ),
        "Without a policy nobody could refuse this: it would count as unsigned, as a list's does.",
    ),
    Lesson(
        "replayed",
        "Replayed",
        "A true message, sent again to people it was not meant for.",
        "Alice's server signed an offer, and did not sign To. Somebody sends the same octets to"
        " thousands, with another To. Nothing that was signed has changed.",
        (
            Look("signatures", "It verifies, and h= does not name To."),
            Look("verdict", "Authentic is true, and still this is not for you: see the notes."),
            Look(
                "path",
                "The first hosts are those of the true message; what is above them sent it again.",
            ),
        ),
        "A signature is about content, not about whom it was sent to. What must not happen twice"
        " needs a memory of Message-IDs.",
    ),
    Lesson(
        "arc",
        "Forwarded, with ARC",
        "A list says what it saw before it changed the message, and seals that.",
        "The same post by a list that knows ARC: it verifies Alice's signature, writes the result"
        " down, changes the message, and seals result and message with a key of its own.",
        (
            Look(
                "chain",
                "One set: what the list saw (dkim=pass), its signature over the message"
                " as it left, and the seal over both.",
            ),
            Look("signatures", "Alice's own signature fails, as before."),
            Look(
                "verdict",
                "A receiver that trusts this list may believe it. A chain that"
                " validates is no reason to trust whoever sealed it.",
            ),
        ),
        "ARC carries what somebody saw. Whether to believe them is the receiver's to decide.",
    ),
)
BY_NAME: Final = {lesson.name: lesson for lesson in LESSONS}


@lru_cache(maxsize=1)
def zone() -> Zone:
    """Return the zone of the tour."""
    return Zone(json.loads(_file("zone.json")))


@lru_cache(maxsize=len(LESSONS))
def report(name: str) -> Report:
    """Return the report of a lesson's message."""
    given = Given(_file(f"{name}.eml"), f"{name}.eml")
    return analysed(given, zone(), now=NOW, search=_SEARCH)


def _file(name: str) -> bytes:
    return files("avowal.web").joinpath("lessons", name).read_bytes()
