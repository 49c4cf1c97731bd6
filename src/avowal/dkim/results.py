"""Verifications told as Authentication-Results (RFC 8601 §2.7.1, RFC 6008).

One result per signature, in the order of the verifications; which reason becomes which
word stands in the table of `reasons`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from avowal.authres.model import MethodResult
from avowal.dkim.reasons import Caution, Reason, Result
from avowal.dkim.verification import Verification
from avowal.taglist import without_fws

Reported: TypeAlias = tuple[Verification, Result, str | None]
"""A verdict, the word to report, and what the site's configuration says about it."""

SHORTEST_BEGINNING = 8  # characters of b=, RFC 6008 §4
_METHODS = {b"domainkey-signature": "domainkeys"}
_UNSIGNED = MethodResult("dkim", str(Result.NONE), comment="no signature")


def results_of(verifications: Sequence[Verification]) -> tuple[MethodResult, ...]:
    """Return the results to write; ``dkim=none`` for a message without signatures."""
    return reported_results(
        [(verification, verification.result, None) for verification in verifications]
    )


def reported_results(
    reported: Sequence[Reported], *, signature_prefix: bool = True, warnings: bool = True
) -> tuple[MethodResult, ...]:
    """Do the same with words and reasons that local policy may have changed (RFC 8601 §2.4).

    `signature_prefix` writes header.b, `warnings` the cautions as a comment.

    Deliberate: of the signatures beyond the limits (`Reason.TOO_MANY_SIGNATURES`) only the
    first is reported, so that a flood of them does not become a flood of results.
    """
    if not reported:
        return (_UNSIGNED,)
    shown = list(_without_flood(reported))
    texts: list[str | None] = [None] * len(shown)
    if signature_prefix:
        texts = [_signature_text(verification) for verification, _, _ in shown]
    lengths = distinct_lengths([text for text in texts if text is not None])
    return tuple(
        [
            _result(*one, None if text is None else text[: lengths[text]], warnings=warnings)
            for one, text in zip(shown, texts, strict=True)
        ]
    )


def distinct_lengths(texts: Iterable[str]) -> dict[str, int]:
    """Return how many characters of each text tell it from all others, eight at least.

    Equal texts cannot be told apart and count once (RFC 6008 §4, §6.2).
    """
    ordered = sorted(set(texts))
    if len(ordered) == 1:
        return {ordered[0]: SHORTEST_BEGINNING}
    shared = [_common(text, following) for text, following in itertools.pairwise(ordered)]
    neighbours = zip([0, *shared], [*shared, 0], strict=True)
    return {
        text: max(SHORTEST_BEGINNING, before + 1, after + 1)
        for text, (before, after) in zip(ordered, neighbours, strict=False)
    }


def _without_flood(reported: Sequence[Reported]) -> Iterator[Reported]:
    beyond = False
    for one in reported:
        if one[0].reason is Reason.TOO_MANY_SIGNATURES:
            if beyond:
                continue
            beyond = True
        yield one


def _result(
    verification: Verification,
    word: Result,
    why: str | None,
    beginning: str | None,
    *,
    warnings: bool,
) -> MethodResult:
    reason = verification.reason
    properties = [
        ("header.d", verification.domain),
        ("header.i", verification.identity),
        ("header.s", verification.selector),
        ("header.a", verification.algorithm),
        ("header.b", beginning),
    ]
    if word is Result.POLICY:  # RFC 8601 §2.4
        properties.append(("policy.dkim-rules", str(reason or "local")))
    return MethodResult(
        _METHODS.get(verification.field.name, "dkim"),
        str(word),
        reason=why or (None if reason is None else verification.explanation),
        properties=tuple((name, value) for name, value in properties if value is not None),
        comment=_comment(verification, warnings=warnings),
    )


def _comment(verification: Verification, *, warnings: bool) -> str | None:
    """Return what was measured and what others may dislike, for people."""
    evidence, cautions = verification.evidence, verification.warnings
    facts = []
    if evidence is not None and evidence.key_bits is not None:
        facts.append(f"{evidence.key_bits}-bit key{', DNSSEC' if evidence.secure else ''}")
    if Caution.TESTING in cautions:
        facts.append("test mode")
    others = [str(caution) for caution in cautions if caution is not Caution.TESTING]
    if warnings and others:
        facts.append("warnings: " + ", ".join(others))
    return "; ".join(facts) or None


def _signature_text(verification: Verification) -> str | None:
    signature = verification.signature
    tags = signature.tags if signature is not None else verification.salvage
    value = None if tags is None else tags.get("b")
    return None if not value else without_fws(value).decode("utf-8", "backslashreplace")


def _common(one: str, other: str) -> int:
    """Count the characters at the start that two texts share."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
