"""The subcommands by name, and click, which reads what the user wrote.

`COMMANDS` names every subcommand, its module and its line in ``avowal --help``; a module
holds the click command as `command`.  A new subcommand is a file and a row.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from avowal import __version__
from avowal.cli import exits
from avowal.cli.streams import coloured

COMMANDS: dict[str, tuple[str, str]] = {
    "verify": ("avowal.cli.verify", "Verify the signatures of messages, mailboxes, archives."),
    "verdict": ("avowal.cli.verdict", "Say whether a message is really from whom it says."),
    "serve": (
        "avowal.cli.serve",
        "Answer over HTTP whether messages are really from whom they say.",
    ),
    "web": ("avowal.cli.web", "Look at messages and domains in a browser, on this machine."),
    "explain": ("avowal.cli.explain", "Prove why a signature failed, and show what was signed."),
    "show": ("avowal.cli.show", "Say who answers for a message, and what a program should show."),
    "preflight": ("avowal.cli.preflight", "Say what would break a signature on its way."),
    "check": ("avowal.cli.check", "Say whether a sender has what large receivers ask for."),
    "sign": ("avowal.cli.sign", "Sign a message."),
    "key": ("avowal.cli.key", "Make a key, show its record, compare it with DNS."),
    "keys": ("avowal.cli.keys", "Keep, rotate, watch and recover the keys that sign."),
    "canon": ("avowal.cli.canon", "Show the canonical octets of a message and their hashes."),
    "policy": ("avowal.cli.policy", "See, check, write and evaluate policies: DMARC and older."),
    "lookup": ("avowal.cli.lookup", "Ask DNS as the verifier does."),
    "arc": ("avowal.cli.arc", "Validate ARC chains, or seal a message (experimental)."),
    "list": ("avowal.cli.list", "Advise a mailing list, or do its DKIM work in a pipe."),
    "reports": ("avowal.cli.reports", "Send reports to domain owners; read those about your own."),
    "reputation": ("avowal.cli.reputation", "See, set and count opinions about who signs mail."),
    "milter": ("avowal.cli.milter", "Sign and verify for an MTA: the daemon."),
    "config": ("avowal.cli.config", "Check, explain and show configurations."),
    "why": ("avowal.cli.why", "Say what the daemon would do with a message, and why."),
    "demo": ("avowal.cli.demo", "Show signing, publishing, verifying and tampering at work."),
}


class _Commands(click.Group):
    """The group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _key_services(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> None:
    if names:
        from avowal.extensions import use_key_service

        for name in names:
            use_key_service(name)


def _algorithms(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> None:
    """Before the command is imported: it lists the types of keys that there are."""
    if names:
        from avowal.extensions import use_algorithm

        for name in names:
            use_algorithm(name)


@click.command(
    "avowal",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExit status:\n"
    + "\n".join(f"  {s.value:<4} {s.meaning}" for s in exits.ExitStatus),
    subcommand_metavar="COMMAND ...",
)
@click.option(
    "--key-service",
    "key_services",
    multiple=True,
    metavar="NAME",
    is_eager=True,
    expose_value=False,
    callback=_key_services,
    help="Also ask for keys by this method of q=, which an installed package brings.",
)
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    metavar="NAME",
    is_eager=True,
    expose_value=False,
    callback=_algorithms,
    help="Also sign and verify with this algorithm a=, which an installed package brings.",
)
@click.version_option(__version__, message="avowal %(version)s")
def group() -> None:
    """DKIM whole: sign mail, verify it, and say why a signature failed."""


def run(arguments: list[str]) -> int:
    """Run what the arguments ask for; return the exit status.

    Raises what the command raises; wrong arguments become a complaint.
    """
    try:
        # Not group.main(): that one swallows broken pipes.
        with group.make_context("avowal", arguments) as context:
            if not coloured(sys.stdout):
                context.color = False
            made = group.invoke(context)
    except click.exceptions.Exit as ended:  # --help, --version
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return exits.ExitStatus.UNUSABLE
    except click.ClickException as error:
        exits.complain(_usage(error))
        return exits.ExitStatus.UNUSABLE
    except click.Abort:
        raise KeyboardInterrupt from None
    return made if isinstance(made, int) else exits.ExitStatus.PASSED


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" ({context.command_path} --help)" if context is not None else ""
    return f"{error.format_message().rstrip('.')}{hint}"
