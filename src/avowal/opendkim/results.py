"""The words OpenDKIM puts into messages: Authentication-Results, and the malformed verdict.

A value is written bare where it holds nothing but letters, digits and the punctuation that
names and base64 need; anything else goes into quotes, so that no signer writes results.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from avowal import __version__
from avowal.crypto.algorithms import ALGORITHMS, has_sizes
from avowal.crypto.publickey import PublicKeyFault
from avowal.dkim.reasons import Reason
from avowal.dkim.verification import Verification
from avowal.opendkim.sigerrors import SigError

NAME = b"Authentication-Results"
PRODUCT = "avowal"
_FOLD = "\n\t"
_BARE = re.compile(r"[A-Za-z0-9!#$%&'*+\-./=?@^_`{|}~]*")
_UNWRITABLE = re.compile(r"[^ -~]")
_MARGIN = 75
_SHOWN_OF_B = 8  # RFC 6008 §4
_LONGEST = 400  # characters of one value: a line stays below 998 octets


@dataclass(frozen=True, slots=True)
class Judged:
    """One signature with what OpenDKIM says about it."""

    verification: Verification
    error: SigError
    protection: str | None = None
    """What DNSSEC says of the key: `unprotected`, or None where nothing is known."""

    @property
    def signature_prefix(self) -> str:
        """The beginning of b= that names the signature (RFC 6008)."""
        tags = self.verification.salvage
        if self.verification.signature is not None:
            tags = self.verification.signature.tags
        written = (tags.get("b") if tags is not None else None) or b""
        return b"".join(written.split())[:_SHOWN_OF_B].decode("ascii", "replace")


def key_bits(verification: Verification) -> int | None:
    """Return the size of the key in bits, where one was found and could be read."""
    evidence, signature = verification.evidence, verification.signature
    if evidence is not None and evidence.key_bits is not None:
        return evidence.key_bits
    if verification.key is None or signature is None or verification.key.revoked:
        return None
    if verification.reason is not Reason.KEY_SUBDOMAIN:
        return None  # OpenDKIM looks into the key only after it serves the signature
    try:
        return verification.key.public_key(ALGORITHMS[signature.algorithm]).bits
    except PublicKeyFault:
        return None


def results_value(
    authserv_id: str, judged: Sequence[Judged], *, atps: str, with_prefix: bool
) -> bytes:
    """Return the value of Authentication-Results for a message with signatures."""
    lines = [_result(one, with_prefix=with_prefix) for one in judged]
    lines.append(f"dkim-atps={atps}")
    return f" {_written(authserv_id)};{_FOLD}{f';{_FOLD}'.join(lines)}".encode()


def none_value(authserv_id: str) -> bytes:
    """Return the value for a message without signatures."""
    first, last = f" {_written(authserv_id)}; dkim=none;", "dkim-atps=neutral"
    fits = len(NAME) + 1 + len(first) + 1 + len(last) <= _MARGIN
    return f"{first}{' ' if fits else _FOLD}{last}".encode()


def malformed_value(authserv_id: str) -> bytes:
    """Return the value for a message that cannot be judged.  No space leads it, as measured."""
    return f"{_written(authserv_id)}; dkim=permerror (bad message/signature format)".encode()


def unread_value(authserv_id: str) -> bytes:
    """Return the value for a message whose header is beyond a limit: nothing was verified."""
    return f' {_written(authserv_id)};{_FOLD}dkim=policy reason="header too large"'.encode()


def software_value(hostname: str, job: str) -> bytes:
    """Return the value of the DKIM-Filter field."""
    return f" {PRODUCT} v{__version__} {_written(hostname)} {_written(job)}".encode()


def _result(judged: Judged, *, with_prefix: bool) -> str:
    verification, error = judged.verification, judged.error
    words = [f"dkim={error.result}"]
    if error.explains:
        words.append(f'reason="{error.sentence}"')
    bits = key_bits(verification)
    if bits is not None and has_sizes(verification.algorithm):
        protection = f"; {judged.protection}" if judged.protection else ""
        words.append(f"({bits}-bit key{protection})")
    names = (
        ("d", verification.domain),
        ("i", verification.identity or f"@{verification.domain}"),
        ("a", verification.algorithm),
        ("s", verification.selector),
        ("b", judged.signature_prefix if with_prefix else None),
    )
    words += [f"header.{name}={_written(value)}" for name, value in names if value]
    return " ".join(words)


def _written(text: str) -> str:
    text = _UNWRITABLE.sub("?", text)[:_LONGEST]
    if _BARE.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
