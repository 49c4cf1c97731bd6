"""Domain names as they are written on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avowal.errors import UsageError
from avowal.names import DomainName, NameFault
from avowal.text import printable

if TYPE_CHECKING:
    import click


def domain_name(written: str) -> DomainName:
    """Read a domain from the command line.  Raises UsageError."""
    try:
        return DomainName.parse(written.removesuffix(".").encode("utf-8", "surrogateescape"))
    except NameFault as fault:
        raise UsageError(f"{printable(written)}: no domain name: {fault.why}") from None


def as_in_reports(
    _context: click.Context, _parameter: click.Parameter, written: str | None
) -> str | None:
    """Read what is compared with the names in reports and events: A-labels, lower case.

    None, of an option, stays None.  Raises UsageError.
    """
    return written if written is None else domain_name(written).ascii


def each_as_in_reports(
    _context: click.Context, _parameter: click.Parameter, written: tuple[str, ...]
) -> tuple[str, ...]:
    """Read several likewise.  Raises UsageError."""
    return tuple(domain_name(one).ascii for one in written)
