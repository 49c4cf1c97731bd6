"""The Authentication-Results field of a message: whether it is written, and its octets."""

from __future__ import annotations

from avowal import authres
from avowal.authres import AuthenticationResults
from avowal.errors import UsageError
from avowal.flow.plan import Plan
from avowal.message import Field, Header


def is_written(plan: Plan, results: AuthenticationResults | None, *, always: bool = False) -> bool:
    """Whether results are written into a message, by `results.write` unless `always`."""
    if results is None or not results.results:
        return False
    write = plan.configuration.results.write
    if always or write == "always":
        return True
    return write == "signed" and any(one.result != "none" for one in results.results)


def results_field(results: AuthenticationResults | None, header: Header) -> Field | None:
    """Return the field for a message with this header; None where it cannot be written."""
    if results is None:
        return None
    utf8 = not all(map(bytes.isascii, header.raws))  # RFC 6532
    try:
        return authres.write(results, utf8=utf8)
    except UsageError:
        return None  # a mechanism's word that is in no registry; the log has it
