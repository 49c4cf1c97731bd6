"""What is known of a signature that failed: the split, what is proven, what stays open."""

from __future__ import annotations

from avowal.diagnose.registry import REGISTRY, Step
from avowal.dkim.verification import Verification
from avowal.enums import Word
from avowal.lists.changes import Changes
from avowal.message import Message
from avowal.valueclass import value


class KeyState(Word):
    """What is known of the key."""

    PROVEN = "proven", "the key made this signature"
    OTHER = "other", "this key did not make it: another one did, or b= was damaged"
    LENGTH = "length", "b= has another length than signatures of this key: one of both is wrong"
    UNKNOWN = "unknown", "the kind of signature does not tell who made it once it fails"
    MISSING = "missing", "there is no key to try"


class PartState(Word):
    """What is known of the header or the body."""

    INTACT = "intact", "as it was signed"
    RESTORED = "restored", "changed, and what was signed is proven"
    CHANGED = "changed", "changed, and what was signed was not found"
    UNKNOWN = "unknown", "not known"


@value
class Explanation:
    """Why one signature failed, or that it did not.

    `body_steps` and `header_steps` are what was undone, proven by equal hashes.  `original` is
    the message as it was signed, and `changes` lead from it to the one that came: both stand
    there when header and body are proven, for a key that is.  `body` alone is what bh= asks
    for; that bh= itself is the signer's only a proven header shows.  `limits` were met on the
    way.  `cc_order_lost`: the list has thrown the order of many addresses in Cc away, and
    nobody can find it again.  `signed_nothing`: bh= is that of an empty body, so that any text
    fits behind it.  `key_source` tells where a proven key came from.
    """

    verification: Verification
    key: KeyState
    header: PartState
    body: PartState
    key_source: str | None = None
    header_steps: tuple[str, ...] = ()
    body_steps: tuple[str, ...] = ()
    signed_body: bytes | None = None
    original: Message | None = None
    changes: Changes | None = None
    limits: tuple[str, ...] = ()
    candidates: int = 0
    cc_order_lost: bool = False
    signed_nothing: bool = False

    @property
    def passed(self) -> bool:
        """Whether the signature passes: then there is nothing to explain."""
        return self.verification.passed

    @property
    def explained(self) -> bool:
        """Whether it is proven what happened to what was signed.  That is never a pass.

        Where nothing happened to it, the verdict's own reason is the explanation.
        """
        intact = self.header is self.body is PartState.INTACT
        return self.original is not None or (intact and not self.passed and not self.signed_nothing)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The rows of the registry for what was undone."""
        return tuple(REGISTRY[name] for name in (*self.header_steps, *self.body_steps))


def unsearched(verification: Verification) -> Explanation:
    """Return what a verdict itself tells, nothing searched."""
    passed = verification.passed
    evidence = verification.evidence
    intact = passed or (evidence is not None and evidence.header_intact is True)
    return Explanation(
        verification=verification,
        key=KeyState.PROVEN if intact else KeyState.MISSING,
        header=PartState.INTACT if intact else PartState.UNKNOWN,
        body=PartState.INTACT if passed else PartState.UNKNOWN,
    )
