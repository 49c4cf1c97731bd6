"""The messages of an mbox (RFC 4155), read once from front to back in blocks of octets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

CHUNK = 256 << 10  # octets read at a time
FROM = b"From "
_BLANK = (b"\n", b"\r\n")
_CR = 0x0D
# The literal comes first: it is what the search looks for.
_NEXT = re.compile(rb"\nFrom (?:(?<=\n\nFrom )|(?<=\n\r\nFrom ))")
_QUOTED = re.compile(rb"\n>(?=>*+From )")


class Mbox:
    """The messages of an mbox (RFC 4155), read once from front to back.

    A line that begins with "From " behind an empty line starts a message; that empty line
    belongs to neither.  Quoted lines (">From ", ">>From ") lose one ">", as mboxrd has it:
    otherwise no signature over them would verify.  The file stands behind its first "From ".

    Octets are looked at in blocks, never line by line: how short lines are costs nothing.
    `start` is the place in the file where the "From " line of the message stands that was handed
    out last, `passed` how many octets were read.
    """

    def __init__(self, file: IO[bytes], progress: Callable[[int], object]) -> None:
        self._blocks = _blocks(file, progress)
        self._block = b""  # with a line end in front where it begins a line
        self._at = 0
        self._more = True
        self.start = 0
        self.passed = len(FROM)
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
            self._more = fresh and bool(blank or beginning) and block.startswith(FROM, at)
            if self._more:
                break
            found = _NEXT.search(block, at)
            self._more = found is not None
            self._at = stop = len(block)
            if found is not None:
                self._at = found.end() - len(FROM)
                stop = found.start() - (block[found.start() - 1] == _CR)
            piece = _unquoted(block[at - fresh : stop])[fresh:]
            whole, beginning = blank + piece, False
            blank = b"" if self._more else _last_blank(piece, fresh=fresh)
            if len(whole) > len(blank):
                yield whole.removesuffix(blank) if blank else whole
            if self._more:
                break
        if self._more:
            self.start = self.passed - (len(self._block) - self._at)
            self._pass_over()

    def _fill(self) -> bool:
        """Have octets to look at; False at the end of the file."""
        if self._at < len(self._block):
            return True
        fresh = self._block.endswith(b"\n")
        block = next(self._blocks, b"")
        self.passed += len(block)
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


class MboxPart(NamedTuple):
    """Some messages of an mbox, `number` the first: an mbox themselves, from `start` to `stop`."""

    number: int
    start: int
    stop: int


def parts(file: IO[bytes], size: int) -> Iterator[MboxPart]:
    """Cut an mbox between messages, into parts of `size` octets or little more.

    The file was read from its beginning, and stands behind its first "From ".
    """
    mbox = Mbox(file, _uncounted)
    number, start = 1, 0
    for count, _ in enumerate(mbox, 1):
        if mbox.start - start >= size:
            yield MboxPart(number, start, mbox.start)
            number, start = count, mbox.start
    yield MboxPart(number, start, mbox.passed)


def _uncounted(octets: int) -> None:
    """Count nothing."""


def _blocks(file: IO[bytes], progress: Callable[[int], object]) -> Iterator[bytes]:
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
    if b">From " not in octets:
        return octets
    if b">>From " in octets:
        return _QUOTED.sub(b"\n", octets)
    return octets.replace(b"\n>From ", b"\nFrom ")  # at a third of the price


def _last_blank(lines: bytes, *, fresh: bool) -> bytes:
    """The empty line at the end of some lines; `fresh` says that they start at a line's start."""
    for ending in _BLANK:
        if lines.endswith(b"\n" + ending) or (fresh and lines == ending):
            return ending
    return b""
