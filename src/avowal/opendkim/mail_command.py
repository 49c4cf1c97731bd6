"""Handing mail of ours to MTACommand, as ``COMMAND -t -fSENDER`` takes it on its input."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
from collections.abc import Callable, Sequence

from avowal.opendkim.journal import Line, LogLevel
from avowal.opendkim.verdict import Mail
from avowal.report.delivery import DEFAULT_COMMAND, SECONDS, piped

__all__ = ["DEFAULT_COMMAND", "hand_over"]


async def hand_over(command: str, mails: Sequence[Mail], say: Callable[[Line], None]) -> None:
    """Give mails to the command, one after the other; say what went wrong.  Raises nothing."""
    for mail in mails:
        try:
            words = [*shlex.split(command), "-t", f"-f{mail.sender}"]
            status = await asyncio.to_thread(piped, words, mail.octets)
        except subprocess.TimeoutExpired:
            say(Line(LogLevel.ERROR, f"{command}: still running after {SECONDS:.0f} s: stopped"))
        except OSError as error:
            say(Line(LogLevel.ERROR, f"popen(): {command}: {error.strerror}"))
        except ValueError as error:
            say(Line(LogLevel.ERROR, f"MTACommand: {error}"))
        else:
            if status:
                say(Line(LogLevel.ERROR, f"pclose(): returned status {status}"))
