"""Where the lines of the log go: syslog, under OpenDKIM's name and facility."""

from __future__ import annotations

import logging
import sys
import syslog

from avowal.config.opendkim_conf import OpendkimConf
from avowal.milter.journal import LOGGER, facts_of, logfmt
from avowal.opendkim.journal import Line, Log, LogLevel, line

DEFAULT_NAME = "opendkim"
_FACILITIES = {
    "auth": syslog.LOG_AUTH, "authpriv": syslog.LOG_AUTHPRIV, "cron": syslog.LOG_CRON,
    "daemon": syslog.LOG_DAEMON, "kern": syslog.LOG_KERN, "lpr": syslog.LOG_LPR,
    "mail": syslog.LOG_MAIL, "news": syslog.LOG_NEWS, "security": syslog.LOG_AUTH,
    "syslog": syslog.LOG_SYSLOG, "user": syslog.LOG_USER, "uucp": syslog.LOG_UUCP,
    **{f"local{n}": getattr(syslog, f"LOG_LOCAL{n}") for n in range(8)},
}  # fmt: skip
_PRIORITY = {
    LogLevel.ERROR: syslog.LOG_ERR, LogLevel.WARNING: syslog.LOG_WARNING,
    LogLevel.NOTICE: syslog.LOG_NOTICE, LogLevel.INFO: syslog.LOG_INFO,
}  # fmt: skip


class SyslogLog:
    """Writes to syslog(3), where Syslog is on."""

    def __init__(self, conf: OpendkimConf) -> None:
        """Raises ConfigError for a facility that does not exist."""
        self.on = conf.boolean("Syslog")
        setting = conf.setting("SyslogFacility")
        facility = syslog.LOG_MAIL
        if setting is not None:
            found = _FACILITIES.get(setting.text.lower())
            if found is None:
                raise setting.fault(f"unknown facility {setting.text!r}", "write mail or daemon")
            facility = found
        name = conf.text("SyslogName") or DEFAULT_NAME
        if self.on:
            syslog.openlog(name, syslog.LOG_PID, facility)

    def write(self, line: Line) -> None:
        """Write one line."""
        if self.on:
            syslog.syslog(_PRIORITY[line.level], line.text)


class StderrLog:
    """Writes to the standard error: in the foreground (-f) without Syslog, and for a shadow."""

    on = True

    def write(self, line: Line) -> None:
        """Write one line."""
        sys.stderr.write(f"{line.text}\n")
        sys.stderr.flush()


def log_of(conf: OpendkimConf) -> SyslogLog | StderrLog:
    """Return the log that a configuration asks for.

    Without Syslog it is nobody's, as OpenDKIM has it; in the foreground somebody looks on.
    Raises ConfigError for a facility that does not exist.
    """
    log = SyslogLog(conf)
    if log.on or conf.boolean("Background", default=True):
        return log
    return StderrLog()


class ServiceLines(logging.Handler):
    """What the milter service says of connections and faults, among the other lines."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, with the job it is about in front."""
        facts = dict(facts_of(record))
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {record.exc_info[1]!r}"
        job = facts.pop("queue_id", None)
        if facts:
            text = f"{text}: {logfmt(facts)}"
        if job is not None:
            text = f"{job}: {text}"
        level = LogLevel.ERROR if record.levelno >= logging.ERROR else LogLevel.WARNING
        self._log.write(line(LogLevel.INFO if record.levelno < logging.WARNING else level, text))


def open_service_log(log: Log) -> None:
    """Send what the milter service says to a log."""
    for old in LOGGER.handlers[:]:
        LOGGER.removeHandler(old)
    LOGGER.addHandler(ServiceLines(log))
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)
