"""Authentication-Results: what a verifier found, told to those behind it (RFC 8601).

::

    from avowal import authres

    for result in authres.read(octets, trusted={"mx.example.org"}).named("dkim"):
        print(result.result, result.value("header.d"))

`read` decides whom to believe, `write` makes a field, `forged` says which fields of an
incoming message claim to be ours.
"""

from __future__ import annotations

from avowal.authres.forged import Cause, Forgery, forged, from_the_last
from avowal.authres.grammar import PayloadFault, VersionFault, parse
from avowal.authres.identifiers import Identifiers
from avowal.authres.model import AuthenticationResults, MethodResult
from avowal.authres.reader import Distrust, Instance, Reading, Trust, read
from avowal.authres.writer import representable, write

__all__ = [
    "AuthenticationResults",
    "Cause",
    "Distrust",
    "Forgery",
    "Identifiers",
    "Instance",
    "MethodResult",
    "PayloadFault",
    "Reading",
    "Trust",
    "VersionFault",
    "forged",
    "from_the_last",
    "parse",
    "read",
    "representable",
    "write",
]
