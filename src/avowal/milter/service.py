"""The seam between the daemon and what it serves, and what all connections of a worker share.

A `Filter` is what a message is handed to; `flow_filter.FlowFilter` is avowal's own, and a face
that takes another filter's place brings another.  Everything about sockets, processes,
waiting, limits and ends is the daemon's and the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from avowal.agenda import Agenda
from avowal.config.model import Role, Server
from avowal.limits import DEFAULT
from avowal.lookup import AsyncResolver, Steps
from avowal.milter.admission import Admission, Admitted
from avowal.milter.durations import Durations
from avowal.milter.events import HeaderEnd, SessionLimits
from avowal.milter.meters import LetGo, Meters
from avowal.milter.negotiation import Wish
from avowal.milter.packets import Answer, Modification
from avowal.milter.session import FilterSession


class MilterVerdict(NamedTuple):
    """What the MTA is told; `answered` is called once it was, to log and count.

    `before` is awaited first, where something has to be done before the answer that takes
    time, such as a signature by a key behind a network; its verdict takes this one's place.
    `refused_too` says modifications even of a message that is refused.
    """

    answer: Answer
    modifications: tuple[Modification, ...] = ()
    answered: Callable[[Durations], None] = lambda times: None
    before: Callable[[], Awaitable[MilterVerdict]] | None = None
    refused_too: bool = False


class Job(Protocol):
    """One message at a filter.  Whatever it raises is logged and answered as its failure.

    `agenda` holds its questions to DNS, which are asked from the end of the header on, while
    the body arrives.
    """

    @property
    def agenda(self) -> Agenda: ...

    @property
    def early(self) -> MilterVerdict | None:
        """What is answered at the end of the header already, where that can be."""

    def feed(self, chunk: bytes, /) -> bool:
        """Take octets of the body; return whether more of them matter."""

    def finish(self) -> Steps[MilterVerdict]:
        """Conclude, when the agenda is idle or closed; may ask once more."""


class Filter(Protocol):
    """What messages are handed to."""

    @property
    def wish(self) -> Wish:
        """What to negotiate with the MTA."""

    def connected(self, session: FilterSession, /) -> Answer | None:
        """Say whether a connection of a client is answered otherwise than by CONTINUE."""

    def begin(self, session: FilterSession, event: HeaderEnd, role: Role, /) -> Job:
        """Take a message whose header has come."""

    def failure(self, session: FilterSession, role: Role, why: str, /) -> MilterVerdict:
        """Say what the MTA is told about a message we failed on."""


@dataclass(slots=True, kw_only=True)
class Service:
    """The shared half of a worker.

    `seconds` is our own deadline for an answer, `dns_seconds` how long one message may wait
    for DNS.  `place` numbers the workers, so that one can speak for all.  `held`
    counts the octets of unfinished messages over all connections.  While `draining` no more
    connections are taken; once `finishing` each ends with the message it carries.
    `let_go_since` counts connections closed since the log last told of them.
    """

    filter: Filter
    resolver: AsyncResolver
    meters: Meters = field(default_factory=Meters)
    options: Server = field(default_factory=Server)
    session_limits: SessionLimits = field(default_factory=SessionLimits)
    seconds: float = 25
    dns_seconds: float = DEFAULT.dns_seconds
    place: int = 0
    draining: bool = False
    finishing: bool = False
    held: int = 0
    open: set[Admitted] = field(default_factory=set)
    admission: Admission = field(init=False)
    let_go_since: int = 0
    on_room: Callable[[], None] = lambda: None
    """Called when a connection came or went."""

    def __post_init__(self) -> None:
        most = self.options.peer_connections
        self.admission = Admission(self.options.connections * 9 // 10 if most is None else most)

    @property
    def full(self) -> bool:
        """Whether no more connections may be opened."""
        return len(self.open) >= self.options.connections

    def let_go(self, connection: Admitted, why: LetGo) -> None:
        """Close a connection at once."""
        self.meters.let_go(why)
        self.let_go_since += 1
        connection.abort()

    def hold(self, change: int) -> bool:
        """Note octets that are kept or let go; return whether there is room for them."""
        self.held += change
        return change <= 0 or self.held <= self.options.memory
