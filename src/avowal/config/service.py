"""How the daemon runs: the tables `dns`, `server`, `log` and `limits`."""

from __future__ import annotations

from typing import Annotated, Literal

from avowal.config.options import Octal, Positive, Table, option
from avowal.limits import DEFAULT


class Dns(Table, frozen=True, kw_only=True):
    """How keys are looked up."""

    servers: Annotated[
        tuple[str, ...],
        option(
            "Name servers, `ADDRESS` or `ADDRESS@PORT`; empty: those of the system.",
            entries="texts",
        ),
    ] = ()
    timeout: Annotated[
        int, option("The time for all questions of one message.", unit="seconds", ge=1, le=250)
    ] = DEFAULT.dns_seconds
    questions: Annotated[
        int, option("The most questions for one message.", unit="questions", ge=1)
    ] = DEFAULT.dns_questions
    cache: Annotated[bool, option("Whether to keep answers as long as they may be kept.")] = True
    cache_entries: Annotated[int, option("How many answers are kept.", unit="answers", ge=1)] = (
        10000
    )
    cache_octets: Annotated[
        int,
        option("How much memory they may take in each worker.", unit="octets", ge=1 << 20),
    ] = 64 << 20
    trust_ad: Annotated[
        bool,
        option(
            "Whether the word on DNSSEC (the AD bit) of servers elsewhere is believed too; that of "
            "a server on this host is, and of all where resolv.conf says `trust-ad`."
        ),
    ] = False
    zone_file: Annotated[
        str | None,
        option("A zone file that answers instead of DNS, for tests."),
    ] = None


class Server(Table, frozen=True, kw_only=True):
    """The process."""

    workers: Annotated[int, option("Worker processes.", unit="processes", ge=1, le=256)] = 1
    user: Annotated[str | None, option("The user to run as, when started by root.")] = None
    group: Annotated[str | None, option("The group to run as; unset: the user's.")] = None
    umask: Annotated[Octal | None, option("The file creation mask, in octal.")] = None
    directory: Annotated[str | None, option("The directory to run in.")] = None
    root: Annotated[str | None, option("The directory to confine the process to (chroot).")] = None
    pid_file: Annotated[str | None, option("Where to write the process id.")] = None
    connections: Annotated[
        int, option("The most connections at once, in each worker.", unit="connections", ge=1)
    ] = 1000
    peer_connections: Annotated[
        Positive | None,
        option(
            "The most connections of one host, in each worker; unset: nine tenths of "
            "`connections`.  Unix sockets are not counted.",
            unit="connections",
        ),
    ] = None
    memory: Annotated[
        int, option("Octets held for messages in each worker.", unit="octets", ge=1 << 20)
    ] = 256 << 20
    idle: Annotated[int, option("How long a silent connection is kept.", unit="seconds", ge=10)] = (
        7200
    )
    drain: Annotated[
        int,
        option(
            "How long open SMTP sessions are served on when the daemon stops; below the service "
            "manager's own patience.",
            unit="seconds",
            ge=0,
        ),
    ] = 30
    retire: Annotated[
        int,
        option(
            "How long open SMTP sessions are served on after a reload, by the configuration they "
            "began with.",
            unit="seconds",
            ge=0,
        ),
    ] = 600
    metrics: Annotated[
        str | None,
        option("Where to serve /metrics, /healthz and /readyz: `HOST:PORT`."),
    ] = None


class Log(Table, frozen=True, kw_only=True):
    """What is logged, and how."""

    format: Annotated[
        Literal["json", "logfmt", "classic"],
        option("One line per message as JSON or logfmt, or the lines OpenDKIM writes."),
    ] = "logfmt"
    target: Annotated[Literal["stderr", "syslog"], option("Where lines go.")] = "stderr"
    facility: Annotated[str, option("The facility of syslog.")] = "mail"
    name: Annotated[str, option("The program name in syslog.")] = "avowal"
    success: Annotated[bool, option("Whether to log what went well.")] = True
    results: Annotated[bool, option("Whether to log the result of each signature.")] = True
    why: Annotated[bool, option("Whether to log why a message was signed or not.")] = False


class LimitsTable(Table, frozen=True, kw_only=True):
    """What one message may cost."""

    header_octets: Annotated[int, option("The largest header section.", unit="octets", ge=1024)] = (
        DEFAULT.header_octets
    )
    header_fields: Annotated[int, option("The most fields in a header.", unit="fields", ge=10)] = (
        DEFAULT.header_fields
    )
    seconds: Annotated[
        int,
        option(
            "The time from the end of a message to our answer; below the MTA's timeout.",
            unit="seconds",
            ge=1,
        ),
    ] = 25
