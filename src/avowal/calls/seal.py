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
from avowal.calls.examine import aexamine, examine
from avowal.calls.sign import intent_of
from avowal.canonical import Octets
from avowal.crypto.signing import AsyncSigningKey, SigningKey
from avowal.dkim import rules as rules_module
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.intent import Intent
from avowal.dkim.rules import Rules
from avowal.examine.findings import Findings, Receiver, Want
from avowal.limits import DEFAULT, Limits
from avowal.lookup import AsyncResolver, Resolver
from avowal.members import refuse_other
from avowal.message import CRLF, Header, LineEnds

_CALLER = 3  # frames between whoever calls `seal` and the flow that reads the results


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
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        receiver = Receiver(rules=rules, limits=limits)
        asked = resolver_of(resolver)
        return _chain(examine(header, body, receiver, Want.ARC, asked, now=moment(now)))


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
    with opened(source) as chunks:
        header, body = read_header(chunks, line_ends=line_ends, limits=limits)
        receiver = Receiver(rules=rules, limits=limits)
        asked = resolver_of(resolver)
        return _chain(await aexamine(header, body, receiver, Want.ARC, asked, now=moment(now)))


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
    refuse_other_settings(rules, limits)
    _refuse_other_findings(authserv_id, results, arrived)
    intent = intent_of(domain, selector, key, _with_names(options))
    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        sealing = _Sealing(header, intent, authserv_id, results, now=moment(now), limits=limits)
        if arrived is None:
            arrived = _chain(
                examine(
                    header, body, Receiver(rules=rules, limits=limits), Want.ARC,
                    resolver_of(resolver), now=sealing.now, hasher=sealing.hasher,
                )
            )  # fmt: skip
        else:
            sealing.hash(body)
        sealer = sealing.sealer(arrived, mark_failed=mark_failed)
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
    refuse_other_settings(rules, limits)
    _refuse_other_findings(authserv_id, results, arrived)
    intent = intent_of(domain, selector, key, _with_names(options))
    with opened(source) as chunks:
        header, body = signable(chunks, line_ends)
        sealing = _Sealing(header, intent, authserv_id, results, now=moment(now), limits=limits)
        if arrived is None:
            arrived = _chain(
                await aexamine(
                    header, body, Receiver(rules=rules, limits=limits), Want.ARC,
                    resolver_of(resolver), now=sealing.now, hasher=sealing.hasher,
                )
            )  # fmt: skip
        else:
            sealing.hash(body)
        sealer = sealing.sealer(arrived, mark_failed=mark_failed)
    return b"".join([field.raw + CRLF for field in await sealer.afinish()])


def _refuse_other_findings(authserv_id: object, results: object, arrived: object) -> None:
    refuse_other("authserv_id", authserv_id, str)
    refuse_other("results", results, AuthenticationResults, type(None))
    refuse_other("arrived", arrived, ChainVerification, type(None))


class _Sealing:
    """What a seal is made of, and the one body pass for it and the chain before it."""

    def __init__(
        self,
        header: Header,
        intent: Intent,
        authserv_id: str,
        results: AuthenticationResults | None,
        *,
        now: int,
        limits: Limits,
    ) -> None:
        self.header = header
        self.intent = intent
        self.now = now
        self.hasher = BodyHasher()
        register_body(self.hasher, intent)
        if results is None:
            found = read(header, trusted={authserv_id}, limits=limits)
            for lost in found.lost(authserv_id):
                warnings.warn(f"not sealed: {loss(lost)}", ResultsLost, stacklevel=_CALLER)
            results = found.combined(authserv_id)
        self.results = results

    def hash(self, body: Iterable[Octets]) -> None:
        for chunk in body:
            self.hasher.feed(chunk)
        self.hasher.finish()

    def sealer(self, arrived: ChainVerification, *, mark_failed: bool) -> Sealer:
        results = self.results
        if not results.named("arc"):
            results = replace(results, results=(result_of(arrived), *results.results))
        return Sealer(
            self.header, self.intent, arrived, results,
            now=self.now, mark_failed=mark_failed, hasher=self.hasher,
        )  # fmt: skip


def _chain(findings: Findings) -> ChainVerification:
    assert findings.arc is not None  # noqa: S101 - it was asked for
    return findings.arc


def _with_names(options: dict[str, Any]) -> dict[str, Any]:
    return {"names": SEALED_NAMES, **options}
