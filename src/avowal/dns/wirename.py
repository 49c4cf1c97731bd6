"""Names in DNS messages, compressed or not (RFC 1035 §3.1, §4.1.4).

A pointer is two octets, and what it stands for has up to 127 labels: a message of 64 kB can
mention half a million labels.  So each place that a pointer leads to is read once.
"""

from __future__ import annotations

_MAX_NAME = 255  # octets, RFC 1035 §2.3.4
_MAX_LABEL = 63
_POINTER = 0xC0
_MAX_POINTERS = 32  # in one name; writers use one, and a name has 127 labels at most
# As a zone file writes an octet of a label (RFC 1035 §5.1, RFC 4343 §2.1).
_WRITTEN = [
    f"\\{octet:03d}"
    if not 0x21 <= octet <= 0x7E
    else f"\\{octet:c}"
    if octet in b'"().;\\@$'
    else f"{octet:c}"
    for octet in range(256)
]


class Malformed(ValueError):
    """Octets that are no DNS message."""


class Name:
    """A name: `wire` in full, as written; `text` without its final dot, "." for the root.

    `pointers` says how many are followed to its end.
    """

    __slots__ = ("_head", "_tail", "_text", "pointers", "wire")

    def __init__(self, head: bytes, tail: Name | None, pointers: int) -> None:
        self._head = head
        self._tail = tail
        self._text: str | None = "." if tail is None else None
        self.wire: bytes = head if tail is None else head + tail.wire
        self.pointers = pointers

    @property
    def text(self) -> str:
        """Write the name, each tail that names share once."""
        unwritten = []
        name: Name = self
        while name._text is None and name._tail is not None:
            unwritten.append(name)
            name = name._tail
        text = name._text or ""
        for name in reversed(unwritten):
            labels = _labels(name._head)
            name._text = text = ".".join(labels if text == "." else (*labels, text)) or text
        return text


_ROOT = Name(b"\0", None, 0)


def _labels(head: bytes) -> list[str]:
    labels = []
    place = 0
    while place < len(head):
        stop = place + 1 + head[place]
        labels.append("".join([_WRITTEN[octet] for octet in head[place + 1 : stop]]))
        place = stop
    return labels


class Names:
    """Reads the names of one message."""

    __slots__ = ("_known", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._known: dict[int, Name] = {}

    def at(self, place: int) -> tuple[Name, int]:
        """Return the name at a place, and the place behind it.

        Raises Malformed and IndexError.
        """
        octets = self._octets
        start = place
        tail, behind = _ROOT, 1
        size = 1
        while length := octets[place]:
            if length >= _POINTER:
                tail, behind = self._target(place), 2
                break
            if length > _MAX_LABEL:
                raise Malformed("a label of an unknown kind")
            place += 1 + length
            size += 1 + length
            if size > _MAX_NAME:
                raise Malformed("a name over 255 octets")
        if place == start:
            return tail, place + behind
        return _joined(octets[start:place], tail, tail.pointers), place + behind

    def _target(self, place: int) -> Name:
        """Return the name that the pointer at a place leads to, remembering the way."""
        octets, known = self._octets, self._known
        way: list[tuple[int, int]] = []  # labels and pointers: start and, for a label, stop
        pointers = 0
        name = _ROOT
        while length := octets[place]:
            if place in known:
                name = known[place]
                break
            if length >= _POINTER:
                pointers += 1
                way.append((place, place))
                target = (length & 0x3F) << 8 | octets[place + 1]
                if target >= place or pointers > _MAX_POINTERS:
                    raise Malformed("pointers that lead forwards, or nowhere")
                place = target
            elif length > _MAX_LABEL:
                raise Malformed("a label of an unknown kind")
            else:
                way.append((place, place + 1 + length))
                place += 1 + length
            if len(way) > _MAX_NAME:
                raise Malformed("a name over 255 octets")
        for start, stop in reversed(way):
            if start == stop:
                name = _joined(b"", name, name.pointers + 1)
            else:
                name = _joined(octets[start:stop], name, name.pointers)
            known[start] = name
        return name


def _joined(head: bytes, tail: Name, pointers: int) -> Name:
    name = Name(head, tail, pointers)
    if len(name.wire) > _MAX_NAME:
        raise Malformed("a name over 255 octets")
    if pointers > _MAX_POINTERS:
        raise Malformed("pointers that lead forwards, or nowhere")
    return name
