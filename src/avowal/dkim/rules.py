"""What this receiver wants beyond the protocol: every local choice, and its reason.

RFC 6376 §6.1.1 and §6.1.3 leave these to the verifier.  Each switch names the reason
it can cause, so that whoever reads a result knows which switch to turn.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, TypeAlias, TypeVar

from avowal.dkim.reasons import Reason
from avowal.members import refuse_other_numbers, refuse_single
from avowal.valueclass import value

T = TypeVar("T")

Problem: TypeAlias = tuple[Reason, str | None]
"""Why a signature does not pass, and the particulars."""

# RFC 5322 §3.6: these may stand once, as may the MIME fields (RFC 2045 §4-6)
ONCE = frozenset((
    b"from", b"date", b"sender", b"reply-to", b"to", b"cc", b"message-id", b"in-reply-to",
    b"references", b"subject", b"mime-version", b"content-type", b"content-transfer-encoding",
))  # fmt: skip


def _rule(default: T, reason: str, meaning: str) -> T:
    return field(default=default, metadata={"reason": reason, "meaning": meaning})


@value
class Rules:
    """The receiver's rules.  The defaults are what RFC 6376, 8301 and 8463 ask for."""

    min_rsa_bits: int = _rule(
        1024, "key-too-short", "smallest RSA modulus accepted (RFC 8301 §3.2)"
    )
    max_rsa_bits: int = _rule(
        8192, "key-too-long", "largest RSA modulus accepted; 4096 at least (RFC 8301 §3.2)"
    )
    accept_historic: bool = _rule(
        False, "historic-algorithm", "let rsa-sha1 pass, for archives (RFC 8301 §3.1)"
    )
    accept_drafts: bool = _rule(
        False,
        "historic-protocol",
        "let signatures of the drafts before RFC 4871, and DomainKeys, pass; for archives",
    )
    read_domainkeys: bool = _rule(
        False,
        "historic-protocol",
        "verify DomainKey-Signature fields too (RFC 4870); none passes without accept_drafts and "
        "accept_historic",
    )
    accept_unsigned_content: bool = _rule(
        False, "unsigned-content", "let octets stand behind the l= part of a body (§8.2)"
    )
    min_signed_octets: int | None = _rule(
        None, "unsigned-content", "octets that l= has to cover where more stands behind them"
    )
    min_signed_percent: int | None = _rule(
        None, "unsigned-content", "part of the canonical body that l= has to cover, in %"
    )
    max_unsigned_octets: int | None = _rule(
        None, "unsigned-content", "octets that may stand behind the l= part of a body"
    )
    ignore_body_length: bool = _rule(
        False, "body-hash", "hash the whole body whatever l= says (RFC 8460 §3)"
    )
    accept_testing: bool = _rule(
        True, "key-testing", "let keys with t=y count; they always carry a warning (§3.6.1)"
    )
    accept_unprotected_key: bool = _rule(
        True, "key-unprotected", "let keys count whose record came without DNSSEC (§8.5)"
    )
    honor_granularity: bool = _rule(
        False, "key-granularity", "enforce g= as RFC 4871 did, for archives"
    )
    accept_ed25519_spki: bool = _rule(
        False, "key-syntax", "read Ed25519 keys wrapped in SubjectPublicKeyInfo (RFC 8463 §4.2)"
    )
    accept_key_line_breaks: bool = _rule(
        True,
        "key-syntax",
        "read bare CR and LF in a key record as white space; they carry a warning (§3.6.1, §2.8)",
    )
    service: str = _rule(
        "email", "inappropriate-service", "the s= a key must serve: email or tlsrpt (RFC 8460 §3)"
    )
    require_service: bool = _rule(
        False, "inappropriate-service", "the service must be named; * does not do (RFC 8460 §3)"
    )
    required_fields: frozenset[bytes] = _rule(
        frozenset(),
        "required-field-unsigned",
        "fields that must be signed when present, lower-case; From always must",
    )
    sole_fields: frozenset[bytes] = _rule(
        frozenset((b"from", b"subject")),
        "added-field",
        "signed fields that may not also stand in the message unsigned with another value (§8.15)",
    )
    once_fields: frozenset[bytes] = _rule(
        ONCE,
        "repeated-field",
        "fields that may stand once: repeated unsigned with another value, no signature passes",
    )
    refuse_several_from: bool = _rule(
        False, "added-field", "refuse messages with several From fields, signed or not"
    )
    check_expiration: bool = _rule(True, "expired", "enforce x= (§3.5 x=)")
    clock_skew: int = _rule(300, "expired", "seconds of tolerance for x= and for t= in the future")
    refuse_future: bool = _rule(
        False,
        "signed-in-future",
        "refuse signatures made later than now and the skew; otherwise they carry a warning",
    )
    max_age: int | None = _rule(
        None, "too-old", "seconds after t= beyond which a signature is not accepted (§8.6)"
    )
    accept_single_label: bool = _rule(
        False, "unacceptable-domain", "let d= be a single label such as d=com (§6.1.1)"
    )
    unacceptable_domains: frozenset[str] = _rule(
        frozenset(),
        "unacceptable-domain",
        "further domains, in A-labels, that may not sign, such as public suffixes",
    )

    def __post_init__(self) -> None:
        refuse_other_numbers(self)
        refuse_single("required_fields", self.required_fields, bytes)
        refuse_single("sole_fields", self.sole_fields, bytes)
        refuse_single("once_fields", self.once_fields, bytes)
        refuse_single("unacceptable_domains", self.unacceptable_domains)

    @property
    def limits_unsigned_content(self) -> bool:
        """Whether content behind l= is judged by how much of it there is."""
        limits = self.min_signed_octets, self.min_signed_percent, self.max_unsigned_octets
        return any(limit is not None for limit in limits)

    def but(self, **changes: Any) -> Rules:
        """Return these rules with some of them changed."""
        return replace(self, **changes)


DEFAULT = Rules()
STRICT = Rules(
    accept_testing=False,
    accept_key_line_breaks=False,
    refuse_future=True,
    refuse_several_from=True,
    required_fields=frozenset((b"subject", b"date", b"to", b"content-type")),
    sole_fields=frozenset(
        (b"from", b"subject", b"to", b"cc", b"date", b"reply-to", b"content-type", b"message-id")
    ),
    max_rsa_bits=4096,
)
ARCHIVE = Rules(
    min_rsa_bits=384,
    max_rsa_bits=16384,
    accept_historic=True,
    accept_drafts=True,
    read_domainkeys=True,
    check_expiration=False,
    accept_ed25519_spki=True,
)
# RFC 8460 §3: reports about TLS are signed with keys of their own service, without l=
TLSRPT = Rules(service="tlsrpt", ignore_body_length=True)
PROFILES = {"default": DEFAULT, "strict": STRICT, "archive": ARCHIVE, "tlsrpt": TLSRPT}
