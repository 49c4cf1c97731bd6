"""The changes lists make, made with care: a subject tag and a footer.

Every octet that is not asked to change stays.
"""

from __future__ import annotations

from dataclasses import replace

from avowal.errors import IntentError
from avowal.lists.encoded_words import decode, encode
from avowal.lists.footer import footed
from avowal.message import CRLF, Field, Header, Message

_MOST_TAG = 80  # characters
_WIDTH = 76  # octets of a line that holds encoded words, RFC 2047 §2
_WORD = b"=?"


def tag_subject(message: Message, tag: str) -> Message:
    """Return the message with a tag such as ``[bees]`` before its subject, once.

    A tag that people see in the subject already, encoded or folded, counts (RFC 2047 §6.1,
    RFC 5322 §2.2.3); one beyond ASCII is encoded.  Raises IntentError for a tag that is no
    single line of printable characters.
    """
    if not (tag.isprintable() and tag.strip() and len(tag) <= _MOST_TAG):
        raise IntentError("Subject", f"{tag!r} is no tag: up to {_MOST_TAG} printable characters")
    subjects = message.header.named(b"subject")
    if any(_shown(tag) in _shown(decode(subject.value)) for subject in subjects):
        return message
    if not subjects:
        fields = [*message.header, Field.of(b"Subject:" + _tagged(tag, b""))]
        return replace(message, header=Header.of(fields))
    return replace(
        message,
        header=Header.of(
            Field(f.raw[: f.colon + 1] + _tagged(tag, f.value), f.colon)
            if name == b"subject"
            else f
            for name, f in zip(message.header.names, message.header, strict=True)
        ),
    )


def add_footer(message: Message, text: str) -> Message:
    """Return the message with a footer at its end; `footer.footed` also says where."""
    return footed(message, text).message if text.strip() else message


def _shown(text: str) -> str:
    return " ".join(text.split())


def _tagged(tag: str, value: bytes) -> bytes:
    """Return a value with the tag, and what sets it apart, before what it says."""
    followed = value.strip(b" \t\r\n")
    if tag.isascii() and "=?" not in tag:
        words = [tag.encode()]
    else:  # between two encoded words white space is not shown (RFC 2047 §6.2)
        words = encode(tag + " " if followed.startswith(_WORD) else tag)
    written = b" " + b"\r\n ".join(words)
    if not followed:
        return written
    column = len(b"Subject:" + written) if len(words) == 1 else len(words[-1]) + 1
    first = value.partition(CRLF)[0]
    if first.strip(b" \t") and column + len(first) > _WIDTH:
        written += CRLF
    return written + (value if value[:1] in {b" ", b"\t", b"\r"} else b" " + value)
