"""The target for mailbox files: what comes out is what a slow reader of lines finds.

Reading raises Unusable or nothing, and where the file was cut while it was read is invisible.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from unittest.mock import patch

from tests.fuzz.targets import expect

from avowal.calls import mbox
from avowal.calls.wrappings import Unusable
from avowal.cli import sources

CHUNKS = (64, 100, 256 << 10)  # octets; the last is what the command reads at a time
MOST_MARKS = 40  # ">" before a "From " that still lie in one chunk with it
WRAPPED = (b"\xef\xbb\xbf", *(str(digit).encode() for digit in range(10)))


def mailboxes(octets: bytes) -> None:
    """The octets are a file: one message, an mbox, or something wrapped."""
    read = [_read(octets, chunk) for chunk in CHUNKS]
    if b">" * MOST_MARKS in octets:
        return
    expect(read[0] == read[1] == read[2], "where the file is cut is invisible")
    if isinstance(read[0], list) and not octets.startswith(WRAPPED):
        expect(read[0] == by_lines(octets), "the messages are those that its lines say")


def _read(octets: bytes, chunk: int) -> list[bytes] | str:
    file = io.BufferedReader(io.BytesIO(octets))  # type: ignore[arg-type]
    told: list[int] = []
    try:
        with patch.object(mbox, "CHUNK", chunk), redirect_stderr(io.StringIO()):
            found = [
                b"".join(pieces) for _, pieces in sources.messages_in(file, "file", told.append)
            ]
    except Unusable as fault:
        return str(fault)
    expect(sum(told) <= len(octets), "no octet is counted twice")
    return found


def by_lines(octets: bytes) -> list[bytes]:
    """Read an mbox line by line, as RFC 4155 and mboxrd have it."""
    if not octets.startswith(b"From "):
        return [octets]
    messages: list[list[bytes]] = []
    for line in io.BytesIO(octets):
        lines = messages[-1] if messages else []
        if line.startswith(b"From ") and (not lines or lines[-1] in (b"\n", b"\r\n")):
            messages.append([])
        else:
            quoted = line[:1] == b">" and line.lstrip(b">").startswith(b"From ")
            lines.append(line[1:] if quoted else line)
    return [
        b"".join(lines[:-1] if lines and lines[-1] in (b"\n", b"\r\n") else lines)
        for lines in messages
    ]


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    message = b"From: a@example.com\nSubject: s\n\n>From here on\n>>From there\nFrom far\n"
    mbox = b"From a@example.com Tue Nov 24 12:00:00 2026\n" + message + b"\n"
    yield message
    yield mbox * 3
    yield mbox.replace(b"\n", b"\r\n") * 2
    yield mbox + b"From \nFrom \n\n\nFrom x\n\n" + mbox
    yield b"From " + b"a" * 300 + b"\n" + b"b" * 300 + b"\n\nFrom " + b"c" * 300 + b"\n\n"
    yield b"\xef\xbb\xbf" + mbox
    yield str(len(message)).encode() + b"  \n" + message + b"<plist/>\n"
    yield b"\x1f\x8b\x08\x00"
    yield b"\xff\xfeF\x00"


TARGETS: dict[str, Callable[[bytes], None]] = {"mailbox": mailboxes}
