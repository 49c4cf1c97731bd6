"""Which mail is ours to sign: the tables `origin` and `listeners`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import field

from avowal.config.options import Table, option

Role: TypeAlias = Literal["sign", "verify", "both"]


class Listener(Table, frozen=True, kw_only=True):
    """One milter socket."""

    socket: Annotated[
        str,
        option(
            "Where to listen: `unix:PATH`, `inet:PORT@HOST`, `inet6:PORT@HOST`, or `systemd:NAME` "
            "for a socket handed over by systemd (the first one without `:NAME`).",
            example="inet:8891@localhost",
            min_length=1,
        ),
    ]
    role: Annotated[
        Role | None,
        option("What this socket may do: `sign`, `verify` or `both`; unset: as `mode` says."),
    ] = None
    owner: Annotated[str | None, option("Owner of a unix socket, by name or number.")] = None
    group: Annotated[
        str | None,
        option("Group of a unix socket, such as the MTA's, which then cannot read the keys."),
    ] = None
    mode: Annotated[
        str, option("Permissions of a unix socket, in octal.", pattern="^0?[0-7]{3}$")
    ] = "0660"


class Origin(Table, frozen=True, kw_only=True):
    """Which mail is ours.  Ours is what meets any one of these conditions.

    Sets of hosts list addresses, networks (`10.0.0.0/8`), names (`mail.example.com`) and
    domains (`.example.com`); `!` in front of an entry takes it out again, and the most
    specific entry decides.
    """

    internal_hosts: Annotated[
        tuple[str, ...],
        option(
            "Hosts whose mail is ours.  A message without a client address counts as local.",
            entries="hosts",
        ),
    ] = ("127.0.0.0/8", "::1")
    authenticated: Annotated[
        bool, option("Whether mail of a client that authenticated (SMTP AUTH) is ours.")
    ] = True
    daemon_names: Annotated[
        tuple[str, ...],
        option(
            "Names of MTA services, macro `{daemon_name}`, whose mail is ours, such as "
            "`ORIGINATING`; in any case.",
            entries="texts",
        ),
    ] = ()
    macros: Annotated[
        dict[str, tuple[str, ...]],
        option("Milter macros that mark mail as ours: the values that do, or `[]` for any value."),
    ] = field(default_factory=dict)
    external_ignore: Annotated[
        tuple[str, ...],
        option(
            "Hosts that may send as our domains unsigned without a warning in the log.",
            entries="hosts",
        ),
    ] = ()
    ignored_hosts: Annotated[
        tuple[str, ...], option("Hosts whose mail is neither signed nor verified.", entries="hosts")
    ] = ()
    exempt_domains: Annotated[
        tuple[str, ...],
        option(
            "Domains whose mail is neither signed nor verified, where every author's is one.",
            entries="addresses",
        ),
    ] = ()
