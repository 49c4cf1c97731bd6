"""The command `avowal`: one file per subcommand, imported only when it is asked for.

`commands` names them all and hands the command line to click; `plain` reads the lines that need
no parser.  Whatever goes wrong becomes one line on stderr and a status of `exits.ExitStatus`, never
a traceback.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False  # not of typing, which takes longer to import than `--version` to answer
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    from avowal.cli import exits

    try:
        sys.exit(exits.run(_work))
    finally:
        gc.freeze()  # spares the interpreter's end a search for garbage, a tenth of a short run


def _work() -> int:
    gc.disable()  # imports make many objects and hardly any garbage
    try:
        work = _read()
    finally:
        gc.enable()
    return work()


def _read() -> Callable[[], int]:
    """Import what the arguments ask for."""
    from avowal.cli import plain

    work = plain.read(sys.argv[1:])
    if work is None:
        from functools import partial

        from avowal.cli import commands

        work = partial(commands.run, sys.argv[1:])
    return work
