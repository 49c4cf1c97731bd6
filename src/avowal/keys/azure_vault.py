"""Private keys in Azure Key Vault or Managed HSM (extra ``azure``): they sign there, unseen.

::

    azure-key-vault:s2026/0123456789abcdef0123456789abcdef?address=https://example.vault.azure.net

The path is a key's name and its version; the newest is taken where none is named, and stays.  The
token is that of Azure's default credential, or the first line of `token-file`, which somebody
renews.  Who signs needs ``get`` and ``sign`` on keys.  Keys of RSA sign (RS256: RSASSA-PKCS1-v1_5
with SHA-256), digests only.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Final
from urllib.parse import quote

from avowal.crypto.publicpem import rsa_public_half
from avowal.errors import KeyMaterialError
from avowal.keys import bearer
from avowal.keys.bearer import Token
from avowal.keys.json_service import JsonServer, JsonSession
from avowal.keys.outside import OutsideKey, SessionError, described
from avowal.keys.places import Opening, Place

_TITLE: Final = "Azure Key Vault"
_OPTIONS: Final = ("address", "token-file", "ca-file")
_API: Final = "api-version=7.4"
_SCOPE: Final = "https://vault.azure.net/.default"
_HSM_SCOPE: Final = "https://managedhsm.azure.net/.default"


def open_azure_vault(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that Azure Key Vault holds.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    name, _, version = place.path.strip("/").partition("/")
    address = place.option("address")
    if not name or address is None or "/" in version:
        raise KeyMaterialError(place.uri, "needs NAME or NAME/VERSION of a key, and address")
    server = JsonServer(_TITLE, place.uri, address, place.option("ca-file"))
    token = bearer.from_file(place, opening) or _default(place, address)

    def begin(version: str) -> _VaultSession:
        return _VaultSession(server, token, name, version)

    public_octets, newest = described(place.uri, partial(begin, version))
    return OutsideKey(place.uri, "rsa-sha256", public_octets, partial(begin, newest))


def _default(place: Place, address: str) -> Token:
    try:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - an extra
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - an extra
    except ImportError:
        why = f"{_TITLE} needs a library: pip install 'avowal[azure]', or a token-file"
        raise KeyMaterialError(place.uri, why) from None
    credential = DefaultAzureCredential()  # keeps tokens, and renews them
    scope = _HSM_SCOPE if ".managedhsm." in address else _SCOPE
    return bearer.by_library(_TITLE, lambda: str(credential.get_token(scope).token), AzureError)


class _VaultSession:
    """A connection to Azure Key Vault, for one version of a key."""

    def __init__(self, server: JsonServer, token: Token, name: str, version: str) -> None:
        self._session = JsonSession(server)
        self._token = token
        self._name, self._version = quote(name), quote(version)

    def described(self) -> tuple[bytes, str]:
        """Return the octets of p= and the version.  Raises SessionError."""
        found = self._asked("GET", f"/keys/{self._name}/{self._version}", None).get("key")
        key: dict[str, object] = found if isinstance(found, dict) else {}
        if key.get("kty") not in {"RSA", "RSA-HSM"}:
            raise SessionError(f"{_TITLE}: a key of {key.get('kty')!r}: mail is signed with RSA")
        version = str(key.get("kid")).rpartition("/")[2]
        try:
            modulus, exponent = (int.from_bytes(_octets(key.get(one))) for one in ("n", "e"))
            half = rsa_public_half(modulus, exponent, source=_TITLE)
        except (KeyMaterialError, ValueError) as fault:
            raise SessionError(f"{_TITLE}: no public key that can be read: {fault}") from None
        return half.public_octets, version

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        path = f"/keys/{self._name}/{self._version}/sign"
        found = self._asked("POST", path, {"alg": "RS256", "value": value})
        try:
            return _octets(found.get("value"))
        except ValueError:
            raise SessionError(f"{_TITLE}: no signature") from None

    def _asked(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        return self._session.asked(method, f"{path}?{_API}", body, headers)

    def close(self) -> None:
        """End the connection."""
        self._session.close()


def _octets(text: object) -> bytes:
    """Read base64url without padding (RFC 7515 §2).  Raises ValueError."""
    if not isinstance(text, str) or not text:
        raise ValueError("nothing is there")
    try:
        octets = text.encode("ascii")
        return base64.b64decode(octets + b"=" * (-len(octets) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("no base64url") from None
