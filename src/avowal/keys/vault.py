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
from typing import Final
from urllib.parse import quote

from avowal.crypto.publicpem import parse_public_key
from avowal.errors import KeyMaterialError
from avowal.keys.json_service import JsonServer, JsonSession
from avowal.keys.outside import OutsideKey, Session, SessionError, described
from avowal.keys.places import Opening, Place

_OPTIONS: Final = ("address", "token-file", "version", "ca-file")


def open_vault(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that Vault holds.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    mount, slash, name = place.path.strip("/").rpartition("/")
    address, token_file = place.option("address"), place.option("token-file")
    if not slash or address is None or token_file is None:
        why = "needs a path such as transit/s2026, address and token-file"
        raise KeyMaterialError(place.uri, why)
    token = opening.secret(token_file).decode("utf-8", "replace")
    server = JsonServer("Vault", place.uri, address, place.option("ca-file"))
    algorithm, public_octets, version = described(
        place.uri, lambda: _VaultSession(server, token, (mount, name), place.option("version"))
    )

    def begin() -> Session:
        return _VaultSession(server, token, (mount, name), version, algorithm=algorithm)

    return OutsideKey(place.uri, algorithm, public_octets, begin)


class _VaultSession:
    """A connection to Vault, for one key."""

    def __init__(
        self,
        server: JsonServer,
        token: str,
        path: tuple[str, str],
        version: str | None,
        *,
        algorithm: str = "",
    ) -> None:
        self._session = JsonSession(server)
        self._token = token
        self._mount, self._name = map(quote, path)
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
        answered = self._session.asked(method, path, body, {"X-Vault-Token": self._token})
        data = answered.get("data")
        if not isinstance(data, dict):
            raise SessionError("Vault: an answer without data")
        return data

    def close(self) -> None:
        """End the connection."""
        self._session.close()
