"""Whether the owner of a domain asks for a report about a message, and of which failure.

That is ruf= and fo= of the policy record (RFC 9989 §4.7) over what was found: a pure function.
Who may have reports at all is the operator's consent, and looked at elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from avowal.dkim.verification import Verification
from avowal.names import is_below
from avowal.policy.dmarc.record import DmarcRecord
from avowal.policy.dmarc.result import DomainEvaluation
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.result import PolicyResult
from avowal.report.dkim_feedback import auth_failure_of
from avowal.valueclass import value

_UNKNOWN = (PolicyResult.TEMPERROR, PolicyResult.PERMERROR, PolicyResult.NONE)
_SPF_FAILED = ("fail", "softfail")


@value
class FailureRequest:
    """A failure that a report is asked for: its Auth-Failure word, and the signature it is of."""

    failure: str
    unaligned: tuple[str, ...]
    signature: Verification | None = None


def asks_for_failures(record: DmarcRecord) -> bool:
    """Whether a record names addresses that get failure reports.

    Those of a record with psd=y are not looked at (RFC 9991 §2).
    """
    return record.psd != "y" and any(uri.address is not None for uri in record.ruf)


def failure_request(
    evaluation: DomainEvaluation,
    verifications: Sequence[Verification],
    envelope: EnvelopeResult | None,
) -> FailureRequest | None:
    """Return what is to be reported of a message; None: nothing.

    One report tells of one failure (RFC 6591 §3.1), and a message causes one report: where fo=
    asks for several kinds, that of DMARC, which names the mechanisms, goes before DKIM's and SPF's.
    """
    record = evaluation.record
    if record is None or evaluation.result in _UNKNOWN or not asks_for_failures(record):
        return None
    passed = {"dkim": evaluation.dkim_aligned, "spf": evaluation.spf_aligned}
    unaligned = tuple(name for name, aligned in passed.items() if not aligned)
    failed = [one for one in verifications if _failed(one)]
    aligned = [one for one in failed if _is_aligned(one, evaluation)]
    if ("1" in record.fo and unaligned) or ("0" in record.fo and len(unaligned) == len(passed)):
        named = aligned[0] if aligned and "dkim" in unaligned else None
        return FailureRequest(failure="dmarc", unaligned=unaligned, signature=named)
    if "d" in record.fo and failed:
        first = (aligned or failed)[0]
        word = auth_failure_of(first) or "signature"
        return FailureRequest(failure=word, unaligned=unaligned, signature=first)
    if "s" in record.fo and envelope is not None and envelope.result in _SPF_FAILED:
        return FailureRequest(failure="spf", unaligned=unaligned)
    return None


def _failed(verification: Verification) -> bool:
    """Whether a signature failed for good: want of an answer is no failure of the signer's."""
    known = verification.signature is not None and verification.reason is not None
    return known and verification.result.value != "temperror"


def _is_aligned(verification: Verification, evaluation: DomainEvaluation) -> bool:
    """Whether a signature would have spoken for the author's domain (RFC 9989 §4.4)."""
    signature, record = verification.signature, evaluation.record
    if signature is None or record is None:
        return False
    if record.adkim == "s":
        return signature.domain.same_as(evaluation.domain)
    top = evaluation.organizational_domain or evaluation.domain.ascii
    return is_below(signature.domain.ascii, top)
