"""What the requests of one inspector share: who may look, what is kept, how much is under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.requests import Request

from avowal.lookup import Resolver
from avowal.serve.incoming import Incoming
from avowal.web import refusals
from avowal.web.captures import Captures
from avowal.web.incoming_form import read_form
from avowal.web.kept import Kept
from avowal.web.limits import MOST_TEXT, WebLimits
from avowal.web.mailbox import Mailboxes
from avowal.web.refusals import NoPage
from avowal.web.session import Session, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the command line names to be looked at, beside what a browser gives.

    `key_store`, `events` and `reports` name stores, for the page of a domain and for mail now.
    """

    mailboxes: Mailboxes = field(default_factory=lambda: Mailboxes(()))
    captures: Captures | None = None
    key_store: str | None = None
    events: str | None = None
    reports: str | None = None


@dataclass(slots=True, kw_only=True)
class Inspector:
    """What all requests share; messages are judged as at `at`, where nothing else is said."""

    resolver: Resolver
    sessions: Sessions
    sources: Sources = field(default_factory=Sources)
    limits: WebLimits = field(default_factory=WebLimits)
    clock: Callable[[], float] = time.time
    at: int | None = None
    asks: str = "the name servers of this machine"
    version: str = ""
    kept: Kept = field(init=False)
    under_way: int = 0

    def __post_init__(self) -> None:
        self.kept = Kept(self.limits.kept, self.limits.age)

    @contextmanager
    def examining(self) -> Iterator[None]:
        """Hold a place for one message.  Raises NoPage where all are taken."""
        if self.under_way >= self.limits.messages:
            raise NoPage(refusals.BUSY, f"{self.under_way} are under way")
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    async def admitted(self, asked: Asked) -> None:
        """Read a form that holds nothing but its token.  Raises NoPage."""
        form = await read_form(asked.request.headers, asked.incoming.chunks(MOST_TEXT), MOST_TEXT)
        self.sessions.admit_form(asked.session, form.token)


class Asked(NamedTuple):
    """A request that was let in, and the session it is of."""

    request: Request
    incoming: Incoming
    session: Session

    def number(self, name: str) -> int:
        """Return a number of the query, 0 for what is none."""
        written = self.request.query_params.get(name, "0")
        return int(written) if written.isascii() and written.isdigit() and len(written) < 7 else 0
