"""Verify one message from its chunks: what `avowal.verify` does, and DomainKeys for archives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from avowal.calls.source import read_header
from avowal.canonical import Octets
from avowal.cli.sources import Origin, Unusable
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.dns.limits import Limited
from avowal.lookup import run, together
from avowal.message import Header, LineEnds


class Inspected(NamedTuple):
    """One message's verdicts in header order; `header` is None when it is beyond the limit."""

    origin: Origin
    header: Header | None
    verdicts: tuple[Verification, ...]

    @property
    def passed(self) -> bool:
        """Whether some signature passes."""
        return any(verdict.passed for verdict in self.verdicts)


def begun(
    origin: Origin, chunks: Iterator[bytes], line_ends: LineEnds
) -> tuple[Header, Iterable[Octets]]:
    """Read a message up to its body.  Raises Unusable for no message."""
    header, body = read_header(chunks, line_ends=line_ends)
    if not any(header.names):
        raise Unusable(f"{origin}: not a message: its first lines are no header fields")
    return header, body


def inspect(
    origin: Origin,
    chunks: Iterator[bytes],
    resolver: Any,
    *,
    now: int,
    rules: Rules,
    line_ends: LineEnds,
) -> Inspected:
    """Verify all signatures of a message.  Raises Unusable for what is no message."""
    header, body = begun(origin, chunks, line_ends)
    verifiers: list[Any] = [Verifier(header, now=now, rules=rules)]
    if rules.accept_drafts:
        from avowal.dkim.legacy import DomainKeysVerifier

        verifiers.append(DomainKeysVerifier(header, rules=rules))
    keys = run(together(*(verifier.keys() for verifier in verifiers)), Limited(resolver))
    for chunk in body:
        wanting = [verifier.feed(chunk) for verifier in verifiers]  # each gets every chunk
        if True not in wanting:
            break
    verdicts = [
        verdict
        for verifier, found in zip(verifiers, keys, strict=True)
        for verdict in verifier.finish(found)
    ]
    verdicts.sort(key=lambda verdict: verdict.place)
    return Inspected(origin=origin, header=header, verdicts=tuple(verdicts))
