"""Counters and gauges for Prometheus, added up over all workers.

Every worker writes its numbers to a file of its own that others can read; whoever is asked
for /metrics adds the files up.  Without an address for metrics nothing is counted, and
prometheus_client is not even imported.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from avowal import paths
from avowal.crypto.algorithms import ALGORITHMS
from avowal.errors import EnvironmentFault
from avowal.flow.actions import Actions
from avowal.milter.durations import Durations
from avowal.milter.rotation_text import rotations_in

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NUMBERS = "numbers"
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client looks
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
MOST_NAMES = 100
"""Domains, and keys, that have series of their own: those that come first; `other` is the rest."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def prepare() -> str:
    """Make the directory of the numbers, before anybody counts; return its path.

    Raises EnvironmentFault without prometheus_client.
    """
    directory = tempfile.mkdtemp(prefix="avowal-metrics-")
    os.environ[_DIRECTORY] = os.path.join(directory, _NUMBERS)  # noqa: PTH118
    os.mkdir(os.environ[_DIRECTORY], 0o700)  # noqa: PTH102
    try:
        import prometheus_client.multiprocess  # noqa: F401,PLC0415 - 130 ms that few pay
    except ImportError:
        remove(directory)
        raise EnvironmentFault(
            "server.metrics needs prometheus_client: pip install 'avowal[daemon]'"
        ) from None
    return directory


