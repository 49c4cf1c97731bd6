"""A path as SQLite reads it in a URI, whatever characters it has (sqlite.org/uri.html)."""

from __future__ import annotations

import os
from urllib.parse import quote


def file_uri(path: str) -> str:
    """Return the URI of a file, to which a query such as ``?mode=ro`` may be added.

    Without quotes a ``?`` would end the path and begin options, and a ``#`` would end the URI.
    """
    # Two slashes at the beginning would be taken for a host without those of an empty one.
    host = "//" if path.startswith("/") else ""
    return f"file:{host}{quote(os.fsencode(path))}"
