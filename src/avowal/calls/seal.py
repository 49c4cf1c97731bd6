"""Verify an ARC chain and seal a message in one line.

ARC (RFC 8617) is Experimental and on its way to Historic: these functions are for talking
to hosts that still seal, and for reading what they sealed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from avowal.arc.intent import SEALED_NAMES
from avowal.arc.sealer import Sealer, register_body
from avowal.arc.verdict import ChainVerification, result_of
from avowal.arc.verifier import ArcKeys, ArcVerifier
from avowal.authres.model import AuthenticationResults
from avowal.authres.reader import Instance, read
from avowal.calls.resolver import ZoneData, limited, moment
from avowal.calls.sign import intent_of
from avowal.calls.source import Source, opened, read_header, signable
from avowal.canonical import Octets
from avowal.crypto.signing import AsyncSigningKey, SigningKey
from avowal.dkim import rules as rules_module
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.intent import Intent
from avowal.dkim.rules import Rules
from avowal.limits import DEFAULT, Limits
from avowal.lookup import AsyncResolver, Resolver, Steps, arun, run
from avowal.message import CRLF, LineEnds

_CALLER = 4  # frames between whoever calls `seal` and the flow that reads the results


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
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        verifier = ArcVerifier(header, now=moment(now), rules=rules, limits=limits)
        return _ended(verifier, body, run(verifier.keys(), limited(resolver, limits)))


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
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        verifier = ArcVerifier(header, now=moment(now), rules=rules, limits=limits)
        return _ended(verifier, body, await arun(verifier.keys(), limited(resolver, limits)))


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
    **options: Any,
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
    intent = intent_of(domain, selector, key, _with_names(options))
    flow = _sealer(
        source, line_ends, intent, authserv_id, results, arrived=arrived,
        now=moment(now), mark_failed=mark_failed, rules=rules, limits=limits,
    )  # fmt: skip
    sealer = run(flow, limited(resolver, limits))
    return b"".join([field.raw + CRLF for field in sealer.finish()])


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
    **options: Any,
) -> bytes:
    """Do what `seal` does, waiting for DNS, and for a key with `asign`, without blocking."""
    intent = intent_of(domain, selector, key, _with_names(options))
    flow = _sealer(
        source, line_ends, intent, authserv_id, results, arrived=arrived,
        now=moment(now), mark_failed=mark_failed, rules=rules, limits=limits,
    )  # fmt: skip
    sealer = await arun(flow, limited(resolver, limits))
    return b"".join([field.raw + CRLF for field in await sealer.afinish()])


def _sealer(
    source: Source,
    line_ends: LineEnds,
    intent: Intent,
    authserv_id: str,
    results: AuthenticationResults | None,
    *,
    arrived: ChainVerification | None,
    now: int,
    mark_failed: bool,
    rules: Rules,
    limits: Limits,
) -> Steps[Sealer]:
    """Validate the chain where no verdict is given; one body pass for that and the seal."""
    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        hasher = BodyHasher()
        register_body(hasher, intent)
        verifier = keys = None
        if arrived is None:
            verifier = ArcVerifier(header, now=now, rules=rules, limits=limits, hasher=hasher)
            keys = yield from verifier.keys()
        for chunk in body:
            hasher.feed(chunk)
    hasher.finish()
    if verifier is not None and keys is not None:
        arrived = verifier.finish(keys)
    assert arrived is not None  # noqa: S101 - given or just found
    if results is None:
        found = read(header, trusted={authserv_id}, limits=limits)
        for lost in found.lost(authserv_id):
            warnings.warn(f"not sealed: {loss(lost)}", ResultsLost, stacklevel=_CALLER)
        results = found.combined(authserv_id)
    if not results.named("arc"):
        results = replace(results, results=(result_of(arrived), *results.results))
    return Sealer(header, intent, arrived, results, now=now, mark_failed=mark_failed, hasher=hasher)


def _ended(verifier: ArcVerifier, body: Iterable[Octets], keys: ArcKeys) -> ChainVerification:
    if verifier.wants_body:
        for chunk in body:
            if not verifier.feed(chunk):
                break
    return verifier.finish(keys)


def _with_names(options: dict[str, Any]) -> dict[str, Any]:
    return {"names": SEALED_NAMES, **options}
