"""dkimpy (PyPI)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import dkim
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.differential.peers.common import DOMAIN, KEYS, RECORDS, Wish

_PKCS1 = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
_RAW = (Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def key_octets(selector: str) -> bytes:
    """The key as dkimpy reads it: PKCS#1, or the base64 of an Ed25519 seed."""
    key = load_pem_private_key(KEYS[selector].pem(), None)
    if KEYS[selector].key_type == "rsa":
        return key.private_bytes(*_PKCS1)
    return base64.b64encode(key.private_bytes(*_RAW))


class Dkimpy:
    name = "dkimpy"
    algorithms = frozenset(
        {"rsa-sha256", "ed25519-sha256"} if find_spec("nacl") else {"rsa-sha256"}
    )

    def __init__(self) -> None:
        self._keys = {selector: key_octets(selector) for selector in KEYS}

    def verifying(
        self, octets: bytes, records: Mapping[str, str] = RECORDS
    ) -> Callable[[], tuple[str, ...]]:
        known = {name.encode() + b".": text.encode() for name, text in records.items()}

        def look_up(name: bytes, timeout: int = 5) -> bytes | None:
            return known.get(name)

        def verify() -> tuple[str, ...]:
            try:
                headers = dkim.DKIM(octets).headers
            except dkim.DKIMException as error:
                return (type(error).__name__,)
            count = sum(1 for name, _ in headers if name.lower() == b"dkim-signature")
            return tuple(verdict(octets, at) for at in range(count))

        def verdict(octets: bytes, at: int) -> str:
            try:
                return "pass" if dkim.DKIM(octets).verify(at, dnsfunc=look_up) else "fail"
            except dkim.DKIMException as error:
                return type(error).__name__

        return verify

    def signing(self, octets: bytes, wish: Wish) -> Callable[[], bytes]:
        return lambda: dkim.sign(
            octets,
            wish.selector.encode(),
            DOMAIN.encode(),
            self._keys[wish.selector],
            canonicalize=(wish.header_canon.encode(), wish.body_canon.encode()),
            signature_algorithm=wish.algorithm.encode(),
            include_headers=list(wish.names),
            length=wish.body_length,
        )
