"""Where messages come from: a file, standard input, an mbox, a Maildir, a folder.

`messages` finds them and hands them out one at a time, each as chunks of octets, so that
neither a large message nor a large archive has to fit into memory.
"""

from __future__ import annotations

import io
import os
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
    """

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        while (rest := file.readline(CHUNK)) and not rest.endswith(b"\n"):
            pass  # the first From line to its end, however long
        self._pieces = _pieces(file, progress)
        self._behind = b""  # the end of a From line: octets that were read with it
        self._more = True

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
        beginning, fresh = True, True  # of the message, of a line
        while piece := self._piece():
            if fresh and (blank or beginning) and piece.startswith(_FROM):
                self._pass_over(piece)
                self._more = True
                break
            whole, beginning = blank + piece, False
            blank = _last_blank(piece, fresh=fresh)
            if fresh and _is_quoted(piece):
                whole = whole.replace(b">", b"", 1)
            fresh = piece.endswith(b"\n")
            yield whole.removesuffix(blank) if blank else whole

    def _pass_over(self, piece: bytes) -> None:
        """Leave out a From line, of which `piece` is the beginning: it may be of any length."""
        while piece and b"\n" not in piece:
            piece = next(self._pieces, b"")
        self._behind = piece.partition(b"\n")[2]

    def _piece(self) -> bytes:
        """Return the next octets, none at the end of the file."""
        piece, self._behind = self._behind or next(self._pieces, b""), b""
        return piece


def _pieces(file: IO[bytes], progress: Progress) -> Iterator[bytes]:
    """Cut a file into lines where "From " occurs near, and into many lines at once elsewhere.

    A line longer than a chunk comes in several pieces, the others end with its line end.
    """
    rest = b""
    while chunk := file.read(CHUNK):
        progress(len(chunk))
        block = rest + chunk
        end = block.rfind(b"\n") + 1 or len(block)
        block, rest = block[:end], block[end:]
        if _FROM in block:
            yield from io.BytesIO(block)
        else:
            yield block
    if rest:
        yield rest


def _last_blank(lines: bytes, *, fresh: bool) -> bytes:
    """The empty line at the end of some lines; `fresh` says that they start at a line's start."""
    for ending in _BLANK:
        if lines.endswith(b"\n" + ending) or (fresh and lines == ending):
            return ending
    return b""


def _is_quoted(line: bytes) -> bool:
    return line.startswith(b">") and line.lstrip(b">").startswith(_FROM)
