"""The life of one worker process: fewer rights, an event loop, a server, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import signal
import socket
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from avowal import paths
from avowal.config.model import Listener, Log, Role, Server
from avowal.config.places import NOWHERE, Places
from avowal.errors import ConfigError
from avowal.keys.secrecy import keep_memory_private
from avowal.limits import DEFAULT
from avowal.lookup import AsyncResolver
from avowal.milter.events import SessionLimits
from avowal.milter.journal import LOGGER
from avowal.milter.meters import Meters, Prometheus
from avowal.milter.server import MilterServer
from avowal.milter.service import Filter, Service
from avowal.milter.sockets import group_id, user_id

READY, BEAT, QUIET = b"R", b".", b"Q"  # QUIET: takes no more connections
RETIRE, DRAIN = b"T", b"D"
BEAT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything a generation of workers works with, made before they are forked.

    `make_filter` is called in each worker with its meters.  `before` runs before the server
    takes connections, `beside` runs beside it, such as looking after keys in DNS; `ending` is
    called when nothing else is left to do.  `notes` yields what a check says besides.
    `changed` is asked now and then, by the supervisor, whether all of this is to be made anew;
    it raises AvowalError where that cannot be known.  `rotations` tells the metrics of rotations,
    and may raise the same.
    `places` say where options stand.
    """

    generation: int
    make_filter: Callable[[Meters], Filter]
    resolver: AsyncResolver
    listeners: tuple[Listener, ...]
    role: Role = "both"
    server: Server = field(default_factory=Server)
    log: Log = field(default_factory=Log)
    session_limits: SessionLimits = field(default_factory=SessionLimits)
    seconds: float = 25
    dns_seconds: float = DEFAULT.dns_seconds
    places: Places = NOWHERE
    before: Callable[[Service], Coroutine[Any, Any, None]] | None = None
    beside: Callable[[Service], Coroutine[Any, Any, None]] | None = None
    ending: Callable[[], None] = lambda: None
    notes: Callable[[], Iterable[str]] = lambda: ()
    changed: Callable[[], bool] | None = None
    rotations: Callable[[], str] | None = None


def drop_privileges(server: Server) -> None:
    """Become the configured user and group, in the configured directories.

    Raises ConfigError for a user or group that does not exist, OSError where root is needed.
    """
    user = None if server.user is None else user_id(server.user)
    group = None if server.group is None else group_id(server.group)
    if user is not None and group is None:
        with contextlib.suppress(KeyError):
            group = pwd.getpwuid(user).pw_gid
    if server.root is not None:
        paths.enter(server.root)
        os.chroot(".")
    if server.directory is not None:
        paths.enter(server.directory)
    if server.umask is not None:
        os.umask(int(server.umask, 8))
    if os.geteuid() != 0:
        return  # nothing to give up; `check_user` has said so where it matters
    if group is not None:
        os.setgroups([group])
        os.setgid(group)
    if user is not None:
        os.setuid(user)


def check_user(server: Server) -> None:
    """Refuse a user or group that does not exist, or that we cannot become.

    Raises ConfigError.
    """
    user = None if server.user is None else user_id(server.user)
    if server.group is not None:
        group_id(server.group)
    if user is not None and os.geteuid() not in {0, user}:
        raise ConfigError(
            f"cannot become {server.user}: not started by root",
            key="server.user",
            hint="start the daemon as root or as that user, or leave server.user out",
        )


def work(
    prepared: Prepared,
    sockets: Sequence[tuple[socket.socket, Role]],
    health: socket.socket | None,
    channel: socket.socket,
    *,
    place: int,
    seat: int,
) -> int:
    """Be a worker until told to stop; return the exit status.  Called in the new process.

    `place` numbers the workers of a generation, `seat` all that live.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD):
        # They are for the supervisor; Ctrl-C reaches the whole group.
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # From here on no module can be imported: a chroot, or another user, may not see the files.
    loop_factory = _loop_factory()
    meters: Meters = Meters() if health is None else Prometheus(seat)
    drop_privileges(prepared.server)
    keep_memory_private()
    meters.generation(prepared.generation)
    service = Service(
        filter=prepared.make_filter(meters),
        resolver=prepared.resolver,
        meters=meters,
        options=prepared.server,
        session_limits=prepared.session_limits,
        seconds=prepared.seconds,
        dns_seconds=prepared.dns_seconds,
        place=place,
    )
    server = MilterServer(service, sockets, health)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(server, service, prepared, channel))
    prepared.ending()
    logging.shutdown()
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    made: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return made


async def _serve(
    server: MilterServer, service: Service, prepared: Prepared, channel: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGTERM, commands.put_nowait, DRAIN)
    channel.setblocking(False)

    def listen_to_supervisor() -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            word = channel.recv(1)
            if not word:  # the supervisor is gone
                loop.remove_reader(channel.fileno())
            commands.put_nowait(word or DRAIN)

    loop.add_reader(channel.fileno(), listen_to_supervisor)
    if prepared.before is not None:
        await prepared.before(service)
    server.start()
    beside = [loop.create_task(server.watched()), loop.create_task(_beat(channel))]
    if prepared.beside is not None:
        beside.append(loop.create_task(prepared.beside(service)))
    _say(channel, READY)
    await _until_done(server, commands, service, channel)
    for task in beside:
        task.cancel()


async def _until_done(
    server: MilterServer,
    commands: asyncio.Queue[bytes],
    service: Service,
    channel: socket.socket,
) -> None:
    """Serve until told to retire or drain; a retiring worker may still be told to drain."""
    options = service.options
    word = await commands.get()
    await server.stop_accepting()
    _say(channel, QUIET)
    if word == RETIRE:
        retiring = asyncio.ensure_future(server.retire(options.retire))
        urged = asyncio.ensure_future(commands.get())
        await asyncio.wait({retiring, urged}, return_when=asyncio.FIRST_COMPLETED)
        done = retiring.done()
        for future in (retiring, urged):
            future.cancel()
        if done:
            await server.finish(options.drain)
            return
    await server.drain(options.drain)


async def _beat(channel: socket.socket) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        _say(channel, BEAT)


def _say(channel: socket.socket, word: bytes) -> None:
    try:
        channel.send(word)
    except BlockingIOError:
        LOGGER.warning("the supervisor does not listen")
    except OSError:
        return  # it is gone: the reader sees that too
