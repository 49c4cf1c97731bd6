"""The parts of a mail that may be reports (RFC 9990 §3.5.2, RFC 8460 §5.3, RFC 5965).

A report is told by what it is, never by its name or type: those are wrong often enough.  Mails
that were forwarded as an attachment are looked into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from avowal.lists.mime import MOST_DEPTH, Part, part
from avowal.lists.mime_parameters import parameters
from avowal.message import Message
from avowal.report.arf import ReportFault
from avowal.report.containers import kind_of
from avowal.text import printable

_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04")
_LONGEST_NAME = 200
_SHOWN_TYPES = 5
_SAID = (b"application/", b"text/xml", b"text/json")


class Attachment(NamedTuple):
    """A part that may be a report: what it is called, and its octets."""

    name: str
    octets: bytes


def leaves(whole: Part) -> Iterator[Part]:
    """Yield the parts that are no multiparts, in their order."""
    if whole.parts:
        for one in whole.parts:
            yield from leaves(one)
    else:
        yield whole


def attachments(message: Message) -> Iterator[Attachment]:
    """Yield the parts of a message that begin as a report does."""
    yield from _within(Part(message.header, message.body))


def has_feedback(message: Message) -> bool:
    """Whether a message carries a failure report in ARF."""
    return any(
        one.content_type == b"message/feedback-report"
        for one in leaves(Part(message.header, message.body))
    )


def why_none(message: Message) -> str:
    """Say why there is no report in a message that has none."""
    found = list(leaves(Part(message.header, message.body)))
    for one in found:
        if one.is_attachment or one.content_type.startswith(_SAID):
            what = "is empty" if not one.body.strip() else _BEGINS
            return f"{printable(_name(one))} {what}"
    if any(one.content_type.startswith(b"multipart/") for one in found):
        return "a multipart without its parts: the mail is cut, or its boundary is another"
    if not message.body.strip():
        return "the mail has no body"
    types = dict.fromkeys(one.content_type.decode("ascii", "replace") for one in found)
    listed = printable(", ".join(list(types)[:_SHOWN_TYPES]))
    return f"no part of it is a file or a report ({listed})"


_BEGINS = "begins as neither XML nor JSON, gzip nor zip"


def _within(whole: Part) -> Iterator[Attachment]:
    for one in leaves(whole):
        if one.content_type == b"message/rfc822":
            if one.depth < MOST_DEPTH:
                yield from _within(part(one.decoded, one.depth + 1))
        elif one.is_attachment or one.content_type.startswith(_SAID):
            octets = one.decoded
            if _may_be(octets, one.content_type):
                yield Attachment(_name(one), octets)


def _may_be(octets: bytes, content_type: bytes) -> bool:
    if content_type == b"text/html":
        return False
    try:
        return octets.startswith(_COMPRESSED) or bool(kind_of(octets))
    except ReportFault:
        return False


def _name(one: Part) -> str:
    for field in (b"content-disposition", b"content-type"):
        for found in one.header.named(field):
            given = parameters(found.value)
            name = given.get(b"filename") or given.get(b"name")
            if name:
                return name[:_LONGEST_NAME].decode("utf-8", "replace")
    return "an attachment"
