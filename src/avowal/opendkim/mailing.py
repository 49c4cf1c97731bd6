"""Handing mail of ours to MTACommand, as ``COMMAND -t -fSENDER`` takes it on its input."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Sequence

from avowal.opendkim.journal import Level, Line
from avowal.opendkim.verdict import Mail

DEFAULT_COMMAND = "/usr/sbin/sendmail"
_SECONDS = 20.0  # a command that takes longer is stopped: the MTA waits for our answer


async def hand_over(command: str, mails: Sequence[Mail], say: Callable[[Line], None]) -> None:
    """Give mails to the command, one after the other; say what went wrong.  Raises nothing."""
    for mail in mails:
        try:
            status = await asyncio.wait_for(_piped(command, mail), _SECONDS)
        except TimeoutError:
            say(Line(Level.ERROR, f"{command}: still running after {_SECONDS:.0f} s: stopped"))
        except OSError as error:
            say(Line(Level.ERROR, f"popen(): {command}: {error.strerror}"))
        except ValueError as error:
            say(Line(Level.ERROR, f"MTACommand: {error}"))
        else:
            if status:
                say(Line(Level.ERROR, f"pclose(): returned status {status}"))


async def _piped(command: str, mail: Mail) -> int:
    words = [*shlex.split(command), "-t", f"-f{mail.sender}"]
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await process.communicate(mail.octets.replace(b"\r\n", b"\n"))
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0
