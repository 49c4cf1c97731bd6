"""The pages of mailboxes and of the capture box: a list with pages, and a message taken from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from starlette.responses import Response

from avowal.errors import StoreError
from avowal.web import refusals
from avowal.web.analysis import Given
from avowal.web.captures import Captures
from avowal.web.inspector import Asked, Inspector
from avowal.web.refusals import NoPage


class Shown(Protocol):
    """What makes a page of a template and its values."""

    def __call__(self, template: str, asked: Asked, **values: object) -> Response: ...


class Examined(Protocol):
    """What examines a message and leads to its page."""

    def __call__(self, given: Given) -> Awaitable[Response]: ...


class Boxes:
    """The boxes of one inspector; `shown` makes pages, `examined` takes a message."""

    def __init__(self, inspector: Inspector, shown: Shown, examined: Examined) -> None:
        self._inspector = inspector
        self._shown = shown
        self._examined = examined

    async def mailbox(self, asked: Asked) -> Response:
        """Show a page of a mailbox."""
        params: dict[str, int] = asked.request.path_params
        which, number = params["which"], asked.number("page")
        with self._inspector.examining():
            listing = await asyncio.to_thread(
                self._inspector.sources.mailboxes.listing, which, number
            )
        path = self._inspector.sources.mailboxes.paths[which]
        return self._shown(
            "mailbox.html", asked, which=which, number=number, listing=listing, path=path
        )

    async def open_message(self, asked: Asked) -> Response:
        """Examine a message of a mailbox."""
        inspector = self._inspector
        await inspector.admitted(asked)
        params: dict[str, int] = asked.request.path_params
        with inspector.examining():
            given = await asyncio.to_thread(
                inspector.sources.mailboxes.message,
                params["which"], params["number"], inspector.limits.octets,
            )  # fmt: skip
            return await self._examined(given)

    async def captured(self, asked: Asked) -> Response:
        """Show a page of the capture box."""
        captures, number = self._captures(), asked.number("page")
        with self._inspector.examining():
            try:
                listing = await asyncio.to_thread(captures.listing, number)
            except StoreError as fault:
                raise NoPage(refusals.UNREADABLE, str(fault)) from None
        return self._shown("captured.html", asked, number=number, listing=listing)

    async def open_captured(self, asked: Asked) -> Response:
        """Examine a captured message."""
        captures, inspector = self._captures(), self._inspector
        await inspector.admitted(asked)
        params: dict[str, str] = asked.request.path_params
        with inspector.examining():
            given = await asyncio.to_thread(
                captures.message, params["name"], inspector.limits.octets
            )
            return await self._examined(given)

    def _captures(self) -> Captures:
        if self._inspector.sources.captures is None:
            raise NoPage(refusals.NOT_FOUND)
        return self._inspector.sources.captures
