"""The daemon: sockets, privileges, signals, reload.  One process, one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from avowal import __version__, paths
from avowal.config.model import Server
from avowal.config.opendkim_conf import OpendkimConf, read_conf
from avowal.errors import AvowalError, EnvironmentFault
from avowal.keys.secrecy import keep_memory_private
from avowal.lists.charsets import load_codecs
from avowal.milter import descriptors
from avowal.milter.explaining import Explaining, ExplainingMaker
from avowal.milter.meters import Meters
from avowal.milter.server import MilterServer
from avowal.milter.service import Service
from avowal.opendkim.confinement import confined
from avowal.opendkim.filter import OpendkimFilter, dns_seconds_of, session_limits_of
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Line, LogLevel
from avowal.opendkim.logs import StderrLog, SyslogLog, open_service_log
from avowal.opendkim.mail_command import DEFAULT_COMMAND, hand_over
from avowal.opendkim.policy_scripts import as_options
from avowal.opendkim.settings import compiled
from avowal.opendkim.shadow import ShadowLog
from avowal.opendkim.sockets import Bound
from avowal.opendkim.sources import BothResolver, resolver_of
from avowal.opendkim.tables import refuse_faulty_tables
from avowal.opendkim.verdict import Mail
from avowal.report.recorder import Recorder

_ANSWER_SECONDS = 240
"""From the end of a message to our answer, reports sent: Postfix waits 300, Sendmail as long."""
_LAST_SECONDS = 3.0  # for the events and explanations that wait when the daemon ends
_PRODUCT = "avowal"


@dataclass(slots=True)
class Daemon:
    """A daemon that is set up: `run` serves until a signal ends it.

    All it needs is loaded before privileges and the root directory go: nothing can be read
    afterwards that only root may read.
    """

    generation: OpendkimGeneration
    resolver: BothResolver
    bound: Bound
    log: SyslogLog | StderrLog
    reload_from: str | None
    arguments: str
    shadow: ShadowLog | None = None
    recorder: Recorder | None = None
    explaining_maker: ExplainingMaker | None = None
    pid_file: paths.OwnFile | None = None

    def detach(self) -> None:
        """Settle in the background (Background): the child serves.

        The parent ends when that is done, or with the child's status where it fails.
        Raises EnvironmentFault.
        """
        sys.stdout.flush()
        ready, done = os.pipe()
        child = os.fork()
        if child:
            os.close(done)
            if os.read(ready, 1):
                os._exit(0)
            os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
        os.close(ready)
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)  # the root is another one soon
        self.settle()
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.write(done, b"\0")
        os.close(done)

    def settle(self) -> None:
        """Write the pid file, then confine and drop privileges.  Raises EnvironmentFault."""
        conf = self.generation.settings.conf
        path = conf.text("PidFile")
        if path is not None:
            path = confined(conf, path)
            try:
                # UMask is for the socket; everybody may know the id
                self.pid_file = paths.OwnFile(path, f"{os.getpid()}\n".encode(), 0o644)
            except OSError as error:
                self.log.write(Line(LogLevel.ERROR, f"can't write pid to {path}: {error.strerror}"))
        root = conf.text("ChangeRootDirectory")
        try:
            if root is not None:
                load_codecs()  # none is found below another root
                paths.enter(root)
                os.chroot(".")
            if self.bound.identity is not None:
                self.bound.identity.assume()
        except OSError as error:
            raise EnvironmentFault(f"privileges cannot be dropped: {error.strerror}") from None

    def run(self) -> int:
        """Serve until SIGTERM; return the exit status."""
        self._say(LogLevel.INFO, f"{_PRODUCT} v{__version__} starting (args: {self.arguments})")
        open_service_log(self.log)
        keep_memory_private()
        maker = self.explaining_maker  # forks: before there is a thread
        explaining = None if maker is None else maker.of(Meters())
        asyncio.run(self._serve(explaining))
        if explaining is not None:
            explaining.settle(_LAST_SECONDS)
        if self.shadow is not None:
            self.shadow.summarize()
        if self.recorder is not None:
            self.recorder.settle(_LAST_SECONDS)
        if self.pid_file is not None:  # it may stay: privileges are dropped, the root is another
            self.pid_file.remove()
        self._say(LogLevel.INFO, f"{_PRODUCT} v{__version__} terminating with status 0, errno = 0")
        return 0

    async def _serve(self, explaining: Explaining | None) -> None:
        settings = self.generation.settings
        filter_ = OpendkimFilter(
            generation=self.generation,
            log=self.log,
            send=self._sender(settings.conf),
            shadow=self.shadow,
            recorder=self.recorder,
            explaining=explaining,
        )
        service = Service(
            filter=filter_,
            resolver=self.resolver,
            options=Server(connections=descriptors.affordable(Server().connections)),
            session_limits=session_limits_of(settings),
            seconds=_ANSWER_SECONDS,
            dns_seconds=dns_seconds_of(settings),
        )
        stop = asyncio.Event()
        self._watch_signals(service, filter_, stop)
        server = MilterServer(service, [(one.socket, "both") for one in self.bound.sockets])
        server.start()
        watching = asyncio.get_running_loop().create_task(server.watched())
        await stop.wait()
        await server.drain(service.options.drain)
        watching.cancel()

    def _watch_signals(
        self, service: Service, filter_: OpendkimFilter, stop: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        for number in (signal.SIGUSR1, signal.SIGHUP):
            loop.add_signal_handler(number, self._reload, service, filter_)
        if self.shadow is not None:
            loop.add_signal_handler(signal.SIGUSR2, self.shadow.summarize)

    def _reload(self, service: Service, filter_: OpendkimFilter) -> None:
        """Read the configuration again; a bad one never replaces a good one."""
        path = self.reload_from
        if path is None:
            return
        try:
            conf = as_options(read_conf(path))
            conf.refuse()
            settings = compiled(conf)
            generation, resolver = OpendkimGeneration.of(settings), resolver_of(conf)
            refuse_faulty_tables(settings, generation.keyring)
        except AvowalError as fault:
            each = "; ".join(str(fault).splitlines())
            self._say(LogLevel.ERROR, f"{each}; the configuration in use stays")
            return
        filter_.generation, filter_.send = generation, self._sender(conf)
        service.resolver, service.dns_seconds = resolver, dns_seconds_of(settings)
        service.session_limits = session_limits_of(settings)
        self._say(LogLevel.INFO, f"configuration reloaded from {path}")

    def _sender(self, conf: OpendkimConf) -> Callable[[Sequence[Mail]], Awaitable[None]]:
        command = conf.text("MTACommand") or DEFAULT_COMMAND
        return lambda mails: hand_over(command, mails, self.log.write)

    def _say(self, level: LogLevel, text: str) -> None:
        self.log.write(Line(level, text))
