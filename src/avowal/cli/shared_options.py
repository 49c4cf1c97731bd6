"""Options about DNS and time that several commands share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from avowal.calls.receipt import RECEIVED
from avowal.cli.dns import Dns

F = TypeVar("F", bound=Callable[..., Any])


def moment(value: str | int) -> int:
    """Read Unix seconds, or ISO 8601, in UTC where it names no zone; return Unix seconds.

    Raises click.BadParameter.
    """
    text = str(value).strip()
    if text.isascii() and text.isdigit():
        return int(text)
    from datetime import UTC, datetime

    try:
        read = datetime.fromisoformat(text)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no time: write 1795500000 or 2026-11-24T08:00:00Z"
        ) from None


def moment_or_receipt(value: str | int) -> int:
    """Read a time as `moment` does; RECEIVED for the word ``received``."""
    return RECEIVED if value in {"received", RECEIVED} else moment(value)


def gathered(
    name: str, made: Callable[..., object], keys: tuple[str, ...], *options: Callable[[F], F]
) -> Callable[[F], F]:
    """Return what adds some options to a command, which gets them as one value named `name`.

    `keys` are the parameters of the options, given to `made` by their names.
    """
    from functools import wraps

    def decorate(function: F) -> F:
        @wraps(function)
        def command(*args: object, **given: object) -> object:
            value = made(**{key: given.pop(key) for key in keys})
            return function(*args, **given, **{name: value})

        decorated: Any = command
        for option in reversed(options):
            decorated = option(decorated)
        kept: F = decorated
        return kept

    return decorate


dns_options = gathered(
    "dns",
    Dns,
    ("zone", "origin", "resolver", "record", "replay"),
    click.option("--zone", metavar="FILE", help="Take records from a zone file or JSON file."),
    click.option("--origin", metavar="NAME", help="Where names in the zone file are relative to."),
    click.option(
        "--resolver",
        metavar="HOST:PORT",
        multiple=True,
        help="Ask this name server instead of the system's; may be repeated.",
    ),
    click.option("--record", metavar="FILE", help="Keep the answers of DNS in a file."),
    click.option("--replay", metavar="FILE", help="Take the answers from such a file."),
)

at_option = click.option(
    "--at",
    "now",
    type=moment,
    default=lambda: int(time.time()),
    show_default="now",
    metavar="TIME",
    help="Work as at this time: Unix seconds or ISO 8601.",
)

line_ends_option = click.option(
    "--line-ends",
    type=click.Choice(["auto", "wire", "stored"]),
    default="auto",
    show_default=True,
    help="auto, stored: CRLF, a bare LF and a bare CR end a line, as when the message is sent; "
    "wire: octets as they are.",
)

own_hops_option = click.option(
    "--own-hops",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="With --trusted-id: how many Received fields own hosts put above that field.",
)

looked_through_option = click.option(
    "--resolver",
    metavar="HOST:PORT",
    multiple=True,
    help="Look through this resolver instead of the system's; may be repeated.",
)

servers_port_option = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=53,
    show_default=True,
    help="The port of the authoritative servers.",
)
