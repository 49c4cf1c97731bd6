"""Verifications told as Authentication-Results (RFC 8601 §2.7.1, RFC 6008).

One result per signature, in the order of the verifications; which reason becomes which
word stands in the table of `reasons`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from avowal.authres.model import Result as MethodResult
from avowal.dkim.reasons import Caution, Reason, Result
from avowal.dkim.verification import Verification
from avowal.taglist import without_fws

SHORTEST_BEGINNING = 8  # characters of b=, RFC 6008 §4
_METHODS = {b"domainkey-signature": "domainkeys"}
_UNSIGNED = MethodResult("dkim", str(Result.NONE), comment="no signature")


def results_of(verifications: Sequence[Verification]) -> tuple[MethodResult, ...]:
    """Return the results to write; ``dkim=none`` for a message without signatures.

    Deliberate: of the signatures beyond the caps (`Reason.TOO_MANY_SIGNATURES`) only the
    first is reported, so that a flood of them does not become a flood of results.
    """
    if not verifications:
        return (_UNSIGNED,)
    shown = list(_without_flood(verifications))
    texts = [_signature_text(verification) for verification in shown]
    lengths = distinct_lengths([text for text in texts if text is not None])
    return tuple(
        [
            _result(verification, None if text is None else text[: lengths[text]])
            for verification, text in zip(shown, texts, strict=True)
        ]
    )


def distinct_lengths(texts: Iterable[str]) -> dict[str, int]:
    """Return how many characters of each text tell it from all others, eight at least.

    Equal texts cannot be told apart and count once (RFC 6008 §4, §6.2).
    """
    ordered = sorted(set(texts))
    shared = [_common(text, following) for text, following in itertools.pairwise(ordered)]
    neighbours = zip([0, *shared], [*shared, 0], strict=True)
    return {
        text: max(SHORTEST_BEGINNING, before + 1, after + 1)
        for text, (before, after) in zip(ordered, neighbours, strict=False)
    }


def _without_flood(verifications: Sequence[Verification]) -> Iterator[Verification]:
    beyond = False
    for verification in verifications:
        if verification.reason is Reason.TOO_MANY_SIGNATURES:
            if beyond:
                continue
            beyond = True
        yield verification


def _result(verification: Verification, beginning: str | None) -> MethodResult:
    reason = verification.reason
    properties = [
        ("header.d", verification.domain),
        ("header.i", verification.identity),
        ("header.s", verification.selector),
        ("header.a", verification.algorithm),
        ("header.b", beginning),
    ]
    if verification.result is Result.POLICY:  # RFC 8601 §2.4
        properties.append(("policy.dkim-rules", str(reason)))
    return MethodResult(
        _METHODS.get(verification.field.name, "dkim"),
        str(verification.result),
        reason=None if reason is None else verification.explanation,
        properties=tuple((name, value) for name, value in properties if value is not None),
        comment=_comment(verification),
    )


def _comment(verification: Verification) -> str | None:
    """Return what was measured and what others may dislike, for people."""
    evidence = verification.evidence
    facts = []
    if evidence is not None and evidence.key_bits is not None:
        facts.append(f"{evidence.key_bits}-bit key{', DNSSEC' if evidence.secure else ''}")
    if Caution.TESTING in verification.warnings:
        facts.append("test mode")
    warnings = [str(caution) for caution in verification.warnings if caution is not Caution.TESTING]
    if warnings:
        facts.append("warnings: " + ", ".join(warnings))
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
