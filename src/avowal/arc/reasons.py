"""The closed list of what may be said about a chain, and why one is not sealed on."""

from __future__ import annotations

from enum import StrEnum

from avowal.enums import CitedWord
from avowal.errors import IntentError


class ChainStatus(StrEnum):
    """The Chain Validation Status (RFC 8617 §4.4)."""

    NONE = "none"
    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict


class ChainReason(CitedWord):
    """Why a chain fails: word, source, sentence.  All failures are permanent (§5.2.1)."""

    TOO_MANY_SETS = (
        "too-many-sets",
        "RFC 8617 §5.2 step 1",
        "the message carries more than 50 ARC sets",
    )
    TOO_LARGE = (
        "too-large",
        "RFC 8617 §9.1",
        "the header is larger than this receiver reads",
    )
    MARKED_FAILED = (
        "marked-failed",
        "RFC 8617 §5.2 step 2",
        "the newest seal says that the chain had failed before",
    )
    FIELD_SYNTAX = (
        "arc-field-syntax",
        "RFC 8617 §4.1",
        "an ARC field is malformed",
    )
    SEAL_NAMES_FIELDS = (
        "seal-names-fields",
        "RFC 8617 §4.1.3",
        "an ARC-Seal has an h= tag, which is not allowed",
    )
    INCOMPLETE_SET = (
        "incomplete-set",
        "RFC 8617 §5.2 step 3A",
        "a set lacks one of its three fields",
    )
    REPEATED_FIELD = (
        "repeated-field",
        "RFC 8617 §5.2 step 3A",
        "a set has one of its three fields twice",
    )
    GAP = (
        "gap",
        "RFC 8617 §5.2 step 3B",
        "the instances do not run from 1 to N without a gap",
    )
    STATUS = (
        "chain-status",
        "RFC 8617 §5.2 step 3C",
        "a seal's cv= is not what it must be at its place",
    )
    MESSAGE_SIGNATURE = (
        "message-signature",
        "RFC 8617 §5.2 step 4",
        "the newest ARC-Message-Signature does not verify",
    )
    SEAL = (
        "seal",
        "RFC 8617 §5.2 step 6",
        "an ARC-Seal does not verify",
    )


class Refusal(CitedWord):
    """Why a message is not sealed: word, source, sentence."""

    MARKED_FAILED = (
        "marked-failed",
        "RFC 8617 §5.1 step 2",
        "the newest seal says cv=fail: nothing is added to such a chain",
    )
    BROKEN = (
        "broken",
        "RFC 8617 §5.1.3",
        "the chain does not validate: it cannot be continued",
    )
    FULL = (
        "full",
        "RFC 8617 §4.2.1",
        "the chain has 50 sets: there is no further instance",
    )


class SealRefused(IntentError):
    """A seal that must not be made; `refusal` says why."""

    def __init__(self, refusal: Refusal, detail: str | None = None) -> None:
        why = refusal.sentence if detail is None else f"{refusal.sentence} ({detail})"
        super().__init__("ARC-Seal", why)
        self.refusal = refusal
