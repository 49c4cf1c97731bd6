"""Signing what others wrote, on its way (RFC 6377 §5.7, §5.8): what is withheld, what it replaces.

The rules are the configuration's, the decisions those of `lists.resign`.
"""

from __future__ import annotations

from collections.abc import Sequence

from avowal.flow.context import Context
from avowal.flow.plan import Plan
from avowal.flow.signatures import SiteVerdict
from avowal.flow.treatment import Treatment
from avowal.lists.resign import superseded
from avowal.names import DomainName


def withheld(plan: Plan, treatment: Treatment, judgements: Sequence[SiteVerdict]) -> str | None:
    """Why a message that was to be signed again is not: it did not verify."""
    incoming = treatment.resign and not treatment.outgoing
    if not incoming or plan.configuration.signing.resign_unverified:
        return None
    return None if any(one.counts for one in judgements) else "no signature of it passes"


def replaced(context: Context, judgements: Sequence[SiteVerdict]) -> frozenset[int]:
    """Return the places of the signatures that ours takes the place of."""
    plan, treatment = context.plan, context.treatment
    if not treatment.resign or withheld(plan, treatment, judgements) is not None:
        return frozenset()
    (match,) = treatment.matches
    own = [
        (key.domain or match.author.domain, DomainName.parse(key.entry.selector.encode()))
        for key in match.keys
    ]
    verdicts = [one.verification for one in judgements]
    return superseded(context.header, match.rule.removal, own, verdicts)
