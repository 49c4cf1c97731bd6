"""Where messages are kept: a file, an mbox, a Maildir, a folder; wrapped and compressed ones too.

Each message comes as a stream of octets, so that neither a large message nor a large archive
has to fit into memory.  The command reads by the same functions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from avowal.calls import mbox
from avowal.calls.wrappings import Unusable, cut, unwrapped
from avowal.errors import StateError, UsageError

_MAILDIR = ("cur", "new")


class MessageOrigin(NamedTuple):
    """Where one message stands: its file, and which of an mbox (from 1; None for a file)."""

    path: str
    number: int | None = None

    def __str__(self) -> str:
        return self.path if self.number is None else f"{self.path}, message {self.number}"


class MailboxPart(NamedTuple):
    """A file that holds messages, or some messages of an mbox.

    `octets` is its size where it can be read by itself, beside the others and again; None for
    what only one may read, from front to back: a pipe, and what is wrapped.
    """

    path: str
    octets: int | None = None
    within: mbox.MboxPart | None = None

    def __str__(self) -> str:
        return str(MessageOrigin(self.path, self.within and self.within.number))


class StoredMessage:
    """One message of a mailbox: a binary file for `avowal.verify` and the other calls.

    It is read once, and before the next one is asked for: keep `read()` where it is needed
    twice.  `origin` says where it stands, `wrapping` what was taken off the file that holds it
    (a byte order mark, an .emlx, compression), None for nothing.
    """

    __slots__ = ("_chunks", "_rest", "origin", "wrapping")

    def __init__(
        self, origin: MessageOrigin, chunks: Iterator[bytes], wrapping: str | None = None
    ) -> None:
        self.origin = origin
        self.wrapping = wrapping
        self._chunks: Iterator[bytes] | None = chunks
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next octets, `size` at most, all that are left for -1; b"" at the end.

        Raises StateError behind the end, when the next message was asked for and when the
        iterator was let go; Unusable for a damaged compressed file.
        """
        if self._chunks is None:
            why = "was read, or the next message was asked for, or the iterator let go"
            raise StateError(f"{self.origin}: {why}")
        octets = self._rest
        if size < 0:
            octets += b"".join(self._chunks)
            self._rest, self._chunks = b"", None
            return octets
        while len(octets) < size and (chunk := next(self._chunks, b"")):
            octets += chunk
        self._rest = octets[size:]
        if not octets and size:
            self._chunks = None
        return octets[:size]

    def close(self) -> None:
        """Let go of what is left."""
        self._chunks, self._rest = None, b""


def messages(
    path: str | os.PathLike[str],
    *,
    skipped: Callable[[UsageError | OSError], object] | None = None,
) -> Iterator[StoredMessage]:
    """Yield the messages of a file, an mbox, a Maildir or a folder that holds any of these.

    As they stand, by the rules of `avowal verify`: an mbox is told by its first line, and its
    ">From " lines lose one ">" (mboxrd), since no signature would fit otherwise; of a Maildir
    only what was delivered; .emlx files, byte order marks and gzip, bzip2 and xz are unwrapped.
    Files come in order of name.

    A file that holds no message, or cannot be read, raises Unusable (a UsageError) or OSError;
    with `skipped` it is told to that function, and the others follow.

    >>> for message in messages("mail.mbox"):                       # doctest: +SKIP
    ...     print(message.origin, avowal.verify(message).passed)
    """
    for file in files(os.fspath(path), skipped):
        try:
            with open(file, "rb") as opened:  # noqa: PTH123 - pathlib costs the command 6 ms
                yield from messages_in(opened, file, _uncounted)
        except (Unusable, OSError) as fault:
            if skipped is None:
                raise
            skipped(fault)


def parts(path: str, size: int) -> Iterator[MailboxPart]:
    """Cut a file that holds messages, so that several can read it: an mbox into parts of `size`.

    What cannot be read is one part: whoever reads that finds out why.  Raises OSError where
    reading on fails.
    """
    try:
        file = open(path, "rb") if os.path.isfile(path) else None  # noqa: PTH113, PTH123, SIM115
    except OSError:
        file = None
    if file is None:
        yield MailboxPart(path)
        return
    with file:
        octets, inner = _divisible(file, path)
        if inner is None or (octets or 0) <= size:
            yield MailboxPart(path, octets)
            return
        for part in mbox.parts(inner, size):
            yield MailboxPart(path, part.stop - part.start, part)


def _divisible(file: IO[bytes], name: str) -> tuple[int | None, IO[bytes] | None]:
    """Return the size of a file that holds nothing else, and the file where it is an mbox."""
    try:
        inner, wrapping = unwrapped(file, name)
        beginning = inner.read(len(mbox.FROM))
    except (Unusable, OSError):
        return None, None
    if wrapping is not None:
        return None, None
    octets = os.fstat(file.fileno()).st_size
    return octets, inner if beginning == mbox.FROM else None


def messages_in(
    file: IO[bytes],
    name: str,
    progress: Callable[[int], object],
    part: mbox.MboxPart | None = None,
) -> Iterator[StoredMessage]:
    """Yield the messages of an open file; `progress` is told the octets as they are read.

    Of an mbox those of a part only, where one is given.  Raises Unusable.
    """
    number = 1
    if part is not None:
        number = part.number
        file.seek(part.start)
        file = cut(file, part.stop - part.start)
    inner, wrapping = unwrapped(file, name)
    beginning = inner.read(len(mbox.FROM))
    if not beginning:
        raise Unusable(f"{name}: empty")
    if part is not None and beginning != mbox.FROM:
        raise Unusable(f"{name}: it was changed while it was read")
    if beginning == mbox.FROM:
        for at, chunks in enumerate(mbox.Mbox(inner, progress), number):
            yield from _lent(StoredMessage(MessageOrigin(name, at), chunks, wrapping))
    else:
        chunks = _whole(beginning, inner, progress)
        yield from _lent(StoredMessage(MessageOrigin(name), chunks, wrapping))


def _lent(message: StoredMessage) -> Iterator[StoredMessage]:
    try:
        yield message
    finally:  # its file is closed too when nobody asks for the next one
        message.close()


def files(
    path: str, skipped: Callable[[UsageError | OSError], object] | None = None
) -> Iterator[str]:
    """Yield the files that may hold messages: the path, or what a folder holds, by name.

    Of a Maildir only what was delivered, not what its server keeps there.  A folder that
    cannot be read raises OSError, or is told to `skipped`.
    """
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib costs start-up
        yield path
        return
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as fault:
        if skipped is None:
            raise
        skipped(fault)
        return
    folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    is_maildir = {entry.name for entry in folders}.issuperset(_MAILDIR)
    if not is_maildir:
        yield from (entry.path for entry in entries if entry.is_file())
    for entry in folders:
        if not is_maildir or entry.name in _MAILDIR or entry.name.startswith("."):
            yield from files(entry.path, skipped)


def _whole(beginning: bytes, file: IO[bytes], progress: Callable[[int], object]) -> Iterator[bytes]:
    chunk = beginning + file.read(mbox.CHUNK)
    while chunk:
        progress(len(chunk))
        yield chunk
        chunk = file.read(mbox.CHUNK)


def _uncounted(octets: int) -> None:
    """Count nothing."""
