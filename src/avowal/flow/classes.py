"""The classes of results that an action can be configured for, and the replies they give.

Each class is named as its option in the table `actions`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from avowal.config.model import Action
from avowal.dkim.reasons import Reason


class Codes(NamedTuple):
    """The SMTP codes of a refusal and of a temporary one (RFC 3463, RFC 7372 §3)."""

    reject: tuple[int, str]
    tempfail: tuple[int, str]


class ResultClass(StrEnum):
    """What is wrong with a message; in order of weight, the heaviest first."""

    codes: Codes
    sentence: str

    def __new__(
        cls, word: str, reject: str, tempfail: str, sentence: str, code: int = 550
    ) -> ResultClass:
        member = str.__new__(cls, word)
        member._value_ = word
        member.codes = Codes((code, reject), (451, tempfail))
        member.sentence = sentence
        return member

    INTERNAL_ERROR = "internal_error", "5.3.0", "4.3.0", "this message could not be checked"
    # RFC 5321 §4.2.3, RFC 3463 §3.4: 552 5.3.4, too big for the system; it never shrinks, so that
    # nothing temporary is said of it
    SECURITY = (
        "security", "5.3.4", "4.7.0", "this message is beyond what can be checked safely", 552,
    )  # fmt: skip
    MALFORMED = "malformed", "5.6.0", "4.6.0", "the header of this message breaks RFC 5322"
    # RFC 6376 §6.3: 451 4.7.5 for a key that cannot be had for now
    DNS_ERROR = "dns_error", "5.7.5", "4.7.5", "the key of a DKIM signature cannot be looked up"
    # RFC 7372 §3.1: 5.7.20 no passing signature, 5.7.21 none acceptable, 5.7.22 none by the author
    BAD_SIGNATURE = "bad_signature", "5.7.20", "4.7.0", "no DKIM signature passes"
    KEY_NOT_FOUND = "key_not_found", "5.7.20", "4.7.0", "no usable key for a DKIM signature"
    SYNTAX = "syntax", "5.7.20", "4.7.0", "no DKIM signature can be read"
    POLICY = "policy", "5.7.21", "4.7.0", "no DKIM signature is acceptable"
    UNSIGNED_AUTHOR = "unsigned_author", "5.7.22", "4.7.0", "the author's domain has not signed"
    # RFC 9989 §7.2: 550 5.7.1; what the author's domain asks for
    DISPOSITION_DISCARD = (
        "disposition_discard", "5.7.1", "4.7.1", "the author's domain asks to discard this message",
    )  # fmt: skip
    DISPOSITION_REJECT = (
        "disposition_reject", "5.7.1", "4.7.1", "the author's domain asks to refuse this message",
    )  # fmt: skip
    DISPOSITION_QUARANTINE = (
        "disposition_quarantine", "5.7.1", "4.7.1", "the author's domain asks to hold this message",
    )  # fmt: skip
    DISPOSITION_UNKNOWN = (
        "disposition_unknown", "5.7.1", "4.7.1",
        "the policy of the author's domain cannot be looked up",
    )  # fmt: skip
    # RFC 6377 §5.2, §5.6, §5.11: a refusal by policy, not a missing mailbox
    STRICT_AUTHOR = (
        "strict_author", "5.7.1", "4.7.1",
        "the author's domain does not want its mail on a list that breaks its signature",
    )  # fmt: skip
    UNAUTHENTICATED_POST = (
        "unauthenticated_post", "5.7.1", "4.7.1",
        "nothing shows that the author's domain sent this message",
    )  # fmt: skip
    DISREPUTABLE = (
        "disreputable", "5.7.1", "4.7.1", "whoever answers for this message has a bad name",
    )  # fmt: skip
    NO_SIGNATURE = "no_signature", "5.7.20", "4.7.0", "there is no DKIM signature"


_C = ResultClass
CLASS_OF: Final[dict[Reason, ResultClass]] = {
    Reason.SYNTAX: _C.SYNTAX,
    Reason.VERSION: _C.SYNTAX,
    Reason.MISSING_TAG: _C.SYNTAX,
    Reason.DOMAIN_MISMATCH: _C.SYNTAX,
    Reason.FROM_NOT_SIGNED: _C.SYNTAX,
    Reason.ALGORITHM: _C.SYNTAX,
    Reason.CANONICALIZATION: _C.SYNTAX,
    Reason.QUERY: _C.SYNTAX,
    Reason.KEY_UNAVAILABLE: _C.DNS_ERROR,
    Reason.NO_KEY: _C.KEY_NOT_FOUND,
    Reason.KEY_SYNTAX: _C.KEY_NOT_FOUND,
    Reason.KEY_HASH: _C.KEY_NOT_FOUND,
    Reason.KEY_REVOKED: _C.KEY_NOT_FOUND,
    Reason.KEY_ALGORITHM: _C.KEY_NOT_FOUND,
    Reason.KEY_SERVICE: _C.KEY_NOT_FOUND,
    Reason.KEY_SUBDOMAIN: _C.KEY_NOT_FOUND,
    Reason.KEY_GRANULARITY: _C.KEY_NOT_FOUND,
    Reason.KEY_TOO_SHORT: _C.POLICY,
    Reason.KEY_TOO_LONG: _C.POLICY,
    Reason.KEY_EXPONENT: _C.POLICY,
    Reason.KEY_TESTING: _C.POLICY,
    Reason.KEY_UNPROTECTED: _C.POLICY,
    Reason.KEY_RECOVERED: _C.POLICY,
    Reason.HISTORIC_ALGORITHM: _C.POLICY,
    Reason.HISTORIC_PROTOCOL: _C.POLICY,
    Reason.EXPIRED: _C.POLICY,
    Reason.TOO_OLD: _C.POLICY,
    Reason.FUTURE: _C.POLICY,
    Reason.UNACCEPTABLE_DOMAIN: _C.POLICY,
    Reason.REQUIRED_FIELD: _C.POLICY,
    Reason.ADDED_FIELD: _C.POLICY,
    Reason.REPEATED_FIELD: _C.POLICY,
    Reason.UNSIGNED_CONTENT: _C.POLICY,
    Reason.TOO_MANY_SIGNATURES: _C.POLICY,
    Reason.TOO_LARGE: _C.SECURITY,
    Reason.BODY_LENGTH: _C.BAD_SIGNATURE,
    Reason.BODY_HASH: _C.BAD_SIGNATURE,
    Reason.SIGNATURE: _C.BAD_SIGNATURE,
}
"""For each reason of a verification the class it counts as."""

_WEIGHT: Final = {class_: weight for weight, class_ in enumerate(ResultClass)}


def heaviest(classes: set[ResultClass]) -> ResultClass | None:
    """Return the class that decides when a message shows several, None for none."""
    return min(classes, key=_WEIGHT.__getitem__, default=None)


_MILDEST_FIRST: Final[tuple[Action, ...]] = (
    "accept", "tag", "tempfail", "quarantine", "reject", "discard",
)  # fmt: skip
STRICTNESS: Final[dict[Action, int]] = {action: rank for rank, action in enumerate(_MILDEST_FIRST)}
"""How far each action keeps a message from its recipients."""

UNPROVED: Final = (
    _C.MALFORMED, _C.BAD_SIGNATURE, _C.KEY_NOT_FOUND, _C.SYNTAX, _C.POLICY, _C.NO_SIGNATURE,
)  # fmt: skip
"""What may be wrong with a message that was not verified because it is beyond a limit."""

DISPOSITIONS: Final = frozenset(
    (_C.DISPOSITION_DISCARD, _C.DISPOSITION_REJECT, _C.DISPOSITION_QUARANTINE)
)
"""What the policy of the author's domain asks for."""
