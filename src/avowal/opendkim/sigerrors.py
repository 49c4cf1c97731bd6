"""The errors OpenDKIM knows for a signature, and which of our reasons becomes which.

Each error is a sentence for the log, and a word for Authentication-Results.  Words are those
that OpenDKIM 2.11 writes (measured), although RFC 8601 would choose others: whoever filters
by them goes on filtering.
"""

from __future__ import annotations

from typing import NamedTuple

from avowal.dkim.reasons import Reason
from avowal.dkim.verification import Verification


class SigError(NamedTuple):
    """One error: the sentence, and the result; `explains` has the sentence as ``reason=``."""

    sentence: str
    result: str
    explains: bool = False


class OnError(NamedTuple):
    """What an error does to the message: the On- option that decides, and the words for it."""

    option: str
    log: str
    reply: str | None
    tempfail_code: str = "4.7.0"


OK = SigError("no signature error", "pass")
IGNORED = SigError("signature ignored", "neutral")
BAD_SIGNATURE = SigError("signature verification failed", "fail", True)
NO_KEY = SigError("key not found in DNS", "fail", True)
KEY_FAILED = SigError("key retrieval failed", "temperror")
KEY_CORRUPT = SigError("key DNS reply corrupt", "temperror")
KEY_REVOKED = SigError("key revoked", "fail", True)
KEY_UNUSABLE = SigError("unable to apply public key", "permerror")
KEY_VERSION = SigError("unknown key version", "fail", True)
KEY_HASH = SigError("signature-key hash mismatch", "fail", True)
KEY_HASH_UNKNOWN = SigError("unknown key hash", "fail", True)
HEADER_FORM = SigError("invalid header canonicalization", "permerror")
BODY_FORM = SigError("invalid body canonicalization", "permerror")
EXPIRED = SigError("signature expired", "permerror")
FIELD_UNSIGNED = SigError("unprotected header field", "fail", True)
KEY_TOO_SMALL = SigError("signing key too small", "policy", True)
DOMAIN_COVERAGE = SigError("invalid domain coverage", "permerror")
UNUSABLE = SigError("signature syntax error", "permerror")

_ERRORS: dict[Reason, SigError] = {
    Reason.VERSION: SigError("unsupported signature version", "permerror"),
    Reason.DOMAIN_MISMATCH: DOMAIN_COVERAGE,
    Reason.FROM_NOT_SIGNED: SigError("header list missing required entries", "permerror"),
    Reason.ALGORITHM: SigError("signature algorithm invalid", "permerror"),
    Reason.QUERY: SigError("query method invalid", "permerror"),
    Reason.EXPIRED: EXPIRED,
    Reason.FUTURE: SigError("signature timestamp in the future", "permerror"),
    Reason.NO_KEY: NO_KEY,
    Reason.KEY_UNAVAILABLE: KEY_FAILED,
    Reason.KEY_REVOKED: KEY_REVOKED,
    Reason.KEY_ALGORITHM: SigError("unknown key type", "fail", True),
    Reason.KEY_SERVICE: SigError("not an e-mail key", "fail", True),
    Reason.KEY_SUBDOMAIN: SigError("unauthorized subdomain", "fail", True),
    Reason.KEY_TOO_SHORT: KEY_TOO_SMALL,
    Reason.KEY_TOO_LONG: SigError("signing key too large", "policy", True),
    Reason.BODY_LENGTH: SigError("length tag value exceeds body size", "fail", True),
    Reason.BODY_HASH: BAD_SIGNATURE,
    Reason.SIGNATURE: BAD_SIGNATURE,
    Reason.REQUIRED_FIELD: FIELD_UNSIGNED,
    Reason.UNSIGNED_CONTENT: SigError("too little of the body is signed", "fail", True),
    Reason.TOO_MANY_SIGNATURES: IGNORED,
}
_TAG_ERRORS: dict[str, SigError] = {
    "b": BAD_SIGNATURE,
    "bh": BAD_SIGNATURE,
    "i": DOMAIN_COVERAGE,
    "h": SigError("header list tag invalid", "permerror"),
    "l": SigError("body length value invalid", "permerror"),
    "q": SigError("query method invalid", "permerror"),
    "x": EXPIRED,
}
_EMPTY: dict[str, SigError] = {
    "d": SigError("domain tag empty", "permerror"),
    "s": SigError("selector tag empty", "permerror"),
    "b": SigError("signature data empty", "permerror"),
    "bh": SigError("body hash empty", "permerror"),
    "h": SigError("header list tag empty", "permerror"),
}
_MISSING = SigError("body hash missing", "permerror")
_KNOWN_HASHES = frozenset(("sha1", "sha256"))

BAD_DATA = OnError("On-BadSignature", "bad signature data", "bad DKIM signature data")
_NO_KEY_DATA = OnError(
    "On-KeyNotFound", "key retrieval failed", "DKIM key retrieval failed", "4.7.5"
)
NO_SIGNATURE = OnError("On-NoSignature", "no signature data", "no DKIM signature data")
SYNTAX = OnError("On-BadSignature", "syntax error", "DKIM signature syntax error")
_ON_ERROR: dict[SigError, OnError] = {
    BAD_SIGNATURE: BAD_DATA,
    NO_KEY: _NO_KEY_DATA,
    KEY_FAILED: _NO_KEY_DATA._replace(option="On-DNSError"),
    KEY_REVOKED: OnError("On-BadSignature", "key revoked", None),
}


def error_of(verification: Verification) -> SigError:
    """Return what OpenDKIM says about a signature."""
    reason = verification.reason
    if reason is None:
        return OK
    if reason is Reason.KEY_SYNTAX or _of_another_version(verification):
        return _key_error(verification)
    if reason is Reason.KEY_HASH:
        hashes = verification.key.hashes if verification.key is not None else None
        known = hashes is None or not _KNOWN_HASHES.isdisjoint(hashes)
        return KEY_HASH if known else KEY_HASH_UNKNOWN
    if reason is Reason.CANONICALIZATION:
        form = _tag(verification, "c") or b""
        known_header = form.partition(b"/")[0] in (b"simple", b"relaxed")
        return BODY_FORM if known_header else HEADER_FORM
    if reason is Reason.MISSING_TAG:
        return _MISSING
    if reason is Reason.SYNTAX:
        return _syntax_error(verification)
    return _ERRORS.get(reason, UNUSABLE)


def on_error(error: SigError) -> OnError | None:
    """Return what an error does to the message; None for those that do nothing."""
    return _ON_ERROR.get(error)


def _key_error(verification: Verification) -> SigError:
    """Tell what is wrong with a key record, by our reader's words."""
    if _of_another_version(verification):
        return KEY_VERSION
    return KEY_UNUSABLE if verification.key is not None else KEY_CORRUPT


def _of_another_version(verification: Verification) -> bool:
    """Whether a foreign record stands at the selector, which is no key for us (§3.6.1 v=)."""
    return "v= is not DKIM1" in (verification.detail or "")


def _syntax_error(verification: Verification) -> SigError:
    tags = verification.salvage
    if tags is None:
        return UNUSABLE
    for name, error in _EMPTY.items():
        if tags.get(name) == b"":
            return error
    named = (verification.detail or "").partition("=")[0]
    return _TAG_ERRORS.get(named, UNUSABLE)


def _tag(verification: Verification, name: str) -> bytes | None:
    tags = verification.salvage
    if tags is None and verification.signature is not None:
        tags = verification.signature.tags
    return None if tags is None else tags.get(name)
