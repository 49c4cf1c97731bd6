"""dkimpy's sentences for chains that fail; what it has none for keeps ours.

dkimpy goes from the newest set down and stops at the first that is amiss.
"""

from __future__ import annotations

from collections import Counter

from avowal.arc.chain import Chain
from avowal.arc.fields import NAMES, ArcFault, Seal, read_field
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.verdict import ChainVerification
from avowal.dkim.signature import SignatureFault
from avowal.message import Header

_WRITTEN = {
    b"arc-authentication-results": "ARC-Authentication-Results",
    b"arc-message-signature": "ARC-Message-Signature",
    b"arc-seal": "ARC-Seal",
}
_STRUCTURE = frozenset(
    (ChainReason.REPEATED_FIELD, ChainReason.INCOMPLETE_SET, ChainReason.GAP, ChainReason.STATUS)
)


def reason_text(said: ChainVerification, header: Header) -> str:
    """Say in dkimpy's words why a chain fails."""
    chain = said.chain
    if said.reason is ChainReason.MARKED_FAILED:
        return f"ARC-Seal[{chain.highest}] reported failure, the chain is terminated"
    if said.reason is ChainReason.SEAL_NAMES_FIELDS:
        return "h= tag not permitted in ARC-Seal header field"
    if said.reason is ChainReason.MESSAGE_SIGNATURE and chain.sets[-1].signature.signature:
        return "Most recent ARC-Message-Signature did not validate"
    if said.reason is ChainReason.SEAL:
        instance = next(one.seal.instance for one in said.seals if one.reason is not None)
        return f"ARC-Seal[{instance}] did not validate"
    if said.reason in _STRUCTURE:
        return _structure(chain, header) or said.explanation
    return said.explanation


def _structure(chain: Chain, header: Header) -> str | None:
    found: Counter[tuple[int, bytes]] = Counter()
    statuses: dict[int, ChainStatus] = {}
    for name in NAMES:
        for place in header.positions.get(name, ()):
            try:
                field = read_field(header[place], place)
            except (ArcFault, SignatureFault):
                continue
            found[field.instance, name] += 1
            if isinstance(field, Seal):
                statuses[field.instance] = field.status
    for instance in range(chain.highest, 0, -1):
        for name in reversed(NAMES):
            if found[instance, name] > 1:
                return f"Duplicate {_WRITTEN[name]} for instance {instance}"
        if not all(found[instance, name] for name in NAMES):
            return f"Incomplete ARC set for instance {instance}"
    for instance in range(chain.highest, 0, -1):
        status = statuses[instance]
        if (instance == 1) is not (status is ChainStatus.NONE):
            return f"ARC-Seal[{instance}] reported invalid status {str(status).encode()!r}"
    return None
