"""What a From field shows besides its addresses: a display name, other addresses in it.

A reader may show the display name alone, with its encoded words decoded (RFC 2047), so what
looks like an address there is one to a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from avowal.addresses import Mailbox, names_behind_signs
from avowal.authres.identifiers import texts_of
from avowal.lists.encoded_words import decode
from avowal.message import Header
from avowal.names import DomainName
from avowal.overflow import AUTHOR_NAME
from avowal.text import printable
from avowal.tokens import unquoted

_MOST_SIGNS = 1000  # of one text that are looked at; Limits.author_octets bounds the texts
_LONGEST_NAME = 200  # octets of a display name that are shown
_SPACES = re.compile(r"\s++")
_DOTS = str.maketrans({"\u3002": ".", "\uff61": "."})  # RFC 3490 §3.1


def shown_domains(header: Header) -> tuple[DomainName, ...] | None:
    """Return every domain behind an ``@`` that a reader of the From fields may see, each once.

    Comments, quoted strings, encoded words and the other forms of ``@`` are looked through; a
    name of a single label is no address to anybody.  None where there is too much to look at.
    """
    found: dict[str, DomainName] = {}
    for field in header.named(AUTHOR_NAME):
        for text in (*texts_of(field.value), decode(field.value)):
            plain = _plain(text)
            if plain.count(b"@") > _MOST_SIGNS:
                return None
            for name in names_behind_signs(plain, _MOST_SIGNS):
                if "." in name.ascii:
                    found.setdefault(name.ascii, name)
    return tuple(found.values())


def others_than(
    shown: Iterable[DomainName], organizations: Iterable[DomainName]
) -> tuple[DomainName, ...]:
    """Return the shown domains that are within none of the organizations."""
    known = tuple(organizations)
    return tuple(
        name for name in shown if not any(name.is_within(organization) for organization in known)
    )


def display_name(mailbox: Mailbox) -> str:
    """Return the display name as a mail program shows it, in one line without controls."""
    text = _SPACES.sub(" ", decode(mailbox.display)).strip(" ")
    return printable(unquoted(text.encode("utf-8", "replace")), most=_LONGEST_NAME)


def _plain(text: str) -> bytes:
    """Return text as it looks: compatible forms made one, what is not seen left out."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DOTS)
        text = "".join([c for c in text if unicodedata.category(c) != "Cf"])
    return text.encode("utf-8", "replace")
