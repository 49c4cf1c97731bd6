r"""Rewriting From for a list, reversibly (RFC 7960 §4.1.3.1, RFC 9057).

::

    From: "Alice via Bees" <bees@lists.example>
    Author: Alice <alice@example.com>             ; RFC 9057, for people and programs
    X-Original-From: Alice <alice@example.com>    ; the field's own octets, to restore it
    Reply-To: Alice <alice@example.com>           ; where replies to the author go

Whether it is necessary is `advice`'s question: a From field that names somebody else's
domain is only at odds with that domain's policy when the list breaks its signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from avowal.errors import IntentError
from avowal.fold import Folder
from avowal.mailbox import Authors, Mailbox, mailboxes
from avowal.message import Field, Header
from avowal.tokens import scan, unquoted

AUTHOR = b"author"
ORIGINAL = b"x-original-from"
ORIGINAL_REPLIES = b"x-original-reply-to"
_ENCODED_WORD = re.compile(rb"=\?[^?\s]++\?[BbQq]\?[^?\s]*+\?=")
_UNPRINTABLE = re.compile(rb"[\x00-\x1f\x7f]++")
_ADDRESS_LIKE = re.compile(rb"[^\s@]+@([^\s@]+)")
_MOST_DISPLAY = 200  # octets of a display name that are carried over


class Replies(Enum):
    """Where an answer to a rewritten message should go."""

    AUTHOR = "author"
    LIST = "list"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """How a list speaks for its authors.

    `address` is the list's own address, `name` what it is called in the new display name.
    A Reply-To the author chose is kept where `replies` leads to the author, and else
    set aside as X-Original-Reply-To.
    """

    address: bytes
    name: str
    replies: Replies = Replies.AUTHOR

    def apply(self, header: Header) -> Header:
        """Return the header with From rewritten.

        Raises IntentError for a message whose author cannot be told (none, several
        fields), which a list must refuse anyway, and for an address that is none.
        """
        if len(mailboxes(self.address)) != 1:
            raise IntentError("From", f"{self.address!r} is no address a list could speak from")
        fields = header.named(b"from")
        authors = Authors.of(header)
        if len(fields) != 1 or not authors.mailboxes:
            raise IntentError("From", "one field with an author is needed to rewrite it")
        if _rewritten(header):
            raise IntentError("X-Original-From", "From was rewritten before; restore it first")
        return Header.of(self._fields(header, fields[0], authors.mailboxes))

    def _fields(self, header: Header, original: Field, authors: tuple[Mailbox, ...]) -> list[Field]:
        kept: list[Field] = []
        own = header.named(b"reply-to")
        others = bool(own) and all(field.value != original.value for field in own)
        keep_own = others and self.replies is Replies.AUTHOR
        for name, field in zip(header.names, header, strict=True):
            if name == b"from":
                kept += self._instead(header, original, authors)
            elif name == b"reply-to" and not keep_own:
                kept.append(Field.of(b"X-Original-Reply-To:" + field.value))
            else:
                kept.append(field)
        if not keep_own:
            value = b",".join([field.value for field in own]) or original.value
            kept.append(Field.of(b"Reply-To:" + _replies(self.replies, value, self.address)))
        return kept

    def _instead(
        self, header: Header, original: Field, authors: tuple[Mailbox, ...]
    ) -> list[Field]:
        new = Folder(b"From:")
        new.token(via(authors, self.name), space=True)
        new.token(b"<" + self.address + b">", space=True)
        fields = [Field.of(new.octets)]
        if AUTHOR not in header.positions:  # RFC 9057 §3: what is there is left alone
            fields.append(Field.of(b"Author:" + original.value))
        return [*fields, Field.of(b"X-Original-From:" + original.value)]


def restore(header: Header) -> Header | None:
    """Return the header as its author sent it, None when From was not rewritten.

    What others did to it since stays: only what `Rewriting.apply` puts in is taken out.
    """
    original = _rewritten(header)
    if original is None:
        return None
    added = _added_replies(header, original)
    back: list[Field] = []
    for name, field in zip(header.names, header, strict=True):
        if name == b"from":
            back.append(Field.of(b"From:" + original.value))
        elif name == ORIGINAL_REPLIES:
            back.append(Field.of(b"Reply-To:" + field.value))
        elif (name, field.value) not in added and name != ORIGINAL:
            back.append(field)
    return Header.of(back)


def _added_replies(header: Header, original: Field) -> set[tuple[bytes, bytes]]:
    """Names and values of the fields that the rewriting made up."""
    added = {(AUTHOR, original.value)}
    own = header.named(ORIGINAL_REPLIES)
    value = b",".join([field.value for field in own]) or original.value
    for mailbox in Authors.of(header).mailboxes:
        address = mailbox.local_part + b"@" + mailbox.written_domain
        added |= {(b"reply-to", _replies(choice, value, address)) for choice in Replies}
    return added


def _replies(replies: Replies, value: bytes, address: bytes) -> bytes:
    if replies is Replies.LIST:
        return b" <" + address + b">"
    return value if replies is Replies.AUTHOR else value + b",\r\n\t<" + address + b">"


def _rewritten(header: Header) -> Field | None:
    fields = header.named(ORIGINAL)
    return fields[0] if len(fields) == 1 else None


def via(authors: tuple[Mailbox, ...], name: str) -> bytes:
    """Return the display name for mail of these authors that comes through a list.

    An address in a display name is shown by its local part: it must not look like a
    statement about another domain (RFC 4686 §4.1.15).
    """
    shown = b", ".join([_shown(author) for author in authors[:3]])
    text = shown[:_MOST_DISPLAY] + b" via " + name.encode()
    if _ENCODED_WORD.search(text):
        return b" ".join([_word(word) for word in text.split()])
    return _quoted(text)


def _shown(author: Mailbox) -> bytes:
    pieces = [unquoted(author.display[t.start : t.stop]) for t in scan(author.display)]
    text = b" ".join(b" ".join(pieces).split()) or author.user
    return _ADDRESS_LIKE.sub(lambda found: found[0].partition(b"@")[0], text)


def _word(word: bytes) -> bytes:
    return word if _ENCODED_WORD.fullmatch(word.rstrip(b",")) else _quoted(word)


def _quoted(text: bytes) -> bytes:
    """Return a quoted-string that holds this text (RFC 5322 §3.2.4)."""
    plain = _UNPRINTABLE.sub(b" ", text)
    return b'"' + plain.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
