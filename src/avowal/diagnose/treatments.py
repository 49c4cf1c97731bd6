"""What lists and servers do to messages, done: the registry run forwards.

`preflight` tells with them which signatures would break, and tests that each can be undone.
A treatment that does not apply to a message returns None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from avowal.diagnose import body_treatments as bodies
from avowal.diagnose import header_treatments as headers
from avowal.message import Message
from avowal.valueclass import value

Change: TypeAlias = Callable[[Message], Message | None]


@value(kw_only=False)
class Treatment:
    """One change: its name, what it does in words, the steps that undo it, and the change.

    `also` are steps that undo what comes with it, as the new encoding's field does.
    """

    name: str
    sentence: str
    steps: tuple[str, ...]
    change: Change
    also: tuple[str, ...] = ()


_ROWS = (
    Treatment("footer", "adds lines at the end of a plain text", ("footer",), bodies.footer),
    Treatment("banner", "adds lines before a plain text", ("banner",), bodies.banner),
    Treatment("wrap", "makes the message a part of a multipart", ("unwrapped",), bodies.wrap,
              ("content-type", "content-type-added", "transfer-encoding", "mime-version")),
    Treatment("part", "adds a part to a multipart", ("part-added",), bodies.add_part),
    Treatment("footer-in-part", "adds lines to a part", ("footer-in-part",),
              bodies.footer_in_part),
    Treatment("footers-in-parts", "adds a disclaimer to the plain text and to the HTML",
              ("footer-in-part",), bodies.footers_in_parts),
    Treatment("preamble", "writes text before the first part", ("preamble",), bodies.preamble),
    Treatment("inner-blank", "adds an empty line behind an inner multipart",
              ("inner-blank-line",), bodies.inner_blank),
    Treatment("quote-from", "quotes lines that begin with From", ("from-quoted",),
              bodies.quote_from),
    Treatment("protect-links", "leads links through a gateway", ("links-rewritten",),
              bodies.protect_links),
    Treatment("dots", "doubles dots at the start of lines", ("dots-doubled",), bodies.double_dots),
    Treatment("lose-dot", "takes the dot from a line that begins with one", ("dots-removed",),
              bodies.lose_dot),
    Treatment("mark-byte-order", "puts a byte order mark before a text", ("byte-order-mark",),
              bodies.mark_byte_order),
    Treatment("dashes", 'takes the blank from "-- "', ("signature-dashes",),
              bodies.strip_dash_blank),
    Treatment("to-base64", "encodes text as base64", ("base64-was-plain",),
              lambda message: bodies.encode(message, b"base64"), ("transfer-encoding",)),
    Treatment("to-quoted-printable", "encodes text as quoted-printable",
              ("quoted-printable-was-plain",),
              lambda message: bodies.encode(message, b"quoted-printable"),
              ("transfer-encoding",)),
    Treatment("from-quoted-printable", "decodes quoted-printable and adds a footer",
              ("was-quoted-printable",),
              lambda message: bodies.decode(message, b"quoted-printable"),
              ("transfer-encoding", "footer")),
    Treatment("from-base64", "decodes base64 and adds a footer", ("was-base64",),
              lambda message: bodies.decode(message, b"base64"),
              ("transfer-encoding", "footer")),
    Treatment("parts-to-quoted-printable", "encodes 8bit parts as quoted-printable",
              ("part-quoted-printable-was-plain",), bodies.encode_parts),
    Treatment("tag", "puts a tag into the Subject", ("subject-tag",), headers.tag),
    Treatment("tag-in-front", "puts a tag before Re:", ("subject-prefix",),
              headers.tag_in_front, ("subject-tag",)),
    Treatment("rewrite-from", "replaces the author in From", ("from-rewritten",),
              headers.rewrite_from, ("field-added",)),
    Treatment("quote-names", "puts the names in Cc in quotes", ("respelled",),
              headers.quote_names),
    Treatment("shuffle-cc", "writes Cc in another order", ("cc-order",), headers.shuffle),
    Treatment("take-out", "takes a subscriber out of Cc", ("cc-removed",), headers.take_out),
    Treatment("requote-type", "writes Content-Type otherwise", ("content-type",),
              headers.requote_type),
    Treatment("declare", "adds Content-Transfer-Encoding", ("transfer-encoding",), headers.declare),
    Treatment("list-fields", "adds List-Id, List-Post and Sender", ("field-added",),
              headers.list_fields),
    Treatment("tidy-date", "writes the zone of Date as a number, without a comment", ("date",),
              headers.tidy_date),
    Treatment("date-to-utc", "writes Date in UTC", ("date",), headers.date_to_utc),
    Treatment("bare-message-id", "takes the brackets from Message-ID", ("field-changed",),
              headers.bare_message_id),
    Treatment("respace-folds", "writes a blank where folded lines begin with a tab",
              ("refolded",), headers.respace_folds, ("signature-refolded",)),
    Treatment("unfold", "writes each field in one line", ("refolded",), headers.unfold),
    Treatment("break-lines", "breaks lines of more than 998 octets",
              ("line-broken", "field-broken"), bodies.break_lines),
    Treatment("respace-references", "writes References with other white space", ("refolded",),
              headers.respace_references),
)  # fmt: skip

TREATMENTS: Mapping[str, Treatment] = MappingProxyType({one.name: one for one in _ROWS})

SYSTEMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mailman2": ("tag", "footer", "part", "wrap", "to-base64", "from-quoted-printable",
                     "from-base64", "rewrite-from", "quote-names", "shuffle-cc", "take-out",
                     "requote-type", "declare", "list-fields"),
        "mailman3": ("tag", "tag-in-front", "footer", "part", "wrap", "to-base64",
                     "from-quoted-printable", "from-base64", "rewrite-from", "quote-names",
                     "take-out", "requote-type", "declare", "inner-blank", "list-fields"),
        "postfix": ("to-quoted-printable", "parts-to-quoted-printable", "break-lines"),
        "proxy": ("respace-folds", "unfold"),
        "exchange": ("protect-links", "quote-names", "requote-type", "tidy-date",
                     "respace-references", "unfold"),
        "disclaimer": ("footer", "footer-in-part", "footers-in-parts", "part"),
        "gateway": ("banner", "tag", "protect-links", "mark-byte-order", "date-to-utc"),
        "mailbox": ("quote-from",),
    }
)  # fmt: skip
"""What each kind of system is known to do, by the names of treatments."""
