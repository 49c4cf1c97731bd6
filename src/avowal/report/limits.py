"""What a report that somebody sent may cost us; beyond a limit it is refused, never cut."""

from __future__ import annotations

from avowal.valueclass import value


@value
class ReportLimits:
    """Limits on one report that is read; each has a row in docs/design/limits.md.

    `compressed_octets` are of a file or an attachment as it comes, `expanded_octets` of what it
    holds.  `ratio` is how many octets of XML one octet may stand for, looked at once
    `ratio_from` octets are expanded: reports of 50,000 alike records come to 65.
    """

    compressed_octets: int = 25 << 20
    expanded_octets: int = 500 << 20
    ratio: int = 300
    ratio_from: int = 4 << 20
    records: int = 2_000_000
    depth: int = 16
    text_octets: int = 4096
    results: int = 1000
    names: int = 1000
    token_octets: int = 1 << 20
    json_octets: int = 16 << 20


DEFAULT = ReportLimits()
