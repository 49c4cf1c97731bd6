"""Private keys in HashiCorp Vault or OpenBao, by the transit engine: it signs and never shows them.

::

    vault:transit/s2026?address=https://vault.example:8200&token-file=/etc/avowal/vault-token

The path is where the engine is mounted, and the key's name.  `version` pins a version of the
key, by default the one that is the latest when the key is opened; `ca-file` is the certificate
to trust.  The token needs ``read`` on ``transit/keys/s2026`` and ``update`` on
``transit/sign/s2026``.  Keys of type rsa-2048, -3072, -4096 and ed25519 sign.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import ssl
from typing import Final
from urllib.parse import quote, urlsplit

from avowal.crypto.publicpem import parse_public_key
from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey, Session, SessionError
from avowal.keys.places import Opening, Place

_OPTIONS: Final = ("address", "token-file", "version", "ca-file")
_ANSWER_SECONDS = 10.0
_MOST_OCTETS = 1 << 20  # of an answer
_OK = 200
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def open_vault(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that Vault holds.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    mount, slash, name = place.path.strip("/").rpartition("/")
    address, token_file = place.option("address"), place.option("token-file")
    if not slash or address is None or token_file is None:
        why = "needs a path such as transit/s2026, address and token-file"
        raise KeyMaterialError(place.uri, why)
    token = opening.secret(token_file).decode("utf-8", "replace")
    server = _Server(place.uri, address, token, place.option("ca-file"))
    try:
        session = _VaultSession(server, mount, name, place.option("version"))
        try:
            algorithm, public_octets, version = session.described()
        finally:
            session.close()
    except SessionError as fault:
        raise KeyMaterialError(place.uri, str(fault)) from None

    def begin() -> Session:
        return _VaultSession(server, mount, name, version, algorithm)

    return OutsideKey(place.uri, algorithm, public_octets, begin)


class _Server:
    """Where Vault is, and how a connection to it begins.  The token is shown nowhere."""

    def __init__(self, uri: str, address: str, token: str, ca_file: str | None) -> None:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        plain = parts.scheme == "http" and host in _LOOPBACK
        if host is None or not (parts.scheme == "https" or plain):
            raise KeyMaterialError(uri, "address has to be https://HOST:PORT, or http:// loopback")
        self._host, self._port, self._plain = host, port, plain
        self.token = token
        try:
            self._context = None if plain else ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise KeyMaterialError(uri, f"ca-file: {error.strerror or error}") from None

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection that is not open yet."""
        if self._plain:
            return http.client.HTTPConnection(self._host, self._port, timeout=_ANSWER_SECONDS)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=_ANSWER_SECONDS, context=self._context
        )


class _VaultSession:
    """A connection to Vault, for one key."""

    def __init__(
        self, server: _Server, mount: str, name: str, version: str | None, algorithm: str = ""
    ) -> None:
        self._server = server
        self._connection = server.connection()
        self._mount, self._name = quote(mount), quote(name)
        self._version = version
        self._algorithm = algorithm

    def described(self) -> tuple[str, bytes, str]:
        """Return the algorithm, the octets of p= and the version.  Raises SessionError."""
        data = self._asked("GET", f"/v1/{self._mount}/keys/{self._name}", None)
        version = self._version or str(data.get("latest_version"))
        kind, keys = str(data.get("type")), data.get("keys")
        entry = keys.get(version) if isinstance(keys, dict) else None
        public = entry.get("public_key") if isinstance(entry, dict) else None
        if not isinstance(public, str):
            raise SessionError(f"Vault: no version {version} of the key with a public half")
        try:
            if kind == "ed25519":
                return "ed25519-sha256", base64.b64decode(public, validate=True), version
            if kind.startswith("rsa-"):
                half = parse_public_key(public.encode(), source="Vault")
                return half.algorithm, half.public_octets, version
        except (KeyMaterialError, binascii.Error) as fault:
            raise SessionError(f"Vault: no public key that can be read: {fault}") from None
        raise SessionError(f"Vault: a key of type {kind!r}: DKIM signs with RSA and Ed25519")

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        body: dict[str, object] = {"input": base64.b64encode(digest).decode()}
        body["key_version"] = int(self._version or 0)
        path = f"/v1/{self._mount}/sign/{self._name}"
        if self._algorithm == "rsa-sha256":
            body |= {"prehashed": True, "signature_algorithm": "pkcs1v15"}
            path += "/sha2-256"
        data = self._asked("POST", path, body)
        try:
            return base64.b64decode(str(data.get("signature")).rpartition(":")[2], validate=True)
        except binascii.Error:
            raise SessionError("Vault: no signature") from None

    def _asked(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, object]:
        text = None if body is None else json.dumps(body)
        headers = {"X-Vault-Token": self._server.token, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, text, headers)
            answer = self._connection.getresponse()
            octets = answer.read(_MOST_OCTETS + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SessionError(f"Vault: {str(error) or type(error).__name__}") from None
        if answer.status != _OK or len(octets) > _MOST_OCTETS:
            raise SessionError(f"Vault: {answer.status} {answer.reason} at {path}")
        answered = _data(octets)
        if not isinstance(answered, dict):
            raise SessionError("Vault: an answer without data")
        return answered

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _data(octets: bytes) -> object:
    try:
        found: object = json.loads(octets)["data"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found
