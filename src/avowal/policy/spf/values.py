"""What an SPF check is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from avowal.names import DomainName
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.trace import Trace

Client: TypeAlias = IPv4Address | IPv6Address
Scope: TypeAlias = Literal["mfrom", "helo"]


class SpfWord(StrEnum):
    """The results of check_host() (RFC 7208 §2.6), which are also RFC 8601's words."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfLimits:
    """Limits on what one check may cost; beyond one the result is permerror."""

    terms: int = 10
    """Terms that ask DNS (RFC 7208 §4.6.4)."""
    void_lookups: int = 2
    """Lookups without records, by terms (RFC 7208 §4.6.4)."""
    mx_names: int = 10
    """Exchanges of one mx term (RFC 7208 §4.6.4)."""
    ptr_names: int = 10
    """Names of one reverse lookup; the rest is ignored (RFC 7208 §4.6.4)."""
    record_octets: int = 8 << 10
    """One record; RFC 7208 §3.4 advises 450, real ones stay under 2 KiB."""
    macro_octets: int = 320
    """What one macro stands for: a local part, an @ and a domain (RFC 5321 §4.5.3.1)."""
    explanation_octets: int = 1 << 10
    """An explanation after expansion; it goes into an SMTP reply (RFC 7208 §6.2)."""


DEFAULT = SpfLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfRequest:
    """The client and the envelope of one message.

    `mail_from` is the reverse-path without angle brackets, empty for the null path;
    `helo` the argument of HELO or EHLO.  `receiver` and `now` (Unix seconds) serve the
    macros r and t of explanations.
    """

    client: Client
    mail_from: bytes = b""
    helo: bytes = b""
    receiver: str = "unknown"
    now: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfResult:
    """What check_host() said of one identity.

    `domain` is the checked name, None where it was no name; `term` the term that decided,
    as published; `record` the record it stands in; `problem` what was wrong on an error;
    `by_macros` says that the name at fault was made of macros, so that another client may fare
    better; `explanation` the text of exp=, asked for on fail only.  `terms` counts the terms that
    asked DNS, `void_lookups` those lookups that found nothing.
    """

    word: SpfWord
    scope: Scope
    domain: DomainName | None
    term: str | None = None
    record: str | None = None
    problem: str | None = None
    by_macros: bool = False
    explanation: str | None = None
    terms: int = 0
    void_lookups: int = 0
    trace: Trace = ()

    @property
    def envelope(self) -> EnvelopeResult:
        """The result as DMARC takes it (RFC 9989 §4.4)."""
        return EnvelopeResult(domain=self.domain, result=self.word.value, scope=self.scope)
