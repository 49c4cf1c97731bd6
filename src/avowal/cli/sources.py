"""Where messages come from: a file, standard input, an mbox, a Maildir, a folder.

`messages` finds them and hands them out one at a time, each as chunks of octets, so that
neither a large message nor a large archive has to fit into memory.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from avowal.cli import exits
from avowal.cli.disguises import Unusable, unwrapped
from avowal.message import Message, looks_stored

CHUNK = 256 << 10  # octets read at a time
MOST_WHOLE = 256 << 20  # octets of a message that a command keeps in memory
_STDIN = "-"
_MAILDIR = ("cur", "new")
_FROM = b"From "
_BLANK = (b"\n", b"\r\n")
_CR = 0x0D
# The literal comes first: it is what the search looks for.
_NEXT = re.compile(rb"\nFrom (?:(?<=\n\nFrom )|(?<=\n\r\nFrom ))")
_QUOTED = re.compile(rb"\n>(?=>*+From )")

__all__ = [
    "MessageOrigin",
    "Progress",
    "StoredMessage",
    "Unusable",
    "files",
    "from_line",
    "messages",
    "messages_in",
    "named",
    "stored",
    "whole",
]

Progress = Callable[[int], object]


class MessageOrigin(NamedTuple):
    """Where one message stands: its file, and which of an mbox (from 1; None for a file)."""

    path: str
    number: int | None = None

    def __str__(self) -> str:
        return self.path if self.number is None else f"{self.path}, message {self.number}"


def named(path: str) -> str:
    """What a source is called in results and complaints."""
    return "standard input" if path == _STDIN else path


def files(path: str) -> list[str]:
    """Name the files that may hold messages: the path itself, or what a folder holds, by name.

    Raises Unusable.
    """
    if path == _STDIN or not os.path.isdir(path):  # noqa: PTH112 - pathlib costs start-up
        return [path]
    return list(_within(path))


def messages(path: str, progress: Progress) -> Iterator[tuple[MessageOrigin, Iterator[bytes]]]:
    """Hand out the messages of one file; `progress` is told the octets as they are read.

    Each message has to be read before the next is asked for.  Raises Unusable.
    """
    name = named(path)
    try:
        file = sys.stdin.buffer if path == _STDIN else open(path, "rb")  # noqa: PTH123, SIM115
        with file:
            yield from messages_in(file, name, progress)
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None


def messages_in(
    file: IO[bytes], name: str, progress: Progress
) -> Iterator[tuple[MessageOrigin, Iterator[bytes]]]:
    """Hand out the messages of a file that is open, as `messages` does.  Raises Unusable."""
    inner = unwrapped(file, name)
    beginning = inner.read(len(_FROM))
    if not beginning:
        raise Unusable(f"{name}: empty")
    if beginning == _FROM:
        for number, chunks in enumerate(_Mbox(inner, progress), 1):
            yield MessageOrigin(path=name, number=number), chunks
    else:
        yield MessageOrigin(path=name), _whole(beginning, inner, progress)


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
    if not beginning.startswith(_FROM):
        return b""
    return beginning[: beginning.find(b"\n") + 1] or beginning


def stored(path: str) -> StoredMessage:
    """Read one message into memory; its `converted` says that it is written with LF.

    Raises Unusable.
    """
    name = named(path)
    try:
        file = sys.stdin.buffer if path == _STDIN else open(path, "rb")  # noqa: PTH123, SIM115
        with file:
            octets = unwrapped(file, name).read(MOST_WHOLE + 1)
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None
    if len(octets) > MOST_WHOLE:
        raise Unusable(f"{name}: over {MOST_WHOLE >> 20} MiB, too large to be changed")
    before = from_line(octets)
    if len(before) == len(octets):
        raise Unusable(f"{name}: empty")
    message = Message.from_stored(octets[len(before) :])
    converted = looks_stored(octets[:CHUNK])
    return StoredMessage(Message(message.header, message.body, converted=converted), before)


def whole(path: str) -> Message:
    """Read one message into memory, as `stored` does, where only the message matters."""
    return stored(path).message


def _whole(beginning: bytes, file: IO[bytes], progress: Progress) -> Iterator[bytes]:
    chunk = beginning + file.read(CHUNK)
    while chunk:
        progress(len(chunk))
        yield chunk
        chunk = file.read(CHUNK)


def _within(folder: str) -> Iterator[str]:
    """Walk a folder; of a Maildir only what was delivered, not what its server keeps there."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise Unusable(exits.os_error(error)) from None
    folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    is_maildir = {entry.name for entry in folders}.issuperset(_MAILDIR)
    if not is_maildir:
        yield from (entry.path for entry in entries if entry.is_file())
    for entry in folders:
        if not is_maildir or entry.name in _MAILDIR or entry.name.startswith("."):
            yield from _within(entry.path)


