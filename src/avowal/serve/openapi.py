"""The document at /openapi.json: every path, parameter and answer, from the types that answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.json import schema_components

from avowal.calls.objects import AuthenticationObject, HealthObject, JudgementObject
from avowal.calls.report_answers import UploadObject
from avowal.serve.parameters import (
    AUTHENTICATE,
    CLAIMS,
    MESSAGE_TYPES,
    REPORTS,
    VERDICT,
    Parameter,
)
from avowal.serve.refusals import MEDIA_TYPE, ProblemObject, Refusal
from avowal.serve.report_upload import FORM, REPORT_TYPES

_REF: Final = "#/components/schemas/{name}"
_EVERYWHERE: Final = (
    Refusal.BAD_REQUEST, Refusal.NOT_FOUND, Refusal.METHOD, Refusal.TOO_SLOW, Refusal.FAILED,
    Refusal.BUSY,
)  # fmt: skip
_OF_METRICS: Final = (Refusal.NO_TOKEN, Refusal.MISDIRECTED)
_OF_MESSAGES: Final = (
    *_OF_METRICS, Refusal.BAD_PARAMETER, Refusal.CLAIMS, Refusal.TOO_LARGE, Refusal.MEDIA_TYPE,
)  # fmt: skip

Object = dict[str, object]


def document(version: str) -> Object:
    """Return the document (OpenAPI 3.1)."""
    types = (JudgementObject, AuthenticationObject, HealthObject, ProblemObject, UploadObject)
    _, schemas = schema_components(types, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "avowal serve",
            "version": version,
            "description": "Is this mail really from whom it says? Post the raw message.",
        },
        "paths": {
            "/verdict": {"post": _post("verdict", JudgementObject, VERDICT)},
            "/authenticate": {"post": _post("authenticate", AuthenticationObject, AUTHENTICATE)},
            "/reports": {"post": _reports()},
            "/openapi.json": {"get": _get("openapi", "This document.", _json({"type": "object"}))},
            "/health": {"get": _health()},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post(name: str, answer: type, parameters: Sequence[Parameter]) -> Object:
    return {
        "operationId": name,
        "summary": (answer.__doc__ or "").strip(),
        "security": [{}, {"token": []}],
        "parameters": [_parameter(one) for one in parameters],
        "requestBody": {
            "required": True,
            "description": "The octets of the message, as they came in.",
            "content": {kind: {} for kind in MESSAGE_TYPES},
        },
        "responses": {
            "200": {"description": "The answer.", "content": _json(_ref(answer))},
            **_problems((*_EVERYWHERE, *_OF_MESSAGES)),
        },
    }


def _reports() -> Object:
    made = _post("reports", UploadObject, REPORTS)
    form: Object = {
        "schema": {
            "type": "object",
            "additionalProperties": {"type": "string", "contentMediaType": REPORT_TYPES[-3]},
        }
    }
    made["requestBody"] = {
        "required": True,
        "description": "A report file as it is, or several as a form; with serve --reports only.",
        "content": {kind: form if kind == FORM else {} for kind in REPORT_TYPES},
    }
    return {**made, "security": [{"token": []}, {}]}


def _parameter(one: Parameter) -> Object:
    schema: Object = {"type": "integer", "minimum": 0} if one.number else {"type": "string"}
    if one.words:
        schema["enum"] = list(one.words)
    if one.many:
        schema = {"type": "array", "items": schema}
    claim = " A claim: only from authenticated clients." if one.name in CLAIMS else ""
    return {"name": one.name, "in": "query", "description": one.meaning + claim, "schema": schema}


def _get(name: str, summary: str, content: Object) -> Object:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": content},
            **_problems(_EVERYWHERE),
        },
    }


def _health() -> Object:
    content = _json(_ref(HealthObject))
    stopping = {**content, MEDIA_TYPE: {"schema": _ref(ProblemObject)}}
    found = _get("health", "Whether the service takes messages.", content)
    responses: Object = _problems(_EVERYWHERE)
    responses["200"] = {"description": "It does.", "content": content}
    responses["503"] = {"description": "It stops, or is busy.", "content": stopping}
    return {**found, "responses": responses}


def _metrics() -> Object:
    text: Object = {"text/plain": {"schema": {"type": "string"}}}
    found = _get("metrics", "Counters for Prometheus.", text)
    responses = {
        "200": {"description": "The counters.", "content": text},
        **_problems((*_EVERYWHERE, *_OF_METRICS)),
    }
    return {**found, "security": [{}, {"token": []}], "responses": responses}


def _problems(refusals: Sequence[Refusal]) -> Object:
    """Return the responses by status; several problems may share one."""
    words: dict[str, list[str]] = {}
    for refusal in refusals:
        words.setdefault(str(refusal.status.value), []).append(refusal.value)
    content = {MEDIA_TYPE: {"schema": _ref(ProblemObject)}}
    return {
        status: {"description": ", ".join(found), "content": content}
        for status, found in sorted(words.items())
    }


def _json(schema: Object) -> Object:
    return {"application/json": {"schema": schema}}


def _ref(named: type) -> Object:
    return {"$ref": _REF.format(name=named.__name__)}
