"""Whether DNSSEC vouches for the answers that policies were read from, in words.

Whoever can write answers of DNS can write policies, or take them away (RFC 4686 §4.2.6, RFC 5016
§6 item 3).  It changes no verdict; people, the log and programs are told.
"""

from __future__ import annotations

from typing import Final

from avowal.policy.assessment import Assessment
from avowal.text import printable

_NAMED: Final = 3  # names in a sentence; `Assessment.unprotected` has all


def is_vouched_for(assessment: Assessment) -> bool | None:
    """Whether every answer came with DNSSEC's word; None where nothing was asked."""
    if not assessment.answers:
        return None
    return all(answer.secure for answer in assessment.answers.values())


def sentence(assessment: Assessment) -> str:
    """Say whether DNSSEC vouches for the answers, and name those without; "" for no answers."""
    vouched = is_vouched_for(assessment)
    if vouched is not False:
        return "vouches for every answer" if vouched else ""
    without = [f"{question.name} {question.type}" for question in assessment.unprotected]
    more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
    return printable(f"does not vouch for {', '.join(without[:_NAMED])}{more}")
