"""``avowal config from-opendkim``: an opendkim.conf as TOML, and what each line became."""

from __future__ import annotations

import click

from avowal.cli.exits import Status


@click.command("from-opendkim")
@click.argument("file", default="/etc/opendkim.conf")
@click.option("--lines", "lines_only", is_flag=True, help="Print only what each line became.")
def from_opendkim(*, file: str, lines_only: bool) -> int:
    """Read FILE with its tables and sets, and print the same configuration as TOML.

    Comments on top say what each line became.  Lines that begin with NOTHING are not obeyed
    by the result: read them.  The status is 1 then.
    """
    from avowal.config.opendkim_conf import read_conf
    from avowal.opendkim.translating import translate

    translation = translate(read_conf(file))
    if lines_only:
        for one in translation.became:
            print(f"{one.setting.place}: {one.setting.key}: {one.words}")
    else:
        print(translation.text(), end="")
    lost = any(one.words.startswith("NOTHING") for one in translation.became)
    return Status.NOT_PASSED if lost else Status.PASSED
