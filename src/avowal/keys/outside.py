"""Private keys outside this process: asked in threads, so that no event loop waits for them.

An `OutsideKey` knows its public half and how a session with what holds the key begins.  A
session belongs to one thread of one process: after a fork, which is how the daemon makes its
workers, each begins its own.  A session that breaks is begun anew, once for each signature.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Protocol, TypeVar

from avowal.errors import KeyMaterialError

_THREADS = 4
"""How many signatures are asked for at the same time."""


class Session(Protocol):
    """A conversation with what holds a key."""

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""

    def close(self) -> None:
        """End it.  Raises nothing."""


class SessionError(Exception):
    """What holds the key did not sign: why, in words."""


D_co = TypeVar("D_co", covariant=True)


class Describing(Protocol[D_co]):
    """A session that also tells what key it is."""

    def described(self) -> D_co:
        """Return the octets of p=, and what else its kind of key needs.  Raises SessionError."""

    def close(self) -> None:
        """End it.  Raises nothing."""


def described(uri: str, begin: Callable[[], Describing[D_co]]) -> D_co:
    """Begin a session, ask what key it is, and end it.  Raises KeyMaterialError."""
    try:
        with closing(begin()) as session:
            return session.described()
    except SessionError as fault:
        raise KeyMaterialError(uri, str(fault)) from None


class OutsideKey:
    """A key that signs elsewhere.  Safe to use from several threads."""

    def __init__(
        self, uri: str, algorithm: str, public_octets: bytes, begin: Callable[[], Session]
    ) -> None:
        self.uri = uri
        self.algorithm = algorithm
        self.public_octets = public_octets
        self._begin = begin
        self._process = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<OutsideKey {self.algorithm} {self.uri}>"

    def sign(self, digest: bytes, /) -> bytes:
        """Sign, waiting for it.  Raises KeyMaterialError."""
        self._own()
        try:
            return self._session().sign(digest)
        except SessionError:
            self._end()
        try:
            return self._session().sign(digest)
        except SessionError as fault:
            self._end()
            raise KeyMaterialError(self.uri, str(fault)) from None

    async def asign(self, digest: bytes, /) -> bytes:
        """Sign in a thread.  Raises KeyMaterialError."""
        executor = self._own()
        return await asyncio.get_running_loop().run_in_executor(executor, self.sign, digest)

    def _own(self) -> ThreadPoolExecutor:
        """Return the threads of this process; what was another's is let go."""
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._local = threading.local()
                self._executor = ThreadPoolExecutor(_THREADS, "outside-key")
                self._sessions: list[Session] = []
            return self._executor

    def _session(self) -> Session:
        found: Session | None = self._local.__dict__.get("session")
        if found is None:
            found = self._local.session = self._begin()
            self._sessions.append(found)
        return found

    def _end(self) -> None:
        found: Session | None = self._local.__dict__.pop("session", None)
        if found is not None:
            self._sessions.remove(found)
            found.close()

    def close(self) -> None:
        """Let go of the threads and sessions of this process; a later signature begins new ones."""
        with self._lock:
            if self._process == os.getpid():
                self._process = 0
                self._executor.shutdown()
                for session in self._sessions:
                    session.close()
