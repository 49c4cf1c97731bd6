"""Where the lines of the log go: syslog, under OpenDKIM's name and facility."""

from __future__ import annotations

import sys
import syslog

from avowal.config.opendkim_conf import OpendkimConf
from avowal.opendkim.journal import Line, LogLevel

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
    """Writes to the standard error: for shadow mode, whose lines are all there is to see."""

    def write(self, line: Line) -> None:
        """Write one line."""
        sys.stderr.write(f"{line.text}\n")
        sys.stderr.flush()
