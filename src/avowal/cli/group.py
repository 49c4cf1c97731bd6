"""A group of subcommands whose help tells each of them by its whole first sentence."""

from __future__ import annotations

import click

_WHOLE = 1000  # characters: no first sentence is longer


class Group(click.Group):
    """Lists its commands without cutting what they say; the formatter wraps it."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line or more per command."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, one.get_short_help_str(_WHOLE)) for name, one in commands if one]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
