"""A mark for mail programs: the author's domain vouches for what a reader sees.

Written at the border alone, and removed from whatever comes in with it, so that a program may
believe it: a border that marks is a border that forgers cannot pass with a mark of their own.
"""

from __future__ import annotations

from avowal.examine.acceptance import Acceptance
from avowal.examine.findings import Findings
from avowal.examine.judgement_rows import judge
from avowal.flow.context import Context
from avowal.message import Field
from avowal.policy.dmarc.suffixes import is_known_suffix

_ACCEPTED = Acceptance(is_suffix=is_known_suffix)


def mark(context: Context, findings: Findings) -> Field | None:
    """Return the mark of a stranger's message that is judged authentic, None for any other.

    It says the author's domain in A-labels, and what vouches.
    """
    name = context.plan.configuration.results.mark
    if name is None or not context.is_judged:
        return None
    found = judge(context.header, findings, _ACCEPTED, now=context.now)
    if not found.authentic:
        return None
    return Field.of(f"{name}: {found.domain}; by={found.by}".encode())
