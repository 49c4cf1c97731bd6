"""Lines that were too long for a server, which broke them in the middle of a word.

A line of SMTP has 1,000 octets at most, CRLF among them (RFC 5321 §4.5.3.1.6).  Whoever unfolds a
long Cc, as Mailman 3 does, leaves it to the next server to break it: Postfix puts CRLF and a blank
behind 998 octets (`smtp_line_length_limit`; 990 in old versions), whatever stands there.
"""

from __future__ import annotations

from collections.abc import Sequence

from avowal.message import CRLF, Field, Header

_LENGTHS = (998, 990)  # octets of a line behind which servers break it, without its CRLF


def joined(lines: Sequence[bytes]) -> list[bytes]:
    """Return lines with those in one that were broken behind the most octets a line may have."""
    made: list[bytes] = []
    broken = False
    for line in lines:
        if broken and line.startswith(b" "):
            made[-1] += line[1:]
        else:
            made.append(line)
        broken = len(line) in _LENGTHS
    return made


def broken(line: bytes) -> list[bytes]:
    """Break a line as Postfix does."""
    length = _LENGTHS[0]
    made, rest = [line[:length]], line[length:]
    while rest:
        made.append(b" " + rest[: length - 1])
        rest = rest[length - 1 :]
    return made


def joined_header(header: Header, kept: int) -> tuple[Header, frozenset[bytes]]:
    """Return a header whose fields are whole again, but the one at `kept`, and their names."""
    raws = [
        CRLF.join(joined(raw.split(CRLF))) if len(raw) > min(_LENGTHS) and at != kept else raw
        for at, raw in enumerate(header.raws)
    ]
    names = frozenset(header.names[at] for at, raw in enumerate(raws) if raw != header.raws[at])
    return (Header.of([Field.of(raw) for raw in raws]), names) if names else (header, names)
