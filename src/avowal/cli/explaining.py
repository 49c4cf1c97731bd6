"""Explaining messages from every source and writing what was found: the work of `explain`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from avowal import paths
from avowal.calls.arguments import read_header
from avowal.calls.verify import verified
from avowal.cli import exits, explanation_page, explanation_report, sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.explanation_table import ListTable, Row, row_of
from avowal.cli.outcomes import EXPLAINED, outcomes
from avowal.cli.streams import coloured
from avowal.diagnose import profiles_file
from avowal.diagnose.budget import THOROUGH, USUAL
from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.keys_at_hand import RetiredKeys, no_retired_keys
from avowal.diagnose.observations import observations
from avowal.diagnose.observed import Observation
from avowal.diagnose.profiles import Profiles
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.rules import PROFILES
from avowal.dkim.verification import Verification
from avowal.errors import UsageError
from avowal.line_ends import LineEnds
from avowal.lookup import run
from avowal.message import Message
from avowal.paths.files import write_new

_SECONDS = 3.0  # for one message; --thorough has no such limit
_MOST_PROFILES = 64 << 20  # octets of a file of profiles
_LARGEST = 64 << 20  # octets of a body that is explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    now: int
    profile: str
    contexts: tuple[str, ...] = ()
    profiles: str | None = None
    retired: str | None = None
    thorough: bool = False
    restore: str | None = None
    html: str | None = None
    summary: bool = False
    as_json: bool = False
    line_ends: LineEnds = "auto"
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Explained:
    """One message and what is known of its signatures."""

    origin: sources.MessageOrigin
    message: Message
    explanations: tuple[Explanation, ...]
    observed: tuple[Observation, ...] = ()


class _Told(NamedTuple):
    """What is told of a message: its place in the table, its lines, its part of the page.

    `original` is the author's message, where somebody wants it.
    """

    status: ExitStatus
    row: Row
    text: str | None
    section: str | None
    original: bytes | None


def explain(paths: Sequence[str], dns: Dns, wish: Wish) -> int:
    """Explain what the paths hold and print it; return the exit status.

    Of several processes each learns of the messages that it explains, and of no others.
    """
    if wish.jobs > 1:
        _refuse_several(dns, wish)
    files = [file for path in paths for file in sources.files(path)]
    explainer = Explainer(
        effort=THOROUGH if wish.thorough else USUAL,
        retired=_retired(wish.retired),
        profiles=_profiles(wish.profiles),
        around=_around(files, wish),
        deadline=None if wish.thorough else _deadline,
        source="DNS" if dns.keys_from is None else "archive",
    )
    statuses: set[ExitStatus] = set()
    with (
        _kept(explainer.profiles, wish.profiles), dns.opened() as resolver,
        _outputs(wish) as write,
    ):  # fmt: skip

        def again(message: Message) -> tuple[Verification, ...]:
            return verified(
                message.header, (message.body,), resolver,
                now=wish.now, rules=PROFILES[wish.profile],
            )  # fmt: skip

        explainer.again = again

        def judge(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> _Told:
            message = _whole(origin, chunks, wish.line_ends)
            verdicts = again(message)
            explanations = explainer.explain(message, verdicts)
            observed = run(observations(message, explanations), resolver)
            return _told(Explained(origin, message, explanations, observed), wish)

        for outcome in outcomes(paths, judge, jobs=wish.jobs, share=EXPLAINED):
            if not isinstance(outcome, _Told):
                raise sources.Unusable(outcome[1])
            write(outcome)
            if wish.restore is not None:
                _restore(outcome.original, wish.restore, first=not statuses)
            statuses.add(outcome.status)
    return exits.worst(*statuses) if statuses else ExitStatus.NOT_PASSED


def _refuse_several(dns: Dns, wish: Wish) -> None:
    """Refuse options that one process has to see to.  Raises UsageError."""
    for name, given in (("--profiles", wish.profiles), ("--record", dns.record)):
        if given is not None:
            raise UsageError(f"{name}: one process keeps the file: leave --jobs out")


def _retired(path: str | None) -> RetiredKeys:
    """Return what gives the keys of an archive.  Raises ConfigError, Unusable."""
    if path is None:
        return no_retired_keys
    from avowal.keys.archive import KeyArchive
    from avowal.keys.retired import retired_keys

    try:
        return retired_keys(KeyArchive.load(path))
    except OSError as error:
        raise sources.Unusable(exits.os_error(error)) from None


def _profiles(path: str | None) -> Profiles:
    """Read what is known already, nothing where there is no such file yet.

    Raises ConfigError, Unusable.
    """
    known = Profiles()
    if path is None:
        return known
    try:
        octets = paths.read(path, _MOST_PROFILES)
    except FileNotFoundError:
        return known
    except OSError as error:
        raise sources.Unusable(exits.os_error(error)) from None
    profiles_file.read(octets.decode("utf-8", "replace"), file=path, into=known)
    return known


@contextmanager
def _kept(known: Profiles, path: str | None) -> Iterator[None]:
    """Write what is known at the end, Ctrl-C or not: it names subscribers, so for us alone."""
    try:
        yield
    finally:
        if path is not None:
            try:
                paths.replace(path, profiles_file.written(known).encode(), 0o600)
            except OSError as error:
                exits.complain(exits.os_error(error))


def _deadline() -> Callable[[], bool]:
    end = time.monotonic() + _SECONDS
    return lambda: time.monotonic() > end


def _around(files: Sequence[str], wish: Wish) -> Surroundings:
    """Look at the headers of all messages first: what others show helps with each."""
    around = Surroundings()
    others = [file for path in wish.contexts for file in sources.files(path)]
    own = [path for path in files if path != "-"]
    for path in (*others, *own):
        for _, chunks in sources.messages(path, lambda octets: None):
            header, _ = read_header(chunks, line_ends=wish.line_ends)
            around.take(header, copies=path in others)
    return around


def _whole(origin: sources.MessageOrigin, chunks: Iterator[bytes], line_ends: LineEnds) -> Message:
    """Read one message into memory.  Raises Unusable."""
    header, body = read_header(chunks, line_ends=line_ends)
    sources.require_fields(header, origin)
    pieces, size = [], 0
    for piece in body:
        size += len(piece)
        if size > _LARGEST:
            raise sources.Unusable(
                f"{origin}: over {_LARGEST >> 20} MiB, too large to be explained"
            )
        pieces.append(bytes(piece))
    return Message(header, b"".join(pieces))


def _status(found: Explained) -> ExitStatus:
    if any(one.verification.result == "temperror" for one in found.explanations):
        return ExitStatus.TRY_AGAIN
    known = all(one.passed or one.explained for one in found.explanations)
    return ExitStatus.PASSED if found.explanations and known else ExitStatus.NOT_PASSED


@contextmanager
def _outputs(wish: Wish) -> Iterator[Callable[[_Told], None]]:
    """Give what writes what is told; the table of lists comes last, Ctrl-C or not."""
    table = ListTable()
    page: list[str] = []

    def write(told: _Told) -> None:
        table.add(told.row)
        if told.section is not None:
            page.append(told.section)
        if told.text is not None:
            print(told.text)

    try:
        yield write
    finally:
        if wish.summary and wish.as_json:
            print(json.dumps({"lists": table.objects()}))
        elif table.messages > 1 and not wish.as_json:
            print("\n".join(table.lines()))
        if wish.html is not None:
            octets = "".join((explanation_page.begin(), *page, explanation_page.end())).encode()
            write_new(wish.html, octets)


def _told(found: Explained, wish: Wish) -> _Told:
    """Return what is told of a message."""
    page = explanation_page.section
    originals = (one.original for one in found.explanations if one.original)
    original = next(originals, None) if wish.restore is not None else None
    return _Told(
        _status(found),
        row_of(found.message.header, found.explanations),
        None if wish.summary else _text(found, as_json=wish.as_json),
        None if wish.html is None else page(str(found.origin), found.explanations),
        None if original is None else original.octets,
    )


def _text(found: Explained, *, as_json: bool) -> str:
    origin = found.origin
    if as_json:
        made = explanation_report.as_json(
            origin.path, origin.number, found.explanations, found.observed
        )
        return json.dumps(made)
    return explanation_report.as_text(
        str(origin), found.explanations, found.observed, coloured=coloured(sys.stdout)
    )


def _restore(original: bytes | None, path: str, *, first: bool) -> None:
    """Write the author's message.  Raises UsageError where none is proven."""
    if not first:
        raise UsageError("--restore: give one message")
    if original is None:
        raise UsageError("--restore: no original is proven, nothing is written")
    write_new(path, original)
    exits.complain(f"{path}: the message as its author signed it; what differs is shown above")


__all__ = ["Explained", "Wish", "explain"]
