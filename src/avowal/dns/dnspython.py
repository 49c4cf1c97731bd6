"""The resolver that asks real name servers, for synchronous and asynchronous callers.

A stub resolver: it asks recursive servers and believes them.  Which servers and how often
is decided here; `exchange` asks one of them, octets travel in `transport`, are written in
`wire`, read in `reply` and understood in `chain`.  Caching and limits per message are
decorators (`cache`, `limits`).
Why not dnspython's own resolver: docs/design/decisions/0002-dns-client.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from avowal.dns import servers, wire
from avowal.dns.chain import MAX_ALIASES, Chain
from avowal.dns.exchange import PAYLOAD, Way
from avowal.dns.reply import DnsReply
from avowal.dns.transport import Server, Talk, adrive, drive
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Question
from avowal.members import refuse_single

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Semaphore

# Of several servers' failures the one that says most is reported: best first.
_TELLING = (
    Failure.SERVER_FAILURE,
    Failure.REFUSED,
    Failure.MALFORMED,
    Failure.NO_SOCKETS,
    Failure.TIMEOUT,
    Failure.UNREACHABLE,
)
# What a second try may cure: a lost datagram or a server that starts.
_WORTH_A_RETRY = frozenset({Failure.TIMEOUT, Failure.UNREACHABLE, Failure.MALFORMED})


class DnsResolver:
    """Ask name servers: in order, each `timeout` seconds, all of them `tries` times.

    `nameservers` are numeric addresses, with or without a port; None reads `resolv_conf`
    once (raises ResolverSetupError).  One question takes at most `lifetime` seconds,
    aliases included.  A datagram without an answer is sent again after `resend` seconds.
    At most `sockets` are open at once, for each event loop and each waiting thread: by default
    half of what this process may open.  Further questions queue, and their time runs.
    `payload` is the EDNS size in octets, `tcp` leaves UDP out.
    `trust_ad` believes the AD bit of these servers; None believes servers on loopback and
    a resolv.conf with the option trust-ad.  `unchecked` asks for answers that DNSSEC refuses
    too (the CD bit), to tell those from no answers.  No search list is ever used.  Safe to share
    between threads and event loops: nothing is kept between two questions but their number.
    """

    def __init__(
        self,
        nameservers: Sequence[str] | None = None,
        *,
        port: int = 53,
        timeout: float = 5.0,
        lifetime: float = 15.0,
        tries: int = 2,
        resend: float = 1.0,
        sockets: int | None = None,
        tcp: bool = False,
        payload: int = PAYLOAD,
        trust_ad: bool | None = None,
        unchecked: bool = False,
        resolv_conf: str | Path = servers.SYSTEM,
    ) -> None:
        if nameservers is not None:
            refuse_single("nameservers", nameservers)
        if nameservers is None:
            self._servers = servers.of_system(Path(resolv_conf), port=port, trust_ad=trust_ad)
        else:
            self._servers = servers.given(nameservers, port=port, trust_ad=trust_ad)
        self._timeout = timeout
        self._lifetime = lifetime
        self._tries = tries
        self._sockets = servers.half_of_descriptors() if sockets is None else sockets
        self._queues: WeakKeyDictionary[AbstractEventLoop, Semaphore] = WeakKeyDictionary()
        self._way = Way(resend=resend, tcp=tcp, payload=payload, unchecked=unchecked)

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch; all its questions travel at the same time."""
        until = monotonic() + self._lifetime
        return self._drive(questions, until, Failure.TIMEOUT)

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        """The same within `seconds`; what they cut off is Failure.DEADLINE."""
        if seconds >= self._lifetime:
            return self.resolve(questions)
        until = monotonic() + max(0.0, seconds)
        return self._drive(questions, until, Failure.DEADLINE)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers."""
        until = monotonic() + self._lifetime
        talks = [self._answer(question, until, Failure.TIMEOUT) for question in questions]
        queue = self._queue()
        if len(talks) == 1:
            return (await _in_turn(queue, talks[0]),)
        from asyncio import gather  # noqa: PLC0415 - synchronous callers never load asyncio

        return tuple(await gather(*(_in_turn(queue, talk) for talk in talks)))

    def _drive(
        self, questions: tuple[Question, ...], until: float, late: Failure
    ) -> tuple[Answer, ...]:
        talks = [self._answer(question, until, late) for question in questions]
        return drive(talks, at_once=self._sockets)

    def _queue(self) -> Semaphore:
        """Return what the questions of the running event loop wait at."""
        from asyncio import Semaphore, get_running_loop  # noqa: PLC0415 - see above

        loop = get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = Semaphore(self._sockets)
        return queue

    def _answer(self, question: Question, until: float, late: Failure) -> Talk[Answer]:
        """Answer one question, along its aliases."""
        name = wire.name_octets(question.name)
        if name is None:
            return NO_NAME  # nothing to send: no zone can hold a name without a wire form
        rrtype = wire.rrtype(question.type)
        if rrtype is None:
            return NO_DATA  # nor a record of a type without a number
        chain = Chain(name, rrtype)
        for _ in range(MAX_ALIASES + 1):
            reply = yield from self._ask(chain.name, rrtype, until, late)
            if isinstance(reply, Failure):
                return Answer.failed(reply)
            message, trusted = reply
            answer = chain.take(message, trusted=trusted)
            if answer is not None:
                return answer
        return Answer.failed(Failure.SERVER_FAILURE)

    def _ask(
        self, name: bytes, rrtype: int, until: float, late: Failure
    ) -> Talk[tuple[DnsReply, bool] | Failure]:
        """Go through the servers until one answers."""
        failures: set[Failure] = set()
        for _ in range(self._tries):
            for server in self._servers:
                if monotonic() >= until:
                    return late
                reply = yield from self._exchange(server, name, rrtype, until)
                if not isinstance(reply, Failure):
                    return reply, server.trusted
                failures.add(reply)
            if not failures & _WORTH_A_RETRY:
                break
        if failures == {Failure.TIMEOUT} and monotonic() >= until:
            return late
        return min(failures, key=_TELLING.index)

    def _exchange(
        self, server: Server, name: bytes, rrtype: int, until: float
    ) -> Talk[DnsReply | Failure]:
        until = min(until, monotonic() + self._timeout)
        return self._way.exchange(server, name, rrtype, until)


async def _in_turn(queue: Semaphore, talk: Talk[Answer]) -> Answer:
    """Run a talk when a socket is free; its time runs while it waits."""
    try:
        async with queue:
            return await adrive(talk)
    finally:
        talk.close()
