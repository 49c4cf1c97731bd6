"""Whether an authserv-id is one of ours (RFC 8601 §2.5, §5), asked in two ways.

Who trusts asks strictly: ids that are domain names are compared as A-labels, any other
one by its letters without case.  Who deletes forgeries asks broadly: would a careless
reader take this for one of our ids?
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial

from avowal.members import refuse_single
from avowal.names import DomainName, NameFault
from avowal.tokens import without_comments
from avowal.word_octets import MOST_READINGS, word_octets

# The dots of RFC 3490 §3.1 (NFKC knows U+FF0E); what is no letter of an id goes.
_SEEN = str.maketrans({"\u3002": ".", "\uff61": ".", '"': None, " ": None})
_OF_ASCII = {**_SEEN, **dict.fromkeys((*range(32), 127))}  # what is not printable goes too
_ENCODED_WORD = re.compile(rb"=\?([^?\s]++)\?([BbQq])\?([^?]*+)\?=")  # RFC 2047 §2
_SHALLOW = re.compile(rb"\([^)]*+\)")
_BEYOND_ASCII = re.compile(r"[^\0-\x7f]++")
# Charsets that hide ASCII, without their dashes: a closed table, no codec is looked up by a name
# that a stranger chose.
_WIDE = {
    name.encode(): f"utf-{name[3:]}"
    for name in ("utf7", "utf16", "utf16le", "utf16be", "utf32", "utf32le", "utf32be")
}
CODECS = ("punycode", *_WIDE.values())
"""Python's codecs for the names and the words that are read here."""
_OF_A_NAME = frozenset("-_.0123456789abcdefghijklmnopqrstuvwxyz")


class Identifiers:
    """The authserv-ids of one administrative unit; `in` asks strictly.

    `below` are domains: every id below one of them is asked for broadly, none strictly.
    """

    __slots__ = ("_below", "_keys", "_spellings")

    def __init__(self, ids: Iterable[str], below: Iterable[str] = ()) -> None:
        """Raises UsageError for a lone id: it would be taken for its letters."""
        refuse_single("the authserv-ids", ids)
        refuse_single("the domains", below)
        self._keys = frozenset(map(_key, ids))
        self._spellings = _spellings(self._keys)
        above = _spellings(_key(domain.strip(".")) for domain in below)
        self._below = frozenset(f".{spelling}" for spelling in above)

    def __contains__(self, authserv_id: str) -> bool:
        return _key(authserv_id) in self._keys

    def resembles(self, authserv_id: str) -> bool:
        """Whether somebody could take this id for one of ours."""
        if authserv_id in self:
            return True
        words: list[str] = []
        if not authserv_id.isprintable() or " " in authserv_id:
            words = "".join([c if c.isprintable() else " " for c in authserv_id]).split()
        octets = authserv_id.encode("utf-8", "replace")
        views = {skeleton(text) for text in (authserv_id, *words, *texts_of(octets))}
        return any(
            any(_stands_in(spelling, view) for spelling in self._spellings)
            or any(_stands_in(ending, view, below=True) for ending in self._below)
            for view in views
        )

    def mentioned_in(self, octets: bytes) -> bool:
        """Whether one of the ids can be found anywhere in octets that are no valid field.

        Looked for without escapes, folds, controls and octets that are no UTF-8, in the
        octets taken for latin-1, behind encoded words, and with comments taken out.
        """
        views = {skeleton(text) for text in texts_of(octets)}
        spellings = self._spellings | self._below
        return any(spelling in view for view in views for spelling in spellings)


def texts_of(octets: bytes) -> set[str]:
    """What readers may show of octets: with and without comments, escapes, encoded words."""
    return {text for view in _views(octets) for text in _decoded(view)}


def _views(octets: bytes) -> set[bytes]:
    """What readers make of octets: with and without comments, escapes, encoded words.

    A reader takes comments out by the grammar, up to the first ")", or not at all.
    """
    views = {octets}
    if b"(" in octets:
        views |= {without_comments(octets), _without_shallow_comments(octets)}
    if b"\\" in octets:
        views = {view.replace(b"\\", b"") for view in views}
    for view in tuple(views) if b"=?" in octets else ():
        for reading in range(MOST_READINGS):
            words = _ENCODED_WORD.sub(partial(_decoded_word, reading=reading), view)
            views |= {words, without_comments(words)} if b"(" in words else {words}
    return views


def _decoded(octets: bytes) -> Iterator[str]:
    yield octets.decode("utf-8", "ignore")
    if not octets.isascii():
        yield octets.decode("latin-1")


def _without_shallow_comments(octets: bytes) -> bytes:
    """Take out what stands between a "(" and the next ")", as who knows no nesting does."""
    inner, mark, rest = octets.rpartition(b")")
    return _SHALLOW.sub(b"", inner + mark) + rest


def skeleton(text: str) -> str:
    """Return what a reader sees of an id: no case, width, white space, controls or quotes."""
    # Most text is ASCII, which has no forms to normalize; a mark joins the letter before it.
    seen = []
    position = 0
    for found in () if text.isascii() else _BEYOND_ASCII.finditer(text):
        start = max(found.start() - 1, position)
        seen.append(text[position:start].lower().translate(_OF_ASCII))
        seen.append(_unicode_seen(text[start : found.end()]))
        position = found.end()
    seen.append(text[position:].lower().translate(_OF_ASCII))
    return "".join(seen).strip(".")


def _unicode_seen(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().translate(_SEEN)
    return "".join(filter(str.isprintable, text))


def _stands_in(spelling: str, seen: str, *, below: bool = False) -> bool:
    """Whether a name stands within a text, with no further letters of a name around it.

    In front of one that is looked for `below` itself there are some.
    """
    start = seen.find(spelling)
    while start >= 0:
        before = "" if below else seen[max(start - 1, 0) : start]
        around = before, seen[start + len(spelling) :][:1]
        if not any(mark in _OF_A_NAME for mark in around if mark):
            return True
        start = seen.find(spelling, start + 1)
    return False


def _spellings(keys: Iterable[str]) -> frozenset[str]:
    named = (spelling for key in keys for spelling in (key, _unicode_form(key)))
    return frozenset(map(skeleton, named)) - {""}


def _key(authserv_id: str) -> str:
    try:
        return DomainName.parse(authserv_id.removesuffix(".").encode()).ascii
    except (NameFault, UnicodeEncodeError):
        return authserv_id.lower()


def _unicode_form(name: str) -> str:
    """Return a name with its A-labels as U-labels."""
    labels = []
    for label in name.split("."):
        try:
            labels.append(label[4:].encode().decode("punycode") if label[:4] == "xn--" else label)
        except UnicodeError:
            labels.append(label)
    return ".".join(labels)


def _decoded_word(match: re.Match[bytes], *, reading: int) -> bytes:
    charset, encoding, text = match.groups()
    octets = word_octets(encoding, text)[: reading + 1][-1]
    codec = _WIDE.get(charset.partition(b"*")[0].lower().translate(None, b"-_"))
    if codec is None:
        return octets
    try:
        return octets.decode(codec).encode()
    except UnicodeError:
        return octets
