"""The inner loops over octets, from the compiled twin where it is, else the pure one.

Nothing else is decided: no switch, no measuring.  Tests import the twins directly.
"""

from __future__ import annotations

try:
    from avowal._kernel import (
        WINDOW,
        bare_break,
        bare_lf,
        base64_octets,
        breaks_to_crlf,
        column_after,
        field_at,
        fill,
        final_line_ends,
        index_names,
        lf_to_crlf,
        listed_header,
        no_fold,
        places_of,
        read_usual,
        relax_body,
        relax_field,
        relax_fields,
        scan_header,
        select_places,
        signed_fields,
        split_header,
        tag_list,
        tag_place,
    )

    COMPILED = True
except ImportError:
    from avowal._pure import (
        WINDOW,
        bare_break,
        bare_lf,
        base64_octets,
        breaks_to_crlf,
        column_after,
        field_at,
        fill,
        final_line_ends,
        index_names,
        lf_to_crlf,
        listed_header,
        no_fold,
        places_of,
        read_usual,
        relax_body,
        relax_field,
        relax_fields,
        scan_header,
        select_places,
        signed_fields,
        split_header,
        tag_list,
        tag_place,
    )

    COMPILED = False

__all__ = [
    "COMPILED",
    "WINDOW",
    "bare_break",
    "bare_lf",
    "base64_octets",
    "breaks_to_crlf",
    "column_after",
    "field_at",
    "fill",
    "final_line_ends",
    "index_names",
    "lf_to_crlf",
    "listed_header",
    "no_fold",
    "places_of",
    "read_usual",
    "relax_body",
    "relax_field",
    "relax_fields",
    "scan_header",
    "select_places",
    "signed_fields",
    "split_header",
    "tag_list",
    "tag_place",
]
