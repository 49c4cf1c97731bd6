"""The reputation media type, application/reputon+json (RFC 7071), for email-id (RFC 7073)."""

from __future__ import annotations

import json

from avowal.errors import SyntaxFault
from avowal.reputation.opinions import IdentityType, Opinion, Subject

APPLICATION = "email-id"
MEDIA_TYPE = "application/reputon+json"
MOST_OCTETS = 64 << 10
MOST_REPUTONS = 100
_IDENTITIES = {identity.value: identity for identity in IdentityType}


class ReputonFault(SyntaxFault):
    """A document that is no reputation object."""


def read_reputons(octets: bytes, *, now: int) -> tuple[Opinion, ...]:
    """Read the opinions of a document.  Raises ReputonFault.

    Reputons that have expired (RFC 7071 §5), lack a required member or rate outside 0.0
    to 1.0 are left out, unknown members are ignored; a member that stands twice spoils
    the document (§6.2.2).  An empty reputon says that nothing is known (§6.1).
    """
    if len(octets) > MOST_OCTETS:
        raise ReputonFault(MOST_OCTETS, f"more than {MOST_OCTETS} octets")
    try:
        document: object = json.loads(octets, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise ReputonFault(0, f"no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("application") != APPLICATION:
        raise ReputonFault(0, f"not about the application {APPLICATION}")
    reputons = document.get("reputons")
    if not isinstance(reputons, list):
        raise ReputonFault(0, "no list of reputons")
    if len(reputons) > MOST_REPUTONS:
        raise ReputonFault(0, f"more than {MOST_REPUTONS} reputons")
    opinions = [_opinion(reputon) for reputon in reputons]
    return tuple(o for o in opinions if o is not None and not (o.expires and o.expires <= now))


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _opinion(reputon: object) -> Opinion | None:
    if not isinstance(reputon, dict):
        return None
    rater, assertion, rated = (reputon.get(name) for name in ("rater", "assertion", "rated"))
    rating = _share(reputon.get("rating"))
    if rating is None or not all(isinstance(v, str) for v in (rater, assertion, rated)):
        return None
    # RFC 7073 §3.2 names the member email-id-identity, the examples of RFC 7071 identity
    identity = reputon.get("email-id-identity", reputon.get("identity"))
    return Opinion(
        rater=str(rater),
        subject=Subject(
            str(rated).lower(), _IDENTITIES.get(str(identity).lower(), IdentityType.DKIM)
        ),
        assertion=str(assertion).lower(),
        rating=rating,
        confidence=_share(reputon.get("confidence")),
        sample_size=_count(reputon.get("sample-size")),
        generated=_count(reputon.get("generated")),
        expires=_count(reputon.get("expires")),
    )


def _share(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0.0 <= value <= 1.0 else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        return None
    return value
