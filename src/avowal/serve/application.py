"""The requests of the service and their answers (ASGI).

Every answer is an object of `avowal.calls.objects` or a problem of `refusals`; the document
at /openapi.json tells both.  Nothing of a message outlives its request.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeAlias, TypeVar

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from avowal.authres import AuthenticationResults, write
from avowal.calls.authenticate import CURRENT, RECEIVER, WANT, asked
from avowal.calls.connection import Connection
from avowal.calls.objects import AuthenticationObject, HealthObject, JudgementObject, written
from avowal.calls.verdict import accepted
from avowal.dkim import rules
from avowal.errors import EnvironmentFault, UsageError
from avowal.examine.authentication import Authentication
from avowal.examine.findings import Findings, Receiver, Want
from avowal.examine.judgement_rows import judge
from avowal.limits import DEFAULT
from avowal.line_ends import LineEnds
from avowal.message import Header
from avowal.serve import openapi
from avowal.serve.incoming import Incoming, ProblemResponse
from avowal.serve.limits import MOST_DIGITS
from avowal.serve.meters import CONTENT_TYPE
from avowal.serve.parameters import (
    AUTHENTICATE,
    MESSAGE_TYPES,
    REPORTS,
    VERDICT,
    Parameter,
    Values,
    told,
)
from avowal.serve.reception import Reception
from avowal.serve.refusals import Refusal, Refused
from avowal.serve.report_upload import REPORT_TYPES
from avowal.serve.service import LOGGER, Service

T = TypeVar("T")
JSON: Final = "application/json"
PATHS: Final = ("/verdict", "/authenticate", "/reports", "/openapi.json", "/health", "/metrics")


class Message(NamedTuple):
    """What is asked about the message of a request."""

    receiver: Receiver
    want: Want
    connection: Connection
    line_ends: LineEnds
    now: int


Page: TypeAlias = Callable[[Request, Incoming], Awaitable[Response]]


class Application:
    """Answers requests for a service; `connections` tells how many are open."""

    def __init__(self, service: Service, connections: Callable[[], int] = lambda: 0) -> None:
        self._service = service
        self._connections = connections
        self._document = json.dumps(openapi.document(service.version)).encode()

    def asgi(self) -> Starlette:
        """Return what a server of ASGI runs."""
        pages: list[tuple[str, str, Page]] = [
            ("/verdict", "POST", self._verdict),
            ("/authenticate", "POST", self._authenticate),
            ("/reports", "POST", self._reports),
            ("/openapi.json", "GET", self._openapi),
            ("/health", "GET", self._health),
            ("/metrics", "GET", self._metrics),
        ]
        made = Starlette(
            routes=[Route(path, self._guarded(page), methods=[one]) for path, one, page in pages],
            exception_handlers={HTTPException: self._unknown},
        )
        made.router.redirect_slashes = False
        return made

    def _guarded(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            incoming = Incoming(request.receive)
            try:
                response = await page(request, incoming)
            except Refused as refused:
                return self._refuse(request, refused, incoming)
            except ClientDisconnect:
                self._service.meters.gone += 1
                return Response(status_code=400)  # nobody reads it
            except Exception:  # noqa: BLE001 - the last resort of a face: logged, and answered
                LOGGER.exception("a request failed")
                fault = Refused(Refusal.FAILED, "the service has a fault")
                return self._refuse(request, fault, incoming)
            self._service.meters.response(request.scope["path"], response.status_code)
            return response

        return endpoint

    def _refuse(self, request: Request, refused: Refused, incoming: Incoming) -> Response:
        path = request.scope["path"] if request.scope["path"] in PATHS else "other"
        self._service.meters.response(path, refused.refusal.status)
        self._service.meters.refused(refused.refusal)
        return ProblemResponse(refused, incoming)

    async def _unknown(self, request: Request, error: Exception) -> Response:
        """Answer what has no page: the router's own exceptions."""
        method = isinstance(error, HTTPException) and error.status_code == 405
        word = Refusal.METHOD if method else Refusal.NOT_FOUND
        path: str = request.scope["path"]
        detail = f"there is no {request.method[:20]} {path[:200]}"
        return self._refuse(request, Refused(word, detail), Incoming(request.receive))

    # -- messages ------------------------------------------------------------------------

    async def _verdict(self, request: Request, incoming: Incoming) -> Response:
        values = self._opened(request, VERDICT)
        with _usable():
            accepting = accepted(
                values.all("accept_arc"),
                values.one("accept_spf") == "true",
                values.all("accept_unsigned"),
                values.seconds("max_age"),
                values.all("recipient"),
            )
        message = self._message(values, RECEIVER, WANT)
        header, found = await self._examined(request, incoming, message)
        judgement = judge(header, found, accepting, now=message.now)
        self._service.meters.answer(judgement.answer.value, judgement.ground.value)
        return _told(JudgementObject.of(judgement))

    async def _authenticate(self, request: Request, incoming: Incoming) -> Response:
        values = self._opened(request, AUTHENTICATE)
        authserv_id = values.one("authserv_id")
        with _usable():
            if authserv_id is not None:
                write(AuthenticationResults(authserv_id))
            wanted = asked(values.all("policies") or CURRENT, rules.DEFAULT, DEFAULT)
        message = self._message(values, wanted.receiver, wanted.want)
        header, found = await self._examined(request, incoming, message)
        client = message.connection.client_text
        made = Authentication(header=header, findings=found, client=client)
        return _told(AuthenticationObject.of(made, authserv_id))

    async def _reports(self, request: Request, incoming: Incoming) -> Response:
        uploads = self._service.uploads
        if uploads is None:
            raise Refused(Refusal.NOT_FOUND, "the service keeps no reports: serve --reports FILE")
        values = self._opened(request, REPORTS, REPORT_TYPES)
        with self._under_way():
            chunks = incoming.chunks(self._service.limits.octets)
            upload = await self._in_time(
                uploads.taken(request.headers, values.one("name") or "", chunks)
            )
            try:
                return _told(await uploads.read(upload))
            except (EnvironmentFault, OSError) as fault:
                LOGGER.error("reports: %s", fault)
                raise Refused(Refusal.BUSY, "reports cannot be kept for now") from None
            finally:
                await upload.close()

    def _opened(
        self, request: Request, table: Sequence[Parameter], types: Sequence[str] = MESSAGE_TYPES
    ) -> Values:
        """Look at all that a request says before its body.  Raises Refused."""
        self._admit(request)
        content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content not in types:
            raise Refused(Refusal.MEDIA_TYPE, f"Content-Type: {content[:100] or 'none'}")
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding != "identity":
            raise Refused(Refusal.MEDIA_TYPE, f"Content-Encoding: {coding[:100]}")
        values = Values(request.scope["query_string"], table)
        self._service.admit_claims(values.claims)
        length = request.headers.get("content-length", "0")
        most = self._service.limits.octets
        if length.isdigit() and (len(length) > MOST_DIGITS or int(length) > most):
            raise Refused(Refusal.TOO_LARGE, f"Content-Length: more than {most} octets")
        return values

    def _admit(self, request: Request) -> None:
        headers = request.headers
        self._service.admit(headers.get("authorization"), headers.get("host"))

    def _message(self, values: Values, receiver: Receiver, want: Want) -> Message:
        now = int(self._service.clock())
        with _usable():
            connection = Connection(
                values.one("client"), values.one("mail_from"), values.one("helo"), None, now=now
            )
        return Message(receiver, want, connection, values.line_ends, now)

    async def _examined(
        self, request: Request, incoming: Incoming, message: Message
    ) -> tuple[Header, Findings]:
        """Take the message in.  Raises Refused, ClientDisconnect."""
        service = self._service
        started = time.perf_counter()
        with self._under_way():
            reception = Reception(
                message.receiver,
                message.want,
                service.resolver,
                message.connection,
                line_ends=message.line_ends,
                now=message.now,
            )
            try:
                await self._in_time(_fed(reception, incoming.chunks(service.limits.octets)))
                header, found = await reception.finish()
                service.keep(found, message.connection.client_text)
                return header, found
            finally:
                reception.close()
                service.meters.message(incoming.octets, time.perf_counter() - started)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Be one of the messages that are examined at once.  Raises Refused."""
        service = self._service
        if service.draining or service.under_way >= service.limits.messages:
            raise Refused(Refusal.BUSY, f"{service.under_way} messages are being examined")
        service.under_way += 1
        try:
            yield
        finally:
            service.under_way -= 1

    async def _in_time(self, arriving: Awaitable[T]) -> T:
        """Wait for what arrives, for so long as a message may.  Raises Refused."""
        seconds = self._service.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await arriving
        except TimeoutError:
            raise Refused(
                Refusal.TOO_SLOW, f"after {seconds} seconds the message was not there"
            ) from None

    # -- the rest ------------------------------------------------------------------------

    async def _openapi(self, request: Request, incoming: Incoming) -> Response:
        return Response(self._document, media_type=JSON)

    async def _health(self, request: Request, incoming: Incoming) -> Response:
        stopping = self._service.draining
        made = HealthObject(
            status="stopping" if stopping else "ready", version=self._service.version
        )
        return _told(made, 503 if stopping else 200)

    async def _metrics(self, request: Request, incoming: Incoming) -> Response:
        self._admit(request)
        text = self._service.meters.text(
            under_way=self._service.under_way, connections=self._connections()
        )
        return Response(text, headers={"Content-Type": CONTENT_TYPE})


async def _fed(reception: Reception, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        reception.feed(chunk)


@contextmanager
def _usable() -> Iterator[None]:
    """Tell a client what a call refuses of its arguments."""
    try:
        yield
    except UsageError as fault:
        raise told(fault) from None


def _told(made: Struct, status: int = 200) -> Response:
    return Response(written(made), status, media_type=JSON)
