"""Private keys in Google Cloud KMS (extra ``gcp``): they sign there and are never shown.

::

    gcp-kms:projects/P/locations/L/keyRings/R/cryptoKeys/s2026/cryptoKeyVersions/1

The path is a version of a key whose algorithm is RSA_SIGN_PKCS1_*_SHA256.  The token is that of
Google's application default credentials, or the first line of `token-file`, which somebody
renews.  Who signs needs ``cloudkms.cryptoKeyVersions.viewPublicKey`` and ``useToSign``;
`address` is another than Google's, as of a private endpoint.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import quote

from avowal.crypto.publicpem import parse_public_key
from avowal.errors import KeyMaterialError
from avowal.keys import bearer
from avowal.keys.bearer import Token
from avowal.keys.json_service import JsonServer, JsonSession
from avowal.keys.outside import OutsideKey, SessionError, described
from avowal.keys.places import Opening, Place

_TITLE: Final = "Google Cloud KMS"
_OPTIONS: Final = ("token-file", "address", "ca-file")
_ADDRESS: Final = "https://cloudkms.googleapis.com"
_SCOPE: Final = "https://www.googleapis.com/auth/cloudkms"


def open_gcp_kms(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that Google Cloud KMS holds.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    if not place.path.startswith("projects/") or "/cryptoKeyVersions/" not in place.path:
        raise KeyMaterialError(place.uri, "needs projects/…/cryptoKeyVersions/N, a key's version")
    server = JsonServer(
        _TITLE, place.uri, place.option("address") or _ADDRESS, place.option("ca-file")
    )
    token = bearer.from_file(place, opening) or _default(place)

    def begin() -> _KmsSession:
        return _KmsSession(server, token, place.path)

    return OutsideKey(place.uri, "rsa-sha256", described(place.uri, begin), begin)


def _default(place: Place) -> Token:
    try:
        import google.auth  # noqa: PLC0415 - an extra
        import google.auth.exceptions  # noqa: PLC0415
        import google.auth.transport.requests  # noqa: PLC0415
    except ImportError:
        why = f"{_TITLE} needs a library: pip install 'avowal[gcp]', or a token-file"
        raise KeyMaterialError(place.uri, why) from None
    credentials: list[google.auth.Credentials] = []

    def ask() -> str:
        if not credentials:
            credentials.append(google.auth.default(scopes=[_SCOPE])[0])
        if not credentials[0].valid:
            credentials[0].refresh(google.auth.transport.requests.Request())
        return str(credentials[0].token)

    return bearer.by_library(_TITLE, ask, google.auth.exceptions.GoogleAuthError)


class _KmsSession:
    """A connection to Google Cloud KMS, for one version of a key."""

    def __init__(self, server: JsonServer, token: Token, name: str) -> None:
        self._session = JsonSession(server)
        self._token = token
        self._path = f"/v1/{quote(name)}"

    def described(self) -> bytes:
        """Return the octets of p=.  Raises SessionError for a key that cannot sign mail."""
        found = self._asked("GET", f"{self._path}/publicKey", None)
        kind, pem = str(found.get("algorithm")), found.get("pem")
        if not (kind.startswith("RSA_SIGN_PKCS1_") and kind.endswith("_SHA256")):
            why = "mail is signed with RSA_SIGN_PKCS1_…_SHA256"
            raise SessionError(f"{_TITLE}: a key of {kind!r}: {why}")
        try:
            return parse_public_key(str(pem).encode(), source=_TITLE).public_octets
        except (KeyMaterialError, ValueError) as fault:
            raise SessionError(f"{_TITLE}: no public key that can be read: {fault}") from None

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        body: dict[str, object] = {"digest": {"sha256": base64.b64encode(digest).decode()}}
        found = self._asked("POST", f"{self._path}:asymmetricSign", body)
        try:
            return base64.b64decode(str(found.get("signature")), validate=True)
        except binascii.Error:
            raise SessionError(f"{_TITLE}: no signature") from None

    def _asked(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, object]:
        return self._session.asked(method, path, body, {"Authorization": f"Bearer {self._token()}"})

    def close(self) -> None:
        """End the connection."""
        self._session.close()
