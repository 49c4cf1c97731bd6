"""Private keys in AWS KMS (extra ``aws``): they sign there and are never shown.

::

    aws-kms:alias/s2026?region=eu-central-1
    aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab

The path is a key's id, ARN or alias.  An ARN names its region, for others `region` does, or what
AWS's library is configured with; `profile` is one of its profiles, `endpoint` another address, as
of an emulator.  Who signs needs ``kms:GetPublicKey`` and ``kms:Sign``.  Keys of RSA for
SIGN_VERIFY sign, digests only (RSASSA_PKCS1_V1_5_SHA_256).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final, Protocol

from avowal.crypto.publicpem import parse_public_key
from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey, SessionError, described
from avowal.keys.places import Opening, Place

_OPTIONS: Final = ("region", "profile", "endpoint")
_SECONDS: Final = 5  # to connect, and to wait for an answer; asked twice at most
_ALGORITHM: Final = "RSASSA_PKCS1_V1_5_SHA_256"


class _Client(Protocol):
    """What is used of AWS's client; the names are AWS's."""

    def get_public_key(self, **asked: str) -> dict[str, object]: ...

    def sign(self, **asked: str | bytes) -> dict[str, object]: ...

    def close(self) -> None: ...


def open_aws_kms(place: Place, opening: Opening) -> OutsideKey:
    """Return a key that AWS KMS holds.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    if not place.path:
        raise KeyMaterialError(place.uri, "needs a key: its id, its ARN or alias/NAME")

    def begin() -> _KmsSession:
        return _KmsSession(place)

    return OutsideKey(place.uri, "rsa-sha256", described(place.uri, begin), begin)


class _KmsSession:
    """A client of AWS's library, for one thread."""

    def __init__(self, place: Place) -> None:
        self._key = place.path
        self._client = _client(place)

    def described(self) -> bytes:
        """Return the octets of p=.  Raises SessionError for a key that cannot sign mail."""
        found = self._told(lambda: self._client.get_public_key(KeyId=self._key))
        offered, octets = found.get("SigningAlgorithms"), found.get("PublicKey")
        if not isinstance(offered, list) or _ALGORITHM not in offered:
            spec = found.get("KeySpec")
            raise SessionError(f"AWS KMS: a key of {spec!r}: mail is signed with RSA, SIGN_VERIFY")
        if not isinstance(octets, bytes):
            raise SessionError("AWS KMS: no public key")
        pem = b"-----BEGIN PUBLIC KEY-----\n%b\n-----END PUBLIC KEY-----\n"
        try:
            half = parse_public_key(pem % base64.b64encode(octets), source="AWS KMS")
        except KeyMaterialError as fault:
            raise SessionError(str(fault)) from None
        return half.public_octets

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        found = self._told(
            lambda: self._client.sign(
                KeyId=self._key,
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm=_ALGORITHM,
            )
        )
        signature = found.get("Signature")
        if not isinstance(signature, bytes):
            raise SessionError("AWS KMS: no signature")
        return signature

    def _told(self, ask: Callable[[], dict[str, object]]) -> dict[str, object]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra

        try:
            return ask()
        except (BotoCoreError, ClientError) as error:
            raise SessionError(f"AWS KMS: {error}") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _client(place: Place) -> _Client:
    try:
        import boto3  # noqa: PLC0415 - an extra, and slow to load
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError:
        why = "AWS KMS needs a library: pip install 'avowal[aws]'"
        raise KeyMaterialError(place.uri, why) from None
    config = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 2}
    )
    try:
        return boto3.Session(
            profile_name=place.option("profile"), region_name=_region(place)
        ).client("kms", endpoint_url=place.option("endpoint"), config=config)
    except (BotoCoreError, ValueError) as error:
        raise KeyMaterialError(place.uri, f"AWS KMS: {error}") from None


def _region(place: Place) -> str | None:
    parts = place.path.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else place.option("region")
