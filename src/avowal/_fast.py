"""The canonical forms from whichever twin is here: the compiled one, else the pure one.

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
        lf_to_crlf,
        relax_body,
        relax_field,
        relax_fields,
        split_header,
    )

    COMPILED = True
except ImportError:
    from avowal._pure import (
        WINDOW,
        bare_break,
        bare_lf,
        breaks_to_crlf,
        column_after,
        lf_to_crlf,
        relax_body,
        relax_field,
        relax_fields,
        split_header,
    )

    COMPILED = False

__all__ = [
    "COMPILED",
    "WINDOW",
    "bare_break",
    "bare_lf",
    "breaks_to_crlf",
    "column_after",
    "lf_to_crlf",
    "relax_body",
    "relax_field",
    "relax_fields",
    "split_header",
]
