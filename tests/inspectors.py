"""The inspector under test: asked as a browser asks, without a socket.

Whoever imports this has to skip before where an extra is missing (tests/unit/web/conftest.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any, Final

from httpx import ASGITransport, AsyncClient, Cookies, Response

import avowal
from avowal.testing import ED25519, Zone, message, record_for
from avowal.web.application import Application
from avowal.web.captures import Captures
from avowal.web.inspector import Inspector, Sources
from avowal.web.limits import WebLimits
from avowal.web.mailbox import Mailboxes
from avowal.web.session import Sessions

NAME: Final = "127.0.0.1:8025"
BASE: Final = f"http://{NAME}"
NOW: Final = 1795521700
RECORDS: Final[dict[str, Any]] = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
}


def signed(octets: bytes | None = None) -> bytes:
    """A message with its signature."""
    octets = message() if octets is None else octets
    field = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519, now=NOW - 100)
    return field + octets


class Client:
    """Asks an application, in a loop of its own each time, and keeps the cookies."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._cookies = Cookies()
        self.follow_redirects = True

    def get(self, path: str, **options: Any) -> Response:
        """GET a path."""
        return asyncio.run(self._ask("GET", path, options))

    def post(self, path: str, **options: Any) -> Response:
        """POST a form."""
        return asyncio.run(self._ask("POST", path, options))

    async def _ask(self, method: str, path: str, options: dict[str, Any]) -> Response:
        async with AsyncClient(
            transport=ASGITransport(self._application),
            base_url=BASE,
            cookies=self._cookies,
            follow_redirects=self.follow_redirects,
        ) as client:
            answer = await client.request(method, path, **options)
            self._cookies.update(client.cookies)
            return answer


class Browser:
    """A browser that was let in, and the inspector it looks at."""

    def __init__(
        self,
        records: Mapping[str, Any] = RECORDS,
        *,
        paths: Sequence[str] = (),
        limits: WebLimits | None = None,
        enters: bool = True,
        captures: Captures | None = None,
        key_store: str | None = None,
        events: str | None = None,
        reports: str | None = None,
        at: int | None = None,
    ) -> None:
        self.zone = Zone(records)
        self.tokens: list[str] = []
        self.inspector = Inspector(
            resolver=self.zone,
            sessions=Sessions((NAME, "localhost:8025"), self.tokens.append),
            sources=Sources(
                mailboxes=Mailboxes(paths),
                captures=captures,
                key_store=key_store,
                events=events,
                reports=reports,
            ),
            at=at,
            limits=limits or WebLimits(search=0.5),
            clock=lambda: NOW,
        )
        self.client = Client(Application(self.inspector).asgi())
        self.form_token = ""
        if enters:
            entered = self.client.get("/enter", params={"token": self.tokens[-1]})
            self.form_token = token_in(entered.text)

    def get(self, path: str, **params: str) -> Response:
        """Ask for a page."""
        return self.client.get(path, params=params)

    def give(
        self,
        octets: bytes,
        name: str = "message.eml",
        said: Mapping[str, str] | None = None,
        **fields: str,
    ) -> Response:
        """Give a file as the front page does; `said` are more fields of the form."""
        return self.client.post(
            "/message",
            data={"token": self.form_token, **(said or {})},
            files={"file": (name, octets)},
            headers=fields or {"origin": BASE},
        )

    def paste(self, text: str) -> Response:
        """Paste a message, as the front page does."""
        return self.client.post(
            "/message", data={"token": self.form_token, "pasted": text}, files={"file": ("", b"")}
        )


def token_in(page: str) -> str:
    """The token that stands in the forms of a page; "" for none."""
    found = re.search(r'name="token" value="([^"]+)"', page)
    return "" if found is None else found[1]


def text_of(page: str) -> str:
    """What a reader sees of a page, white space put together."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())
