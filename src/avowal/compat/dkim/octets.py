"""A message as dkimpy shows it: header fields as pairs, line ends as CRLF."""

from __future__ import annotations

import re
from typing import TypeAlias

from avowal.compat.dkim.faults import MessageFormatError
from avowal.line_ends import WireForm
from avowal.message import CRLF, split

Headers = list[list[bytes]]
"""Fields from top to bottom: name as written, and value with its final CRLF."""

Octets: TypeAlias = bytes | bytearray | memoryview
Text: TypeAlias = Octets | str

_FIELD = re.compile(rb"([!-9;-~]++):(.*)", re.DOTALL)  # RFC 5322 §3.6.8, no space at the colon
_FOLDABLE = (b" ", b"\t")


def octets(given: Text, name: str) -> bytes:
    """Return an argument as bytes; text is ASCII or UTF-8.  Raises TypeError."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, bytearray | memoryview):
        return bytes(given)
    raise TypeError(f"{name} is octets, not {type(given).__name__}")


def wire(message: bytes) -> bytes:
    """Return a message with CRLF line ends; a bare CR stays what it is."""
    form = WireForm()
    return form.feed(message) + form.finish()


def rfc822_parse(message: Text) -> tuple[Headers, bytes]:
    """Split a message with LF or CRLF line ends into its fields and its body, with CRLF.

    A first line of an mbox ("From ...") is skipped.  Raises MessageFormatError, and TypeError
    for text: its octets are what is signed.
    """
    if isinstance(message, str):
        raise TypeError("a message is octets, not str: as_bytes() gives those of an email.message")
    message = octets(message, "a message")
    section, body = split(wire(message))
    headers: Headers = []
    lines = section.removesuffix(CRLF).split(CRLF) if section else []
    for place, line in enumerate(lines):
        if line.startswith(_FOLDABLE) and headers:
            headers[-1][1] += line + CRLF
            continue
        field = _FIELD.fullmatch(line)
        if field is not None:
            headers.append([field[1], field[2] + CRLF])
        elif place > 0 or not line.startswith(b"From "):
            raise MessageFormatError(f"Unexpected characters in RFC822 header: {line!r}")
    return headers, bytes(body)


def joined(headers: Headers) -> bytes:
    """Return the header section of such fields."""
    return b"".join([name + b":" + value for name, value in headers])
