"""The canonical forms and the tag list, from the compiled twin where it is, else the pure one.

Nothing else is decided: no switch, no measuring.  Tests import the twins directly.
"""

from __future__ import annotations

try:
    from avowal._kernel import (
        WINDOW,
        bare_break,
        bare_lf,
        breaks_to_crlf,
        column_after,
        index_names,
        lf_to_crlf,
        no_fold,
        relax_body,
        relax_field,
        relax_fields,
        select_places,
        split_header,
        tag_list,
    )

    COMPILED = True
except ImportError:
    from avowal._pure import (
        WINDOW,
        bare_break,
        bare_lf,
        breaks_to_crlf,
        column_after,
        index_names,
        lf_to_crlf,
        no_fold,
        relax_body,
        relax_field,
        relax_fields,
        select_places,
        split_header,
        tag_list,
    )

    COMPILED = False

__all__ = [
    "COMPILED",
    "WINDOW",
    "bare_break",
    "bare_lf",
    "breaks_to_crlf",
    "column_after",
    "index_names",
    "lf_to_crlf",
    "no_fold",
    "relax_body",
    "relax_field",
    "relax_fields",
    "select_places",
    "split_header",
    "tag_list",
]
