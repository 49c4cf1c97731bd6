"""The command `avowal`: one file per subcommand, imported only when it is asked for.

`commands` names them all and hands the command line to click; `plain` reads the lines that need
no parser.  Whatever goes wrong becomes one line on stderr and a status of `exits.Status`, never
a traceback.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # not of typing, which takes longer to import than `--version` to answer
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    from avowal.cli import exits, plain

    sys.exit(exits.run(plain.read(sys.argv[1:]) or _parsed))


def _parsed() -> int:
    from avowal.cli import commands

    return commands.run(sys.argv[1:])
