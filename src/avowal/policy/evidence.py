"""What is known about a message before its policies are asked: validated identifiers.

Whoever verified the signatures and the envelope (the flow) fills these values in; nothing
here reads a message or a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.names import DomainName, Identity, NameFault, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureResult:
    """One DKIM (or DomainKeys) signature: d=, i=, s= and its RFC 8601 word.

    `testing` says that its key has t=y; `atps` and `atpsh` are the tags of RFC 6541 §4.2;
    `signed_names` is h= in lower case, empty where it is not known.
    """

    domain: DomainName
    result: str
    identity: Identity | None = None
    selector: Selector | None = None
    testing: bool = False
    atps: DomainName | None = None
    atpsh: str | None = None
    signed_names: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, verification: Verification) -> SignatureResult | None:
        """Take what policies need from a verification; None when it names no domain."""
        signature, key = verification.signature, verification.key
        result = verification.result.value
        if signature is not None:
            return cls.read(signature, result, testing=key is not None and key.testing)
        domain = _name(verification.domain)
        return None if domain is None else cls(domain=domain, result=result)

    @classmethod
    def read(cls, signature: Signature, result: str, *, testing: bool = False) -> SignatureResult:
        """Take what policies need from a signature, with whatever word it has."""
        atpsh = signature.tags.get("atpsh")
        return cls(
            domain=signature.domain,
            result=result,
            identity=signature.identity,
            selector=signature.selector,
            testing=testing,
            atps=_name(signature.tags.get("atps")),
            atpsh=None if atpsh is None else atpsh.decode("utf-8", "backslashreplace"),
            signed_names=signature.signed_names,
        )

    @property
    def passed(self) -> bool:
        """Whether the signature verified and is acceptable here."""
        return self.result == "pass"

    @property
    def auid(self) -> Identity:
        """The identity i=, or its default ``@d`` (RFC 6376 §3.5 i=)."""
        return self.identity or Identity(b"", self.domain)


def candidates(header: Header, *, limits: Limits = DEFAULT) -> tuple[SignatureResult, ...]:
    """Read which domains may come to have signed, before any signature is verified.

    Their result is ``none``.  Fields that cannot be read are left out: they cannot pass.
    """
    found = []
    for field in header.named(FIELD_NAME)[: limits.signatures_parsed]:
        try:
            found.append(SignatureResult.read(Signature.parse(field, limits=limits), "none"))
        except SignatureFault:
            continue
    return tuple(found[: limits.signatures_checked])


def _name(written: str | bytes | None) -> DomainName | None:
    octets = written.encode("utf-8", "replace") if isinstance(written, str) else written
    try:
        return None if octets is None else DomainName.parse(octets)
    except NameFault:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeResult:
    """What SPF said about an identity of the envelope (RFC 7208 §2.6).

    `domain` is None for a null reverse-path whose HELO is no name.
    """

    domain: DomainName | None
    result: str
    scope: Literal["mfrom", "helo"] = "mfrom"

    @property
    def passed(self) -> bool:
        """Whether the domain is authenticated."""
        return self.result == "pass" and self.domain is not None
