"""PostgreSQL stopped and started while mail flows: mail does not notice, and the counts are exact.

Real Postfix, `avowal milter` with two workers, a server that crashes and one that says goodbye.
What was answered is recorded, or counted as lost: nothing else, and nothing twice.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.database_servers import PostgresServer, directory
from tests.dnsd import NameServer
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, until, workplace

from avowal.errors import StoreError
from avowal.stores.postgres_events import PostgresEvents
from avowal.stores.report_tables import lost_events
from avowal.testing import message

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: sql)")
pytestmark = [
    pytest.mark.needs("postfix", "setpriv"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
_CONFIGURATION = """
[[listeners]]
socket = "inet:{milter}@127.0.0.1"
role = "verify"
[origin]
internal_hosts = []
[results]
authserv_id = "mx.receiver.example"
[events]
store = "{store}"
most_waiting = {waiting}
[dns]
servers = ["127.0.0.1@{dns}"]
[server]
workers = 2
user = "nobody"
group = "nogroup"
metrics = "127.0.0.1:{metrics}"
"""
_MOST_WAITING = 2  # events of one worker
_EVENTS = re.compile(r'^avowal\w*_events_total\{outcome="(\w+)"\} ([0-9.]+)', re.MULTILINE)


class Ends(NamedTuple):
    """What runs."""

    postfix: Postfix
    inbox: Inbox
    daemon: Daemon
    server: PostgresServer
    metrics: int


@contextlib.contextmanager
def flowing(*, waiting: int) -> Iterator[Ends]:
    with workplace() as root, directory() as place, NameServer("") as dns:
        server = PostgresServer(place)
        server.start()
        milter, metrics = free_port(), free_port()
        text = _CONFIGURATION.format(
            milter=milter, dns=dns.port, metrics=metrics, store=server.url, waiting=waiting
        )
        inbox = Inbox(root)
        postfix = Postfix(root, "mx", milter=f"inet:127.0.0.1:{milter}")
        try:
            with Daemon(root, text) as daemon, postfix:
                yield Ends(postfix, inbox, daemon, server, metrics)
        finally:
            server.stop()


def counted(ends: Ends) -> dict[str, int]:
    """Return what the daemon's metrics say of events."""
    url = f"http://127.0.0.1:{ends.metrics}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return {word: int(float(number)) for word, number in _EVENTS.findall(text)}


def in_store(server: PostgresServer) -> int:
    """Return how many events there are; every one has its count."""
    with contextlib.closing(PostgresEvents(server.url)) as store:
        events = sum(1 for _ in store.events(0, 1 << 40))
        assert sum(number for _, number in store.days()) == events
    return events


def lost(server: PostgresServer) -> int:
    """Return how many events the store says were lost: what `reports status` says."""
    with contextlib.closing(PostgresEvents(server.url)) as store:
        return sum(messages for _, _, messages in lost_events(store))


def sent(ends: Ends, number: int, *, until_lost: bool = False) -> tuple[int, float]:
    """Hand over mails; return how many were taken, and the seconds of the slowest."""
    taken, slowest = 0, 0.0
    while taken < number or (until_lost and not counted(ends).get("dropped")):
        began = time.monotonic()
        submit(ends.postfix.port, message(), sender="joe@author.example")
        slowest = max(slowest, time.monotonic() - began)
        taken += 1
        assert taken < 100 * number
    return taken, slowest


def serves(server: PostgresServer) -> bool:
    with contextlib.suppress(StoreError):
        PostgresEvents(server.url).close()
        return True
    return False


def test_what_was_answered_is_recorded_or_counted_as_lost() -> None:
    with flowing(waiting=_MOST_WAITING) as ends:
        until(lambda: serves(ends.server), what="PostgreSQL")
        answered, _ = sent(ends, 10)
        for how in (signal.SIGQUIT, signal.SIGINT):
            ends.server.stop(how)
            answered += sent(ends, 10, until_lost=True)[0]
            ends.server.start()
            answered += sent(ends, 10)[0]
            until(lambda: serves(ends.server), what="PostgreSQL")
            answered += sent(ends, 5)[0]
        until(lambda: sum(counted(ends).values()) == answered, what="every event")
        before = counted(ends)
        assert in_store(ends.server) == before["recorded"]
        assert before["dropped"] > 0
        until(lambda: lost(ends.server) == before["dropped"], what="the count of what was lost")
        assert "events are dropped: too many wait to be written" in ends.daemon.log
        assert "events wait: PostgreSQL: " in ends.daemon.log

        ends.server.stop()
        last, _ = sent(ends, _MOST_WAITING)  # none of them can be dropped
        ends.daemon.stop()
        left = sum(map(int, re.findall(r"stopped with (\d+) events not written", ends.daemon.log)))
        told = last - left
        ends.server.start()
        until(lambda: serves(ends.server), what="PostgreSQL")
        assert (in_store(ends.server), told) == (before["recorded"], 0)
        until(lambda: len(ends.inbox) == answered + last, what="every mail")
        assert not re.search(r"status=deferred|milter-reject|warning: milter", ends.postfix.log)
