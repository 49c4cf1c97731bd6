"""A signer: a process of its own that holds private keys, and the key that asks it.

`open_signer` opens ``signer:/SOCKET?key=NAME``; `Signer` answers connections, a thread each.
Whoever may connect may sign: the owner and the mode of the socket say who.  The words are
those of `keys.signer_words`.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import IO

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.signing import SigningKey
from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey, SessionError, described
from avowal.keys.places import Opening, Place
from avowal.keys.signer_words import (
    MAX_LINE,
    answer,
    key_question,
    octets_of,
    read_answer,
    read_question,
    refusal,
    sign_question,
)

LOGGER = logging.getLogger("avowal.signer")
_ANSWER_SECONDS = 10.0  # until a signer has to answer
_MOST_CONNECTIONS = 256


def open_signer(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that a signer holds.  Raises KeyMaterialError."""
    place.refuse_others("key")
    name = place.option("key")
    if name is None:
        raise KeyMaterialError(place.uri, "needs key=NAME, such as s1._domainkey.example.com")

    def begin() -> _SignerSession:
        return _SignerSession(place.path, name)

    algorithm, public_octets = described(place.uri, begin)
    return OutsideKey(place.uri, algorithm, public_octets, begin)


class _SignerSession:
    """A connection to a signer, for one key."""

    def __init__(self, path: str, name: str) -> None:
        self._name = name
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER_SECONDS)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise SessionError(f"the signer: {error.strerror or error}") from None
        self._file = self._socket.makefile("rb")

    def described(self) -> tuple[str, bytes]:
        """Return the algorithm and the octets of p=.  Raises SessionError."""
        words = self._asked(key_question(self._name))
        public = octets_of(words[1]) if len(words) == 2 else None
        if public is None or words[0] not in ALGORITHMS:
            raise SessionError("the signer: no algorithm and public key that are known")
        return words[0], public

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature.  Raises SessionError."""
        words = self._asked(sign_question(self._name, digest))
        signature = octets_of(words[0]) if len(words) == 1 else None
        if signature is None:
            raise SessionError("the signer: no signature")
        return signature

    def _asked(self, question: bytes) -> tuple[str, ...]:
        try:
            self._socket.sendall(question)
            line = _line(self._file)
        except OSError as error:
            raise SessionError(f"the signer: {error.strerror or error}") from None
        found = read_answer(line)
        if isinstance(found, str):
            raise SessionError(f"the signer: {found}")
        return found

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()


def _line(file: IO[bytes]) -> bytes:
    """Read a line; empty at the end.  Raises OSError, for a line that is too long too."""
    line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise OSError(f"a line of more than {MAX_LINE} octets")
    return line if line.endswith(b"\n") else b""


class Signer:
    """Answers for the keys that `find` gives by the names of their records.

    `find` is called for each question, in several threads; it raises KeyMaterialError for a
    name that it has no key of.
    """

    def __init__(self, find: Callable[[str], SigningKey]) -> None:
        self._find = find
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def serve(self, listening: socket.socket) -> None:
        """Answer until the socket is shut down."""
        listening.setblocking(True)
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            if self._room.acquire(blocking=False):
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._answer_all(connection)
        except OSError as error:
            LOGGER.warning("a connection: %s", error.strerror or error)
        finally:
            self._room.release()

    def _answer_all(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            while line := _line(file):
                connection.sendall(self._answered(line))

    def _answered(self, line: bytes) -> bytes:
        asked = read_question(line)
        if isinstance(asked, str):
            return refusal(asked)
        try:
            return answer(asked, self._find(asked.name))
        except KeyMaterialError as fault:
            return refusal(fault.why)
