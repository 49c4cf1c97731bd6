r"""Rewriting From for a list, reversibly (RFC 7960 §4.1.3.1, RFC 9057).

::

    From: "Alice via Bees" <bees@lists.example>
    Author: Alice <alice@example.com>             ; RFC 9057, for people and programs
    Reply-To: Alice <alice@example.com>           ; where replies to the author go
    X-Original-From: Alice <alice@example.com>    ; the field's own octets, to restore it

What stands between the new From and X-Original-From was made up; a field that is set aside has
``X-Original-`` put before its name.  So a post that another list rewrote before can be rewritten
too: what that list set aside is set aside once more, and each comes back as it was.

Whether it is necessary is `advice`'s question: a From field that names somebody else's
domain is only at odds with that domain's policy when the list breaks its signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from avowal.errors import IntentError
from avowal.fold import Folder
from avowal.lists.displayname import via
from avowal.mailbox import Authors, Mailbox, mailboxes
from avowal.message import Field, Header

AUTHOR = b"author"
ORIGINAL = b"x-original-from"
_ASIDE = b"X-Original-"  # before the name of a field that is set aside
_ASIDE_NAME = _ASIDE.lower()
_KEPT_NAMES = (b"from", b"reply-to")
_MADE_UP = frozenset((b"from", AUTHOR, b"reply-to"))


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
        fields), which a list must refuse anyway, for one that this list has rewritten, and
        for an address that is none.
        """
        if len(mailboxes(self.address)) != 1:
            raise IntentError("From", f"{self.address!r} is no address a list could speak from")
        fields = header.named(b"from")
        authors = Authors.of(header)
        if len(fields) != 1 or not authors.mailboxes:
            raise IntentError("From", "one field with an author is needed to rewrite it")
        if self.spoke(header):
            raise IntentError("X-Original-From", "From was rewritten before; restore it first")
        return Header.of(self._fields(header, fields[0], authors.mailboxes))

    def spoke(self, header: Header) -> bool:
        """Whether From was rewritten before, and names this list."""
        (own,) = mailboxes(self.address) or (None,)
        named = Authors.of(header).mailboxes
        return ORIGINAL in header.positions and any(
            own is not None and str(one).lower() == str(own).lower() for one in named
        )

    def _fields(
        self, header: Header, original: Field, authors: tuple[Mailbox, ...]
    ) -> Iterator[Field]:
        chosen = [f.value for f in header.named(b"reply-to") if mailboxes(f.value)]
        leads_elsewhere = any(value != original.value for value in chosen)
        keeps = leads_elsewhere and self.replies is Replies.AUTHOR
        for name, field in zip(header.names, header, strict=True):
            if name == b"from":
                yield from self._made_up(header, original, authors, chosen, keeps=keeps)
            if name == b"from" or _is_aside(name) or (name == b"reply-to" and not keeps):
                yield _aside(field)
            else:
                yield field

    def _made_up(
        self,
        header: Header,
        original: Field,
        authors: tuple[Mailbox, ...],
        chosen: list[bytes],
        *,
        keeps: bool,
    ) -> Iterator[Field]:
        new = Folder(b"From:", width=76)  # RFC 2047 §2: lines with encoded words
        for token in via(authors, self.name):
            new.token(token, space=True)
        new.token(b"<" + self.address + b">", space=True)
        yield Field.of(new.octets)
        if AUTHOR not in header.positions:  # RFC 9057 §3: what is there is left alone
            yield Field.of(b"Author:" + original.value)
        if not keeps:
            value = b",".join(chosen) or original.value
            yield Field.of(b"Reply-To:" + self._replies(value))

    def _replies(self, value: bytes) -> bytes:
        if self.replies is Replies.LIST:
            return b" <" + self.address + b">"
        if Authors.parse(value).problems:  # nothing can be put behind what has no clear end
            addresses = [f"<{mailbox}>".encode() for mailbox in mailboxes(value)]
            value = b" " + b",\r\n\t".join(addresses)
        if self.replies is Replies.AUTHOR:
            return value
        return value.rstrip(b" \t\r\n,") + b",\r\n\t<" + self.address + b">"


def restore(header: Header) -> Header | None:
    """Return the header as its author sent it, None when From was not rewritten.

    What others did to it since stays: only what `Rewriting.apply` puts in is taken out.
    """
    places = header.positions.get(ORIGINAL, ())
    authors = header.positions.get(b"from", ())
    if len(places) != 1 or len(authors) != 1:
        return None
    (at,), (new,) = places, authors
    made_up = {place for place in range(new, at) if header.names[place] in _MADE_UP}
    back: list[Field] = []
    for place, field in enumerate(header):
        if place == at and new < at:
            back.append(_back(field))
        elif place == new:  # the fields stand in another order by now
            back += [] if new < at else [_back(header[at])]
        elif place not in made_up and place != at:
            back.append(_back(field) if _is_aside(header.names[place]) else field)
    return Header.of(back)


def _is_aside(name: bytes) -> bool:
    """Whether a field was set aside once, or more often."""
    at = 0
    while name.startswith(_ASIDE_NAME, at):
        at += len(_ASIDE_NAME)
    return at > 0 and name[at:] in _KEPT_NAMES


def _aside(field: Field) -> Field:
    return Field.of(_ASIDE + field.raw)


def _back(field: Field) -> Field:
    return Field.of(field.raw[len(_ASIDE) :])
