"""Where implementations disagree with us, and the clause that decides.

The tests hold exactly this list: what is not here agrees, what is here disagrees.
docs/disagreements.md tells it to people; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.peers.common import Wish

from avowal.message import split

DKIMPY, OPENDKIM, MAIL_DKIM = "dkimpy", "libopendkim", "Mail::DKIM"


@dataclass(frozen=True, slots=True)
class Shape:
    """A generated message and how it is signed, as far as a disagreement depends on it."""

    body: bytes
    header_canon: str
    body_canon: str
    algorithm: str

    @classmethod
    def of(cls, octets: bytes, wish: Wish) -> Shape:
        return cls(bytes(split(octets)[1]), wish.header_canon, wish.body_canon, wish.algorithm)

    @property
    def unterminated(self) -> bool:
        return bool(self.body) and not self.body.endswith(b"\r\n")


@dataclass(frozen=True, slots=True)
class OfShape:
    """A peer canonicalizes or signs messages of a shape as nobody should."""

    id: str
    peer: str
    holds: Callable[[Shape], bool]
    directions: frozenset[str]
    clause: str


VERIFIES, SIGNS = "verifies", "signs"
BOTH = frozenset((VERIFIES, SIGNS))

OF_SHAPE: tuple[OfShape, ...] = (
    OfShape(
        "unterminated-simple",
        MAIL_DKIM,
        lambda s: s.unterminated and s.body_canon == "simple",
        BOTH,
        "RFC 6376 §3.4.3",
    ),
    OfShape(
        "unterminated-relaxed-space",
        DKIMPY,
        lambda s: s.body.endswith((b" ", b"\t")) and s.body_canon == "relaxed",
        BOTH,
        "RFC 6376 §3.4.4",
    ),
    OfShape(
        "unterminated-relaxed-space",
        OPENDKIM,
        lambda s: s.body.endswith((b" ", b"\t")) and s.body_canon == "relaxed",
        BOTH,
        "RFC 6376 §3.4.4",
    ),
    OfShape(
        "unterminated-relaxed",
        OPENDKIM,
        lambda s: (
            s.unterminated and not s.body.endswith((b" ", b"\t")) and s.body_canon == "relaxed"
        ),
        BOTH,
        "RFC 6376 §3.4.4",
    ),
    OfShape(
        "ed25519-simple-header",
        OPENDKIM,
        lambda s: s.header_canon == "simple" and s.algorithm == "ed25519-sha256",
        frozenset((SIGNS,)),
        "RFC 6376 §3.7",
    ),
)

# Hard cases: our verdict, and who says otherwise about passing.
OF_CASE: dict[str, tuple[str, frozenset[str], str]] = {
    "space-before-colon": ("pass", frozenset((DKIMPY,)), "RFC 5322 §4.5.8, RFC 6376 §3.4.2"),
    "unsigned-from-added": (
        "added-field",
        frozenset((OPENDKIM, MAIL_DKIM)),
        "RFC 6376 §8.15",
    ),
    "octets-behind-l": (
        "unsigned-content",
        frozenset((DKIMPY, OPENDKIM, MAIL_DKIM)),
        "RFC 6376 §8.2",
    ),
    "future": ("pass", frozenset((DKIMPY, OPENDKIM)), "RFC 6376 §3.5 t="),
    "key-version-not-first": (
        "key-syntax",
        frozenset((DKIMPY, OPENDKIM, MAIL_DKIM)),
        "RFC 6376 §3.6.1 v=",
    ),
    "key-other-type": (
        "inappropriate-key-algorithm",
        frozenset((OPENDKIM,)),
        "RFC 6376 §6.1.2 step 8",
    ),
    "key-other-hash": ("inappropriate-hash", frozenset((DKIMPY,)), "RFC 6376 §6.1.2 step 6"),
    "key-forbids-subdomain": (
        "key-forbids-subdomain",
        frozenset((DKIMPY,)),
        "RFC 6376 §3.6.1 t=s",
    ),
    "key-granularity": ("pass", frozenset((MAIL_DKIM,)), "RFC 6376 appendix E"),
    "key-no-base64": ("key-syntax", frozenset((DKIMPY, OPENDKIM)), "RFC 6376 §6.1.2 step 5"),
}