def give_to(directory: str, user: int, group: int) -> None:
    """Let the workers write there after they dropped privileges.

    The directory they own stands in one of ours: they cannot put a link in its place, which
    we would follow when we clear it at the end.
    """
    with paths.place(os.path.join(directory, _NUMBERS)) as numbers:  # noqa: PTH118
        inner = os.open(numbers.name, _OPEN, dir_fd=numbers.directory)
        try:
            os.fchown(inner, user, group)
        finally:
            os.close(inner)
        outer = os.open(".", _OPEN, dir_fd=numbers.directory)
        try:
            os.fchmod(outer, stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
        finally:
            os.close(outer)


def remove(directory: str) -> None:
    """Remove the directory at the end."""
    os.environ.pop(_DIRECTORY, None)
    shutil.rmtree(directory, ignore_errors=True)


def forget(seat: int) -> None:
    """Take the gauges of a worker that ended out of the sums; what it counted stays."""
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(seat)  # type: ignore[no-untyped-call]


LetGo: TypeAlias = Literal["gave way", "not negotiated", "silent"]
"""Why connections are closed by us: for want of places, or for want of words."""

Explained: TypeAlias = Literal["explained", "unexplained", "given up", "dropped"]
Captured: TypeAlias = Literal["kept", "full", "failed"]


class Meters:
    """What is counted.  All methods cost nothing where metrics are off."""

    on = False

    def message(self, actions: Actions, times: Durations) -> None:
        """Count a message and what it took."""

    def connections(self, change: int) -> None:
        """Count connections that come and go."""

    def peer_error(self) -> None:
        """Count a connection on which the protocol was broken or a limit passed."""

    def let_go(self, why: LetGo) -> None:
        """Count a connection that we closed."""

    def dns(self, outcome: str) -> None:
        """Count an answer of DNS by its outcome."""

    def signing(self, seconds: float) -> None:
        """Note how long the key operations of a message took."""

    def explanation(self, outcome: Explained) -> None:
        """Count a failed signature by whether it is explained, or a message that is not."""

    def cause(self, name: str) -> None:
        """Count why a signature failed, by a name of the registry or a reason."""

    def captured(self, outcome: Captured) -> None:
        """Count a message for the capture box."""

    def published(self, domain: str, selector: str, state: float) -> None:
        """Note whether DNS shows a key: 1 yes, 0 not or another, NaN for not known."""

    def keys(self, states: Mapping[str, int]) -> None:
        """Note how many of our keys DNS shows: `shown`, `missing`, `unknown`."""

    def key_changed(self, domain: str, selector: str, changed: float) -> None:
        """Note when a key file was last changed, in Unix seconds."""

    def generation(self, number: int) -> None:
        """Note which configuration is at work."""

    def events(self, outcome: str, number: int) -> None:
        """Count events that were `recorded` or `dropped`."""

    def text(self) -> bytes:
        """Return the sums over all workers in Prometheus' text form."""
        return b""


_OTHER = ("other", "other")
_Mode: TypeAlias = Literal["livemax", "livesum"]


class Prometheus(Meters):
    """Counts with prometheus_client; `prepare` must have been called before.

    `seat` numbers the living workers from 0.  A worker that takes the seat of one that
    ended goes on counting in its file, so there are no more files than workers.
    """

    on = True

    def __init__(self, seat: int) -> None:
        from prometheus_client import values  # noqa: PLC0415 - see `prepare`

        values.ValueClass = values.MultiProcessValue(lambda: seat)  # type: ignore[no-untyped-call]
        from prometheus_client import (  # noqa: PLC0415 - see `prepare`
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
        )

        own = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"avowal_{name}", text, labels, registry=own)

        def gauge(name: str, text: str, *labels: str, mode: _Mode = "livemax") -> Gauge:
            return Gauge(f"avowal_{name}", text, labels, registry=own, multiprocess_mode=mode)

        def seconds(name: str, text: str) -> Histogram:
            return Histogram(f"avowal_{name}_seconds", text, registry=own, buckets=_SECONDS)

        self._messages = counter("messages", "Messages.", "treatment", "action")
        self._signed = counter("signed", "Signatures made.", "domain", "selector", "algorithm")
        self._verified = counter("verified", "Signatures checked.", "algorithm", "result")
        self._unsigned = counter(
            "left_unsigned", "Messages of our domains that left without a signature.", "reason"
        )
        self._long_bodies = counter(
            "long_body_lines", "Messages to be signed with a body line that an MTA will break."
        )
        self._peers = counter("peer_errors", "Connections that broke the protocol or a limit.")
        self._let_go = counter("connections_closed", "Connections we closed.", "why")
        self._dns = counter("dns_answers", "Answers of DNS.", "outcome")
        self._answer = seconds("answer", "From the end of a message to our answer.")
        self._waited = seconds("dns_wait", "From the first question of a message to its last.")
        self._sign = seconds("sign", "Key operations of one message.")
        self._count_failures(counter)
        self._open = gauge("connections", "Open milter connections.", mode="livesum")
        self._generation = gauge("configuration_generation", "Which configuration is at work.")
        self._published = gauge(
            "key_published", "1 if DNS shows the key, 0 if not.", "domain", "selector"
        )
        self._key_states = gauge("keys", "Our keys by what DNS says of them.", "state")
        self._events = counter("events", "Events of verdicts.", "outcome")
        self._domains: set[tuple[str, str]] = set()
        self._keys: set[tuple[str, str]] = set()
        self._changed = gauge(
            "key_changed_timestamp_seconds", "When the key file changed.", "domain", "selector"
        )

    def _count_failures(self, counter: Callable[..., Counter]) -> None:
        self._faults = counter("faults", "Messages we failed on.")
        self._explanations = counter("explanations", "Failed signatures looked into.", "outcome")
        self._causes = counter("failure_causes", "Why signatures failed.", "cause")
        self._captured = counter("captured", "Messages for the capture box.", "outcome")

    @staticmethod
    def _names(known: set[tuple[str, str]], names: tuple[str, str]) -> tuple[str, str]:
        """Return names for labels: as many as have series of their own, and `other`."""
        if names not in known:
            if len(known) >= MOST_NAMES:
                return _OTHER
            known.add(names)
        return names

    def message(self, actions: Actions, times: Durations) -> None:
        record = (actions.withheld or actions).record
        self._messages.labels(record.treatment, record.action).inc()
        self._answer.observe(times.answer)
        if times.dns is not None:
            self._waited.observe(times.dns)
        for made in record.made:
            names = self._names(self._domains, (made.domain, made.selector))
            self._signed.labels(*names, made.algorithm).inc()
        for one in record.checked:
            # Only algorithms we know become labels: a stranger must not make series.
            known = one.algorithm if one.algorithm in ALGORITHMS else "other"
            self._verified.labels(known, one.result).inc()
        if record.unsigned is not None:
            self._unsigned.labels(record.unsigned).inc()
        if record.long_body:
            self._long_bodies.inc()
        if record.fault is not None:
            self._faults.inc()

    def connections(self, change: int) -> None:
        self._open.inc(change)

    def peer_error(self) -> None:
        self._peers.inc()

    def let_go(self, why: LetGo) -> None:
        self._let_go.labels(why).inc()

    def dns(self, outcome: str) -> None:
        self._dns.labels(outcome).inc()

    def signing(self, seconds: float) -> None:
        self._sign.observe(seconds)

    def explanation(self, outcome: Explained) -> None:
        self._explanations.labels(outcome).inc()

    def cause(self, name: str) -> None:
        self._causes.labels(name).inc()

    def captured(self, outcome: Captured) -> None:
        self._captured.labels(outcome).inc()

    def published(self, domain: str, selector: str, state: float) -> None:
        if self._names(self._keys, (domain, selector)) is not _OTHER:
            self._published.labels(domain, selector).set(state)

    def keys(self, states: Mapping[str, int]) -> None:
        for state, count in states.items():
            self._key_states.labels(state).set(count)

    def key_changed(self, domain: str, selector: str, changed: float) -> None:
        if self._names(self._keys, (domain, selector)) is not _OTHER:
            self._changed.labels(domain, selector).set(changed)

    def generation(self, number: int) -> None:
        self._generation.set(number)

    def events(self, outcome: str, number: int) -> None:
        self._events.labels(outcome).inc(number)

    def text(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        sums = CollectorRegistry()
        MultiProcessCollector(sums)  # type: ignore[no-untyped-call]
        return generate_latest(sums) + rotations_in(os.environ[_DIRECTORY])
