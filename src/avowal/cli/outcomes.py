"""What becomes of the messages of all sources, judged by one process or by several.

Several give the same outcomes in the same order: a part of a mailbox is judged as one process
would judge it, and what only one may read (standard input, a pipe, what is compressed) is read
by this one when its turn comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple, TypeAlias, TypeVar

from avowal.calls import mailboxes
from avowal.cli import sources
from avowal.cli.progress import bar
from avowal.errors import EnvironmentFault

T = TypeVar("T")
Judge: TypeAlias = Callable[[sources.MessageOrigin, Iterator[bytes]], T]


class Share(NamedTuple):
    """What a process takes at a time, and below what nothing is shared; octets and files each."""

    octets: int
    files: int
    worth_octets: int = 0
    worth_files: int = 0


# Some hundredths of a second of work; below both limits one process is done before others begin.
VERIFIED: Final = Share(1 << 20, 256, worth_octets=4 << 20, worth_files=500)
# A message that has to be explained takes longer than a process to begin.
EXPLAINED: Final = Share(32 << 10, 4)


def processors() -> int:
    """Return how many processes can work here at the same time."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def outcomes(
    paths: Sequence[str], judge: Judge[T], *, jobs: int = 1, share: Share = VERIFIED
) -> Iterator[T | tuple[str, str]]:
    """Judge every message of all paths; of what cannot be used yield its name and why.

    With more than one of `jobs`, judgements are sent from one process to another.  Raises
    EnvironmentFault where a process ends before its time.
    """
    found: list[str] = []
    for path in paths:
        try:
            here = sources.files(path)
            found += here
            if not here:
                yield path, f"{path}: no messages in this folder"
        except sources.Unusable as fault:
            yield path, str(fault)
    with bar(found) as progress:
        several = jobs > 1 and _worth_sharing(found, share)
        batches = _batches(found, share) if several else iter(())
        some = tuple(islice(batches, 2))
        if len(some) > 1:
            yield from _shared(chain(some, batches), judge, jobs, progress)
        else:  # a large message alone is nobody's share, and its progress is seen
            for path in found:
                yield from _judged(sources.MailboxPart(path), judge, progress)


def _judged(
    part: sources.MailboxPart, judge: Judge[T], progress: sources.Progress
) -> Iterator[T | tuple[str, str]]:
    try:
        for origin, chunks in sources.messages_of(part, progress):
            try:
                outcome: T | tuple[str, str] = judge(origin, chunks)
            except sources.Unusable as fault:  # what is behind it in a mailbox follows
                outcome = part.path, str(fault)
            yield outcome
    except sources.Unusable as fault:
        yield part.path, str(fault)


def _worth_sharing(files: Sequence[str], share: Share) -> bool:
    if len(files) >= share.worth_files:
        return True
    octets = 0
    for file in files:
        if os.path.isfile(file):  # noqa: PTH113 - pathlib costs start-up
            octets += os.path.getsize(file)  # noqa: PTH202
    return octets >= share.worth_octets


# -- several processes ---------------------------------------------------------------------------


class _Batch(NamedTuple):
    """Parts that one process judges at a time."""

    parts: tuple[sources.MailboxPart, ...]

    def __str__(self) -> str:
        return str(self.parts[0])

    @property
    def octets(self) -> int:
        return sum(part.octets or 0 for part in self.parts)

    @property
    def undivided(self) -> bool:
        return any(part.octets is None for part in self.parts)


class _Failed(NamedTuple):
    """A message whose judgement ended in an error of our own."""

    why: str


def _shared(
    batches: Iterator[_Batch], judge: Judge[T], jobs: int, progress: sources.Progress
) -> Iterator[T | tuple[str, str]]:
    from avowal.cli.processes import in_order

    def work(batch: _Batch) -> list[T | tuple[str, str] | _Failed]:
        return list(_told(batch, judge))

    for batch, made in in_order(work, batches, jobs, here=lambda one: one.undivided):
        if made is None:
            for part in batch.parts:
                yield from _judged(part, judge, progress)
            continue
        for outcome in made:
            if isinstance(outcome, _Failed):
                raise EnvironmentFault(outcome.why)
            yield outcome
        progress(batch.octets)


def _told(batch: _Batch, judge: Judge[T]) -> Iterator[T | tuple[str, str] | _Failed]:
    """Judge a batch; the error that ends it is told with the place of its message."""
    place: object = batch

    def placed(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> T:
        nonlocal place
        place = origin
        return judge(origin, chunks)

    try:
        for part in batch.parts:
            yield from _judged(part, placed, _uncounted)
    except Exception as error:  # noqa: BLE001 - what it means is said by who waits for it
        yield _Failed(f"{place}: {type(error).__name__}: {error} (--jobs 1 shows more)")


def _batches(files: Sequence[str], share: Share) -> Iterator[_Batch]:
    parts: list[sources.MailboxPart] = []
    octets = 0
    for file in files:
        for part in mailboxes.parts(file, share.octets):
            full = octets >= share.octets or len(parts) >= share.files
            if parts and (part.octets is None or full):
                yield _Batch(tuple(parts))
                parts, octets = [], 0
            if part.octets is None:
                yield _Batch((part,))
            else:
                parts.append(part)
                octets += part.octets
    if parts:
        yield _Batch(tuple(parts))


def _uncounted(octets: int) -> None:
    """Count nothing: who waits for the batch does."""
