"""The mailboxes that the command line names: a page asks for them by number, never by a path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from avowal.calls import mailboxes
from avowal.calls.wrappings import Unusable
from avowal.line_ends import wire_form
from avowal.message import Header, split
from avowal.text import printable
from avowal.web.analysis import Given
from avowal.web.heading import field_line
from avowal.web.limits import PAGE_ROWS
from avowal.web.refusals import NOT_FOUND, TOO_LARGE, UNREADABLE, NoPage

_HEAD = 64 << 10  # octets of a message that are looked at for the list


class Row(NamedTuple):
    """One message of a mailbox in the list of them."""

    number: int
    sender: str
    subject: str
    date: str


class Listing(NamedTuple):
    """One page of a mailbox; `more` says that another follows, `skipped` why files are not in."""

    rows: tuple[Row, ...]
    more: bool
    skipped: tuple[str, ...]


class Mailboxes:
    """The paths of the command line; a name from a browser is a number and nothing else."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)

    def listing(self, which: int, page: int) -> Listing:
        """Return a page of a mailbox, the first one 0.  Raises NoPage."""
        skipped: list[str] = []
        start = page * PAGE_ROWS
        found = islice(self._messages(which, skipped), start, start + PAGE_ROWS + 1)
        rows = [_row(number, message) for number, message in enumerate(found, start + 1)]
        return Listing(tuple(rows[:PAGE_ROWS]), len(rows) > PAGE_ROWS, tuple(skipped[:10]))

    def message(self, which: int, number: int, most: int) -> Given:
        """Return a message, the first one 1.  Raises NoPage."""
        if number < 1:
            raise NoPage(NOT_FOUND)
        for message in islice(self._messages(which, []), number - 1, number):
            octets = message.read(most + 1)
            if len(octets) > most:
                raise NoPage(TOO_LARGE, f"it has more than {most} octets")
            return Given(octets, str(message.origin))
        raise NoPage(NOT_FOUND)

    def _messages(self, which: int, skipped: list[str]) -> Iterator[mailboxes.StoredMessage]:
        if not 0 <= which < len(self.paths):
            raise NoPage(NOT_FOUND)

        def skip(fault: Exception) -> None:
            skipped.append(printable(str(fault), most=200))

        try:
            yield from mailboxes.messages(self.paths[which], skipped=skip)
        except (Unusable, OSError) as fault:
            raise NoPage(UNREADABLE, printable(str(fault), most=200)) from None


def _row(number: int, message: mailboxes.StoredMessage) -> Row:
    return Row(number, *heading(message.read(_HEAD)))


def heading(octets: bytes) -> tuple[str, str, str]:
    """Return From, Subject and Date of a message of which the beginning is here, as one sees them.

    "" for what is not there.
    """
    form = wire_form("auto")
    octets = octets[:_HEAD]
    wire = octets if form is None else form.feed(octets) + form.finish()
    header = Header.parse(bytes(split(wire)[0]))
    line = partial(field_line, header, octets=1000, most=160)
    return line(b"from"), line(b"subject"), line(b"date")
