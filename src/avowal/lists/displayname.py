"""The display name of mail that comes through a list: ``"Alice via Bees"``.

Authors' names are read as people see them (encoded words decoded) and written anew: ASCII in
quotes, everything else in encoded words (RFC 2047 §5 (3)), so that no comma, no quote and no raw
octet of a stranger stands free in the new field.
"""

from __future__ import annotations

import re
import unicodedata

from avowal.lists.encoded_words import decode, encode
from avowal.mailbox import Mailbox
from avowal.tokens import QUOTED, scan, unquoted

_MOST_NAMED = 3  # authors
_MOST_DISPLAY = 120  # characters of the authors' names that are carried over
_ADDRESS_LIKE = re.compile(" ?[@\uff20\ufe6b] ?[^ ]*+")
_NO_TEXT = frozenset(("Cc", "Cs", "Co", "Cn", "Zl", "Zp"))
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def via(authors: tuple[Mailbox, ...], name: str) -> list[bytes]:
    """Return the words of the display name for mail of these authors through a list.

    An address in a display name is shown by its local part: it must not look like a
    statement about another domain (RFC 4686 §4.1.15).  Long names are cut between characters.
    """
    shown = ", ".join(filter(None, [_shown(author) for author in authors[:_MOST_NAMED]]))
    if len(shown) > _MOST_DISPLAY:
        shown = shown[:_MOST_DISPLAY].rstrip() + "..."
    return phrase(f"{shown} via {_clean(name)}".strip())


def phrase(text: str) -> list[bytes]:
    """Return a text as the words of a phrase (RFC 5322 §3.2.5), in order.

    Plain ASCII is one quoted-string; else each run of other words is encoded.
    """
    if _is_plain(text):
        return [_quoted(text)]
    words: list[bytes] = []
    run: list[str] = []
    for word in text.split():
        if _is_plain(word):
            words += [*encode(" ".join(run)), _quoted(word)]
            run = []
        else:
            run.append(word)
    return [*words, *encode(" ".join(run))]


def _is_plain(text: str) -> bool:
    """Whether a quoted-string says it: what looks like an encoded word would be read as one."""
    return text.isascii() and "=?" not in text


def _shown(author: Mailbox) -> str:
    # An encoded word within quotes is none by RFC 2047 §5 (3), and shown as one by most.
    text = _clean(decode(_written(author.display)))
    text = text or _clean(author.user.decode("utf-8", "replace"))
    return _ADDRESS_LIKE.sub("", text).strip()


def _written(display: bytes) -> bytes:
    """Return a phrase without its quotes and comments."""
    pieces: list[bytes] = []
    end = 0
    for kind, start, stop in scan(display):
        piece = display[start:stop]
        pieces += [b" " if start > end else b"", unquoted(piece) if kind == QUOTED else piece]
        end = stop
    return b"".join(pieces)


def _clean(text: str) -> str:
    kept = [" " if unicodedata.category(c) in _NO_TEXT else c for c in text if c not in _TURNS]
    return " ".join("".join(kept).split())


def _quoted(text: str) -> bytes:
    """Return a quoted-string that holds this text (RFC 5322 §3.2.4)."""
    return b'"' + text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
