"""Programs that look at a post before a list sends it on: spam, viruses (RFC 6377 §5.1).

Each gets the post as it came on standard input, the envelope as far as it is known in
AVOWAL_LIST, AVOWAL_CLIENT, AVOWAL_MAIL_FROM and AVOWAL_HELO, and answers by its exit status.
Only the status that says so lets a post through: a program that fails, is killed, lasts too
long or cannot take a post so large has not looked at it.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import IO

import click

from avowal.cli.envelope import Envelope
from avowal.cli.exits import ExitStatus, complain
from avowal.cli.shared_options import gathered
from avowal.errors import UsageError

_MOST_SAID = 4096  # octets of what a program prints that are shown


class Opinion(Enum):
    """What a program says of a post, and what becomes of the post."""

    status: int | None

    def __new__(cls, word: str, status: int | None) -> Opinion:
        member = object.__new__(cls)
        member._value_ = word
        member.status = status
        return member

    ACCEPT = ("accept", 0)
    REFUSE = ("refuse", 1)
    HOLD = ("hold", 10)
    UNKNOWN = ("unknown", None)


_BECOMES = {
    Opinion.REFUSE: ExitStatus.NOT_PASSED,
    Opinion.HOLD: ExitStatus.HELD,
    Opinion.UNKNOWN: ExitStatus.TRY_AGAIN,
}
_OPINIONS = {one.status: one for one in Opinion if one.status is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Programs to ask, in order, and what they may cost: `seconds` and `octets` for each."""

    commands: tuple[tuple[str, ...], ...]
    seconds: int
    octets: int

    def refusal(self, post: bytes, address: str, envelope: Envelope) -> ExitStatus | None:
        """Return the status of a post that one of them does not accept, None for one that may go.

        The first that does not accept decides.  Raises OSError where one cannot be started.
        """
        if self.commands and len(post) > self.octets:
            complain(f"hold: {len(post)} octets, and only up to {self.octets} are checked")
            return ExitStatus.HELD
        known = {"LIST": address, **{k.upper(): v for k, v in envelope._asdict().items() if v}}
        around = {**os.environ, **{f"AVOWAL_{name}": value for name, value in known.items()}}
        for command in self.commands:
            opinion, why = self._asked(command, post, around)
            if opinion is not Opinion.ACCEPT:
                complain(f"{opinion.value}: {command[0]}: {why}")
                return _BECOMES[opinion]
        return None

    def _asked(
        self, command: Sequence[str], post: bytes, around: Mapping[str, str]
    ) -> tuple[Opinion, str]:
        with tempfile.TemporaryFile() as given:
            given.write(post)
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603 - what the operator names, without a shell
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=around,
                start_new_session=True,
            )
        with process:
            said, status = b"", None
            try:
                said, status = _followed(process, self.seconds)
            finally:
                if status is None:
                    _end(process)
        if status is None:
            return Opinion.UNKNOWN, f"no answer within {self.seconds} s"
        opinion = _OPINIONS.get(status, Opinion.UNKNOWN)
        shown = said.decode(errors="replace").strip()
        return opinion, shown or f"exit status {status}"


def _followed(process: subprocess.Popen[bytes], seconds: int) -> tuple[bytes, int | None]:
    """Return the beginning of what it says, and its status; None where it lasts longer."""
    end = time.monotonic() + seconds
    said = b""
    output: IO[bytes] = process.stdout  # type: ignore[assignment]
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            piece = os.read(output.fileno(), 65536)
            if not piece:
                break
            said += piece[: _MOST_SAID - len(said)]
    try:
        return said, process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return said, None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it ended by itself meanwhile
        return


def _words(line: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"--check: {line!r}: {error}") from None
    if not words:
        raise UsageError("--check: names no program")
    return words


def _checks(check: Sequence[str], check_seconds: int, check_octets: int) -> Checks:
    commands = tuple(_words(line) for line in check)
    return Checks(commands=commands, seconds=check_seconds, octets=check_octets)


check_options = gathered(
    "checks",
    _checks,
    ("check", "check_seconds", "check_octets"),
    click.option(
        "--check",
        multiple=True,
        metavar="COMMAND",
        help="Ask this program about spam or viruses, the post on its standard input; "
        "its exit status says 0: accept, 1: refuse, 10: hold.  May be repeated.",
    ),
    click.option(
        "--check-seconds",
        type=click.IntRange(min=1),
        default=60,
        show_default=True,
        help="How long each check may last; beyond it, exit status 3.",
    ),
    click.option(
        "--check-octets",
        type=click.IntRange(min=1),
        default=25_000_000,
        show_default=True,
        help="How large a post may be that is checked; a larger one is held: exit status 5.",
    ),
)
