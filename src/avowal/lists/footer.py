"""A footer, put where every reader finds it and no octet of others changes its meaning.

It goes into the text where that is plain, is read rather than handed over as a file, and can
take it as it is transported (charset, transfer encoding).  Else it stands beside the text as a
part of its own; what others have signed or encrypted as a whole (RFC 1847) is wrapped, never
opened.
"""

from __future__ import annotations

import binascii
import hashlib
from dataclasses import dataclass, replace
from itertools import count

from avowal.enums import Word
from avowal.lists.charsets import APPENDABLE
from avowal.lists.mime import Part, boundary_of, delimiters
from avowal.message import CRLF, Field, Header, Message
from avowal.text import printable

_CONTENT = b"content-"
_MOST_LINE = 998  # octets, RFC 5322 §2.1.1
_BASE64_LINE = 57  # octets that fill 76 characters, RFC 2045 §6.8


class FooterPlace(Word):
    """Where a footer stands."""

    IN_TEXT = "in-text", "at the end of the text"
    LAST_PART = "last-part", "as the last part"
    BESIDE = "beside", "in a part beside the message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footed:
    """A message with its footer; `why` says why that is not in the text, empty if it is."""

    message: Message
    place: FooterPlace
    why: str = ""

    def __str__(self) -> str:
        why = f", for {self.why}" if self.why else ""
        return f"the footer stands {self.place.sentence}{why}"


class _Unfit(Exception):
    """Why a text cannot take the footer."""


def footed(message: Message, text: str) -> Footed:
    """Put a footer (text of one or more lines, not blank) at the end of a message."""
    lines = "\r\n".join(text.rstrip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    lines += "\r\n"
    whole = Part(message.header, message.body)
    try:
        body = _in_text(whole, lines)
    except _Unfit as unfit:
        why = str(unfit)
    else:
        return Footed(message=replace(message, body=body), place=FooterPlace.IN_TEXT)
    boundary = boundary_of(message.header)
    if boundary is not None and whole.content_type == b"multipart/mixed":
        longer = _with_last_part(message.body, boundary, lines)
        if longer is not None:
            outgoing = replace(message, body=longer)
            return Footed(message=outgoing, place=FooterPlace.LAST_PART, why=why)
        why = "the line that closes the multipart is missing"
    return Footed(message=_wrapped(message, whole, lines), place=FooterPlace.BESIDE, why=why)


# -- in the text ---------------------------------------------------------------------------


def _in_text(whole: Part, lines: str) -> bytes:
    """Return the body with the footer behind its text.  Raises _Unfit."""
    if whole.content_type != b"text/plain":
        raise _Unfit(f"the message is {printable(whole.content_type, most=80)}")
    if whole.is_attachment:
        raise _Unfit("its text is a file that is handed over")
    charset = printable(whole.charset, most=40)
    codec = APPENDABLE.get(whole.charset)
    if codec is None:  # RFC 2046 §4.1.2: octets of one charset mean nothing in another
        raise _Unfit(f"nothing can be put behind text in {charset}")
    try:
        octets = lines.encode(codec)
    except UnicodeEncodeError:
        raise _Unfit(f"{charset}, the charset of its text, lacks a character of it") from None
    return _appended(whole, octets)


def _appended(whole: Part, octets: bytes) -> bytes:
    """Append octets to what a transfer encoding stands for (RFC 2045 §6)."""
    if whole.encoding == b"quoted-printable":
        return _hard_end(whole.body) + binascii.b2a_qp(octets, istext=True)
    if whole.encoding == b"base64":  # all of it would have to be written anew
        raise _Unfit("its text is in base64")
    if whole.encoding not in {b"7bit", b"8bit", b"binary"}:
        raise _Unfit("its transfer encoding is unknown")
    if whole.encoding == b"7bit" and not octets.isascii():  # RFC 2045 §2.7
        raise _Unfit("its text is declared to be 7bit")
    return _ended(whole.body) + octets


def _ended(body: bytes) -> bytes:
    return body if body.endswith(CRLF) or not body else body + CRLF


def _hard_end(body: bytes) -> bytes:
    """End a body with a line break that is none of those that only fold (RFC 2045 §6.7 (5))."""
    ended = _ended(body)
    return ended + CRLF if ended.rstrip(b" \t\r\n").endswith(b"=") else ended


def _base64(octets: bytes) -> bytes:
    pieces = (octets[at : at + _BASE64_LINE] for at in range(0, len(octets), _BASE64_LINE))
    return b"".join([binascii.b2a_base64(piece, newline=False) + CRLF for piece in pieces])


# -- beside it -----------------------------------------------------------------------------


def _part(lines: str, boundary: bytes) -> bytes:
    """Return the footer as a part that any transport bears (RFC 2045 §6.4)."""
    octets = lines.encode("utf-8", "replace")
    charset = b"us-ascii" if octets.isascii() else b"utf-8"
    long = max(map(len, octets.split(CRLF))) > _MOST_LINE
    encoding, content = b"7bit", octets
    if b"--" + boundary in octets:
        encoding, content = b"base64", _base64(octets)
    elif long or not octets.isascii():
        encoding, content = b"quoted-printable", binascii.b2a_qp(octets, istext=True)
    return (
        b"Content-Type: text/plain; charset=" + charset + b"\r\n"
        b"Content-Transfer-Encoding: " + encoding + b"\r\n"
        b"Content-Disposition: inline\r\n\r\n" + content
    )


def _with_last_part(body: bytes, boundary: bytes, lines: str) -> bytes | None:
    """Put a part before the line that closes a multipart; None where there is no such line.

    What stands behind that line, the epilogue, stays where nobody reads it (RFC 2046 §5.1.1).
    """
    opened = False
    for found in delimiters(body, boundary):
        if found[1] is not None:
            break
        opened = True
    else:
        return None
    if not opened:
        return None
    at = found.start()
    return body[:at] + b"\r\n--" + boundary + CRLF + _part(lines, boundary) + body[at + 2 :]


def _wrapped(message: Message, whole: Part, lines: str) -> Message:
    """Make the message a part of a new multipart, its Content-* fields moved inside."""
    moved = [f for f in message.header if f.name.startswith(_CONTENT)]
    kept = [f for f in message.header if not f.name.startswith(_CONTENT)]
    inside = b"".join([field.raw + CRLF for field in moved]) + CRLF + message.body
    boundary = _boundary(inside, lines.encode("utf-8", "replace"))
    new = [Field.of(b'Content-Type: multipart/mixed; boundary="' + boundary + b'"')]
    if b"mime-version" not in message.header.positions:
        new.insert(0, Field.of(b"MIME-Version: 1.0"))
    if (needed := _needed(inside, whole.encoding)) is not None:
        new.append(Field.of(b"Content-Transfer-Encoding: " + needed))
    start = b"--" + boundary + CRLF
    footer = _part(lines, boundary)
    body = b"".join([start, inside, CRLF, start, footer, b"--", boundary, b"--", CRLF])
    return replace(message, header=Header.of([*kept, *new]), body=body)


def _needed(inside: bytes, declared: bytes) -> bytes | None:
    """Return the encoding a multipart around a part declares, None for 7bit (RFC 2045 §6.4)."""
    if declared == b"binary":
        return b"binary"
    return b"8bit" if declared == b"8bit" or not inside.isascii() else None


def _boundary(*contents: bytes) -> bytes:
    """Return a boundary that occurs nowhere in the contents, the same for the same contents."""
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    candidates = (f"=_list_{digest[:24]}{n or ''}".encode() for n in count())
    return next(b for b in candidates if not any(b in content for content in contents))
