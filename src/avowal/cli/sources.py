"""Where the command's messages come from: standard input, or what `avowal.messages` reads.

What was wrapped around a message is said on standard error; what the system refuses is a
sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from avowal.calls import mailboxes
from avowal.calls.mailboxes import MailboxPart, MessageOrigin
from avowal.calls.mbox import CHUNK, FROM, MboxPart
from avowal.calls.wrappings import Unusable, unwrapped
from avowal.cli import exits
from avowal.line_ends import looks_stored
from avowal.message import Header, Message

MOST_WHOLE = 256 << 20  # octets of a message that a command keeps in memory
_STDIN = "-"

__all__ = [
    "CHUNK",
    "MailboxPart",
    "MessageOrigin",
    "Progress",
    "StoredMessage",
    "Unusable",
    "files",
    "from_line",
    "messages",
    "messages_in",
    "messages_of",
    "named",
    "opened",
    "stored",
    "whole",
]

Progress = Callable[[int], object]


def named(path: str) -> str:
    """What a source is called in results and complaints."""
    return "standard input" if path == _STDIN else path


def files(path: str) -> list[str]:
    """Name the files that may hold messages: the path itself, or what a folder holds, by name.

    Raises Unusable.
    """
    try:
        return [path] if path == _STDIN else list(mailboxes.files(path))
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None


def opened(path: str) -> IO[bytes]:
    """Open a source; standard input is there once.  Raises Unusable and OSError."""
    if path != _STDIN:
        return open(path, "rb")  # noqa: PTH123 - pathlib costs start-up
    if sys.stdin.buffer.closed:
        raise Unusable("standard input was read already: name - once")
    return sys.stdin.buffer


def messages(path: str, progress: Progress) -> Iterator[tuple[MessageOrigin, Iterator[bytes]]]:
    """Hand out the messages of one file; `progress` is told the octets as they are read.

    Each message has to be read before the next is asked for.  Raises Unusable.
    """
    return messages_of(MailboxPart(path), progress)


def messages_of(
    part: MailboxPart, progress: Progress
) -> Iterator[tuple[MessageOrigin, Iterator[bytes]]]:
    """Hand out the messages of a file or of a part of it, as `messages` does.  Raises Unusable."""
    name = named(part.path)
    try:
        with opened(part.path) as file:
            yield from messages_in(file, name, progress, part.within)
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None


def messages_in(
    file: IO[bytes], name: str, progress: Progress, part: MboxPart | None = None
) -> Iterator[tuple[MessageOrigin, Iterator[bytes]]]:
    """Hand out the messages of a file that is open, as `messages` does.  Raises Unusable."""
    for message in mailboxes.messages_in(file, name, progress, part):
        if message.origin.number in {None, 1}:
            _say(message.wrapping, name)
        yield message.origin, _chunks(message)


def _chunks(message: mailboxes.StoredMessage) -> Iterator[bytes]:
    while chunk := message.read(CHUNK):
        yield chunk


def _say(wrapping: str | None, name: str) -> None:
    if wrapping is not None:
        exits.complain(f"warning: {name}: {wrapping} was passed over")


class StoredMessage(NamedTuple):
    """One message in memory, and the line that a mailbox or a mail program put before it.

    `from_line` is that "From " line with its line end, empty where there is none: it tells the
    envelope (RFC 4155), and is no part of the message.  What follows it is the message as it
    stands: on a pipe nobody quotes lines of the body.
    """

    message: Message
    from_line: bytes = b""

    def written(self, octets: bytes) -> bytes:
        """Return what is handed on: octets in wire form, dressed as the message came."""
        return self.from_line + self.ended(octets)

    def ended(self, octets: bytes) -> bytes:
        """Return octets in wire form with the line ends that the message came with."""
        return octets.replace(b"\r\n", b"\n") if self.message.converted else octets


def from_line(beginning: bytes) -> bytes:
    """Return the "From " line that a message begins with; empty where it begins with none."""
    if not beginning.startswith(FROM):
        return b""
    return beginning[: beginning.find(b"\n") + 1] or beginning


def require_fields(header: Header, where: object) -> None:
    """Raise Unusable, with what to do, where a header has no field that can be read."""
    if not any(header.names):
        raise Unusable(
            f"{where}: not a message: its first lines are no header fields; save the message with "
            "its header (mail programs call that its source, or original)"
        )


def stored(path: str) -> StoredMessage:
    """Read one message into memory; its `converted` says that it is written with LF.

    Raises Unusable.
    """
    name = named(path)
    try:
        with opened(path) as file:
            inner, wrapping = unwrapped(file, name)
            octets = inner.read(MOST_WHOLE + 1)
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None
    _say(wrapping, name)
    if len(octets) > MOST_WHOLE:
        raise Unusable(f"{name}: over {MOST_WHOLE >> 20} MiB, too large to be changed")
    before = from_line(octets)
    if len(before) == len(octets):
        raise Unusable(f"{name}: empty")
    message = Message.from_stored(octets[len(before) :])
    require_fields(message.header, name)
    converted = looks_stored(octets[:CHUNK])
    return StoredMessage(Message(message.header, message.body, converted=converted), before)


def whole(path: str) -> Message:
    """Read one message into memory, as `stored` does, where only the message matters."""
    return stored(path).message
