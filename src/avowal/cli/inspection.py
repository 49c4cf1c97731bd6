"""Verify one message from its chunks: what `avowal.verify` does, and DomainKeys for archives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from avowal.calls.arguments import read_header
from avowal.calls.receipt import received_at
from avowal.calls.verify import verified
from avowal.canonical import Octets
from avowal.cli.sources import MessageOrigin, require_fields
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.line_ends import LineEnds
from avowal.message import Header


class Inspected(NamedTuple):
    """One message's verdicts in header order; `header` is None when it is beyond the limit.

    `now` is the time it was judged at.
    """

    origin: MessageOrigin
    header: Header | None
    verdicts: tuple[Verification, ...]
    now: int = 0

    @property
    def passed(self) -> bool:
        """Whether some signature passes."""
        return any(verdict.passed for verdict in self.verdicts)


def begun(
    origin: MessageOrigin, chunks: Iterator[bytes], line_ends: LineEnds
) -> tuple[Header, Iterable[Octets]]:
    """Read a message up to its body.  Raises Unusable for no message."""
    header, body = read_header(chunks, line_ends=line_ends)
    require_fields(header, origin)
    return header, body


def inspect(
    origin: MessageOrigin,
    chunks: Iterator[bytes],
    resolver: Any,
    *,
    now: int,
    at_receipt: bool = False,
    rules: Rules,
    line_ends: LineEnds,
) -> Inspected:
    """Verify all signatures of a message.  Raises Unusable for what is no message.

    With `at_receipt` the time is that of the message's topmost Received field, and `now`
    where that tells none.
    """
    header, body = begun(origin, chunks, line_ends)
    if at_receipt:
        now = received_at(header, otherwise=now)
    verdicts = verified(header, body, resolver, now=now, rules=rules)
    return Inspected(origin=origin, header=header, verdicts=verdicts, now=now)
