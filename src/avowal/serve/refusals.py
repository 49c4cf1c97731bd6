"""What a client is told when it gets no answer: what, where, and what to do (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

from msgspec import Meta, Struct

from avowal.calls.objects import members
from avowal.enums import Word

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 1


class Refusal(Word):
    """Why a request has no answer; the sentence says what to do."""

    BAD_REQUEST = "bad-request", "send HTTP/1.1 as RFC 9112 has it"
    BAD_PARAMETER = "bad-parameter", "see /openapi.json for the parameters and their values"
    NO_TOKEN = "no-token", "send the field Authorization: Bearer and a token of the service"
    CLAIMS = (
        "claims-need-authentication",
        "give the service a token or a unix socket, or leave client, mail_from and helo out",
    )
    NOT_FOUND = (
        "not-found",
        "ask for /verdict, /authenticate, /reports, /openapi.json, /health or /metrics",
    )
    METHOD = "method-not-allowed", "POST messages and reports, GET the rest"
    TOO_SLOW = "too-slow", "send the request faster, or start the service with more --seconds"
    TOO_LARGE = "too-large", "start the service with more --octets, if such mail has to be judged"
    MEDIA_TYPE = "media-type", "see /openapi.json for the types; a raw message is message/rfc822"
    MISDIRECTED = "misdirected", "name the service localhost, or give it a token"
    FAILED = "failed", "see the log of the service"
    BUSY = "busy", "try again after the seconds in Retry-After"

    @property
    def status(self) -> HTTPStatus:
        """The status of the response."""
        return STATUS[self]


STATUS: Final[Mapping[Refusal, HTTPStatus]] = {
    Refusal.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Refusal.BAD_PARAMETER: HTTPStatus.BAD_REQUEST,
    Refusal.NO_TOKEN: HTTPStatus.UNAUTHORIZED,
    Refusal.CLAIMS: HTTPStatus.FORBIDDEN,
    Refusal.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Refusal.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Refusal.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Refusal.MISDIRECTED: HTTPStatus.MISDIRECTED_REQUEST,
    Refusal.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    Refusal.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemObject(Struct, frozen=True, kw_only=True):
    """Why there is no answer (RFC 9457)."""

    title: Annotated[str, Meta(description="the phrase of the status")]
    status: Annotated[int, Meta(ge=400, le=599)]
    problem: Annotated[Refusal, Meta(description="what is wrong, a word of a closed list")]
    detail: Annotated[str, Meta(description="what is wrong with this request, and where")]
    hint: Annotated[str, Meta(description="what to do")]
    type: Annotated[str, Meta(description="RFC 9457 §3.1.1: the status says it")] = "about:blank"


class Refused(Exception):
    """A request that gets no answer: `refusal` says why, `detail` what and where."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal
        self.detail = detail

    @property
    def body(self) -> bytes:
        """The octets of the response."""
        status = self.refusal.status
        made = ProblemObject(
            title=status.phrase,
            status=status,
            problem=self.refusal,
            detail=self.detail,
            hint=self.refusal.sentence,
        )
        return json.dumps(members(made)).encode()

    @property
    def fields(self) -> dict[str, str]:
        """The header fields of the response; what cannot go on ends the connection."""
        found = {"Content-Type": MEDIA_TYPE, "Connection": "close"}
        if self.refusal is Refusal.NO_TOKEN:
            found["WWW-Authenticate"] = "Bearer"
        elif self.refusal is Refusal.METHOD:
            found["Allow"] = "GET, HEAD, POST"
        elif self.refusal is Refusal.BUSY:
            found["Retry-After"] = str(RETRY_SECONDS)
        return found

    @property
    def octets(self) -> bytes:
        """The whole response, for a connection on which nothing can be understood any more."""
        status, body = self.refusal.status, self.body
        fields = {**self.fields, "Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body
