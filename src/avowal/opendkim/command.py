"""The command `avowal-opendkim`: OpenDKIM's options, and its exit statuses (sysexits(3)).

Unlike OpenDKIM it opens its socket and loads its keys before it goes to the background, and
says so by its status when it cannot.
"""

from __future__ import annotations

import getopt
import io
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avowal import paths
from avowal.config.opendkim_conf import OpendkimConf, read_conf
from avowal.config.redaction import redacted
from avowal.errors import AvowalError, ConfigError, EnvironmentFault, UsageError
from avowal.opendkim.policy_scripts import as_options

OK, USAGE, DATA, UNAVAILABLE, SOFTWARE, CONFIG = 0, 64, 65, 69, 70, 78
DEFAULT_CONF = "/etc/opendkim.conf"
NAME = "avowal-opendkim"
_OPTIONS = "Ab:c:d:De:fF:k:lL:no:p:P:qQrs:S:t:T:u:vVWx:X?"
_LONG = ["shadow", "help", "version"]
_CONF_OF = {
    "-b": "Mode", "-c": "Canonicalization", "-d": "Domain", "-k": "KeyFile", "-L": "Minimum",
    "-o": "OmitHeaders", "-p": "Socket", "-P": "PidFile", "-s": "Selector",
    "-S": "SignatureAlgorithm", "-T": "DNSTimeout", "-u": "UserID",
}  # fmt: skip
_SWITCHES = {
    "-A": ("AutoRestart", "yes"), "-D": ("SubDomains", "yes"), "-f": ("Background", "no"),
    "-l": ("Syslog", "yes"), "-q": ("Quarantine", "yes"), "-r": ("RequiredHeaders", "yes"),
    "-W": ("LogWhy", "yes"),
}  # fmt: skip
_HELP = f"""\
{NAME}: usage: {NAME} -p socketfile [options]
\t-A          \tauto-restart (the service manager's work: accepted and ignored)
\t-b modes    \tselect operating modes
\t-c canon    \tcanonicalization to use when signing
\t-d domlist  \tdomains to sign
\t-D          \talso sign subdomains
\t-e name     \textract configuration value and exit
\t-f          \tdon't fork-and-exit
\t-F time     \tfixed timestamp to use when signing (test mode only)
\t-k keyfile  \tlocation of secret key file
\t-l          \tlog activity to system log
\t-L limit    \tsignature limit requirements
\t-n          \tcheck configuration, tables and keys, and exit
\t-o hdrlist  \tlist of headers to omit from signing
\t-p socket   \tlocal:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]
\t-P pidfile  \tfile into which to write process ID
\t-q          \tquarantine messages that fail to verify
\t-Q          \tquery test mode
\t-r          \trequire basic RFC5322 header compliance
\t-s selector \tselector to use when signing
\t-S signalg  \tsignature algorithm to use when signing
\t-t testfile \tevaluate RFC5322 message in "testfile"
\t-T timeout  \tDNS timeout (seconds)
\t-u userid   \tchange to specified userid
\t-v          \tincrease verbosity during testing
\t-V          \tprint version number and terminate
\t-W          \t"why?!" mode (log sign/verify decision logic)
\t-x conffile \tread configuration from conffile
\t-X          \ttolerate settings that OpenDKIM removed
\t--shadow    \tchange nothing; log what would be done, compared with what OpenDKIM did
"""


@dataclass(slots=True)
class Invocation:
    """The command line, read."""

    conf_file: str | None = None
    overrides: list[tuple[str, str]] = field(default_factory=list)
    extract: str | None = None
    test_files: list[str] = field(default_factory=list)
    fixed_time: int | None = None
    verbosity: int = 0
    check: bool = False
    query: bool = False
    version: bool = False
    help: bool = False
    shadow: bool = False
    tolerate_removed: bool = False


class _BadUsage(UsageError):
    """A command line that cannot be obeyed."""


