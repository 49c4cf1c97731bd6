"""What is certain of a signature before anything is searched: whose key made it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.publickey import PublicKey
from avowal.diagnose.budget import USUAL, Budget
from avowal.diagnose.explanation import KeyState
from avowal.diagnose.keys_at_hand import KeyAtHand, RetiredKeys, keys_of, verifying
from avowal.diagnose.signature_repair import spellings
from avowal.dkim.signature import Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.message import Field


class Split(NamedTuple):
    """What is certain of a signature before anything is searched.

    `accepts` tells whether a digest of the header is what was signed; None where no key fits.
    `raw` is the signature's field with b= put right, where it was damaged.
    """

    key: KeyState
    accepts: Callable[[bytes], bool] | None
    source: str
    raw: bytes | None = None


def split_of(
    verification: Verification,
    signature: Signature,
    retired: RetiredKeys,
    source: str,
    budget: Budget,
) -> Split:
    """Say of the key what is certain, and how a digest is known to be the signed one."""
    algorithm = ALGORITHMS[signature.algorithm]
    state = KeyState.MISSING
    keys = tuple(keys_of(verification, retired, source))
    for key, found in keys:
        if algorithm.recover is None:
            return Split(KeyState.UNKNOWN, verifying(algorithm, key, signature), found)
        digest = algorithm.recover(key, signature.signature)
        if digest is not None:
            return Split(KeyState.PROVEN, digest.__eq__, found)
        other = len(signature.signature) != (key.bits + 7) // 8
        state = KeyState.LENGTH if other else KeyState.OTHER
    if state is KeyState.OTHER and algorithm.recover is not None:
        return _repaired(signature, keys, algorithm.recover, budget) or Split(state, None, "")
    return Split(state, None, "")


def _repaired(
    signature: Signature,
    keys: Sequence[KeyAtHand],
    recover: Callable[[PublicKey, bytes], bytes | None],
    budget: Budget,
) -> Split | None:
    """Try what b= may have been, as long as there is time; None where no key fits."""
    every = budget.effort.candidates > USUAL.candidates
    for raw in spellings(signature.field, every=every):
        if not budget.in_time():
            return None
        with suppress(SignatureFault):
            octets = Signature.parse(Field.of(raw)).signature
            for key, found in keys:
                digest = recover(key, octets)
                if digest is not None:
                    return Split(KeyState.PROVEN, digest.__eq__, found, raw)
    return None
