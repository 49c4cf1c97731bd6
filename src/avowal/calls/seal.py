"""Verify an ARC chain and seal a message in one line.

ARC (RFC 8617) is Experimental and on its way to Historic: these functions are for talking
to hosts that still seal, and for reading what they sealed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from avowal.arc.intent import SEALED_NAMES
from avowal.arc.sealer import Sealer, register_body
from avowal.arc.verdict import ChainVerification, result_of
from avowal.authres.model import AuthenticationResults
from avowal.authres.reader import Instance, read
from avowal.calls.arguments import (
    Source,
    ZoneData,
    moment,
    opened,
    read_header,
    refuse_other_settings,
    resolver_of,
    signable,
)
from avowal.calls.examine import examining
from avowal.calls.sign import intent_of, octets_of
from avowal.canonical import Octets
from avowal.crypto.signing import AsyncSigningKey, SigningKey
from avowal.dkim import rules as rules_module
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.intent import Intent
from avowal.dkim.rules import Rules
from avowal.dns.drivers import Call, acomplete, complete
from avowal.examine.findings import Receiver, Want
from avowal.limits import DEFAULT, Limits
from avowal.line_ends import LineEnds
from avowal.lookup import AsyncResolver, Resolver
from avowal.members import refuse_other
from avowal.message import Header

if TYPE_CHECKING:
    from avowal.dkim.intent_options import IntentOptions

_CALLER = 5  # frames from where the results are read up to whoever calls `seal`


class ResultsLost(UserWarning):
    """Authentication-Results of this host that no set can carry: they cannot be read."""


def loss(instance: Instance) -> str:
    """Say which results of ours are not carried into a set, and why (RFC 8617 §4.1.1)."""
    why = instance.detail or (instance.distrust.sentence if instance.distrust else "unread")
    return f"Authentication-Results, field {instance.place + 1} of the header: {why}"


def verify_chain(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> ChainVerification:
    r"""Validate the ARC chain of a message (RFC 8617 §5.2); arguments as of `avowal.verify`.

    No octets and no answers make it raise; an unreadable file raises OSError.

    >>> str(verify_chain(b"From: a@example.com\r\n\r\nHello\r\n", {}).status)
    'none'
    """
    refuse_other_settings(rules, limits)
    call = _verifying(source, Receiver(rules=rules, limits=limits), line_ends, now=moment(now))
    return complete(call, resolver_of(resolver))


async def averify_chain(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
) -> ChainVerification:
    """Do what `verify_chain` does, waiting for DNS without blocking."""
    refuse_other_settings(rules, limits)
    call = _verifying(source, Receiver(rules=rules, limits=limits), line_ends, now=moment(now))
    return await acomplete(call, resolver_of(resolver))


def _verifying(
    source: Source, receiver: Receiver, line_ends: LineEnds, *, now: int
) -> Call[ChainVerification]:
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=receiver.limits)
        return (yield from _chain(header, body, receiver, now=now))


def _chain(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    *,
    now: int,
    hasher: BodyHasher | None = None,
) -> Call[ChainVerification]:
    found = yield from examining(header, body, receiver, Want.ARC, now=now, hasher=hasher)
    assert found.arc is not None  # noqa: S101 - it was asked for
    return found.arc


def seal(
    source: Source,
    resolver: Resolver | ZoneData | None = None,
    *,
    authserv_id: str,
    domain: str,
    selector: str,
    key: SigningKey | str | os.PathLike[str] | bytes,
    results: AuthenticationResults | None = None,
    arrived: ChainVerification | None = None,
    mark_failed: bool = False,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
    **options: Unpack[IntentOptions],
) -> bytes:
    """Seal a message and return the three fields of its ARC set, each with its CRLF.

    Put them on top of the message's wire form, after every other change.  `arrived` is the
    verdict on the chain as the message came in; without it the message as it is now is
    validated, which is right only when nothing has changed.  `results` is what this host
    found; without it, the Authentication-Results of the message under `authserv_id`: one of
    them that cannot be read is named by a `ResultsLost` warning.
    Further options are those of `Intent`.

    Raises SealRefused for a chain that cannot be continued, UsageError for what else is
    impossible, or OSError for the file.
    """
    refuse_other_settings(rules, limits)
    options.setdefault("names", SEALED_NAMES)
    intent = intent_of(domain, selector, key, options)
    call = _sealing(
        source, line_ends, intent, Receiver(rules=rules, limits=limits), authserv_id=authserv_id,
        results=results, arrived=arrived, mark_failed=mark_failed, now=moment(now),
    )  # fmt: skip
    sealer = complete(call, resolver_of(resolver))
    return octets_of(sealer.finish())


async def aseal(
    source: Source,
    resolver: AsyncResolver | ZoneData | None = None,
    *,
    authserv_id: str,
    domain: str,
    selector: str,
    key: SigningKey | AsyncSigningKey | str | os.PathLike[str] | bytes,
    results: AuthenticationResults | None = None,
    arrived: ChainVerification | None = None,
    mark_failed: bool = False,
    now: int | None = None,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
    line_ends: LineEnds = "auto",
    **options: Unpack[IntentOptions],
) -> bytes:
    """Do what `seal` does, waiting for DNS, and for a key with `asign`, without blocking."""
    refuse_other_settings(rules, limits)
    options.setdefault("names", SEALED_NAMES)
    intent = intent_of(domain, selector, key, options)
    call = _sealing(
        source, line_ends, intent, Receiver(rules=rules, limits=limits), authserv_id=authserv_id,
        results=results, arrived=arrived, mark_failed=mark_failed, now=moment(now),
    )  # fmt: skip
    sealer = await acomplete(call, resolver_of(resolver))
    return octets_of(await sealer.afinish())


def _sealing(
    source: Source,
    line_ends: LineEnds,
    intent: Intent,
    receiver: Receiver,
    *,
    authserv_id: str,
    results: AuthenticationResults | None,
    arrived: ChainVerification | None,
    mark_failed: bool,
    now: int,
) -> Call[Sealer]:
    """Return a sealer that the body has passed: once, for the seal and the chain before it."""
    refuse_other("authserv_id", authserv_id, str)
    refuse_other("results", results, AuthenticationResults, type(None))
    refuse_other("arrived", arrived, ChainVerification, type(None))
    hasher = BodyHasher()
    register_body(hasher, intent)
    with opened(source) as chunks:
        header, body = signable(chunks, line_ends, receiver.limits)
        if results is None:
            results = _results_of(header, authserv_id, receiver.limits)
        if arrived is None:
            arrived = yield from _chain(header, body, receiver, now=now, hasher=hasher)
        else:
            for chunk in body:
                hasher.feed(chunk)
            hasher.finish()
    if not results.named("arc"):
        results = replace(results, results=(result_of(arrived), *results.results))
    return Sealer(header, intent, arrived, results, now=now, mark_failed=mark_failed, hasher=hasher)


def _results_of(header: Header, authserv_id: str, limits: Limits) -> AuthenticationResults:
    found = read(header, trusted={authserv_id}, limits=limits)
    for lost in found.lost(authserv_id):
        warnings.warn(f"not sealed: {loss(lost)}", ResultsLost, stacklevel=_CALLER)
    return found.combined(authserv_id)
