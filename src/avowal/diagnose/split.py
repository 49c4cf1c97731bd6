"""What is certain of a signature before anything is searched: whose key made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from avowal.crypto.algorithms import ALGORITHMS
from avowal.diagnose.explanation import KeyState
from avowal.diagnose.keys_at_hand import RetiredKeys, keys_of, verifying
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification


class Split(NamedTuple):
    """What is certain of a signature before anything is searched.

    `accepts` tells whether a digest of the header is what was signed; None where no key fits.
    """

    key: KeyState
    accepts: Callable[[bytes], bool] | None
    source: str


def split_of(
    verification: Verification, signature: Signature, retired: RetiredKeys, source: str
) -> Split:
    """Say of the key what is certain, and how a digest is known to be the signed one."""
    algorithm = ALGORITHMS[signature.algorithm]
    state = KeyState.MISSING
    for key, found in keys_of(verification, retired, source):
        if algorithm.recover is None:
            return Split(KeyState.UNKNOWN, verifying(algorithm, key, signature), found)
        digest = algorithm.recover(key, signature.signature)
        if digest is not None:
            return Split(KeyState.PROVEN, digest.__eq__, found)
        other = len(signature.signature) != (key.bits + 7) // 8
        state = KeyState.LENGTH if other else KeyState.OTHER
    return Split(state, None, "")
