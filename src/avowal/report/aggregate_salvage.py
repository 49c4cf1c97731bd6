"""Records out of XML that is broken: only the tags that are known are tags.

No parser agrees with another on what broken XML says, so this takes as little of it as it can:
start and end tags of the elements of reports, and the texts between them.  Whatever else stands
there is text: a bare "<" or "&", octets that are no UTF-8, tags nobody knows.  A closing tag
closes what is open inside it; one that closes nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from avowal.report.aggregate_elements import NAMES, Elements
from avowal.report.arf import ReportFault

_KNOWN = "|".join(sorted(NAMES, key=len, reverse=True)).encode()
_TAG = re.compile(
    rb"<(/?)(?:[A-Za-z_][A-Za-z0-9_.-]{0,30}:)?(" + _KNOWN + rb")(?:[ \t\r\n][^<>]*+)?/?>"
)
_FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_COMMENT = re.compile(rb"<!--")
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Salvager:
    """Hands the known elements of octets to `Elements`; pieces end behind whole tags."""

    def __init__(self, elements: Elements, line: Callable[[int], None]) -> None:
        self._elements = elements
        self._open: list[str] = []
        self._line = line

    def within(self, *names: str) -> None:
        """Say which elements are open already."""
        self._open = list(names)

    def feed(self, octets: bytes) -> None:
        """Take a piece.  Raises ReportFault."""
        if _FORBIDDEN.search(octets) is not None:
            raise ReportFault(0, "a document type or an entity: reports have none")
        at, lines = 0, 0
        for tag in _TAG.finditer(_without_comments(octets)):
            self._text(tag.string[at : tag.start()])
            lines = tag.string.count(b"\n", at, tag.start())
            at = tag.end()
            self._line(lines)
            self._elements.settle()
            self._tag(tag[2].decode(), closing=bool(tag[1]), empty=tag[0].endswith(b"/>"))

    def _tag(self, name: str, *, closing: bool, empty: bool) -> None:
        if not closing:
            self._elements.start(name)
            self._open.append(name)
            if not empty:
                return
        elif name not in self._open:
            return
        while self._open:
            innermost = self._open.pop()
            self._elements.end(innermost)
            if innermost == name:
                return

    def _text(self, octets: bytes) -> None:
        if octets:
            text = octets.decode("utf-8", "replace")
            self._elements.text(_CONTROLS.sub("\ufffd", _REFERENCE.sub(_meant, text)))


def _without_comments(octets: bytes) -> bytes:
    """Leave out comments; one that does not end is none."""
    kept, at = [], 0
    while (found := _COMMENT.search(octets, at)) is not None:
        end = octets.find(b"-->", found.end())
        if end < 0:
            break
        kept.append(octets[at : found.start()])
        at = end + 3
    return b"".join((*kept, octets[at:])) if kept else octets


def _meant(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    code = int(found[2]) if found[2] else int(found[3], 16)
    usable = 0 < code < 0x110000 and not 0xD800 <= code < 0xE000
    return chr(code) if usable else "\ufffd"
