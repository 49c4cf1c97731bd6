"""The standard streams of a command: closed ones, encodings, colours, octets that go out."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_closed: set[str] = set()


def prepare() -> None:
    """Make the streams such that writing text never fails for want of a character.

    A shell may start a program without its standard streams (``>&-``); what an encoding cannot
    hold is written as an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            _closed.add(name)
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def output() -> IO[bytes]:
    """Return standard output for octets.  Raises UsageError where it is closed."""
    if "stdout" in _closed:
        from avowal.errors import UsageError

        raise UsageError("standard output is closed: there is nowhere to write to")
    return sys.stdout.buffer


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a line to standard output or error, in its encoding.

    click would write UTF-8 where the encoding is ASCII.
    """
    import click

    click.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)


def coloured(stream: IO[str]) -> bool:
    """Whether to colour what goes to a stream: a terminal that can, and a person who wants it.

    https://no-color.org: any value of NO_COLOR that is not empty says no.
    """
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and not _is_dumb()


def draws(stream: IO[str]) -> bool:
    """Whether a stream is a terminal on which a line can be drawn again."""
    return bool(stream.isatty()) and not _is_dumb()


def let_go(*streams: IO[str]) -> None:
    """Point streams whose reader has gone to nowhere: the interpreter flushes them at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


def _is_dumb() -> bool:
    return os.environ.get("TERM", "dumb") == "dumb"
