"""``avowal config from-opendkim`` and ``from-dkimpy-milter``: others' configurations as TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from avowal.cli.exits import ExitStatus
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.opendkim.translated import Translation

_LINES = click.option(
    "--lines", "lines_only", is_flag=True, help="Print only what each line became."
)


@click.command("from-opendkim")
@click.argument("file", default="/etc/opendkim.conf")
@_LINES
def from_opendkim(*, file: str, lines_only: bool) -> int:
    """Read FILE with its tables and sets, and print the same configuration as TOML.

    Comments on top say what each line became.  What follows a NOTHING is not obeyed by the
    result: read it.  The status is 1 then.
    """
    from avowal.config.opendkim_conf import read_conf
    from avowal.opendkim.policy_scripts import as_options
    from avowal.opendkim.translation import translate

    return _told(translate(as_options(read_conf(file))), lines_only=lines_only)


@click.command("from-dkimpy-milter")
@click.argument("file", default="/etc/dkimpy-milter/dkimpy-milter.conf")
@_LINES
def from_dkimpy_milter(*, file: str, lines_only: bool) -> int:
    """Read the FILE of a dkimpy-milter with its tables and sets, and print it as TOML.

    Comments on top say what each line became.  What follows a NOTHING is not obeyed by the
    result: read it.  The status is 1 then.
    """
    from avowal.opendkim.from_dkimpy import read, translate

    return _told(translate(read(file)), lines_only=lines_only)


def _told(translation: Translation, *, lines_only: bool) -> ExitStatus:
    if lines_only:
        for one in translation.became:
            print(printable(f"{one.setting.place}: {one.setting.key}: {one.words}"))
    else:
        print(translation.text(), end="")
    lost = any(one.lost for one in translation.became)
    return ExitStatus.NOT_PASSED if lost else ExitStatus.PASSED
