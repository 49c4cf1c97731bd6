"""Messages with one field or the lines of the body replaced."""

from __future__ import annotations

from dataclasses import replace

from avowal.diagnose.header_slots import unfolded
from avowal.diagnose.mime_lines import Entity
from avowal.message import CRLF, Field, Header, Message


def with_value(message: Message, name: bytes, octets: bytes | None) -> Message:
    """Replace the last field of a name, or add one at the end; None takes it out."""
    raws = list(message.header.raws)
    places = message.header.positions.get(name, ())
    if octets is None:
        raws = [raw for at, raw in enumerate(raws) if at not in places]
    elif places:
        shown = raws[places[-1]].partition(b":")[0]
        raws[places[-1]] = shown + b": " + octets
    else:
        raws.append(name.title() + b": " + octets)
    return replace(message, header=Header.of([Field.of(raw) for raw in raws]))


def value_of(message: Message, name: bytes) -> bytes | None:
    """Return the value of the last field of a name, unfolded."""
    fields = message.header.named(name)
    return unfolded(fields[-1].raw) if fields else None


def entity_of(message: Message) -> Entity:
    """Return a message as an entity."""
    return Entity.of(message.header, lines_of(message))


def lines_of(message: Message) -> list[bytes]:
    """Return the lines of a body."""
    lines = message.body.split(CRLF)
    return lines[:-1] if lines and not lines[-1] else lines


def with_lines(message: Message, lines: list[bytes]) -> Message:
    """Return a message with other lines in its body."""
    return replace(message, body=CRLF.join(lines) + CRLF if lines else b"")
