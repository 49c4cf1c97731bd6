"""Sign a message in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from avowal.calls.arguments import Source, moment, opened, signable
from avowal.errors import IntentError, UsageError
from avowal.members import refuse_other
from avowal.message import CRLF, Field, LineEnds

if TYPE_CHECKING:
    from avowal.crypto.signing import SigningKey
    from avowal.dkim.intent import Intent
    from avowal.dkim.signer import Signer


def sign(
    source: Source,
    *intents: Intent,
    domain: str | None = None,
    selector: str | None = None,
    key: SigningKey | str | os.PathLike[str] | bytes | None = None,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
    **options: Any,
) -> bytes:
    """Sign a message and return the DKIM-Signature field(s), each with its CRLF.

    Put them on top of the message's wire form.  Give `domain`, `selector` and `key` (a
    key, the path of its file, or PEM octets) and further options of `Intent`, or give one
    `Intent` per signature.  `line_ends` as of `avowal.verify`: a bare CR or LF counts as CRLF,
    as it must be sent (RFC 6376 §5.3).

    Raises UsageError (IntentError, KeyMaterialError) only, or OSError for the file.
    """
    if key is not None:
        intents = (*intents, intent_of(domain, selector, key, options))
    elif domain is not None or selector is not None or options:
        raise IntentError("key", "a domain, a selector and a key belong together")
    return octets_of(_signer(source, intents, now, accept_malformed, line_ends).finish())


async def asign(
    source: Source,
    *intents: Intent,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
) -> bytes:
    """Do what `sign` does with intents whose keys may answer asynchronously (`asign`)."""
    return octets_of(await _signer(source, intents, now, accept_malformed, line_ends).afinish())


def _signer(
    source: Source,
    intents: Sequence[Intent],
    now: int | None,
    accept_malformed: bool,  # noqa: FBT001 - handed through
    line_ends: LineEnds,
) -> Signer:
    """Return a signer that the body has passed."""
    from avowal.dkim.intent import Intent  # noqa: PLC0415 - verifying does not pay for it
    from avowal.dkim.signer import Signer  # noqa: PLC0415

    for intent in intents:
        refuse_other("what to sign", intent, Intent)
    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        signer = Signer(header, intents, now=moment(now), accept_malformed=accept_malformed)
        for chunk in body:
            signer.feed(chunk)
    return signer


def octets_of(fields: Iterable[Field]) -> bytes:
    """Return fields as they go on top of a message, each with its CRLF."""
    return b"".join([field.raw + CRLF for field in fields])


def intent_of(
    domain: str | None, selector: str | None, key: Any, options: dict[str, Any]
) -> Intent:
    """Make an intent of the parts of a call, its key read.  Raises UsageError."""
    from avowal.dkim.intent import Intent  # noqa: PLC0415 - verifying does not pay for it
    from avowal.keys.files import load_key  # noqa: PLC0415

    if domain is None or selector is None:
        raise IntentError("d=, s=", "a domain and a selector are needed with a key")
    if isinstance(key, str | bytes | os.PathLike):
        key = load_key(key)
    try:
        return Intent(domain=domain, selector=selector, key=key, **options)
    except TypeError as error:
        raise UsageError(str(error)) from None
