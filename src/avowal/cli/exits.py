"""Exit statuses, and the one place where failures become a line and a status.

Scripts rely on the statuses; docs/reference/command.md shows the same table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import IntEnum

from avowal.errors import AvowalError, EnvironmentFault, StoreError
from avowal.text import printable


class Status(IntEnum):
    """What the command's exit status says."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Status:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    PASSED = (0, "done; every message has a signature that passes")
    NOT_PASSED = (1, "some message has none that passes, some record is absent or differs")
    UNUSABLE = (2, "the command line, or a file it names, cannot be used")
    TRY_AGAIN = (3, "not known for now: DNS does not answer, or the system fails")
    INTERRUPTED = (130, "interrupted (Ctrl-C)")
    BROKEN_PIPE = (141, "whoever read the output has gone")


def worst(*statuses: Status) -> Status:
    """Combine the statuses of several messages: what cannot be used counts most."""
    order = (Status.UNUSABLE, Status.NOT_PASSED, Status.TRY_AGAIN)
    return next((status for status in order if status in statuses), Status.PASSED)


def complain(text: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    print(f"avowal: {printable(line)}", file=sys.stderr)


def run(work: Callable[[], int]) -> int:
    """Do the work of this process; return its exit status, or that of what went wrong."""
    _open_closed_streams()
    try:
        status = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("interrupted")
        return Status.INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        complain("the output was closed before its end")
        return Status.BROKEN_PIPE
    except AvowalError as fault:
        complain(str(fault))
        surroundings = isinstance(fault, EnvironmentFault) and not isinstance(fault, StoreError)
        return Status.TRY_AGAIN if surroundings else Status.UNUSABLE
    except OSError as error:
        complain(os_error(error))
        return Status.TRY_AGAIN if error.filename is None else Status.UNUSABLE
    return status


def os_error(error: OSError) -> str:
    """Say in one line what the system refused."""
    why = error.strerror or str(error) or type(error).__name__
    return why if error.filename is None else f"{os.fsdecode(error.filename)}: {why}"


def _open_closed_streams() -> None:
    """A shell may start a program without its standard streams (``>&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