def main() -> None:
    """Run the command with the arguments of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    try:
        invocation = parse(arguments)
    except _BadUsage as fault:
        _complain(str(fault))
        sys.stderr.write(_HELP)
        return USAGE
    if invocation.help:
        sys.stderr.write(_HELP)
        return USAGE
    if invocation.version:
        from avowal.opendkim.features import version_text  # noqa: PLC0415 - only for -V

        sys.stdout.write(version_text())
        return OK
    try:
        return _run(invocation, arguments)
    except ConfigError as fault:
        for line in str(fault).splitlines():  # of several mistakes each has its own
            _complain(line)
        return CONFIG
    except EnvironmentFault as fault:
        _complain(str(fault))
        return UNAVAILABLE
    except AvowalError as fault:
        _complain(str(fault))
        return SOFTWARE


def parse(arguments: Sequence[str]) -> Invocation:
    """Read a command line.  Raises UsageError."""
    try:
        options, rest = getopt.getopt(list(arguments), _OPTIONS, _LONG)
    except getopt.GetoptError as error:
        raise _BadUsage(f"invalid option -- '{error.opt}'") from None
    if rest:
        raise _BadUsage(f"no arguments are taken, but there is {rest[0]!r}")
    invocation = Invocation()
    for option, value in options:
        _take(invocation, option, value)
    return invocation


def _take(invocation: Invocation, option: str, value: str) -> None:
    if option in _CONF_OF:
        invocation.overrides.append((_CONF_OF[option], value))
    elif option in _SWITCHES:
        invocation.overrides.append(_SWITCHES[option])
    elif option == "-x":
        invocation.conf_file = value
    elif option == "-e":
        invocation.extract = value
    elif option == "-t":
        invocation.test_files += value.split(",")
    elif option == "-F":
        if not value.isdigit():
            raise _BadUsage(f"invalid time value {value!r}")
        invocation.fixed_time = int(value)
    elif option == "-v":
        invocation.verbosity += 1
    else:
        setattr(invocation, _FLAGS[option], True)


_FLAGS = {
    "-n": "check", "-Q": "query", "-V": "version", "--version": "version", "-?": "help",
    "--help": "help", "-X": "tolerate_removed", "--shadow": "shadow",
}  # fmt: skip


def _run(invocation: Invocation, arguments: Sequence[str]) -> int:
    if invocation.query:
        from avowal.opendkim.query_mode import query  # noqa: PLC0415 - only for -Q

        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a key may be any octets
        return query(sys.stdin, sys.stdout, sys.stderr)
    conf = _read(invocation)
    if invocation.extract is not None:
        value = conf.text(invocation.extract)
        if value is None:
            return DATA
        sys.stdout.write(f"{value}\n")
        return OK
    conf = as_options(conf)
    conf.refuse(tolerate_removed=invocation.tolerate_removed)
    for note in notes(conf, tolerated=invocation.tolerate_removed):
        _complain(note)
    if invocation.test_files:
        from avowal.opendkim.testing_mode import test_messages  # noqa: PLC0415 - only for -t

        return test_messages(
            conf,
            invocation.test_files,
            verbosity=invocation.verbosity,
            fixed_time=invocation.fixed_time,
        )
    if invocation.check:
        from avowal.opendkim.check import check  # noqa: PLC0415 - only for -n

        return check(conf, _complain)
    return _serve(invocation, conf, arguments)


def _read(invocation: Invocation) -> OpendkimConf:
    """Read the configuration file, if there is one, with the command line on top."""
    path = invocation.conf_file
    if path is None and Path(DEFAULT_CONF).exists():
        path = DEFAULT_CONF
    conf = OpendkimConf("(none)") if path is None else read_conf(path)
    conf = conf.with_overrides(iter(invocation.overrides))
    base = conf.setting("BaseDirectory")
    if base is not None:
        try:
            paths.enter(base.text)
        except OSError as error:
            raise base.fault(f"chdir(): {error.strerror}") from None
    return conf


def notes(conf: OpendkimConf, *, tolerated: bool = False) -> Iterator[str]:
    """Yield what is to be said about options that have no effect here."""
    from avowal.config.opendkim_options import OptionSupport  # noqa: PLC0415 - read already

    for setting in conf.effective:
        option = setting.option
        removed = option.verdict is OptionSupport.REMOVED and tolerated
        if option.verdict is OptionSupport.IGNORED or removed:
            yield f"{setting.place}: {option.name} has no effect: {option.note}"


def _serve(invocation: Invocation, conf: OpendkimConf, arguments: Sequence[str]) -> int:
    from avowal.opendkim.sockets import bind  # noqa: PLC0415 - opened before the rest is loaded

    signal.signal(signal.SIGTERM, _end)  # until the event loop listens for it
    # Later while sockets get their names: whoever ended in between would leave them behind.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    bound = bind(conf)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        from avowal.opendkim.daemon import Daemon  # noqa: PLC0415 - loads the event loop
        from avowal.opendkim.events import recorder_of  # noqa: PLC0415
        from avowal.opendkim.explaining import explaining_of  # noqa: PLC0415
        from avowal.opendkim.filtering import OpendkimGeneration  # noqa: PLC0415
        from avowal.opendkim.journal import Line, LogLevel  # noqa: PLC0415
        from avowal.opendkim.logs import StderrLog, log_of  # noqa: PLC0415
        from avowal.opendkim.settings import compiled  # noqa: PLC0415
        from avowal.opendkim.shadow import ShadowLog  # noqa: PLC0415
        from avowal.opendkim.sources import resolver_of  # noqa: PLC0415
        from avowal.opendkim.tables import faults_at_start  # noqa: PLC0415

        generation = OpendkimGeneration.of(compiled(conf))
        root = conf.text("ChangeRootDirectory")
        faults = faults_at_start(generation.settings, generation.keyring, root=root)
        log = log_of(conf)
        for fault in faults:
            _complain(str(fault))
            log.write(Line(LogLevel.ERROR, str(fault)))
        daemon = Daemon(
            generation=generation,
            resolver=resolver_of(conf),
            bound=bound,
            log=log,
            reload_from=invocation.conf_file or (conf.file if conf.settings else None),
            arguments=redacted(" ".join(arguments)),
            recorder=recorder_of(conf, log.write),
            explaining_maker=explaining_of(conf),
            shadow=ShadowLog(log if log.on else StderrLog()) if invocation.shadow else None,
        )
        if conf.boolean("Background", default=True):
            daemon.detach()
        else:
            daemon.settle()
        return daemon.run()
    finally:
        bound.close()


def _end(number: int, frame: object) -> None:
    """End at once, with what is open closed: nothing was taken from an MTA yet."""
    raise SystemExit(OK)


def _complain(text: str) -> None:
    sys.stderr.write(f"{NAME}: {redacted(text)}\n")
