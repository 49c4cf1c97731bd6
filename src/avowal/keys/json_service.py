"""Key services that speak JSON over HTTPS: the connection, its limits, and what is refused.

Who asks brings the words: paths, bodies and headers.  A token is shown nowhere.  Whatever the
network does becomes a `SessionError`, and a message that waits for a signature is put off.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from avowal.errors import KeyMaterialError
from avowal.keys.outside import SessionError

_ANSWER_SECONDS: Final = 10.0
_MOST_OCTETS: Final = 1 << 20  # of an answer
_OK: Final = 200
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}


class JsonServer:
    """Where a service is, and how a connection to it begins.  `title` names it in errors."""

    def __init__(self, title: str, uri: str, address: str, ca_file: str | None = None) -> None:
        """Take an address.  Raises KeyMaterialError for one that is not https, but on loopback."""
        self.title = title
        try:
            parts = urlsplit(address)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            raise KeyMaterialError(uri, "address is none: write https://HOST:PORT") from None
        self._plain = parts.scheme == "http" and self._host in _LOOPBACK
        if not self._host or not (parts.scheme == "https" or self._plain):
            raise KeyMaterialError(uri, "address has to be https://HOST:PORT, or http:// loopback")
        try:
            self._context = None if self._plain else ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise KeyMaterialError(uri, f"ca-file: {error.strerror or error}") from None

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection that is not open yet."""
        if self._plain:
            return http.client.HTTPConnection(self._host, self._port, timeout=_ANSWER_SECONDS)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=_ANSWER_SECONDS, context=self._context
        )


class JsonSession:
    """A connection to a service."""

    def __init__(self, server: JsonServer) -> None:
        self._title = server.title
        self._connection = server.connection()

    def asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> dict[str, object]:
        """Return the object that is answered.  Raises SessionError."""
        text = None if body is None else json.dumps(body)
        whole = {**headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, text, whole)
            answer = self._connection.getresponse()
            octets = answer.read(_MOST_OCTETS + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SessionError(f"{self._title}: {str(error) or type(error).__name__}") from None
        if answer.status != _OK or len(octets) > _MOST_OCTETS:
            where = path.partition("?")[0]
            raise SessionError(f"{self._title}: {answer.status} {answer.reason} at {where}")
        try:
            found: object = json.loads(octets)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise SessionError(f"{self._title}: an answer that is no JSON object")
        return found

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
