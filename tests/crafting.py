"""Signatures as a careless or hostile signer writes them: right in every octet, but for what a
test wants wrong.  The project's own Signer refuses to make them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from avowal import Verification, verify
from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.signing import PrivateKey
from avowal.dkim.hashing import BodyHasher, header_data
from avowal.message import Field, Header, split
from avowal.testing import ED25519, RSA_1024, record_for

DOMAIN = "example.com"
SELECTOR = "s1"
KEY_NAME = f"{SELECTOR}._domainkey.{DOMAIN}"
SIGNED_AT = 1_700_000_000
ZONE = {KEY_NAME: record_for(ED25519)}


def craft(
    octets: bytes,
    key: PrivateKey = ED25519,
    *,
    tags: Mapping[str, str | None] | None = None,
    form: str = "relaxed",
    signed: bytes | None = None,
    field_name: str = "DKIM-Signature",
    b_first: bool = False,
    tail: str = "",
) -> bytes:
    """Put a signature on top of a message; `tags` replaces or adds values, None leaves one out.

    `form` hashes the header (and the body, unless c= names another form); `signed` is the
    message that is signed in place of `octets`; `tail` stands behind the value of b=, which
    is the last tag or the first.
    """
    wanted: dict[str, str | None] = {
        "v": "1",
        "a": key.algorithm,
        "c": f"{form}/relaxed",
        "d": DOMAIN,
        "s": SELECTOR,
        "t": str(SIGNED_AT),
        "h": "from:to:subject:date:message-id:mime-version:content-type",
        **(tags or {}),
    }
    head, body = split(octets if signed is None else signed)
    hash_name = "sha1" if (wanted["a"] or "").endswith("sha1") else "sha256"
    if "bh" not in wanted:
        wanted["bh"] = _body_hash(bytes(body), wanted, hash_name)
    signature = wanted.pop("b", "")
    written = "; ".join(f"{name}={value}" for name, value in wanted.items() if value is not None)
    before, behind = f"{field_name}: {written}; b=", tail
    if b_first:
        before, behind = f"{field_name}: b=", f"; {written}{tail}"
    text = (before + behind.lstrip()).encode()  # the white space around the value goes too
    names = tuple(name.strip().lower() for name in (wanted["h"] or "").encode().split(b":"))
    own = Field(text, text.index(b":"))
    data = header_data(Header.parse(head), names, form if form in HEADER_FORMS else "simple", own)
    digest = hashlib.new(hash_name, data, usedforsecurity=False).digest()
    if signature == "":
        signature = base64.b64encode(_sign(key, digest, hash_name)).decode()
    return f"{before}{signature or ''}{behind}\r\n".encode() + octets


def domainkeys(
    octets: bytes, tags: str = "a=rsa-sha1; c=simple; d=example.com; s=s1", *, signed: bytes = b""
) -> bytes:
    """Sign as RFC 4870 did: header, blank line, body in one hash (c=simple).

    `signed` are the fields of h=; without it all below count.
    """
    head, body = split(octets)
    head = signed or head
    separator = b"\r\n" if body else b""
    digest = hashlib.sha1(head + separator + bytes(body), usedforsecurity=False).digest()
    signature = _sign(RSA_1024, digest, "sha1")
    field = f"DomainKey-Signature: {tags}; b={base64.b64encode(signature).decode()}\r\n"
    return field.encode() + octets


def only(octets: bytes, zone: Any = ZONE, **settings: Any) -> Verification:
    """The verdict on a message with one signature, received when it was signed."""
    settings.setdefault("now", SIGNED_AT)
    (verdict,) = verify(octets, zone, **settings)
    return verdict


def rsa_record(bits: int, *, exponent: int = 65537, more: str = "") -> str:
    """A record with a modulus of so many bits whose private half nobody knows."""
    numbers = RSAPublicNumbers(exponent, (1 << (bits - 1)) + (1 << (bits // 2)) + 1)
    der = numbers.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; {more}p={base64.b64encode(der).decode()}"


def _body_hash(body: bytes, tags: Mapping[str, str | None], hash_name: str) -> str:
    form = (tags["c"] or "simple/simple").partition("/")[2] or "simple"
    length = tags.get("l")
    hasher = BodyHasher()
    made = hasher.register(
        form if form in BODY_FORMS else "simple",
        hash_name,
        int(length) if length and length.isdigit() else None,
    )
    hasher.feed(body)
    hasher.finish()
    return base64.b64encode(made.digest).decode()


def _sign(key: PrivateKey, digest: bytes, hash_name: str) -> bytes:
    handle = key._handle
    if hash_name == "sha1":
        assert isinstance(handle, RSAPrivateKey)
        return handle.sign(digest, PKCS1v15(), Prehashed(hashes.SHA1()))
    return key.sign(digest)
