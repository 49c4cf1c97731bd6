"""Messages on which implementations may disagree: one question each."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.differential.peers.common import DOMAIN, KEYS, RECORDS

import avowal
from avowal.testing import RSA_2048, record_for

TEXT = (
    b"From: Al <a@example.com>\r\nTo: b@example.net\r\nSubject: the plan\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nat noon\r\n"
)
P = record_for(RSA_2048).partition("p=")[2]
_NAME = f"rsa._domainkey.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Hard:
    """A message, and what DNS says."""

    octets: bytes
    records: dict[str, str] = field(default_factory=lambda: dict(RECORDS))


def signed(text: bytes = TEXT, **options: object) -> bytes:
    options = {"oversigned": frozenset(), **options}
    own = avowal.sign(
        text, domain=DOMAIN, selector="rsa", key=KEYS["rsa"], accept_malformed=True, **options
    )  # type: ignore[arg-type]
    return own + text


def record(text: str) -> dict[str, str]:
    return {**RECORDS, _NAME: text.replace("P", P)}


def resigned(old: bytes, new: bytes) -> bytes:
    """Change the signature field after signing: only for what is refused before b= counts."""
    octets = signed()
    assert old in octets
    return octets.replace(old, new, 1)


HARD: dict[str, Hard] = {
    "good": Hard(signed()),
    "oversigned": Hard(signed(oversigned=frozenset((b"from", b"cc")))),
    "body-changed": Hard(signed().replace(b"noon", b"nine")),
    "field-changed": Hard(signed().replace(b"the plan", b"no plan")),
    "field-case-changed-relaxed": Hard(signed().replace(b"Subject:", b"SUBJECT:")),
    "field-case-changed-simple": Hard(
        signed(header_canon="simple").replace(b"Subject:", b"SUBJECT:")
    ),
    "space-before-colon": Hard(signed(TEXT.replace(b"Subject:", b"Subject :"))),
    "unsigned-from-added": Hard(b"From: eve@example.net\r\n" + signed()),
    "signed-from-twice": Hard(signed(b"From: eve@example.net\r\n" + TEXT)),
    "octets-behind-l": Hard(signed(body_length=True) + b"more\r\n"),
    "body-shorter-than-l": Hard(signed(body_length=True)[:-4] + b"\r\n"),
    "identity-in-subdomain": Hard(signed(identity="x@sub.example.com")),
    "expired": Hard(
        avowal.sign(
            TEXT, domain=DOMAIN, selector="rsa", key=KEYS["rsa"], now=1_500_000_000, lifetime=60
        )
        + TEXT
    ),
    "future": Hard(
        avowal.sign(TEXT, domain=DOMAIN, selector="rsa", key=KEYS["rsa"], now=9_000_000_000) + TEXT
    ),
    "unknown-tag": Hard(signed(other_tags=(("zz", b"yes"),))),
    "copied-fields": Hard(signed(copy_fields=True)),
    "version-2": Hard(resigned(b"v=1;", b"v=2;")),
    "no-version": Hard(resigned(b" v=1;", b"")),
    "tag-twice": Hard(resigned(b"v=1;", b"v=1; v=1;")),
    "unknown-algorithm": Hard(resigned(b"rsa-sha256", b"rsa-sha999")),
    "rsa-sha1-claimed": Hard(resigned(b"rsa-sha256", b"rsa-sha1")),
    "from-not-signed": Hard(resigned(b"h=from:", b"h=frm:")),
    "foreign-identity": Hard(resigned(b"s=rsa;", b"s=rsa; i=@example.org;")),
    "no-key": Hard(signed(), {}),
    "key-revoked": Hard(signed(), record("v=DKIM1; p=")),
    "key-alone": Hard(signed(), record("p=P")),
    "key-other-version": Hard(signed(), record("v=DKIM2; p=P")),
    "key-version-not-first": Hard(signed(), record("k=rsa; v=DKIM1; p=P")),
    "key-other-type": Hard(signed(), record("v=DKIM1; k=ed25519; p=P")),
    "key-other-hash": Hard(signed(), record("v=DKIM1; h=sha1; p=P")),
    "key-other-service": Hard(signed(), record("v=DKIM1; s=tlsrpt; p=P")),
    "key-testing": Hard(signed(), record("v=DKIM1; t=y; p=P")),
    "key-forbids-subdomain": Hard(
        signed(identity="x@sub.example.com"), record("v=DKIM1; t=s; p=P")
    ),
    "key-granularity": Hard(signed(), record("v=DKIM1; g=joe; p=P")),
    "key-unknown-tag": Hard(signed(), record("v=DKIM1; zz=1; p=P")),
    "key-no-base64": Hard(signed(), record("v=DKIM1; p=!P")),
    "8-bit-octets": Hard(signed(TEXT.replace(b"plan", b"pl\xe4n"))),
    "header-only": Hard(signed(TEXT.partition(b"\r\n\r\n")[0] + b"\r\n")),
}
