"""Aggregate reports to the owners of domains: the table `aggregate`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Address, HostPort, Positive, Table, option


class Aggregate(Table, frozen=True, kw_only=True):
    """Aggregate reports (RFC 9990), which `avowal reports` makes of events and sends."""

    organization: Annotated[
        str | None, option("The name of who reports; unset: the domain of the sender.")
    ] = None
    sender: Annotated[
        Address | None,
        option(
            "The address in From, whose domain reports.  Its mail has to pass DMARC.",
            example="dmarc-reports@example.com",
        ),
    ] = None
    contact: Annotated[str | None, option("How else to reach who reports: an address, a page.")] = (
        None
    )
    key: Annotated[
        str | None,
        option("The entry of `keys` that signs them; its domain has to align with the sender's."),
    ] = None
    relay: Annotated[
        HostPort,
        option("The mail server that takes them: `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`."),
    ] = "localhost:25"
    excluded: Annotated[
        tuple[str, ...],
        option(
            "Policy domains, and domains of addresses, that get none, with all below them.",
            entries="domains",
        ),
    ] = ()
    per_minute: Annotated[
        Positive,
        option("How many leave for one destination in a minute.", unit="mails"),
    ] = 60
    connections: Annotated[
        int, option("How many leave at the same time.", unit="connections", ge=1, le=100)
    ] = 4
