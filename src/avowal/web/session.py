"""Who may look: one browser at a time is let in, by a link that the terminal shows.

The link holds a token that counts once; the browser gets a cookie for it.  A request counts
only under a name of the inspector's own, and a form only from one of its pages: a page of
somebody else in the same browser can send requests, but knows neither (RFC 6265bis §8.8.1;
DNS rebinding gives it our address, and not our name).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from avowal.web.refusals import NO_SESSION, OTHER_HOST, OTHER_ORIGIN, NoPage

COOKIE: Final = "avowal-web"
MOST_SESSIONS: Final = 8
"""Browsers that are let in at the same time; of more, the first one is let out."""
_TOKEN_OCTETS = 24
_SAME_SITE = frozenset(("same-origin", "none"))


class Session:
    """One browser that was let in; `form_token` stands in each of its forms."""

    __slots__ = ("cookie", "form_token")

    def __init__(self) -> None:
        self.cookie = secrets.token_urlsafe(_TOKEN_OCTETS)
        self.form_token = secrets.token_urlsafe(_TOKEN_OCTETS)


class Sessions:
    """Lets browsers in; `names` are the values of Host that are ours, `on_token` shows a token."""

    def __init__(
        self, names: Iterable[str], on_token: Callable[[str], object] = lambda token: None
    ) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._on_token = on_token
        self._sessions: dict[str, Session] = {}
        self.token = ""
        self._renew()

    def _renew(self) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_OCTETS)
        self._on_token(self.token)

    def enter(self, token: str) -> Session:
        """Let a browser in; the token counts no more.  Raises NoPage."""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            raise NoPage(NO_SESSION, "this link was used already, or is of an earlier start")
        made = Session()
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[made.cookie] = made
        self._renew()
        return made

    def admit_host(self, host: str | None) -> None:
        """Let a request by a name of ours in, or raise NoPage."""
        if (host or "").lower() not in self._names:
            raise NoPage(OTHER_HOST)

    def of(self, cookie: str | None) -> Session:
        """Return the session of a cookie, or raise NoPage."""
        found = self._sessions.get(cookie or "")
        if found is None:
            raise NoPage(NO_SESSION)
        return found

    def admit_origin(self, fields: Mapping[str, str]) -> None:
        """Let what changes something in only from a page of ours, or raise NoPage."""
        origin, site = fields.get("origin"), fields.get("sec-fetch-site")
        # RFC 6454 §6.2: scheme, "://", host and port, nothing behind; "null" is nobody.
        if origin is not None and origin.partition("://")[2].lower() not in self._names:
            raise NoPage(OTHER_ORIGIN, "its Origin is not this inspector")
        if site is not None and site not in _SAME_SITE:
            raise NoPage(OTHER_ORIGIN, "the browser says that another site sent it")

    @staticmethod
    def admit_form(session: Session, token: str) -> None:
        """Let a form in that a page of this session made, or raise NoPage."""
        shown = token.encode("utf-8", "replace")
        if not hmac.compare_digest(shown, session.form_token.encode()):
            raise NoPage(OTHER_ORIGIN, "the form is not from a page of this session")
