r"""The MIME structure of a body, as far as comparing two versions needs it (RFC 2045, 2046).

Octets only, and only to look: nothing is decoded into text, nothing is ever written back
from here.  A structure that cannot be read is a single part.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from avowal.lists.mime_parameters import parameters, word
from avowal.message import Header, split

MOST_DEPTH = 16  # MIME nesting; real mail has 4, a bomb has thousands
MOST_PARTS = 500  # in one multipart; one of more is a single part

_MOST_BOUNDARY = 200  # octets; RFC 2046 §5.1.1 allows 70


@dataclass(frozen=True)
class Part:
    """One entity: its header, its body as transported, and how many multiparts it stands in.

    What it holds is worked out once, however often it is compared (hence no slots).
    """

    header: Header
    body: bytes
    depth: int = 0

    @property
    def content_type(self) -> bytes:
        """Type and subtype, lower-cased (RFC 2045 §5.2 gives the default)."""
        value = word(self._value(b"content-type"))
        return value if b"/" in value else b"text/plain"

    @property
    def is_attachment(self) -> bool:
        """Whether it is handed over as a file: not part of what is read (RFC 2183 §2)."""
        disposition = self._value(b"content-disposition")
        if word(disposition) not in {b"", b"inline"}:
            return True
        return b"filename" in parameters(disposition) or b"name" in self._parameters

    @property
    def encoding(self) -> bytes:
        """The Content-Transfer-Encoding, lower-cased (RFC 2045 §6.1)."""
        return word(self._value(b"content-transfer-encoding")) or b"7bit"

    @property
    def charset(self) -> bytes:
        """The charset of a text, lower-cased (RFC 2045 §5.2 gives the default)."""
        return self._parameters.get(b"charset", b"us-ascii").lower() or b"us-ascii"

    @cached_property
    def content(self) -> bytes:
        """The body with its transfer encoding undone, line ends as CRLF, none at the end."""
        return _lines(self.decoded).rstrip(b"\r\n")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts of a multipart; none of anything else (RFC 2046 §5.1)."""
        boundary = boundary_of(self.header)
        if boundary is None or self.depth >= MOST_DEPTH:
            return ()
        return tuple([part(octets, self.depth + 1) for octets in _cut(self.body, boundary)])

    @property
    def _parameters(self) -> dict[bytes, bytes]:
        return parameters(self._value(b"content-type"))

    def _value(self, name: bytes) -> bytes:
        return _value(self.header, name)

    @property
    def decoded(self) -> bytes:
        """The body with its transfer encoding undone; as it stands where that cannot be."""
        try:
            if self.encoding == b"base64":
                return binascii.a2b_base64(self.body)
            if self.encoding == b"quoted-printable":
                return binascii.a2b_qp(self.body)
        except binascii.Error:
            return self.body
        return self.body


def boundary_of(header: Header) -> bytes | None:
    """Return the boundary of a multipart, None for anything else (RFC 2046 §5.1.1)."""
    value = _value(header, b"content-type")
    if not word(value).startswith(b"multipart/"):
        return None
    boundary = parameters(value).get(b"boundary", b"").rstrip(b" \t")
    return boundary if 0 < len(boundary) <= _MOST_BOUNDARY else None


def delimiters(body: bytes, boundary: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the delimiter lines of a multipart up to the one that closes it, group 1 ``--``.

    A delimiter is a whole line (RFC 2046 §5.1.1): a longer boundary that begins with this one is
    another's.  A match begins with the CRLF before the line, which belongs to the delimiter.
    """
    pattern = rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r\n|\Z)"
    for found in re.finditer(pattern, body):
        yield found
        if found[1] is not None:
            return


def part(octets: bytes, depth: int = 0) -> Part:
    """Read an entity: header, blank line, body."""
    header, body = split(octets)
    return Part(Header.parse(header), bytes(body), depth)


def _value(header: Header, name: bytes) -> bytes:
    fields = header.named(name)
    return fields[0].value if fields else b""


def _cut(body: bytes, boundary: bytes) -> tuple[bytes, ...]:
    """Return what stands between the delimiters; nothing if that is more than `MOST_PARTS`."""
    start, cut = -1, []
    for found in delimiters(body, boundary):
        if start >= 0:
            cut.append(body[start : found.start()])
        if len(cut) > MOST_PARTS:
            return ()
        if found[1] is not None:
            return tuple(cut)
        start = min(found.end() + 2, len(body))
    if start >= 0:  # the closing delimiter is missing
        cut.append(body[start:])
    return tuple(cut) if len(cut) <= MOST_PARTS else ()


def _lines(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
