"""How the fields of a set are written: the order of tags, the folds.

What a set says does not depend on its layout.  Ours is `FOLDED`; `Alphabetical` is the form
that sealers are compared in: one line, tags in the order of the alphabet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from avowal.authres.model import AuthenticationResults
from avowal.authres.writer import write
from avowal.dkim.layout import Folding, Plain, Tags
from avowal.dkim.signature import FIELD_NAME as SIGNATURE_NAME
from avowal.limits import DEFAULT
from avowal.message import Field, Header


class SetLayout(Folding, Protocol):
    """A way to write the three fields."""

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """Return h= for the lower-cased names to sign."""

    def unsigned(self, field_name: bytes, tags: Tags) -> tuple[bytes, bytes, int]:
        """Return the field up to its empty b=, what follows, and the column behind b=."""

    def results(self, results: AuthenticationResults, instance: int) -> Field:
        """Return the ARC-Authentication-Results of a set."""


class Folded:
    """Our own: lines of at most 78 octets, b= last."""

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """List every instance of the wanted names, and one more of the oversigned.

        Of DKIM-Signature, which a set SHOULD sign (RFC 8617 §4.1.2), only as many as verifiers
        check: a post with thousands of them is sealed like any other.
        """
        listed = Plain().signed_names(header, names, oversigned)
        too_many = listed.count(SIGNATURE_NAME) - DEFAULT.signatures_checked
        if too_many <= 0 or SIGNATURE_NAME in oversigned:
            return listed
        first = listed.index(SIGNATURE_NAME)
        return listed[:first] + listed[first + too_many :]

    def unsigned(self, field_name: bytes, tags: Tags) -> tuple[bytes, bytes, int]:
        """Write ``ARC-Seal: i=1; ...; b=``."""
        text, column = Plain(field_name).unsigned(tags)
        return text, b"", column

    def results(self, results: AuthenticationResults, instance: int) -> Field:
        """Write them as in Authentication-Results; registered or not, this host found them."""
        beginning = b"ARC-Authentication-Results: i=%d;" % instance
        return write(results, beginning=beginning, agreed={r.method for r in results.results})

    def base64(self, text: bytes, column: int) -> bytes:
        """Break base64 wherever a line is full."""
        return Plain().base64(text, column)


class Alphabetical(Folded):
    """One line, tags in the order of the alphabet."""

    def unsigned(self, field_name: bytes, tags: Tags) -> tuple[bytes, bytes, int]:
        """Write ``ARC-Seal: a=...; b=; cv=...``."""
        ordered = sorted((name, b"".join(tokens)) for name, tokens in tags)
        text = field_name + b": "
        text += b"; ".join([name.encode() + b"=" + value for name, value in ordered])
        behind = text.index(b"; b=") + len(b"; b=")  # a= comes first in both fields
        return text[:behind], text[behind:], behind

    def base64(self, text: bytes, column: int) -> bytes:
        """Do not break it."""
        return text


FOLDED = Folded()
