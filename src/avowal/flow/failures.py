"""Messages whose signatures failed: their bodies are kept as they come, as far as there is room.

Whether a signature fails is known when the body has ended; whoever wants to look into it, or
keep it, has to keep the body from its first octet on.  Nothing here touches a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from weakref import WeakSet

from avowal.canonical import Octets
from avowal.config.explanations import Capture, Explanations
from avowal.config.model import Configuration
from avowal.dkim.reasons import Result
from avowal.dkim.signature import FIELD_NAME
from avowal.dkim.verification import Verification
from avowal.examine.findings import Findings
from avowal.flow.context import Context
from avowal.message import Header, Message
from avowal.names import DomainName
from avowal.valueclass import value


class Room:
    """How much of bodies may be kept at a time, in one process."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self.most_each = most_each
        self._kept: WeakSet[KeptBody] = WeakSet()

    @property
    def used(self) -> int:
        """The octets of all bodies that somebody still holds."""
        return sum(one.size for one in self._kept)

    def body(self) -> KeptBody:
        """Begin to keep a body."""
        kept = KeptBody(self)
        self._kept.add(kept)
        return kept

    def takes(self, octets: int) -> bool:
        """Whether so many octets more may be kept."""
        return self.used + octets <= self._most


class KeptBody:
    """A body that is kept while it comes; `whole` until it was too large or there was no room."""

    __slots__ = ("__weakref__", "_chunks", "_room", "size", "whole")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._chunks: list[bytes] = []
        self.size = 0
        self.whole = True

    def feed(self, chunk: Octets) -> None:
        """Take the next octets; nothing is kept of what cannot be kept whole."""
        if not self.whole:
            return
        size = self.size + len(chunk)
        if size > self._room.most_each or not self._room.takes(len(chunk)):
            self.whole, self.size = False, 0
            self._chunks.clear()
            return
        self.size = size
        self._chunks.append(bytes(chunk))

    @property
    def octets(self) -> bytes:
        """The body."""
        return b"".join(self._chunks)


@value
class FailedMessage:
    """A message of which a signature failed, whole, and its verdicts.

    `author`: one of those that failed is of the author's domain, and can be read.  `now` is
    when the message came, in Unix seconds.
    """

    header: Header
    body: KeptBody
    verifications: tuple[Verification, ...]
    author: bool
    now: int

    @property
    def message(self) -> Message:
        """The message."""
        return Message(self.header, self.body.octets)


def kept_body(context: Context, room: Room) -> KeptBody | None:
    """Begin to keep the body of a message that is verified and signed, None for any other."""
    if not context.treatment.verify or context.header.beyond is not None:
        return None
    if FIELD_NAME not in context.header.positions:
        return None
    return room.body()


def failed(context: Context, findings: Findings, body: KeptBody) -> FailedMessage | None:
    """Return the message if a signature failed for good, and all of it is there."""
    if not body.whole:
        return None
    wrong = [one for one in findings.dkim if is_failure(one)]
    if not wrong:
        return None
    return FailedMessage(
        header=context.header,
        body=body,
        verifications=findings.dkim,
        author=is_authors(wrong, [one.domain for one in context.treatment.authorship.authors]),
        now=context.now,
    )


def is_failure(verification: Verification) -> bool:
    """Whether a signature that can be read failed, and not only for want of an answer."""
    if verification.passed or verification.signature is None:
        return False
    return verification.result is not Result.TEMPERROR


def is_authors(verifications: Iterable[Verification], authors: Sequence[DomainName]) -> bool:
    """Whether d= of one of them is an author's domain, one above it or one below."""
    return any(
        author.is_within(one.signature.domain) or one.signature.domain.is_within(author)
        for one in verifications
        if one.signature is not None
        for author in authors
    )


def mistakes_in(configuration: Configuration) -> Iterator[tuple[tuple[str, str], str, str]]:
    """Yield what cannot be meant: the option, what is wrong with it, and what to do."""
    yield from mistakes_of(configuration.explanations, configuration.capture)


def mistakes_of(
    wanted: Explanations, capture: Capture
) -> Iterator[tuple[tuple[str, str], str, str]]:
    """Yield the same of the two tables by themselves."""
    make = "set explanations.make"
    if wanted.field is not None and not wanted.make:
        yield ("explanations", "field"), "there is nothing to write: no explanation is made", make
    if capture.directory is None:
        return
    if not capture.recipients:
        why = "nobody could read what is captured, and nothing is kept in the clear"
        yield ("capture", "directory"), why, "name a public key of age in capture.recipients"
    if capture.keep == "unexplained" and not wanted.make:
        why = "without explanations nothing is known to be unexplained"
        yield ("capture", "directory"), why, f'{make}, or capture.keep = "failed"'
