"""``avowal reports status``: what is kept, what was sent, who gets nothing for now."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.reporting import Reporting, config_option
from avowal.cli.streams import echo
from avowal.dates import date_of
from avowal.report.report_ledger import MailState
from avowal.text import printable


@click.command("status")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(*, config: str, as_json: bool) -> int:
    """Tell what is kept of each day, what became of its reports, and who is suspended.

    Events that a daemon had to drop are counted by day and host: reports of that day count less
    than came.  The status is 1 where there are some, or mails were given up, or may have been
    lost with a sender.
    """
    from avowal.stores.report_tables import ReportTables, lost_events

    reporting = Reporting.read(config)
    with closing(reporting.store()) as store:
        ledger, now = ReportTables(store), int(time.time())
        messages = dict(store.days())
        mails = _by_day(ledger.states())
        failures = _by_day(ReportTables(store, "failure").states())
        suspended = ledger.suspensions(now)
        dropped = lost_by_day(lost_events(store))
    days = sorted(messages.keys() | mails.keys() | failures.keys() | dropped.keys())
    if as_json:
        told = [
            {
                "day": date_of(day),
                "messages": messages.get(day, 0),
                "events_lost": dropped.get(day, {}),
                "mails": mails.get(day, {}),
                "failure_mails": failures.get(day, {}),
            }
            for day in days
        ]
        rows = [{"address": to, "until": until, "why": why} for to, until, why in suspended]
        echo(json.dumps({"days": told, "suspended": rows}))
    else:
        for day in days:
            words = _words(mails.get(day, {})) or "nothing sent"
            more = f"; failure reports: {_words(failures[day])}" if day in failures else ""
            more += f"; {words_of_lost(dropped[day])}" if day in dropped else ""
            echo(f"{date_of(day)}  {messages.get(day, 0):>10} messages  {words}{more}")
        for to, until, why in suspended:
            echo(f"suspended until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}: {to}: {why}")
    bad = (MailState.FAILED.value, MailState.UNCERTAIN.value)
    lost = any(word in one for one in (*mails.values(), *failures.values()) for word in bad)
    return ExitStatus.NOT_PASSED if lost or dropped else ExitStatus.PASSED


def lost_by_day(rows: Iterable[tuple[int, str, int]]) -> dict[int, dict[str, int]]:
    """Return how many messages of each host have no event, by day."""
    found: dict[int, dict[str, int]] = {}
    for day, host, messages in rows:
        found.setdefault(day, {})[host] = messages
    return found


def words_of_lost(hosts: Mapping[str, int]) -> str:
    """Say what was lost of a day."""
    by_host = ", ".join(f"{messages} at {printable(host)}" for host, messages in hosts.items())
    return f"without an event, so in no report: {by_host}"


def _by_day(states: Iterable[tuple[int, MailState, int]]) -> dict[int, dict[str, int]]:
    """Return how many mails are in each state, by day."""
    found: dict[int, dict[str, int]] = {}
    for day, state, number in states:
        found.setdefault(day, {})[state.value] = number
    return found


def _words(states: dict[str, int]) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(states.items()))
