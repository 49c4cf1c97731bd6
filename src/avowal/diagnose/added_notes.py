"""What added text reads like, links that lead through a gateway, and filters that name themselves.

The text is what a proof took out, so that it was added is proven; by what kind of program is
only read from its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from avowal.diagnose.explanation import Explanation, PartState
from avowal.diagnose.observed import Observation
from avowal.diagnose.protected_links import gateways
from avowal.message import Message
from avowal.text import printable

_MOST_TEXT = 256 << 10  # octets of a body in which links are looked for
_LONGEST_LINE = 100  # characters of a line that are shown
_LOST = re.compile(rb"\?\?|\w\?\w|[\x00-\x08\x0e-\x1f\x7f]")  # in place of octets of 8 bits
_FILTERED = b"x-content-filtered-by"
_FAMILIES: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("antivirus-note", (
        b"virus-free", b"virus free", b"checked for virus", b"scanned for virus",
        b"antivirus", b"anti-virus", b"virenfrei", b"viren gepr", b"sans virus",
    )),
    ("external-banner", (
        b"external email", b"external sender", b"originated from outside",
        b"outside of your organization", b"outside of the organization",
        b"comes from outside", b"do not click links", b"externe e-mail",
    )),
    ("disclaimer", (
        b"intended recipient", b"intended solely for", b"confidential and",
        b"privileged information", b"notify the sender", b"vertrauliche informationen",
        b"views expressed", b"legally privileged",
    )),
)  # fmt: skip


def note_observations(
    message: Message, explanations: Sequence[Explanation]
) -> Iterator[Observation]:
    """Yield what proven additions read like; where the body is open, filters and gateways."""
    for name, words in _FAMILIES:
        line = next((one for one in _added(explanations) if _has(one, words)), None)
        if line is not None:
            yield Observation(name=name, evidence=f"added: {_shown(line)}")
    if any(one.body is PartState.CHANGED for one in explanations):
        yield from _of_open_body(message)


def _of_open_body(message: Message) -> Iterator[Observation]:
    """Yield what a body shows whose signed form was not found."""
    for field in message.header.named(_FILTERED)[:1]:
        yield Observation(
            name="parts-filtered", evidence=f"X-Content-Filtered-By: {_shown(field.value)}"
        )
    text = message.body[:_MOST_TEXT]
    found = _LOST.search(text) if text.isascii() and _is_8bit(message) else None
    if found is not None:
        start = text.rfind(b"\n", 0, found.start()) + 1
        line = text[start : text.find(b"\n", start)]
        yield Observation(
            name="eight-bits-lost", evidence=f"said to be 8bit, all ASCII: {_shown(line)}"
        )
    names = dict.fromkeys(one.name for one, _ in gateways(text))
    if names:
        evidence = f"links lead through {', '.join(names)}"
        yield Observation(name="links-protected", evidence=evidence)


def _is_8bit(message: Message) -> bool:
    return any(
        field.value.strip(b" \t\r\n").lower() == b"8bit"
        for field in message.header.named(b"content-transfer-encoding")
    )


def _shown(line: bytes) -> str:
    return printable(line.strip(b" \t\r\n"), most=_LONGEST_LINE)


def _added(explanations: Sequence[Explanation]) -> Iterator[bytes]:
    for one in explanations:
        if one.changes is not None:
            for step in one.changes.body.replacements:
                yield from step.added


def _has(line: bytes, words: tuple[bytes, ...]) -> bool:
    lower = line.lower()
    return any(word in lower for word in words)
