"""Chains of custody: the table `arc`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Table, option


class Arc(Table, frozen=True, kw_only=True):
    """Authenticated Received Chains (RFC 8617: Experimental, on its way to Historic).

    Off by default: for exchanging mail with hosts that still seal.
    """

    verify: Annotated[
        bool, option("Whether the chain of incoming mail is validated and its result written.")
    ] = False
    seal: Annotated[
        str | None,
        option(
            "The name of the key that seals incoming mail which passes on; unset: nothing is "
            "sealed.  Only by listeners that sign and verify, and only where nothing is changed "
            "behind the seal.",
            example="main",
        ),
    ] = None
    recipients: Annotated[
        tuple[str, ...],
        option(
            "Recipients, as in `signing.rules`, whose mail is sealed; empty: everybody's.",
            entries="addresses",
        ),
    ] = ()
    trusted_sealers: Annotated[
        tuple[str, ...],
        option(
            "Sealing domains, as in `signing.rules`, that are believed: where all sealers of a "
            "valid chain are among them and one saw each author pass DMARC, a failing policy is "
            "not applied.",
            entries="addresses",
        ),
    ] = ()
