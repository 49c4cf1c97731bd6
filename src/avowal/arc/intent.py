"""What a set is meant to say: the names and fields of its signature, checked (RFC 8617 §4.1)."""

from __future__ import annotations

from dataclasses import fields

from avowal.arc.fields import NAMES
from avowal.arc.reasons import ChainStatus
from avowal.authres.model import AuthenticationResults
from avowal.dkim.intent import RECOMMENDED_NAMES, UNSUITABLE_NAMES, CheckedIntent, Intent
from avowal.errors import IntentError

SEALED_NAMES: tuple[bytes, ...] = (*RECOMMENDED_NAMES, b"dkim-signature")  # §4.1.2: SHOULD
UNSUITABLE = UNSUITABLE_NAMES.difference((b"dkim-signature",)).union(
    (b"authentication-results", *NAMES)  # §4.1.2: MUST NOT
)
# What DKIM-Signature may say and a set is not made to say here
_UNUSED = {
    "identity": "i= is the instance (RFC 8617 §4.1.2)",
    "lifetime": "a seal that expires breaks the chain for good (RFC 8617 §5.2.1)",
    "copy_fields": "copies of fields help nobody in a chain",
    "body_length": "what follows the signed part would ride on the seal (RFC 6376 §8.2)",
    "most_octets": "what follows the signed part would ride on the seal (RFC 6376 §8.2)",
    "request_reports": "r= belongs to DKIM-Signature (RFC 6651 §3.1)",
    "other_tags": "no further tags are defined (RFC 8617 §4.1.3)",
    "layout": "the layout of a set is given to the sealer",
}
_DEFAULTS = {field.name: field.default for field in fields(Intent) if field.name in _UNUSED}


def checked(intent: Intent) -> CheckedIntent:
    """Return an intent that can be carried out in a set.  Raises IntentError."""
    for name, why in _UNUSED.items():
        if getattr(intent, name) != _DEFAULTS[name]:
            raise IntentError(name, why)
    return intent.checked(unsuitable=UNSUITABLE)


def refuse_contradiction(results: AuthenticationResults, status: ChainStatus) -> None:
    """Raise IntentError when results contradict the status that the seal will give (§4.4)."""
    for result in results.named("arc"):
        if result.result != str(status):
            raise IntentError(
                "ARC-Authentication-Results", f"arc={result.result} beside cv={status} (§4.4)"
            )
