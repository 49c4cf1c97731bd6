"""The process that starts workers, replaces those that die, and brings in new configurations.

It opens the sockets, reads configuration and keys, forks, and never sees an octet of mail.
A reload reads everything anew into a new generation; only when all of its workers serve do
the old ones retire, so a mistake in a table changes nothing.  The sockets stay open over
reloads and deaths: what the kernel queued is served by whoever is there.

There is no event loop here, and no thread: forking stays safe.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from avowal.config.mistakes import Mistakes
from avowal.config.model import Listener, Role
from avowal.errors import AvowalError, ConfigError, EnvironmentFault
from avowal.milter import meters
from avowal.milter.journal import LOGGER, open_log
from avowal.milter.notify import Notifier
from avowal.milter.sockets import Listening, group_id, listen, user_id
from avowal.milter.worker import DRAIN, READY, RETIRE, Prepared, check_user, work

START_SECONDS = 30.0  # until a new worker has to serve
SILENCE_SECONDS = 60.0  # without a sign of life a worker is killed
_LIVED_WELL = 30.0  # seconds after which a death is no reason to wait
_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each next start
_GENERATIONS_KEPT = 3  # retiring ones, before the oldest has to hurry
_TICK = 1.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)
_STOPS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass(slots=True)
class _Child:
    """A worker process as the supervisor sees it."""

    pid: int
    channel: socket.socket
    seat: int
    started_at: float
    heard_at: float
    ready: bool = False


@dataclass(slots=True)
class _Generation:
    """One configuration at work: its sockets and its workers, by place."""

    number: int
    prepared: Prepared
    listening: list[Listening]
    children: dict[int, _Child] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)  # when a place is to be filled

    @property
    def size(self) -> int:
        return self.prepared.server.workers

    @property
    def serving(self) -> bool:
        return len(self.children) == self.size and all(c.ready for c in self.children.values())


class Supervisor:
    """Runs workers until SIGTERM or SIGINT.

    `load` makes what a generation works with, given its number; it raises AvowalError for
    anything that must not go to work.
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
        self._current: _Generation | None = None
        self._coming: _Generation | None = None
        self._retiring: list[_Generation] = []
        self._open: list[Listening] = []
        self._number = 0
        self._reload_wanted = False
        self._metrics: str | None = None
        self._health: Listening | None = None
        self._pid_file: Path | None = None

    # -- start and stop ------------------------------------------------------------------

    def run(self) -> int:
        """Serve; return 0 after an orderly end, 1 if no worker could be started.

        Raises AvowalError for what keeps the daemon from starting.
        """
        try:
            self._coming = self._prepare()
            self._open_metrics(self._coming)
            self._write_pid(self._coming)
            wakeup = self._catch_signals()
            self._fill(self._coming)
            return self._loop(wakeup)
        finally:
            self._clean_up()

    def _loop(self, wakeup: socket.socket) -> int:
        feed = self._notifier.watchdog
        fed_at = 0.0
        while True:
            for number in self._wait(wakeup, min(_TICK, feed / 3) if feed else _TICK):
                if number in _STOPS:
                    self._drain()
                    return 0
                self._reload_wanted |= number in {signal.SIGHUP, signal.SIGUSR1}
            self._bury()
            self._kill_silent()
            if self._coming is not None and not self._advance():
                return 1
            if self._reload_wanted and self._coming is None:
                self._reload_wanted = False
                self._reload()
            for generation in filter(None, (self._current, self._coming)):
                self._fill(generation)
            now = time.monotonic()
            if feed and self._current is not None and now - fed_at >= feed / 3:
                self._notifier.alive()
                fed_at = now

    def _catch_signals(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self._wakeup = theirs
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # the wakeup pipe says it
        self._selector.register(ours, selectors.EVENT_READ)
        return ours

    def _wait(self, wakeup: socket.socket, seconds: float) -> list[int]:
        """Wait for signals and for words of workers; return the signals."""
        due = [when for g in (self._current, self._coming) if g for when in g.due.values()]
        if due:
            seconds = min(seconds, max(0.0, min(due) - time.monotonic()))
        signals: list[int] = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is wakeup:
                signals += wakeup.recv(512)
            else:
                self._hear(key.data)
        return signals

    def _hear(self, child: _Child) -> None:
        try:
            words = child.channel.recv(512)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            self._selector.unregister(child.channel)
            child.channel.close()
            return
        child.heard_at = time.monotonic()
        child.ready = child.ready or READY in words

    # -- workers -------------------------------------------------------------------------

    def _fill(self, generation: _Generation) -> None:
        """Start a worker in each empty place whose time has come."""
        now = time.monotonic()
        for place in range(generation.size):
            if place not in generation.children and generation.due.get(place, 0.0) <= now:
                generation.due.pop(place, None)
                self._start(generation, place)

    def _start(self, generation: _Generation, place: int) -> None:
        seat = self._free_seat()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_worker(generation, ours, theirs, place, seat)
        theirs.close()
        ours.setblocking(False)
        now = time.monotonic()
        child = _Child(pid, ours, seat, now, now)
        generation.children[place] = child
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become_worker(
        self,
        generation: _Generation,
        ours: socket.socket,
        theirs: socket.socket,
        place: int,
        seat: int,
    ) -> None:
        """Go on as a worker; never returns."""
        status = 1
        try:
            ours.close()
            for child in self._living():
                child.channel.close()
            self._selector.close()
            status = work(
                generation.prepared,
                [(one.socket, self._role(generation, one)) for one in generation.listening],
                None if self._health is None else self._health.socket,
                theirs,
                place=place,
                seat=seat,
            )
        except AvowalError as error:
            LOGGER.error("worker: %s", error)
        except Exception:  # noqa: BLE001 - the last resort of a process: logged, and restarted
            LOGGER.exception("worker: program error")
        finally:
            os._exit(status)

    @staticmethod
    def _role(generation: _Generation, one: Listening) -> Role:
        return one.listener.role or generation.prepared.role

    def _living(self) -> list[_Child]:
        generations = [g for g in (self._current, self._coming, *self._retiring) if g is not None]
        return [child for g in generations for child in g.children.values()]

    def _free_seat(self) -> int:
        taken = {child.seat for child in self._living()}
        return next(seat for seat in range(len(taken) + 1) if seat not in taken)

    def _bury(self) -> None:
        """Note the workers that ended, and when their places are to be filled again."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for generation in filter(None, (self._current, self._coming, *self._retiring)):
                for place, child in list(generation.children.items()):
                    if child.pid == pid:
                        self._bury_one(generation, place, child, status)

    def _bury_one(self, generation: _Generation, place: int, child: _Child, status: int) -> None:
        del generation.children[place]
        if child.channel.fileno() >= 0:
            self._selector.unregister(child.channel)
            child.channel.close()
        if self._metrics is not None:
            meters.forget(child.seat)
        if generation in self._retiring:
            if not generation.children:
                self._retiring.remove(generation)
            return
        lived = time.monotonic() - child.started_at
        deaths = 0 if lived > _LIVED_WELL else generation.deaths.get(place, 0) + 1
        generation.deaths[place] = deaths
        pause = _BACK_OFF[min(deaths, len(_BACK_OFF) - 1)]
        generation.due[place] = time.monotonic() + pause
        code = os.waitstatus_to_exitcode(status)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        LOGGER.error("worker %d ended %s; another starts in %.1f s", child.pid, how, pause)

    def _kill_silent(self) -> None:
        before = time.monotonic() - SILENCE_SECONDS
        for child in self._living():
            if child.heard_at < before:
                LOGGER.error("worker %d shows no sign of life: killed", child.pid)
                os.kill(child.pid, signal.SIGKILL)
                child.heard_at = time.monotonic()

    # -- generations ---------------------------------------------------------------------

    def _prepare(self) -> _Generation:
        """Read the configuration anew and open its sockets.  Raises AvowalError."""
        self._number += 1
        prepared = self._load(self._number)
        check_user(prepared.server)
        old = [] if self._current is None else self._current.listening
        opened: list[Listening] = []
        try:
            listening = []
            for listener in prepared.listeners:
                kept = next((one for one in old if one.serves(listener)), None)
                if kept is None:
                    opened.append(listen(listener))
                one = opened[-1] if kept is None else _with(kept, listener)
                listening.append(one)
            open_log(prepared.log)
        except AvowalError:
            for one in opened:
                one.close()
            raise
        self._open += opened
        return _Generation(self._number, prepared, listening)

    def _close_unused(self, used: list[Listening]) -> None:
        """Close the sockets that no configuration asks for any more."""
        wanted = {id(one.socket) for one in used}
        for one in [o for o in self._open if id(o.socket) not in wanted]:
            one.close()
            self._open.remove(one)

    def _reload(self) -> None:
        self._notifier.reloading()
        LOGGER.info("reading the configuration again")
        try:
            self._coming = self._prepare()
        except AvowalError as error:
            tell(error)
            LOGGER.error("the configuration stays as it was: generation %d", self._at_work)
            self._notifier.ready(f"reload failed; generation {self._at_work} at work")

    @property
    def _at_work(self) -> int:
        return 0 if self._current is None else self._current.number

    def _advance(self) -> bool:
        """Let a new generation take over once all of it serves; False if the first one cannot."""
        coming = self._coming
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
        for child in coming.children.values():
            os.kill(child.pid, signal.SIGKILL)
        self._coming = None
        if self._current is None:
            LOGGER.error("the workers do not start")
            return False
        LOGGER.error("generation %d does not start; %d stays", coming.number, self._at_work)
        self._close_unused(self._current.listening)
        if coming.children:
            self._retiring.append(coming)
        self._notifier.ready(f"reload failed; generation {self._at_work} at work")
        return True

    def _take_over(self, coming: _Generation) -> None:
        old, self._current, self._coming = self._current, coming, None
        if old is None:
            self._on_ready()
        else:
            self._close_unused(coming.listening)
            self._tell(old, RETIRE)
            self._retiring.append(old)
            for oldest in self._retiring[:-_GENERATIONS_KEPT]:
                self._tell(oldest, DRAIN)
        LOGGER.info("generation %d at work: %d workers", coming.number, coming.size)
        self._notifier.ready(f"generation {coming.number} at work, {coming.size} workers")

    @staticmethod
    def _tell(generation: _Generation, word: bytes) -> None:
        for child in generation.children.values():
            try:
                child.channel.send(word)
            except OSError:
                continue  # it is ending by itself

    def _drain(self) -> None:
        """Let the workers finish their messages, then end them all."""
        self._notifier.stopping()
        LOGGER.info("stopping: open messages are finished")
        seconds = 0
        for generation in filter(None, (self._current, self._coming, *self._retiring)):
            self._tell(generation, DRAIN)
            seconds = max(seconds, generation.prepared.server.drain)
            self._retiring.append(generation)
        self._current = self._coming = None
        until = time.monotonic() + seconds + 5
        while self._living() and time.monotonic() < until:
            self._bury()
            time.sleep(0.02)
        for child in self._living():
            os.kill(child.pid, signal.SIGKILL)

    # -- what lies around ----------------------------------------------------------------

    def _open_metrics(self, generation: _Generation) -> None:
        server = generation.prepared.server
        if server.metrics is None:
            return
        host, _, port = server.metrics.rpartition(":")
        self._health = listen(Listener(socket=f"{_kind(host)}:{port}@{host}"))
        self._metrics = meters.prepare()
        user = -1 if server.user is None else user_id(server.user)
        group = -1 if server.group is None else group_id(server.group)
        if os.geteuid() == 0 and (user, group) != (-1, -1):
            meters.give_to(self._metrics, user, group)

    def _write_pid(self, generation: _Generation) -> None:
        name = generation.prepared.server.pid_file
        if name is None:
            return
        path = Path(name)
        try:
            path.write_text(f"{os.getpid()}\n", encoding="ascii")
        except OSError as error:
            raise EnvironmentFault(f"server.pid_file: {path}: {error.strerror}") from None
        self._pid_file = path

    def _clean_up(self) -> None:
        for child in self._living():
            os.kill(child.pid, signal.SIGKILL)
        for one in self._open:
            one.close()
        if self._health is not None:
            self._health.close()
        if self._metrics is not None:
            meters.remove(self._metrics)
        if self._pid_file is not None:
            self._pid_file.unlink(missing_ok=True)


def _kind(host: str) -> str:
    return "inet6" if ":" in host else "inet"


def _with(one: Listening, listener: Listener) -> Listening:
    """The same socket in another role."""
    return Listening(listener, one.socket, one.made)


def tell(error: AvowalError) -> None:
    """Log what is wrong, one line for each mistake."""
    for one in error.each if isinstance(error, Mistakes) else (error,):
        facts: dict[str, str | int] = {}
        if isinstance(one, ConfigError):
            named = (("file", one.file), ("line", one.line), ("key", one.key), ("hint", one.hint))
            facts = {name: value for name, value in named if value is not None}
        LOGGER.error("%s", one.why if isinstance(one, ConfigError) else one, extra={"facts": facts})
