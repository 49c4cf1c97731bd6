"""The requests of the inspector and their pages (ASGI).

Every request passes the same guard: the name it asks for, the session, and for what changes
something the page it comes from (`session`).  A message is examined in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from avowal.errors import StoreError, UsageError
from avowal.serve.incoming import Incoming, LastResponse
from avowal.serve.refusals import Refused
from avowal.web import bundle, refusals
from avowal.web.analysis import Given, analysed
from avowal.web.boxes import Boxes
from avowal.web.domain import DomainView, domain_of, looked_at
from avowal.web.incoming_form import read_form
from avowal.web.inspector import Asked, Inspector
from avowal.web.lessons import BY_NAME, LESSONS
from avowal.web.lessons import report as lesson_report
from avowal.web.limits import MOST_NAMES
from avowal.web.mail import mail_now
from avowal.web.pages import FIELDS, STATIC, page, static
from avowal.web.received import reports_of
from avowal.web.refusals import NoPage
from avowal.web.report import Report
from avowal.web.session import COOKIE
from avowal.web.stored import stored_domain

LOGGER: Final = logging.getLogger("avowal.web")
_YEAR = "private, max-age=31536000, immutable"


Page: TypeAlias = Callable[[Asked], Awaitable[Response]]


class Application:
    """Answers the requests of one inspector."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector

    def asgi(self) -> Starlette:
        """Return what a server of ASGI runs."""
        boxes = Boxes(self._inspector, self._page, self._kept)
        pages: list[tuple[str, str, Page]] = [
            ("/", "GET", self._front),
            ("/message", "POST", self._take),
            ("/message/{name}", "GET", self._message),
            ("/message/{name}/bundle", "GET", self._bundle),
            ("/forget", "POST", self._forget),
            ("/mailbox/{which:int}", "GET", boxes.mailbox),
            ("/mailbox/{which:int}/{number:int}", "POST", boxes.open_message),
            ("/captured", "GET", boxes.captured),
            ("/captured/{name}", "POST", boxes.open_captured),
            ("/learn", "GET", self._learn),
            ("/learn/{name}", "GET", self._lesson),
            ("/domain", "GET", self._domain),
            ("/mail", "GET", self._mail),
        ]
        routes = [Route(path, self._guarded(one), methods=[how]) for path, how, one in pages]
        routes.append(Route("/enter", self._open_to_all(self._enter), methods=["GET"]))
        routes.append(Route("/static/{name}", self._open_to_all(self._static), methods=["GET"]))
        made = Starlette(routes=routes, exception_handlers={HTTPException: self._unknown})
        made.router.redirect_slashes = False
        return made

    # -- the guard -----------------------------------------------------------------------

    def _guarded(self, one: Page) -> Callable[[Request], Awaitable[Response]]:
        async def inside(request: Request, incoming: Incoming) -> Response:
            session = self._inspector.sessions.of(request.cookies.get(COOKIE))
            if request.method == "POST":
                self._inspector.sessions.admit_origin(request.headers)
            return await one(Asked(request, incoming, session))

        return self._open_to_all(inside)

    def _open_to_all(
        self, one: Callable[[Request, Incoming], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            incoming = Incoming(request.receive)
            try:
                self._inspector.sessions.admit_host(request.headers.get("host"))
                return await one(request, incoming)
            except NoPage as refused:
                return self._refused(refused, incoming)
            except Refused as refused:  # of the body, by its size
                return self._refused(NoPage(refusals.TOO_LARGE, refused.detail), incoming)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            except Exception:
                LOGGER.exception("a request failed")
                return self._refused(NoPage(refusals.FAILED), incoming)

        return endpoint

    async def _unknown(self, request: Request, error: Exception) -> Response:
        method = isinstance(error, HTTPException) and error.status_code == 405
        refused = NoPage(refusals.METHOD if method else refusals.NOT_FOUND)
        try:
            self._inspector.sessions.admit_host(request.headers.get("host"))
        except NoPage as other:
            refused = other
        return self._refused(refused, Incoming(request.receive))

    def _refused(self, refused: NoPage, incoming: Incoming) -> Response:
        told = refused.told
        version = self._inspector.version
        made = page("refused.html", told.status, told=told, detail=refused.detail, version=version)
        fields = {**dict(made.headers), "Connection": "close"}
        return LastResponse(bytes(made.body), told.status, fields, incoming)

    # -- the door ------------------------------------------------------------------------

    async def _enter(self, request: Request, incoming: Incoming) -> Response:
        session = self._inspector.sessions.enter(request.query_params.get("token", ""))
        made = RedirectResponse("/", 303, FIELDS)
        made.set_cookie(COOKIE, session.cookie, path="/", httponly=True, samesite="strict")
        return made

    async def _static(self, request: Request, incoming: Incoming) -> Response:
        name: str = request.path_params["name"]
        if name not in STATIC:
            raise NoPage(refusals.NOT_FOUND)
        return Response(
            static(name), headers={**FIELDS, "Cache-Control": _YEAR}, media_type=STATIC[name]
        )

    # -- messages ------------------------------------------------------------------------

    async def _front(self, asked: Asked) -> Response:
        inspector = self._inspector
        return self._page("front.html", asked, kept=inspector.kept.all(), lessons=LESSONS)

    async def _take(self, asked: Asked) -> Response:
        limits = self._inspector.limits
        with self._inspector.examining():
            try:
                async with asyncio.timeout(limits.seconds):
                    chunks = asked.incoming.chunks(limits.octets + (64 << 10))
                    form = await read_form(asked.request.headers, chunks, limits.octets)
            except TimeoutError:
                raise NoPage(refusals.TOO_SLOW) from None
            self._inspector.sessions.admit_form(asked.session, form.token)
            if form.given is None:
                raise NoPage(refusals.UNUSABLE, "neither a file nor a text was given")
            return await self._kept(form.given)

    async def _kept(self, given: Given) -> Response:
        report = await asyncio.to_thread(self._examined, given)
        name = self._inspector.kept.add(report)
        return RedirectResponse(f"/message/{name}", 303, FIELDS)

    def _examined(self, given: Given) -> Report:
        inspector = self._inspector
        try:
            if bundle.looks_like_one(given.octets):
                return bundle.read(given.octets)
            now = int(inspector.clock())
            at = inspector.at if given.at is None else given.at
            return analysed(
                given._replace(at=at),
                inspector.resolver,
                now=now,
                search=inspector.limits.search,
                version=inspector.version,
            )
        except UsageError as fault:
            raise NoPage(refusals.UNUSABLE, str(fault)) from None

    def _found(self, asked: Asked) -> Report:
        found = self._inspector.kept.find(_name(asked))
        if found is None:
            raise NoPage(refusals.FORGOTTEN)
        return found

    async def _message(self, asked: Asked) -> Response:
        report = self._found(asked)
        where = f"/message/{_name(asked)}"
        return self._page("message.html", asked, report=report, where=where, **_step(asked))

    async def _bundle(self, asked: Asked) -> Response:
        octets = await asyncio.to_thread(bundle.written, self._found(asked))
        name = 'attachment; filename="avowal-report.json"'
        fields = {**FIELDS, "Content-Disposition": name}
        return Response(octets, headers=fields, media_type="application/json")

    async def _forget(self, asked: Asked) -> Response:
        await self._inspector.admitted(asked)
        self._inspector.kept.forget()
        return RedirectResponse("/", 303, FIELDS)

    # -- the rest ------------------------------------------------------------------------

    async def _learn(self, asked: Asked) -> Response:
        return self._page("learn.html", asked, lessons=LESSONS)

    async def _lesson(self, asked: Asked) -> Response:
        lesson = BY_NAME.get(_name(asked))
        if lesson is None:
            raise NoPage(refusals.NOT_FOUND)
        report = await asyncio.to_thread(lesson_report, lesson.name)
        place = LESSONS.index(lesson)
        following = LESSONS[place + 1] if place + 1 < len(LESSONS) else None
        return self._page(
            "lesson.html", asked, report=report, lesson=lesson, following=following,
            lessons=LESSONS, where=f"/learn/{lesson.name}", **_step(asked),
        )  # fmt: skip

    async def _domain(self, asked: Asked) -> Response:
        written = asked.request.query_params.get("name", "")[:MOST_NAMES]
        selectors = asked.request.query_params.get("selectors", "")[:MOST_NAMES]
        view, fault = None, ""
        if written.strip():
            with self._inspector.examining():
                try:
                    view = await asyncio.to_thread(self._looked_at, written, selectors)
                except (UsageError, StoreError) as wrong:
                    fault = str(wrong)
        return self._page(
            "domain.html", asked, view=view, fault=fault, written=written, selectors=selectors,
            key_store=self._inspector.sources.key_store,
        )  # fmt: skip

    def _looked_at(self, written: str, selectors: str) -> DomainView:
        """Ask DNS and the key store.  Raises UsageError, StoreError."""
        domain, stored, reports = domain_of(written), None, None
        if self._inspector.sources.key_store is not None:
            now = int(self._inspector.clock())
            stored = stored_domain(self._inspector.sources.key_store, domain, now=now)
        if self._inspector.sources.reports is not None:
            reports = reports_of(self._inspector.sources.reports, domain.ascii)
        words = selectors.replace(",", " ").split()
        return looked_at(domain, words, self._inspector.resolver, stored, reports)

    async def _mail(self, asked: Asked) -> Response:
        inspector, view, fault = self._inspector, None, ""
        wanted = asked.request.query_params.get("queue", "")[:MOST_NAMES]
        events, now = inspector.sources.events, int(inspector.clock())
        if events is not None:
            with inspector.examining():
                try:
                    view = await asyncio.to_thread(mail_now, events, now=now, queue_id=wanted)
                except StoreError as wrong:
                    fault = str(wrong)
        return self._page("mail.html", asked, view=view, fault=fault, wanted=wanted)

    def _page(self, template: str, asked: Asked, **values: object) -> Response:
        inspector = self._inspector
        return page(
            template,
            token=asked.session.form_token,
            here=asked.request.url.path,
            limits=inspector.limits,
            mailboxes=inspector.sources.mailboxes.paths,
            at=inspector.at,
            captures=inspector.sources.captures,
            asks=inspector.asks,
            version=inspector.version,
            **values,
        )


def _name(asked: Asked) -> str:
    """Return the ``{name}`` of a path."""
    params: dict[str, str] = asked.request.path_params
    return params["name"]


def _step(asked: Asked) -> dict[str, int]:
    """Return which signature's way back is looked at, and how far it is gone."""
    return {"of": asked.number("of"), "step": asked.number("step")}