class _Mbox:
    """The messages of an mbox (RFC 4155), read once from front to back.

    A line that begins with "From " behind an empty line starts a message; that empty line
    belongs to neither.  Quoted lines (">From ", ">>From ") lose one ">", as mboxrd has it:
    otherwise no signature over them would verify.  The file stands behind its first "From ".

    Octets are looked at in blocks, never line by line: how short lines are costs nothing.
    """

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._blocks = _blocks(file, progress)
        self._block = b""  # with a line end in front where it begins a line
        self._at = 0
        self._more = True
        self._pass_over()

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        while self._more:
            message = self._message()
            yield message
            for _ in message:  # what the reader of the message left
                pass

    def _message(self) -> Iterator[bytes]:
        """Yield the octets of a message, and stop behind the From line of the next."""
        self._more = False
        blank = b""  # an empty line of which the next one decides whose it is
        beginning = True
        while self._fill():
            block, at = self._block, self._at
            fresh = at > 0  # it goes on where a line begins
            self._more = fresh and bool(blank or beginning) and block.startswith(_FROM, at)
            if self._more:
                break
            found = _NEXT.search(block, at)
            self._more = found is not None
            self._at = stop = len(block)
            if found is not None:
                self._at = found.end() - len(_FROM)
                stop = found.start() - (block[found.start() - 1] == _CR)
            piece = _unquoted(block[at - fresh : stop])[fresh:]
            whole, beginning = blank + piece, False
            blank = b"" if self._more else _last_blank(piece, fresh=fresh)
            if len(whole) > len(blank):
                yield whole.removesuffix(blank) if blank else whole
            if self._more:
                break
        if self._more:
            self._pass_over()

    def _fill(self) -> bool:
        """Have octets to look at; False at the end of the file."""
        if self._at < len(self._block):
            return True
        fresh = self._block.endswith(b"\n")
        block = next(self._blocks, b"")
        self._block = b"\n" + block if fresh else block
        self._at = int(fresh)
        return bool(block)

    def _pass_over(self) -> None:
        """Go on behind the end of this line, however long it is."""
        while self._fill():
            self._at = self._block.find(b"\n", self._at) + 1
            if self._at:
                return
            self._at = len(self._block)


def _blocks(file: IO[bytes], progress: Progress) -> Iterator[bytes]:
    """Cut a file at line ends, many lines at once.

    A line longer than a chunk comes in several pieces, the others end with its line end.
    """
    rest = b""
    while chunk := file.read(CHUNK):
        progress(len(chunk))
        block = rest + chunk
        end = block.rfind(b"\n") + 1 or len(block)
        block, rest = block[:end], block[end:]
        yield block
    if rest:
        yield rest


def _unquoted(octets: bytes) -> bytes:
    """Take one ">" from each quoted line behind a line end."""
    return _QUOTED.sub(b"\n", octets) if b">From " in octets else octets


def _last_blank(lines: bytes, *, fresh: bool) -> bytes:
    """The empty line at the end of some lines; `fresh` says that they start at a line's start."""
    for ending in _BLANK:
        if lines.endswith(b"\n" + ending) or (fresh and lines == ending):
            return ending
    return b""
