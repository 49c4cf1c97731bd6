"""What a chain verification says, and how it is told to others (RFC 8617 §6, §7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from avowal.arc.chain import Chain
from avowal.arc.fields import Seal
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.authres.model import MethodResult
from avowal.dkim.reasons import Reason
from avowal.dkim.verification import Verification
from avowal.errors import TruthError


@dataclass(frozen=True, slots=True, kw_only=True)
class SealVerification:
    """The verdict on one ARC-Seal: `reason` is None exactly when it verifies."""

    seal: Seal
    reason: Reason | None
    detail: str | None = None
    key_bits: int | None = None

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        if self.reason is None:
            return "the seal verifies"
        return f"{self.reason.sentence}: {self.detail}" if self.detail else self.reason.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVerification:
    """The verdict on the chain of a message.

    `reason` is None for none and pass.  `message_signatures` are the verdicts on the
    ARC-Message-Signatures that could be read, `seals` those on the ARC-Seals, both from the
    newest down, and both empty for a chain whose structure fails.  `oldest_pass` is the
    lowest instance whose message signature verifies with all newer ones, 0 when all do; None
    when the newest one does not.
    """

    chain: Chain
    status: ChainStatus
    reason: ChainReason | None = None
    detail: str | None = None
    message_signatures: tuple[Verification, ...] = ()
    seals: tuple[SealVerification, ...] = ()
    oldest_pass: int | None = None

    def __bool__(self) -> NoReturn:
        raise TruthError("the verdict on a chain is neither true nor false: ask for its .passed")

    @property
    def passed(self) -> bool:
        """Whether there is a chain and it validates."""
        return self.status is ChainStatus.PASS

    @property
    def sealers(self) -> tuple[str, ...]:
        """The domains that sealed, from instance 1 upwards, as written; only names so far.

        Whoever acts on a chain has to trust all of them (RFC 8617 §9.3, §9.4).
        """
        return tuple(arc_set.seal.domain.text for arc_set in self.chain.sets)

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        if self.reason is None:
            return "there is no chain" if self.status is ChainStatus.NONE else "the chain validates"
        return f"{self.reason.sentence}: {self.detail}" if self.detail else self.reason.sentence


def result_of(verification: ChainVerification, remote_ip: str | None = None) -> MethodResult:
    """Return the result to write (RFC 8617 §6); `remote_ip` is the client's address.

    A chain that fails must be treated as none by whoever acts on it (§5.2).
    """
    properties = [("smtp.remote-ip", remote_ip)]
    if verification.passed and verification.oldest_pass is not None:
        properties.insert(0, ("header.oldest-pass", str(verification.oldest_pass)))
    return MethodResult(
        "arc",
        str(verification.status),
        reason=None if verification.reason is None else verification.explanation,
        properties=tuple((name, value) for name, value in properties if value is not None),
        comment=_comment(verification),
    )


def report_comment(verification: ChainVerification) -> str:
    """Return the comment of a DMARC report about a chain that overrode a policy (§7.2.2)."""
    words = [f"arc={verification.status}"]
    for arc_set in reversed(verification.chain.sets):
        number, seal = arc_set.instance, arc_set.seal
        words.append(f"as[{number}].d={seal.domain} as[{number}].s={seal.selector}")
    for arc_set in verification.chain.sets[:1]:
        address = _remote_ip(arc_set.results.results.results if arc_set.results.results else ())
        if address is not None:
            words.append(f"remote-ip[{arc_set.instance}]={address}")
    return " ".join(words)


def _remote_ip(results: tuple[MethodResult, ...]) -> str | None:
    for result in results:
        if result.method == "arc" and (address := result.value("smtp.remote-ip")) is not None:
            return address
    return None


def _comment(verification: ChainVerification) -> str | None:
    """Name the sealers, newest first, as far as a short comment holds them."""
    if not verification.passed:
        return None
    newest = verification.chain.sets[-1]
    return f"i={newest.instance} sealed by {newest.seal.domain}"
