"""Exit statuses, and the one place where failures become a line and a status.

Scripts rely on the statuses; docs/reference/command.md shows the same table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import IntEnum

from avowal.cli import streams
from avowal.errors import AvowalError, EnvironmentFault, StoreAwayError, StoreError
from avowal.text import printable


class ExitStatus(IntEnum):
    """What the command's exit status says."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitStatus:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    PASSED = (0, "done; every message has a signature that passes, or is authentic")
    NOT_PASSED = (1, "some message has none that passes or is not authentic, some record differs")
    UNUSABLE = (2, "the command line, or a file it names, cannot be used")
    TRY_AGAIN = (3, "not known for now: DNS does not answer, or the system fails")
    CANNOT_TELL = (4, "whether some message is authentic cannot be told, now or later")
    HELD = (5, "a check asks that a person looks at the post before it is passed on")
    INTERRUPTED = (130, "interrupted (Ctrl-C)")
    BROKEN_PIPE = (141, "whoever read the output has gone")


def worst(*statuses: ExitStatus) -> ExitStatus:
    """Combine the statuses of several messages: what cannot be used counts most."""
    order = (
        ExitStatus.UNUSABLE,
        ExitStatus.NOT_PASSED,
        ExitStatus.CANNOT_TELL,
        ExitStatus.TRY_AGAIN,
    )
    return next((status for status in order if status in statuses), ExitStatus.PASSED)


def complain(text: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    print(f"avowal: {printable(line)}", file=sys.stderr, flush=True)


def run(work: Callable[[], int]) -> int:
    """Do the work of this process; return its exit status, or that of what went wrong."""
    streams.prepare()
    try:
        return _run(work)
    except BrokenPipeError:  # the complaint itself: nobody reads that either
        streams.let_go(sys.stdout, sys.stderr)
        return ExitStatus.BROKEN_PIPE


def _run(work: Callable[[], int]) -> int:
    try:
        status = work()
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        complain(str(interrupt) or "interrupted")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        streams.let_go(sys.stdout)
        complain("the output was closed before its end")
        return ExitStatus.BROKEN_PIPE
    except AvowalError as fault:
        complain(str(fault))
        return ExitStatus.TRY_AGAIN if _may_pass(fault) else ExitStatus.UNUSABLE
    except OSError as error:
        complain(os_error(error))
        return ExitStatus.TRY_AGAIN if error.filename is None else ExitStatus.UNUSABLE
    return status


def _may_pass(fault: AvowalError) -> bool:
    """Whether the same command may do later: what is wrong is neither it nor a file it names."""
    if isinstance(fault, StoreError):
        return isinstance(fault, StoreAwayError)
    return isinstance(fault, EnvironmentFault)


def os_error(error: OSError) -> str:
    """Say in one line what the system refused."""
    why = error.strerror or str(error) or type(error).__name__
    return why if error.filename is None else f"{os.fsdecode(error.filename)}: {why}"
