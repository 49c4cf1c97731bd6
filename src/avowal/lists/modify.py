"""The changes lists make, made with care: a subject tag and a footer.

A footer goes into the text where that is plain and not encoded, else beside it as a part
of its own; what others have signed or encrypted as a whole (RFC 1847) is wrapped, never
opened.  Every octet that is not asked to change stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from avowal.errors import IntentError
from avowal.lists.mime import Part, boundary_of
from avowal.message import CRLF, Field, Header, Message

_PLAIN_ENCODINGS = (b"7bit", b"8bit", b"binary")
_CONTENT = b"content-"
_MOST_TAG = 80  # octets


def tag_subject(message: Message, tag: str) -> Message:
    """Return the message with a tag such as ``[bees]`` before its subject, once.

    Raises IntentError for a tag that is no single line of ASCII.
    """
    octets = tag.encode()
    if not (tag.isascii() and tag.isprintable() and 0 < len(octets) <= _MOST_TAG):
        raise IntentError("Subject", f"{tag!r} is no tag: up to {_MOST_TAG} printable characters")
    subjects = message.header.named(b"subject")
    if any(octets in subject.value for subject in subjects):
        return message
    if not subjects:
        fields = [*message.header, Field.of(b"Subject: " + octets)]
        return replace(message, header=Header.of(fields))
    return replace(
        message,
        header=Header.of(
            Field(f.raw[: f.colon + 1] + b" " + octets + _spaced(f.value), f.colon)
            if name == b"subject"
            else f
            for name, f in zip(message.header.names, message.header, strict=True)
        ),
    )


def add_footer(message: Message, text: str) -> Message:
    """Return the message with a footer at its end."""
    lines = text.rstrip("\r\n").replace("\r\n", "\n").replace("\n", "\r\n").encode() + CRLF
    whole = Part(message.header, message.body)
    if (
        whole.content_type == b"text/plain"
        and whole.encoding in _PLAIN_ENCODINGS
        and (lines.isascii() or whole.charset == b"utf-8")
    ):
        return replace(message, body=_ended(message.body) + lines)
    boundary = boundary_of(message.header)
    if boundary is not None and whole.content_type == b"multipart/mixed":
        body = _with_last_part(message.body, boundary, _footer_part(lines))
        if body is not None:
            return replace(message, body=body)
    return _wrapped(message, lines)


def _spaced(value: bytes) -> bytes:
    return value if value[:1] in (b" ", b"\t", b"\r", b"") else b" " + value


def _ended(body: bytes) -> bytes:
    return body if body.endswith(CRLF) or not body else body + CRLF


def _footer_part(lines: bytes) -> bytes:
    charset = b"us-ascii" if lines.isascii() else b"utf-8"
    encoding = b"7bit" if lines.isascii() else b"8bit"
    return (
        b"Content-Type: text/plain; charset=" + charset + b"\r\n"
        b"Content-Transfer-Encoding: " + encoding + b"\r\n"
        b"Content-Disposition: inline\r\n\r\n" + lines
    )


def _with_last_part(body: bytes, boundary: bytes, part: bytes) -> bytes | None:
    """Put a part before the closing delimiter; None where there is no such line."""
    closing = b"\r\n--" + boundary + b"--"
    at = body.rfind(closing)
    if at < 0:
        return None
    return body[:at] + b"\r\n--" + boundary + b"\r\n" + part + body[at + 2 :]


def _wrapped(message: Message, lines: bytes) -> Message:
    """Make the message a part of a new multipart, its Content-* fields moved inside."""
    moved = [f for f in message.header if f.name.startswith(_CONTENT)]
    kept = [f for f in message.header if not f.name.startswith(_CONTENT)]
    digest = hashlib.sha256(message.body + lines).hexdigest()
    boundary = f"=_list_{digest[:24]}".encode()
    new = [Field.of(b'Content-Type: multipart/mixed; boundary="' + boundary + b'"')]
    if b"mime-version" not in message.header.positions:
        new.insert(0, Field.of(b"MIME-Version: 1.0"))
    inside = b"".join([field.raw + CRLF for field in moved]) + CRLF + message.body
    start = b"--" + boundary + CRLF
    body = b"".join([start, inside, CRLF, start, _footer_part(lines), b"--", boundary, b"--", CRLF])
    return replace(message, header=Header.of([*kept, *new]), body=body)
