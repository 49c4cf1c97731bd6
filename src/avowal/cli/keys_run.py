"""``avowal keys run``: do what the rotations of a store ask for, again and again."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from avowal.cli.exits import ExitStatus, complain
from avowal.cli.keystore import AGAIN, awaited, opened, store_option
from avowal.cli.publishers import PublisherOptions, publisher_options
from avowal.cli.shared_options import looked_through_option, servers_port_option
from avowal.cli.streams import echo
from avowal.errors import StoreError, UsageError
from avowal.text import printable
from avowal.valueclass import value

if TYPE_CHECKING:
    from avowal.keys.lifecycle import ManagedKey
    from avowal.keys.observation import Named
    from avowal.keys.rotation_runner import Hands, Runner
    from avowal.keys.store import KeyStore

_PAUSE = 5  # seconds between looks at whether somebody gave a command
_LEASE = 120  # seconds that a host which died holds up the others


@click.command("run")
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@publisher_options
@click.option(
    "--alias-zone",
    metavar="NAME",
    help="Publish in this zone, where the CNAMEs of the domains lead (selectors=…).",
)
@click.option(
    "--key-directory",
    default="/var/lib/avowal/private",
    show_default=True,
    metavar="DIRECTORY",
    help="Where new private keys are put.",
)
@click.option(
    "--passphrase-file", metavar="FILE", help="Encrypt new keys with the first line of this file."
)
@click.option(
    "--old-keys",
    metavar="DIRECTORY",
    help="Where the private halves of revoked keys are published (publish-private=yes).",
)
@looked_through_option
@servers_port_option
@click.option(
    "--alert-command", metavar="COMMAND", help="Run this for each alert, with its text as input."
)
@click.option(
    "--lease",
    type=click.IntRange(5, 3600),
    default=_LEASE,
    show_default=True,
    help="Seconds until another host takes over from one that died.",
)
@store_option
def command(
    *,
    once: bool,
    publishing: PublisherOptions,
    alias_zone: str | None,
    key_directory: str,
    passphrase_file: str | None,
    old_keys: str | None,
    resolver: tuple[str, ...],
    port: int,
    alert_command: str | None,
    lease: int,
    store_name: str,
) -> int:
    """Make, publish, look at, try, switch, revoke: what the rotations of the store ask for.

    By default records are not written by anybody but you: they are printed as your zone or
    panel takes them, looked for, and the rotation goes on when every server shows them.
    Several hosts may run it on one store: one acts, another takes over when it is gone.
    SIGTERM ends it with status 0, and lets another act at once; one that was killed keeps the
    others waiting until its lease is over.  A database that is away is waited for.

    With --once the status is 0 when nothing is wrong with any rotation, 1 when there is
    something the operator has to know, as keys status shows it, or something that was tried
    now failed; 3 when another host acts, so that nothing was done.
    """
    options = _Options(
        publishing=publishing,
        alias_zone=alias_zone,
        key_directory=key_directory,
        passphrase_file=passphrase_file,
        old_keys=old_keys,
        resolvers=resolver,
        port=port,
        alert_command=alert_command,
        lease=lease,
    )
    with _ended_in_order(), (opened if once else awaited)(store_name) as store:
        runner = _runner(store, options)
        try:
            return _once(store, runner) if once else _always(store, runner, lease)
        finally:
            with suppress(StoreError):  # it is away: the lease will be over by itself
                runner.release()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Have SIGTERM unwind: what a service is stopped with would keep the lease otherwise."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitStatus.PASSED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@value
class _Options:
    """What carries actions out."""

    publishing: PublisherOptions
    alias_zone: str | None
    key_directory: str
    passphrase_file: str | None
    old_keys: str | None
    resolvers: tuple[str, ...]
    port: int
    alert_command: str | None
    lease: int

    def hands(self) -> Hands:
        """Return what does the work.  Raises UsageError and ResolverSetupError."""
        from avowal.cli.observing import named_resolvers, observer
        from avowal.keys.pairs import PairDirectory
        from avowal.keys.publishing import AliasTargets
        from avowal.keys.rotation_runner import Hands

        try:
            shlex.split(self.alert_command or "")
        except ValueError as error:  # now, not when there is something to tell
            raise UsageError(f"--alert-command: {error}") from None
        named = named_resolvers(self.resolvers)
        publisher = self.publishing.publisher()
        if self.alias_zone is not None:
            publisher = AliasTargets(publisher, self.alias_zone.removesuffix(".").lower())
        return Hands(
            publisher=publisher,
            observer=observer(self.resolvers, port=self.port),
            make=PairDirectory(self.key_directory, self.passphrase_file).make,
            canary=lambda key: _canary(key, named),
            expose=self.expose,
            tell=self.tell,
        )

    def expose(self, key: ManagedKey) -> None:
        """Publish the private half of a revoked key as a file."""
        from avowal import paths
        from avowal.crypto.signing import PrivateKey
        from avowal.stored_keys import open_private

        if self.old_keys is None:
            raise UsageError("publish-private=yes: say where with --old-keys")
        opened_key = open_private(key.private)
        if not isinstance(opened_key, PrivateKey):
            raise UsageError(f"{key.private}: a key that cannot be read out cannot be published")
        paths.make_directory(self.old_keys, 0o755)
        paths.replace(f"{self.old_keys}/{key.name}.pem", opened_key.pem(), 0o644)

    def tell(self, text: str) -> None:
        """Tell the operator: on standard error, and by their command."""
        import subprocess

        complain(text)
        if self.alert_command is None:
            return
        try:
            subprocess.run(  # noqa: S603 - the operator's own command, without a shell
                shlex.split(self.alert_command), input=f"{text}\n".encode(), timeout=60, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            complain(f"--alert-command: {error}")


def _canary(key: ManagedKey, resolvers: tuple[Named, ...]) -> tuple[str | None, bool]:
    from avowal.calls.canary import canary
    from avowal.crypto.signing import SigningKey
    from avowal.stored_keys import open_private

    private = open_private(key.private)
    if not isinstance(private, SigningKey):
        return f"{key.private}: signs only for programs that do not wait for it", False
    found = canary(private, key.selector, key.domain, resolvers, now=int(time.time()))
    return found.why, found.temporary


def _runner(store: KeyStore, options: _Options) -> Runner:
    from avowal.keys.rotation_clock import moment
    from avowal.keys.rotation_runner import Runner

    host = socket.gethostname()
    return Runner(
        store,
        options.hands(),
        moment,
        who=f"keys run on {host}",
        holder=f"{host} {os.getpid()}",
        lease_seconds=options.lease,
        note=lambda text: echo(printable(text), err=True),
    )


def _once(store: KeyStore, runner: Runner) -> int:
    if runner.run() is None:
        who, left = _held(store)
        complain(f"{who} acts on this store, for {left} s more if it was killed; nothing was done")
        return ExitStatus.TRY_AGAIN
    return ExitStatus.NOT_PASSED if _is_troubled(store) else ExitStatus.PASSED


def _is_troubled(store: KeyStore) -> bool:
    from avowal.keys.rotation_document import read_rotation
    from avowal.keys.rotation_troubles import is_troubled

    return any(is_troubled(read_rotation(kept.state)) for kept in store.rotations())


def _always(store: KeyStore, runner: Runner, lease: int) -> int:
    told = None
    while True:
        try:
            said = _turn(store, runner, lease, told)
        except StoreError as error:
            said = str(error)
            if said != told:
                complain(f"{said}; nothing is done until the store is there again")
            time.sleep(AGAIN)
        else:
            if told is not None and said is None:
                complain("acts on the store again")
        told = said


def _turn(store: KeyStore, runner: Runner, lease: int, told: str | None) -> str | None:
    """Do what is due, and wait for more; return why nothing could be done, None where it was.

    What was `told` the last time is not told again.  Raises StoreError.
    """
    wait, said = runner.run(), None
    if wait is None:
        said, wait = _held(store)
        if said != told:
            complain(f"{said} acts on this store, for {wait} s more if it was killed: waiting")
    until = time.monotonic() + min(wait, lease // 2)
    revision = store.revision()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _PAUSE))
        if store.revision() != revision:
            break
    return said


def _held(store: KeyStore) -> tuple[str, int]:
    """Say who acts on a store, and give in how many seconds its lease is over, 1 at least."""
    from avowal.keys.rotation_runner import LEASE

    lease = store.leader(LEASE)
    if lease is None:  # given back just now
        return "another process", 1
    left = max(lease.until - int(time.time()), 0) + 1
    return f"{lease.holder} (host and process)", left
