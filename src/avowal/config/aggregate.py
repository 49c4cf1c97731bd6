"""Aggregate reports to the owners of domains: the table `aggregate`."""

from __future__ import annotations

from typing import Annotated, Literal

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
    relay_tls: Annotated[
        Literal["offered", "starttls", "tls"],
        option(
            "TLS to the relay: where it is offered, whatever its certificate says; `starttls` "
            "with a certificate that is checked, or not at all; `tls` from the first octet on."
        ),
    ] = "offered"
    relay_user: Annotated[
        str | None, option("Whom we log in as at the relay (SMTP AUTH); unset: nobody.")
    ] = None
    relay_password_file: Annotated[
        str | None,
        option("The file whose first line is the password; nobody else may read it."),
    ] = None
    bounces: Annotated[
        Address | None,
        option(
            "Where reports come back to: the envelope sender of each mail is "
            "`LOCAL+CODE@DOMAIN` of it, read by `avowal reports bounces`.  Unset: nothing comes "
            "back.",
            example="dmarc-bounces@example.com",
        ),
    ] = None
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
