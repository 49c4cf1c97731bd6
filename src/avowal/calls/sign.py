"""Sign a message in one line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, Unpack

from avowal.calls.arguments import Source, moment, opened, signable
from avowal.errors import IntentError, UsageError
from avowal.line_ends import LineEnds
from avowal.members import refuse_other
from avowal.message import CRLF, Field, Header, split

if TYPE_CHECKING:
    from email.message import Message
    from typing import Any

    from avowal.crypto.signing import AnyKey, SigningKey
    from avowal.dkim.intent import Intent
    from avowal.dkim.intent_options import IntentOptions
    from avowal.dkim.signer import Signer

    Outgoing: TypeAlias = Source | Message[Any, Any]


def sign(
    source: Outgoing,
    *intents: Intent,
    domain: str | None = None,
    selector: str | None = None,
    key: SigningKey | str | os.PathLike[str] | bytes | None = None,
    leave_out: Iterable[str | bytes] = (),
    relay: str | None = None,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
    **options: Unpack[IntentOptions],
) -> bytes:
    """Sign a message and return the DKIM-Signature field(s), each with its CRLF.

    `source` is octets, a binary file, a path, or an `EmailMessage`.  Put the fields on top of
    the message's wire form, which `wire_octets` gives; send no other octets.

    Give `domain`, `selector` and `key` (a key, the path of its file, or PEM octets) and the
    options of `Intent` by their names, or give one `Intent` per signature.  `leave_out` are
    fields not to sign; `relay` is what the message goes through: "ses" (Amazon SES) leaves out
    what it rewrites and refuses a second signature, as it does.

    `line_ends` as of `avowal.verify`: a bare CR or LF counts as CRLF, as it must be sent
    (RFC 6376 §5.3).  An `EmailMessage` needs Date and Message-ID where they are signed: the
    server that takes it would add them, and break the signature.

    Raises UsageError (IntentError, KeyMaterialError) only, or OSError for the file.
    """
    intents = _wanted(
        intents, options, domain=domain, selector=selector, key=key, leave_out=leave_out,
        relay=relay,
    )  # fmt: skip
    signer = _signer(
        source, intents, now, accept_malformed=accept_malformed, line_ends=line_ends, relay=relay
    )
    return octets_of(signer.finish())


async def asign(
    source: Outgoing,
    *intents: Intent,
    domain: str | None = None,
    selector: str | None = None,
    key: AnyKey | str | os.PathLike[str] | bytes | None = None,
    leave_out: Iterable[str | bytes] = (),
    relay: str | None = None,
    now: int | None = None,
    accept_malformed: bool = False,
    line_ends: LineEnds = "auto",
    **options: Unpack[IntentOptions],
) -> bytes:
    """Do what `sign` does with keys that may answer asynchronously (`AsyncSigningKey`)."""
    intents = _wanted(
        intents, options, domain=domain, selector=selector, key=key, leave_out=leave_out,
        relay=relay,
    )  # fmt: skip
    signer = _signer(
        source, intents, now, accept_malformed=accept_malformed, line_ends=line_ends, relay=relay
    )
    return octets_of(await signer.afinish())


def _wanted(
    intents: tuple[Intent, ...],
    options: IntentOptions,
    *,
    domain: str | None,
    selector: str | None,
    key: AnyKey | str | os.PathLike[str] | bytes | None,
    leave_out: Iterable[str | bytes],
    relay: str | None,
) -> tuple[Intent, ...]:
    """Return the intents of a call's arguments.  Raises UsageError."""
    from avowal.dkim.intent import Intent, lower_names  # noqa: PLC0415 - not for verifying

    if key is not None:
        intents = (*intents, intent_of(domain, selector, key, options))
    elif domain is not None or selector is not None or options:
        raise IntentError("key", "a domain, a selector and a key belong together")
    for intent in intents:
        if type(intent) is not Intent:
            refuse_other("what to sign", intent, Intent)
    if leave_out != ():
        left = lower_names(leave_out)
        intents = tuple([intent.leaving_out(left) for intent in intents])
    if relay is not None:
        from avowal.dkim.relays import relay_of  # noqa: PLC0415 - few need one

        rewrites = relay_of(relay).rewrites
        intents = tuple([intent.leaving_out(rewrites) for intent in intents])
    return intents


def _signer(
    source: Outgoing,
    intents: Sequence[Intent],
    now: int | None,
    *,
    accept_malformed: bool,
    line_ends: LineEnds,
    relay: str | None,
) -> Signer:
    """Return a signer that the body has passed."""
    from avowal.dkim.signer import Signer  # noqa: PLC0415 - verifying does not pay for it

    written = partial(_written, intents=intents, accept_malformed=accept_malformed)
    with opened(source, other=written) as chunks:
        header, body = signable(chunks, line_ends)
        if relay is not None:
            from avowal.dkim.relays import refuse_relay  # noqa: PLC0415 - few need one

            refuse_relay(relay, header, len(intents))
        signer = Signer(header, intents, now=moment(now), accept_malformed=accept_malformed)
        for chunk in body:
            signer.feed(chunk)
    return signer


def _written(source: object, *, intents: Sequence[Intent], accept_malformed: bool) -> bytes:
    """Return the octets of an `EmailMessage` that can be signed.  Raises UsageError."""
    from avowal.calls.email_message import octets_to_send, refuse_incomplete  # noqa: PLC0415

    octets = octets_to_send(source)
    if not accept_malformed:
        header = Header.parse(split(octets)[0])
        refuse_incomplete(header, {name for intent in intents for name in intent.oversigned})
    return octets


def octets_of(fields: Iterable[Field]) -> bytes:
    """Return fields as they go on top of a message, each with its CRLF."""
    return b"".join([field.raw + CRLF for field in fields])


def intent_of(
    domain: str | None,
    selector: str | None,
    key: AnyKey | str | os.PathLike[str] | bytes,
    options: IntentOptions,
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
