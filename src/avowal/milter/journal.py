"""One line per message, for people and for programs.

Three forms: logfmt and JSON say everything there is in one line; classic says what OpenDKIM
says, for the log readers that were written for it.  Lines go to stderr, which systemd's
journal reads, or to syslog.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from time import time
from typing import TextIO

from avowal.config.model import Log
from avowal.errors import EnvironmentFault
from avowal.flow.actions import Actions
from avowal.flow.record import MessageRecord
from avowal.flow.trace import Topic
from avowal.milter.durations import Durations
from avowal.text import printable

LOGGER = logging.getLogger("avowal.milter")
_BARE = re.compile(r"[!#-<>-~]+")  # no space, quote or "="
_LONGEST = 1000  # characters of one value; a stranger may have chosen it
_SYSLOG = "/dev/log"
_GOOD = frozenset({"accept"})
Facts = dict[str, str | int | float | bool]


def open_log(options: Log) -> None:
    """Send what the daemon says to where the configuration wants it.

    Raises EnvironmentFault where syslog cannot be reached.
    """
    json_wanted = options.format == "json"
    lines = _JsonLines() if json_wanted else _Logfmt(bare=options.format == "classic")
    handler = _syslog(options) if options.target == "syslog" else _Stderr(lines)
    handler.setFormatter(lines)
    for old in LOGGER.handlers[:]:
        LOGGER.removeHandler(old)
        old.close()
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)


def _syslog(options: Log) -> logging.Handler:
    names = logging.handlers.SysLogHandler.facility_names
    facility = names.get(options.facility.lower())
    if facility is None:
        raise EnvironmentFault(f"log.facility: syslog has no facility {options.facility!r}")
    if not Path(_SYSLOG).exists():
        raise EnvironmentFault(f"log.target: there is no {_SYSLOG}; start a syslog, or use stderr")
    handler = logging.handlers.SysLogHandler(_SYSLOG, facility=facility)
    handler.ident = f"{options.name}: "
    return handler


def facts_of(record: logging.LogRecord) -> Facts:
    """Return what a line says besides its event."""
    facts: Facts = getattr(record, "facts", {})
    return facts


class _Lines(logging.Formatter):
    """What formatters share: the facts of a record, the event first."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record)
        if record.exc_info:
            traceback = self.formatException(record.exc_info)[-_LONGEST:]
            facts = facts | {"traceback": traceback}
        return self.line(record.created, record.levelno, record.getMessage(), facts)

    def line(self, time: float, level: int, event: str, facts: Facts) -> str:
        """Return a line, without its end."""
        raise NotImplementedError


class _JsonLines(_Lines):
    def line(self, time: float, level: int, event: str, facts: Facts) -> str:
        known: Facts = {"time": round(time, 3), "level": _level(level), "event": event}
        return json.dumps(known | facts, ensure_ascii=True, separators=(",", ":"))


class _Logfmt(_Lines):
    """``bare`` writes the event alone, as OpenDKIM does, where there is nothing more to say."""

    def __init__(self, *, bare: bool) -> None:
        super().__init__()
        self._bare = bare

    def line(self, time: float, level: int, event: str, facts: Facts) -> str:
        if self._bare:
            line = printable(event, ascii_only=True)
            return f"{line} {logfmt(facts)}" if facts else line
        known: Facts = {"level": _level(level), "event": event}
        return logfmt(known | facts)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes lines to where messages are written too, without a record for each of those."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__(sys.stderr)
        self._lines = lines

    def say(self, level: int, event: str, facts: Facts) -> None:
        """Write one line; like every handler, raise nothing where it cannot be written."""
        with suppress(OSError, ValueError), self.lock or nullcontext():
            self.stream.write(self._lines.line(time(), level, event, facts) + self.terminator)
            self.flush()


def _say(level: int, event: str, facts: Facts) -> None:
    """Log what became of a message; straight to where all lines go, if that is one place."""
    handlers = LOGGER.handlers
    if len(handlers) == 1 and isinstance(handlers[0], _Stderr) and not LOGGER.propagate:
        handlers[0].say(level, event, facts)
    else:
        LOGGER.log(level, "%s", event, extra={"facts": facts})


def _level(level: int) -> str:
    return logging.getLevelName(level).lower()


def logfmt(facts: Facts) -> str:
    """Write facts as ``name=value`` words; whatever is not a plain word is quoted."""
    return " ".join([f"{name}={_word(value)}" for name, value in facts.items()])


def _word(value: str | float | bool) -> str:  # noqa: FBT001 - one value of any kind
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)[:_LONGEST]
    if _BARE.fullmatch(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = printable(quoted, ascii_only=True)
    return f'"{escaped}"'


class Journal:
    """Writes the lines of messages, as the configuration wants them."""

    def __init__(self, options: Log) -> None:
        self._options = options

    def message(self, actions: Actions, times: Durations) -> None:
        """Log what one message was and what became of it."""
        done = actions.withheld or actions
        record = done.record
        if record.unsigned is not None and not record.dry_run:
            _tell_unsigned(record)
        good = record.action in _GOOD and record.fault is None and not record.impostor
        if good and not self._options.success:
            return
        level = logging.INFO if good or record.fault is None else logging.ERROR
        if self._options.format == "classic":
            for line in classic(actions, self._options):
                _say(level, line, {})
            return
        facts: Facts = {}
        for name, value in record.items():
            if name == "why" and not self._options.why:
                continue
            if name.startswith("dkim") and not self._options.results:
                continue
            facts[name] = value
        facts["ms"] = round(times.answer * 1000, 1)
        if times.dns is not None:
            facts["dns_ms"] = round(times.dns * 1000, 1)
        _say(level, "message", facts)


def _tell_unsigned(record: MessageRecord) -> None:
    facts: Facts = {"reason": record.unsigned or "", "why": record.unsigned_why or ""}
    named = (("queue_id", record.queue_id), ("author", record.author))
    facts |= {name: value for name, value in named if value is not None}
    LOGGER.warning("our domain, left unsigned", extra={"facts": facts})


def classic(actions: Actions, options: Log) -> Iterator[str]:
    """Yield the lines that readers of OpenDKIM's log know."""
    record: MessageRecord = (actions.withheld or actions).record
    job = record.queue_id or "NOQUEUE"
    for made in record.made:
        yield f"{job}: DKIM-Signature field added (s={made.selector}, d={made.domain})"
    for one in record.checked:
        if options.results:
            state = "" if one.result == "pass" else f" {one.reason or one.result}"
            yield f"{job}: s={one.selector} d={one.domain} a={one.algorithm}{state}"
    if any(one.result == "pass" for one in record.checked):
        yield f"{job}: DKIM verification successful"
    elif record.treatment in {"verify", "both"} and not record.checked:
        yield f"{job}: no signature data"
    elif record.checked:
        yield f"{job}: bad signature data"
    if record.fault is not None:
        yield f"{job}: {record.fault}"
    if options.why:
        for topic in (Topic.OURS, Topic.AUTHOR, Topic.SIGN):
            step = actions.trace.decision(topic)
            if step is not None:
                yield f"{job}: {step}"
