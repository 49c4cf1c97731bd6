"""The lines OpenDKIM writes to syslog, word for word: exporters and fail2ban read them.

A `Journal` collects the lines of one message; which of them are written is the choice of
Syslog, SyslogSuccess, LogWhy and LogResults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from avowal.config.opendkim_conf import OpendkimConf
from avowal.text import printable

_LONGEST = 900  # characters; syslog datagrams of 1024 octets always pass


class LogLevel(IntEnum):
    """Severities of syslog (RFC 5424 §6.2.1) in use."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    level: LogLevel
    text: str


class Log(Protocol):
    """Takes the lines of messages."""

    def write(self, line: Line, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Detail:
    """Which lines are wanted."""

    any: bool = False
    success: bool = False
    why: bool = False
    results: bool = False

    @classmethod
    def of(cls, conf: OpendkimConf) -> Detail:
        """Read the choice of a configuration; in the foreground the terminal is a log too."""
        wanted = conf.boolean("Syslog") or not conf.boolean("Background", default=True)
        return cls(
            any=wanted,
            success=wanted and conf.boolean("SyslogSuccess"),
            why=wanted and conf.boolean("LogWhy"),
            results=wanted and conf.boolean("LogResults"),
        )


@dataclass(slots=True)
class Journal:
    """The lines about one message, each with its job id in front."""

    job: str
    detail: Detail
    lines: list[Line] = field(default_factory=list)

    def error(self, text: str) -> None:
        """Say what failed on our side."""
        self._add(self.detail.any, LogLevel.ERROR, text)

    def notice(self, text: str) -> None:
        """Say what is odd about the message."""
        self._add(self.detail.any, LogLevel.NOTICE, text)

    def info(self, text: str) -> None:
        """Say what was found."""
        self._add(self.detail.any, LogLevel.INFO, text)

    def success(self, text: str) -> None:
        """Say what went well."""
        self._add(self.detail.success, LogLevel.INFO, text)

    def why(self, text: str) -> None:
        """Say what a decision rests on."""
        self._add(self.detail.why, LogLevel.INFO, text)

    def results(self, texts: Iterable[str]) -> None:
        """Say the result of each signature, in one line."""
        self._add(self.detail.results, LogLevel.INFO, "; ".join(texts))

    def _add(self, wanted: bool, level: LogLevel, text: str) -> None:  # noqa: FBT001 - private
        if wanted:
            self.lines.append(line(level, f"{self.job}: {text}"))


def line(level: LogLevel, text: str) -> Line:
    """Make a line: no controls, not endless."""
    return Line(level, printable(text, most=_LONGEST))
