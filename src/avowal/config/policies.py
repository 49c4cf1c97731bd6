"""What is asked besides DKIM when mail comes in: the tables `policies` and `reputation`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from avowal.config.options import Table, option

GenerationWord: TypeAlias = Literal["domainkeys", "2005", "2007", "adsp", "2015", "2026"]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]


class Policies(Table, frozen=True, kw_only=True):
    """SPF, and what author domains publish about their mail.

    Evaluated for mail that is not ours and comes from an address.  What follows stands in
    `actions`: by default nothing (RFC 9989 §7.4 asks not to refuse mail on p=reject alone).
    """

    spf: Annotated[
        Literal["check", "trust", "off"],
        option(
            "Whether SPF is checked for the client, taken from a trusted Authentication-Results "
            "field, or left alone.  Of `results.trusted_hosts` the field is taken in any case."
        ),
    ] = "check"
    generations: Annotated[
        tuple[GenerationWord, ...],
        option(
            "Which generations of policy are evaluated: 2026 is DMARC (RFC 9989), 2015 DMARC "
            "with the public suffix list (RFC 7489); the others are dead and for study."
        ),
    ] = ("2026",)
    nonexistent: Annotated[
        Literal["nxdomain", "no-host"],
        option(
            "Which author domains np= is for: those DNS denies (RFC 9989 §3.2.13), or also those "
            "without A, AAAA and MX records, as signed zones may answer for a name that is not "
            "there (RFC 9824)."
        ),
    ] = "nxdomain"
    deciding: Annotated[
        tuple[GenerationWord, ...] | None,
        option("Those whose wishes count for `actions`; unset: the two of DMARC."),
    ] = None
    atps: Annotated[
        bool, option("Whether authors may authorize other signers (RFC 6541, experimental).")
    ] = False
    certifiers: Annotated[
        tuple[str, ...],
        option("Domains trusted to vouch for senders (VBR, RFC 5518).", entries="domains"),
    ] = ()


class OpinionLimit(Table, frozen=True, kw_only=True):
    """One rating from which on a message counts as disreputable."""

    assertion: Annotated[
        str, option("What is asserted, such as `spam`.", min_length=1, example="spam")
    ]
    rating: Annotated[
        Share, option("The rating, 0.0 to 1.0, from which on it counts.", example=0.8)
    ]
    confidence: Annotated[Share, option("How sure the rater must be at least.")] = 0.0


class Reputation(Table, frozen=True, kw_only=True):
    """Whose opinion is asked of those who answer for a message (RFC 7070).  None by default.

    Only validated identifiers are asked about: d= and i= of signatures that pass, and the
    domain SPF passed.
    """

    file: Annotated[
        str | None,
        option("A text file: subject, assertion, rating, and if wanted confidence, expiry."),
    ] = None
    database: Annotated[str | None, option("An SQLite database with the table `opinions`.")] = None
    whitelists: Annotated[
        tuple[str, ...],
        option("DNS zones that list domains (RFC 5782): `whitelisted`.", entries="texts"),
    ] = ()
    service: Annotated[
        str | None,
        option(
            "A reputation service asked over HTTPS (RFC 7072).  Its answers count from the "
            "next message on: mail does not wait for it."
        ),
    ] = None
    limits: Annotated[
        tuple[OpinionLimit, ...], option("What counts as disreputable, for `actions`.")
    ] = ()
