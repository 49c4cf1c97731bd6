"""How fields come on top of a message: DKIM signatures, an ARC set.

A sealer starts on a message before its body, and makes its fields when all findings are there.
Whatever has to be signed is yielded, so that keys in memory and keys behind a network are
served alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from avowal.authres import AuthenticationResults
from avowal.dkim.unsigned import Signed, SigningSteps
from avowal.examine.findings import Findings
from avowal.message import Field, Header


class Sealed(NamedTuple):
    """What a sealer made: its fields from top to bottom, and the DKIM signatures among them."""

    fields: tuple[Field, ...] = ()
    signed: tuple[Signed, ...] = ()


Sealing: TypeAlias = SigningSteps[Sealed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a sealer works with when all is known.

    `results` are those we report, None where we have no name; `recorded` is the field with
    them, where a signature has to cover it: it will stand on top of everything.  `header`
    is the one that leaves, with what the sealers before put on top.  `withheld` says why a
    message that was to be signed again is not.
    """

    findings: Findings
    results: AuthenticationResults | None
    recorded: Field | None
    header: Header
    withheld: str | None = None


class FlowSeal(Protocol):
    """One sealer at work on one message."""

    def seal(self, closing: Closing, /) -> Sealing:
        """Make the fields.  Raises UsageError for a message or key that cannot be used."""
