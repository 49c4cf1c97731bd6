"""What we write about a message: under which names, in which field, and the mark for readers.

The mark is written at the border alone, and removed from whatever comes in with it, so that a
program may believe it: a border that marks is a border that forgers cannot pass with a mark of
their own.
"""

from __future__ import annotations

from avowal import authres
from avowal.authres import AuthenticationResults
from avowal.errors import UsageError
from avowal.examine.acceptance import Acceptance
from avowal.examine.findings import Findings
from avowal.examine.judgement_rows import judge
from avowal.flow.context import Conclusion, Context
from avowal.flow.plan import Plan
from avowal.flow.transaction import Transaction
from avowal.message import Field, Header
from avowal.policy.dmarc.suffixes import is_known_suffix

_ACCEPTED = Acceptance(is_suffix=is_known_suffix)


def own_ids(plan: Plan, transaction: Transaction) -> tuple[str, ...]:
    """Return the names we report under, the one we write first; empty when none is known."""
    results = plan.configuration.results
    first = results.authserv_id or transaction.hostname
    return (*((first,) if first else ()), *results.own_ids)


def reported(context: Context, conclusions: tuple[Conclusion, ...]) -> AuthenticationResults | None:
    """Return what is reported of a message; None where we have no name to report under."""
    ids = own_ids(context.plan, context.transaction)
    if not ids:
        return None
    authserv_id, queue_id = ids[0], context.transaction.queue_id
    if context.plan.configuration.results.queue_id and queue_id:
        authserv_id = f"{authserv_id}/{queue_id}"
    found = tuple([result for one in conclusions for result in one.results])
    return AuthenticationResults(authserv_id, found)


def results_field(
    plan: Plan, results: AuthenticationResults | None, header: Header, *, always: bool = False
) -> Field | None:
    """Return the field for a message with this header, by `results.write` unless `always`.

    None where it is not written, or cannot be.
    """
    if results is None or not results.results:
        return None
    write = "always" if always else plan.configuration.results.write
    if write == "never" or (
        write == "signed" and all(one.result == "none" for one in results.results)
    ):
        return None
    utf8 = not all(map(bytes.isascii, header.raws))  # RFC 6532
    try:
        return authres.write(results, utf8=utf8)
    except UsageError:
        return None  # a mechanism's word that is in no registry; the log has it


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
