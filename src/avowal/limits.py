"""Every quantity a stranger controls, its limit and where the limit comes from.

One value, `Limits`, is handed to whatever reads a stranger's octets.  The
reference page is generated from the metadata of its fields.
"""

from __future__ import annotations

from dataclasses import field, fields

from avowal.members import refuse_other_numbers
from avowal.valueclass import value


def _limit(default: int, unit: str, source: str) -> int:
    """Declare one limit; the annotation of the field is its type for callers."""
    made: int = field(default=default, metadata={"unit": unit, "source": source})
    return made


@value
class Limits:
    """Limits on what a message, a DNS answer or a peer may cost.

    Beyond a limit a verdict says so by its reason; nothing raises in verification.  A limit
    that is no number is a UsageError.
    """

    header_octets: int = _limit(
        1 << 20, "octets", "16 times OpenDKIM's MaximumHeaders default of 65536"
    )
    header_fields: int = _limit(5000, "fields", "real mail has 20 to 100; one index entry each")
    author_octets: int = _limit(
        64 << 10, "octets", "the From fields of a message together; 1000 addresses fit"
    )
    author_fields: int = _limit(
        100, "fields", "From fields kept beyond a limit of the header; RFC 5322 §3.6 allows one"
    )
    signature_field_octets: int = _limit(
        64 << 10, "octets", "z= copies of a whole header fit; RFC 4686 §4.1.6"
    )
    signatures_parsed: int = _limit(1000, "fields", "RFC 4686 §4.1.6; RFC 6376 §6.1 allows a cap")
    signatures_checked: int = _limit(
        50, "signatures", "RFC 6376 §6.1; one public key operation each"
    )
    key_names: int = _limit(
        20, "DNS names", "RFC 4686 §4.1.6-7; distinct selectors looked up per message"
    )
    key_records: int = _limit(
        4, "records", "RFC 6376 §6.1.2 step 4: how many records at one name are tried"
    )
    key_record_octets: int = _limit(8 << 10, "octets", "an RSA-16384 key is 2.8 kB of base64")
    tags: int = _limit(64, "tags", "the registries hold 17; the rest is unknown tags")
    signed_names: int = _limit(1000, "names", "h= entries; oversigning doubles them")
    author_domains: int = _limit(10, "domains", "RFC 9989 §11.5; one policy discovery each")
    author_mailboxes: int = _limit(1000, "mailboxes", "RFC 5322 §3.6.2 sets none; memory")
    authres_octets: int = _limit(
        64 << 10, "octets", "RFC 8601 §7.8; one Authentication-Results field, 50 results fit well"
    )
    authres_results: int = _limit(
        1000, "results", "RFC 8601 §7.8; as many as signatures are parsed in a message"
    )
    authres_oddities: int = _limit(
        256,
        "marks",
        "RFC 8601 §7.8; comments, escapes, encoded words, octets beyond ASCII of one field: "
        "each is read in several ways when a forgery is looked for",
    )
    authres_fields: int = _limit(
        200, "fields", "RFC 8601 §7.8; an Authentication-Results field per hop, and room"
    )
    arc_key_names: int = _limit(
        100, "DNS names", "RFC 8617 §9.2; two for each of 50 sets, most chains share one"
    )
    policy_questions: int = _limit(
        120, "questions", "RFC 9989 §4.10: eight names and three for np= per author domain"
    )
    alignment_questions: int = _limit(
        80, "questions", "RFC 9989 §4.4.1: a tree walk of eight names per name that may align"
    )
    spf_questions: int = _limit(
        60, "questions", "RFC 7208 §4.6.4: ten terms, each MX with ten hosts at most"
    )
    dns_questions: int = _limit(
        60, "questions", "per message, for all that decides nothing for the author, beside ARC"
    )
    dns_seconds: int = _limit(
        20, "seconds", "per message; Postfix's milter command timeout is 30 s"
    )
    policy_tags: int = _limit(
        64, "tags", "of a policy record; the DMARC registry holds 13; the rest is unknown tags"
    )
    walked_identifiers: int = _limit(
        10, "domains", "RFC 4686 §4.1.6; one tree walk for each passing, possibly aligned domain"
    )
    report_uris: int = _limit(20, "addresses", "RFC 7489 §6.2 asks for two at least")
    atps_signatures: int = _limit(10, "signatures", "RFC 6541 §4.3; two questions each at most")
    vbr_fields: int = _limit(5, "fields", "RFC 5518 §8; the same mc= must stand in each")
    vbr_questions: int = _limit(10, "questions", "RFC 5518 §8; one per certifier and field")
    ssp_authors: int = _limit(10, "mailboxes", "RFC 4686 §4.2.4; practices are asked for each")
    ssp_parents: int = _limit(5, "questions", "RFC 5016 §5.1: a small, fixed number of exchanges")

    def __post_init__(self) -> None:
        refuse_other_numbers(self)


DEFAULT = Limits()


def table() -> tuple[tuple[str, int, str, str], ...]:
    """Rows (name, default, unit, source) for the reference page."""
    return tuple(
        (f.name, getattr(DEFAULT, f.name), f.metadata["unit"], f.metadata["source"])
        for f in fields(Limits)
    )
