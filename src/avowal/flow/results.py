"""Verdicts as results of Authentication-Results (RFC 8601 §2.7.1, RFC 6008)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from avowal.authres import Result
from avowal.config.model import Results
from avowal.dkim.reasons import Caution
from avowal.dkim.reasons import Result as Word
from avowal.dkim.verification import Verification

SHORTEST_PREFIX = 8  # characters of b=, RFC 6008 §4

Reported: TypeAlias = tuple[Verification, Word, str | None]
"""A verdict, the word to report, and what the site's configuration says about it."""


def dkim_results(reported: Sequence[Reported], options: Results) -> tuple[Result, ...]:
    """Return one result per signature, or the one that says there is none."""
    if not reported:
        return (Result("dkim", str(Word.NONE), comment="no signature"),)
    beginnings: Sequence[str | None] = [None] * len(reported)
    if options.signature_prefix:
        beginnings = prefixes([verification for verification, _, _ in reported])
    return tuple(
        _result(*one, beginning, warnings=options.warnings)
        for one, beginning in zip(reported, beginnings, strict=True)
    )


def prefixes(verifications: Sequence[Verification]) -> list[str | None]:
    """Return the beginning of each b=, long enough to tell the signatures apart."""
    values = [_signature_text(verification) for verification in verifications]
    distinct = sorted({value for value in values if value})
    length = SHORTEST_PREFIX
    for one, following in pairwise(distinct):
        common = next(
            (at for at, (a, b) in enumerate(zip(one, following, strict=False)) if a != b),
            min(len(one), len(following)),
        )
        length = max(length, common + 1)
    return [value[:length] if value else None for value in values]


def _signature_text(verification: Verification) -> str | None:
    tags = verification.salvage if verification.signature is None else verification.signature.tags
    value = None if tags is None else tags.get("b")
    return None if value is None else value.translate(None, b" \t\r\n").decode("latin-1")


def _result(
    verification: Verification,
    word: Word,
    why: str | None,
    beginning: str | None,
    *,
    warnings: bool,
) -> Result:
    reason = verification.reason
    return Result(
        "dkim",
        str(word),
        reason=why or (None if reason is None else reason.sentence),
        properties=tuple(_properties(verification, word, beginning)),
        comment="; ".join(_remarks(verification, warnings=warnings)) or None,
    )


def _properties(
    verification: Verification, word: Word, beginning: str | None
) -> Iterator[tuple[str, str]]:
    written = (
        ("header.d", verification.domain),
        ("header.i", verification.identity),
        ("header.s", verification.selector),
        ("header.a", verification.algorithm),
        ("header.b", beginning),
    )
    for name, value in written:
        if value:
            yield name, value
    if word is Word.POLICY:  # RFC 8601 §2.7.1, §2.3: which local rule refused it
        yield "policy.dkim-rules", str(verification.reason or "local")


def _remarks(verification: Verification, *, warnings: bool) -> Iterator[str]:
    evidence = verification.evidence
    if evidence is not None and evidence.key_bits is not None:
        yield f"{evidence.key_bits}-bit key"
    if Caution.TESTING in verification.warnings:
        yield "test mode"
    if warnings:
        for caution in verification.warnings:
            if caution is not Caution.TESTING:
                yield str(caution)
