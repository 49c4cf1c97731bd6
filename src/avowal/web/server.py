"""Running the inspector on a listening socket, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Protocol

from avowal.lookup import AsyncResolver, Resolver
from avowal.serve.limits import ServeLimits
from avowal.serve.server import Server
from avowal.serve.service import Service
from avowal.web.application import Application
from avowal.web.inspector import Inspector, Sources
from avowal.web.limits import WebLimits
from avowal.web.session import Sessions


class EitherResolver(Resolver, AsyncResolver, Protocol):
    """A resolver for synchronous and asynchronous callers."""


def serve(
    listening: socket.socket,
    resolver: EitherResolver,
    *,
    names: Iterable[str],
    sources: Sources | None = None,
    limits: WebLimits | None = None,
    on_token: Callable[[str], object] = lambda token: None,
    on_ready: Callable[[str], object] | None = None,
    at: int | None = None,
    asks: str = "the name servers of this machine",
    version: str = "",
) -> None:
    """Serve until told to stop; closes the socket.

    `names` are the values of Host that are its own; `on_token` is told each token that lets a
    browser in, `on_ready` the first of them once it can be used.
    """
    limits = limits or WebLimits()
    sessions = Sessions(names, on_token)
    inspector = Inspector(
        resolver=resolver,
        sessions=sessions,
        sources=sources or Sources(),
        limits=limits,
        at=at,
        asks=asks,
        version=version,
    )
    bounds = ServeLimits(
        octets=limits.octets,
        seconds=limits.seconds,
        messages=limits.messages,
        connections=limits.connections,
    )
    service = Service(resolver=resolver, version=version, limits=bounds)

    def ready() -> None:
        if on_ready is not None:
            on_ready(sessions.token)

    pages = Application(inspector).asgi()
    Server(service, pages=pages, on_ready=ready).serve_on(listening)
