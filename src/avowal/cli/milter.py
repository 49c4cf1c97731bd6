"""``avowal milter``: the daemon, from a configuration file or from a domain's name alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.streams import echo
from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.milter.worker import Prepared

Load = Callable[[int], "Prepared"]


@click.command("milter")
@click.option("-c", "--config", metavar="FILE", help="The configuration, in TOML.")
@click.option(
    "-d",
    "--domain",
    "domains",
    multiple=True,
    metavar="DOMAIN",
    help="Sign for this domain, with keys that are made where there are none.",
)
@click.option(
    "--socket",
    "sockets",
    multiple=True,
    metavar="SOCKET",
    help="unix:PATH or inet:PORT@HOST.  [default: inet:8891@localhost]",
)
@click.option(
    "--keys",
    "directory",
    metavar="DIR",
    default="keys",
    show_default=True,
    help="Where the keys of --domain are.",
)
@click.option(
    "--sign-unpublished",
    is_flag=True,
    help="Sign with keys of --domain before DNS shows their records.",
)
@click.option("--resolver", multiple=True, metavar="ADDRESS", help="A name server to ask.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.")
@click.option("-n", "--check", is_flag=True, help="Read everything, load the keys, and stop.")
def command(
    *,
    config: str | None,
    domains: tuple[str, ...],
    sockets: tuple[str, ...],
    directory: str,
    sign_unpublished: bool,
    resolver: tuple[str, ...],
    workers: int | None,
    check: bool,
) -> int:
    """Sign and verify mail for an MTA.

    With --config everything stands in the file.  With --domain mail from this machine and
    of authenticated clients is signed and other mail verified; the records to publish are
    printed, and signing begins when DNS shows them.

    SIGHUP or SIGUSR1 reads the configuration again, SIGTERM finishes open messages and ends.
    """
    if (config is None) == (not domains):
        raise UsageError("give either --config or --domain")
    if config is not None and (sockets or resolver or workers or sign_unpublished):
        raise UsageError("with --config, sockets, workers and name servers stand in the file")
    if config is not None:
        load = _from_file(config)
    else:
        load = _from_domains(
            domains,
            directory,
            sockets=sockets,
            servers=resolver,
            workers=workers,
            require_published=not sign_unpublished,
        )
    if check:
        prepared = load(0)
        for note in prepared.notes():
            echo(f"note: {note}")
        echo("the configuration is good")
        return ExitStatus.PASSED
    from avowal.keys.secrecy import keep_memory_private
    from avowal.milter.supervisor import Supervisor

    keep_memory_private()
    return Supervisor(load).run()


def _from_file(path: str) -> Load:
    def load(generation: int) -> Prepared:
        from avowal import app
        from avowal.config import toml

        loaded = toml.read(path)
        return app.milter(loaded.configuration, loaded.places, generation=generation)

    return load


def _from_domains(domains: tuple[str, ...], directory: str, **options: Any) -> Load:
    from avowal import quickstart

    keys = quickstart.keys(domains, directory)
    for one in keys:
        echo(f"; {'made' if one.made else 'found'} {one.path}", err=True)
        echo(one.record)
    if options["require_published"] and os.access(directory, os.W_OK):
        options["publication_file"] = str(Path(directory) / "published")
    configuration = quickstart.configuration(keys, **options)

    def load(generation: int) -> Prepared:
        from avowal import app

        return app.milter(configuration, generation=generation)

    return load
