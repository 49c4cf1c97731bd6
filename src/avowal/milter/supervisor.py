"""The process that starts workers, replaces those that die, and brings in new configurations.

It opens the sockets, reads configuration and keys, forks, and never sees an octet of mail.
A reload reads everything anew into a new generation; only when all of its workers serve do
the old ones retire, so a mistake in a table changes nothing.  The sockets stay open over
reloads and deaths: what the kernel queued is served by whoever is there.  There is no event
loop here, and no thread: forking stays safe.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable

from avowal import paths
from avowal.config.mistakes import Mistakes
from avowal.config.model import Listener
from avowal.errors import AvowalError, ConfigError, EnvironmentFault
from avowal.milter import meters
from avowal.milter.changes import Changes
from avowal.milter.fleet import Fleet, WorkerGeneration
from avowal.milter.journal import LOGGER, open_log
from avowal.milter.notify import Notifier
from avowal.milter.prerequisites import named, open_listener
from avowal.milter.rotation_gauges import RotationGauges
from avowal.milter.signals import STOPS, Signals, StoppedEarly
from avowal.milter.sockets import ListeningSocket, group_id, user_id
from avowal.milter.worker import DRAIN, RETIRE, Prepared, check_user

START_SECONDS = 30.0  # until a new worker has to serve
_GENERATIONS_KEPT = 3  # retiring ones, before the oldest has to hurry
_TICK = 1.0
_GRACE_SECONDS = 10.0  # beyond the time to drain, before workers are killed


class Supervisor:
    """Runs workers until SIGTERM or SIGINT.

    `load` makes what a generation works with, given its number; it raises AvowalError.
    """

    def __init__(
        self,
        load: Callable[[int], Prepared],
        *,
        notifier: Notifier | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._load = load
        self._notifier = notifier or Notifier(os.environ)
        self._on_ready = on_ready
        self._selector = selectors.DefaultSelector()
        self._fleet = Fleet(self._selector)
        self._open: list[ListeningSocket] = []
        self._number = 0
        self._reload_wanted = False
        self._changes = Changes()
        self._gauges = RotationGauges()
        self._pid_file: paths.OwnFile | None = None

    # -- start and stop ------------------------------------------------------------------

    def run(self) -> int:
        """Serve; return 0 after an orderly end, 1 if no worker could be started.

        Raises AvowalError for what keeps the daemon from starting.
        """
        signals = Signals()  # before there is a socket or a file to leave behind
        self._selector.register(signals.pipe, selectors.EVENT_READ)
        try:
            with signals.breakable():
                prepared = self._read()
            self._fleet.coming = self._prepare(prepared)
            self._open_metrics(self._fleet.coming)
            self._write_pid(self._fleet.coming)
            self._fleet.fill(self._fleet.coming)
            return self._loop(signals)
        except StoppedEarly:
            return 0
        finally:
            self._clean_up()
            self._selector.unregister(signals.pipe)
            signals.close()

    def _loop(self, signals: Signals) -> int:
        feed = self._notifier.watchdog
        fed_at = 0.0
        while True:
            for number in self._wait(signals, min(_TICK, feed / 3) if feed else _TICK):
                if number in STOPS:
                    self._drain()
                    return 0
                self._reload_wanted |= number in {signal.SIGHUP, signal.SIGUSR1}
            self._fleet.reap()
            self._fleet.kill_silent()
            if self._fleet.coming is not None and not self._advance():
                return 1
            self._reload_wanted |= self._changes.there(self._fleet.current)
            self._gauges.keep(self._fleet.current, self._fleet.metrics)
            if self._reload_wanted and self._fleet.coming is None:
                self._reload_wanted = False
                self._reload()
            for generation in filter(None, (self._fleet.current, self._fleet.coming)):
                self._fleet.fill(generation)
            now = time.monotonic()
            if feed and self._fleet.current is not None and now - fed_at >= feed / 3:
                self._notifier.alive()
                fed_at = now

    def _wait(self, signals: Signals, seconds: float) -> list[int]:
        """Wait for signals and for words of workers; return the signals."""
        due = self._fleet.due
        if due is not None:
            seconds = min(seconds, max(0.0, due - time.monotonic()))
        for key, _ in self._selector.select(seconds):
            if key.fileobj is not signals.pipe:
                self._fleet.hear(key.data)
        return signals.heard()

    # -- generations ---------------------------------------------------------------------

    def _read(self) -> Prepared:
        """Read the configuration anew.  Raises AvowalError."""
        self._number += 1
        prepared = self._load(self._number)
        check_user(prepared.server)
        return prepared

    def _prepare(self, prepared: Prepared) -> WorkerGeneration:
        """Open the sockets of a configuration.  Raises AvowalError."""
        old = [] if self._fleet.current is None else self._fleet.current.listening
        opened: list[ListeningSocket] = []
        try:
            listening = []
            for number, listener in enumerate(prepared.listeners):
                kept = next((one for one in old if one.serves(listener)), None)
                if kept is None:
                    at = ("listeners", number, "socket")
                    opened.append(open_listener(listener, at, prepared.places))
                one = opened[-1] if kept is None else _with(kept, listener)
                listening.append(one)
            open_log(prepared.log)
        except AvowalError:
            for one in opened:
                one.close()
            raise
        self._open += opened
        return WorkerGeneration(self._number, prepared, listening)

    def _close_unused(self, used: list[ListeningSocket]) -> None:
        """Close the sockets that no configuration asks for any more."""
        wanted = {id(one.socket) for one in used}
        for one in [o for o in self._open if id(o.socket) not in wanted]:
            one.close()
            self._open.remove(one)

    def _reload(self) -> None:
        self._notifier.reloading()
        LOGGER.info("reading the configuration again")
        try:
            self._fleet.coming = self._prepare(self._read())
        except AvowalError as error:
            complain(error)
        except Exception:  # noqa: BLE001 - the last resort: a reload must not end the daemon
            LOGGER.exception("program error while reading the configuration")
        else:
            return
        LOGGER.error("the configuration stays as it was: generation %d", self._at_work)
        self._notifier.ready(f"reload failed; generation {self._at_work} at work")

    @property
    def _at_work(self) -> int:
        return 0 if self._fleet.current is None else self._fleet.current.number

    def _advance(self) -> bool:
        """Let a new generation take over once all of it serves; False if the first one cannot."""
        coming = self._fleet.coming
        if coming is None:
            return True
        if coming.serving:
            self._take_over(coming)
            return True
        now = time.monotonic()
        dead = any(coming.deaths.values())
        late = any(
            not c.ready and now - c.started_at > START_SECONDS for c in coming.children.values()
        )
        if not (dead or late):
            return True
        if self._fleet.current is None:
            LOGGER.error("the workers do not start")
            return False
        LOGGER.error("generation %d does not start; %d stays", coming.number, self._at_work)
        self._fleet.coming = None
        self._retire(coming, DRAIN)
        self._close_unused(self._fleet.current.listening)
        self._notifier.ready(f"reload failed; generation {self._at_work} at work")
        return True

    def _take_over(self, coming: WorkerGeneration) -> None:
        old, self._fleet.current, self._fleet.coming = self._fleet.current, coming, None
        if old is None:
            self._on_ready()
        else:
            self._close_unused(coming.listening)
            self._retire(old, RETIRE)
            self._fleet.hush(old)  # from now on a fresh connection is the new generation's
            for oldest in self._fleet.retiring[:-_GENERATIONS_KEPT]:
                self._fleet.command(oldest, DRAIN)
        LOGGER.info("generation %d at work: %d workers", coming.number, coming.size)
        self._notifier.ready(f"generation {coming.number} at work, {coming.size} workers")

    def _retire(self, generation: WorkerGeneration, word: bytes) -> None:
        self._fleet.command(generation, word)
        if generation.children:
            self._fleet.retiring.append(generation)

    def _drain(self) -> None:
        """Let the workers serve their SMTP sessions to the end, then end them all."""
        self._notifier.stopping()
        LOGGER.info("stopping: open SMTP sessions are served to their end")
        for one in self._open:
            one.close()  # a fresh connection is refused at once, not left in a queue
        ending = list(self._fleet.generations())
        self._fleet.current = self._fleet.coming = None
        self._fleet.retiring = []
        for generation in ending:
            self._retire(generation, DRAIN)
        seconds = max((one.prepared.server.drain for one in ending), default=0)
        until = time.monotonic() + seconds + _GRACE_SECONDS
        while self._fleet.living and time.monotonic() < until:
            self._fleet.reap()
            time.sleep(0.02)
        for child in self._fleet.living:
            os.kill(child.pid, signal.SIGKILL)

    # -- what lies around ----------------------------------------------------------------

    def _open_metrics(self, generation: WorkerGeneration) -> None:
        server = generation.prepared.server
        if server.metrics is None:
            return
        host, _, port = server.metrics.rpartition(":")
        kind = "inet6" if ":" in host else "inet"
        listener = Listener(socket=f"{kind}:{port}@{host}")
        self._fleet.health = open_listener(
            listener, ("server", "metrics"), generation.prepared.places
        )
        self._fleet.metrics = meters.prepare()
        user = -1 if server.user is None else user_id(server.user)
        group = -1 if server.group is None else group_id(server.group)
        if os.geteuid() == 0 and (user, group) != (-1, -1):
            meters.give_to(self._fleet.metrics, user, group)

    def _write_pid(self, generation: WorkerGeneration) -> None:
        name = generation.prepared.server.pid_file
        if name is None:
            return
        try:
            self._pid_file = paths.OwnFile(name, f"{os.getpid()}\n".encode(), 0o644)
        except OSError as error:
            where = named(("server", "pid_file"), generation.prepared.places)
            raise EnvironmentFault(f"{where}: {name}: {error.strerror}") from None

    def _clean_up(self) -> None:
        for child in self._fleet.living:
            os.kill(child.pid, signal.SIGKILL)
        for one in self._open:
            one.close()
        if self._fleet.health is not None:
            self._fleet.health.close()
        if self._fleet.metrics is not None:
            meters.remove(self._fleet.metrics)
        if self._pid_file is not None:
            self._pid_file.remove()


def _with(one: ListeningSocket, listener: Listener) -> ListeningSocket:
    """The same socket in another role."""
    return ListeningSocket(listener, one.socket, one.made)


def complain(error: AvowalError) -> None:
    """Log what is wrong, one line for each mistake."""
    for one in error.each if isinstance(error, Mistakes) else (error,):
        facts: dict[str, str | int] = {}
        if isinstance(one, ConfigError):
            named = (("file", one.file), ("line", one.line), ("key", one.key), ("hint", one.hint))
            facts = {name: value for name, value in named if value is not None}
        LOGGER.error("%s", one.why if isinstance(one, ConfigError) else one, extra={"facts": facts})
