"""``avowal web``: look at messages and domains in a browser (docs/howto/web.md)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from avowal import __version__
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.keyfile import opened, password_option
from avowal.cli.listening import is_loopback, open_socket, shown
from avowal.cli.shared_options import dns_options, gathered, moment_or_receipt
from avowal.cli.streams import echo
from avowal.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from avowal.web.inspector import Sources

_DEFAULT = "127.0.0.1:8025"


class _Stores(NamedTuple):
    """What a mail server keeps that is looked at too."""

    capture_box: str | None
    identity: str | None
    password_file: str | None
    key_store: str | None
    events: str | None
    reports: str | None

    def sources(self, mailboxes: tuple[str, ...]) -> Sources:
        """Open what has to be there.  Raises UsageError, KeyMaterialError, StoreError."""
        from avowal.web.captures import Captures
        from avowal.web.inspector import Sources
        from avowal.web.mailbox import Mailboxes

        for path in mailboxes:
            if not os.path.exists(path):  # noqa: PTH110 - pathlib costs start-up
                raise UsageError(f"{path}: there is no such file or folder")
        captures = None
        if self.capture_box is not None and self.identity is not None:
            box, identity = self.capture_box, self.identity
            captures = opened(
                identity, self.password_file, lambda secret: Captures.of(box, identity, secret)
            )
        elif self.capture_box is not None or self.identity is not None:
            raise UsageError("--capture and --identity go together: a directory, and its key")
        return Sources(
            mailboxes=Mailboxes(mailboxes),
            captures=captures,
            key_store=self.key_store,
            events=self.events,
            reports=self.reports,
        )


_stores_options = gathered(
    "stores",
    _Stores,
    _Stores._fields,
    click.option(
        "--capture",
        "capture_box",
        metavar="DIR",
        help="The daemon's capture box, or a copy of it; needs --identity.",
    ),
    click.option(
        "--identity",
        metavar="FILE",
        help="The private key of age or SSH that captured messages are encrypted for.",
    ),
    password_option,
    click.option("--store", "key_store", metavar="STORE", help="A key store, for a domain's keys."),
    click.option(
        "--events",
        metavar="STORE",
        help="Events of the daemon, for mail now: sqlite:PATH or postgresql://…",
    ),
    click.option(
        "--reports",
        metavar="FILE",
        help="The store of received reports (avowal reports read), for a domain's trend.",
    ),
)


@click.command("web")
@click.argument("mailboxes", nargs=-1, metavar="[MAILBOX]...")
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    default=_DEFAULT,
    show_default=True,
    help="Where browsers reach it; port 0 takes a free one.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME[:PORT]",
    help="Let browsers ask by this name too. Needed beyond this machine, where what they send "
    "can be read on the way: put TLS before it.",
)
@click.option(
    "--octets",
    type=click.IntRange(1 << 10, 1 << 30),
    default=64 << 20,
    show_default=True,
    help="The largest message.",
)
@click.option(
    "--at",
    type=moment_or_receipt,
    metavar="TIME",
    show_default="now",
    help="Judge messages as at this time: Unix seconds, ISO 8601, or `received`: when the topmost "
    "Received field of each says it came, for archives.",
)
@_stores_options
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser of this machine.")
@dns_options
def command(
    *,
    mailboxes: tuple[str, ...],
    listen: str,
    hosts: tuple[str, ...],
    octets: int,
    at: int | None,
    stores: _Stores,
    opens: bool,
    dns: Dns,
) -> int:
    """Look at messages and domains in a browser, on this machine.

    Prints a link that lets one browser in, once. Messages are dropped, pasted, or chosen from
    a MAILBOX (a Maildir, an mbox, a folder, a file). They stay in memory; nothing leaves this
    machine but questions to DNS, and with --zone or --replay not even these.
    """
    try:
        from avowal.web.server import serve
    except ImportError as missing:
        raise EnvironmentFault(f"{missing}: pip install 'avowal[web]'") from None
    from avowal.web.limits import WebLimits

    sources = stores.sources(mailboxes)
    with dns.opened() as resolver:
        listener = open_socket(_specification(listen), "0600")
        try:
            where = shown(listener)
            names = _names(where, listener.socket, hosts, listen)

            def tell(token: str) -> None:
                link = f"{where}/enter?token={token}"
                echo(f"open {link}", err=True)

            serve(
                listener.socket,
                resolver,
                names=names,
                sources=sources,
                limits=WebLimits(octets=octets),
                on_token=tell,
                on_ready=_opening(where) if opens else None,
                at=at,
                asks=_asked(dns),
                version=__version__,
            )
        finally:
            listener.close()
    return ExitStatus.PASSED


def _specification(listen: str) -> str:
    """Return ADDRESS:PORT as the sockets of the daemons are written.  Raises UsageError."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit():
        raise UsageError(f"--listen {listen}: write ADDRESS:PORT, such as {_DEFAULT}")
    return f"inet6:{port}@{host}" if ":" in host else f"inet:{port}@{host}"


def _names(where: str, listening: socket.socket, hosts: tuple[str, ...], listen: str) -> set[str]:
    """Return the values of Host that are ours.  Raises UsageError beyond this machine."""
    own = where.removeprefix("http://")
    port = own.rpartition(":")[2]
    if is_loopback(listening):
        return {own, f"localhost:{port}", *hosts}
    if not hosts:
        raise UsageError(
            f"--listen {listen}: other machines could read what is sent; listen on an address"
            " of the loopback interface, or name the host that browsers ask for by --host"
        )
    return {own, *hosts, *(f"{name}:{port}" for name in hosts)}


def _asked(dns: Dns) -> str:
    if dns.zone or dns.replay:
        return "nobody: its answers come from a file"
    if dns.resolver:
        return ", ".join(dns.resolver[:3])
    return "the name servers of this machine"


def _opening(where: str) -> Callable[[str], None]:
    """Return what opens a link in a browser, without waiting for it."""
    import threading
    import webbrowser

    def opening(token: str) -> None:
        link = f"{where}/enter?token={token}"
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()

    return opening
