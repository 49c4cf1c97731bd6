"""What can be told of a signature when its key may be gone.

Keys leave DNS long before archives do.  The body hash needs no key: a body that differs from
what was signed breaks the signature for certain.  A host that is trusted may have written down
what it saw (RFC 8601).  What is left open stays open: it is counted both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from avowal.authres import MethodResult
from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.hashing import BodyHash, BodyHasher
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.policy.evidence import SignatureResult

_NO_KEY: Final = frozenset((Reason.KEY_UNAVAILABLE, Reason.NO_KEY, Reason.KEY_REVOKED))
_SAW_BROKEN: Final = frozenset(("fail", "permerror", "policy", "neutral"))


class Fate(Word):
    """What became of a signature, as far as it can be told."""

    PASSES = "passes", "it verifies"
    RECORDED = "recorded", "a trusted host saw it pass, and the body has not changed since"
    OPEN = "open", "the body is as it was signed; the key is not to be had"
    BROKEN = "broken", "it does not verify, with whatever key"


class Told(NamedTuple):
    """A signature that could be read, and its fate."""

    signature: Signature
    fate: Fate


class BodyWitness:
    """Has the body hashed for every signature of a message, whether its key is found or not.

    `hasher` is handed to the examination before the body goes through it.
    """

    __slots__ = ("_asked", "hasher")

    def __init__(self, header: Header, *, limits: Limits = DEFAULT) -> None:
        self.hasher = BodyHasher()
        self._asked: dict[int, BodyHash] = {}
        if header.excess(limits) is not None:
            return
        fields = zip(header.positions.get(FIELD_NAME, ()), header.named(FIELD_NAME), strict=True)
        for place, field in list(fields)[: limits.signatures_checked]:
            try:
                signature = Signature.parse(field, limits=limits)
            except SignatureFault:
                continue
            algorithm = ALGORITHMS.get(signature.algorithm)
            if algorithm is not None:
                self._asked[place] = self.hasher.register(
                    signature.body_canon, algorithm.hash_name, signature.body_length
                )

    def intact(self, place: int, signature: Signature) -> bool:
        """Whether the body, as far as it is signed, is as the signature says."""
        asked = self._asked.get(place)
        if asked is None:
            return False
        short = asked.count is not None and asked.count < (signature.body_length or 0)
        return not short and asked.digest == signature.body_hash


def fates(
    verifications: Iterable[Verification],
    witness: BodyWitness,
    recorded: Sequence[MethodResult] = (),
) -> tuple[Told, ...]:
    """Return the fate of each signature that could be read; `recorded` are dkim results."""
    return tuple(
        Told(one.signature, _fate(one, one.signature, witness, recorded))
        for one in verifications
        if one.signature is not None
    )


def _fate(
    verification: Verification,
    signature: Signature,
    witness: BodyWitness,
    recorded: Sequence[MethodResult],
) -> Fate:
    if verification.passed:
        return Fate.PASSES
    if verification.reason not in _NO_KEY or not witness.intact(verification.place, signature):
        return Fate.BROKEN
    words = {result.result for result in recorded if _is_about(result, signature)}
    if words == {"pass"}:
        return Fate.RECORDED
    return Fate.BROKEN if words and words <= _SAW_BROKEN else Fate.OPEN


def _is_about(result: MethodResult, signature: Signature) -> bool:
    """Whether a recorded result names a signature: d=, and b= and s= where it has them."""
    domain = (result.value("header.d") or "").lower()
    identity = (result.value("header.i") or "").rpartition("@")[2].lower()
    if (domain or identity) != signature.domain.ascii:
        return False
    selector, beginning = result.value("header.s"), result.value("header.b")
    if selector is not None and selector.lower() != signature.selector.ascii:
        return False
    written = b"".join((signature.tags.get("b") or b"").split())
    return beginning is None or written.startswith(beginning.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The signature results of one message, taken both ways: open ones as passes, and as fails."""

    best: tuple[SignatureResult, ...]
    worst: tuple[SignatureResult, ...]

    @classmethod
    def of(cls, told: Iterable[Told]) -> Bounds:
        """Take fates both ways."""
        best, worst = [], []
        for signature, fate in told:
            passing = SignatureResult.read(signature, "pass")
            failing = SignatureResult.read(signature, "fail")
            best.append(failing if fate is Fate.BROKEN else passing)
            worst.append(passing if fate in {Fate.PASSES, Fate.RECORDED} else failing)
        return cls(tuple(best), tuple(worst))

    @property
    def certain(self) -> bool:
        """Whether nothing is open."""
        return self.best == self.worst
