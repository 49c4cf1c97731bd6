"""What a Subject may have been: without the list's tag, with Re: elsewhere, spelled anew."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from itertools import product

from avowal.diagnose.header_slots import Value
from avowal.lists.encoded_words import decode

_TAG = re.compile(rb"\[[^\]]{0,200}\]")
_REPLY = re.compile(
    rb"(?:re|r|aw|sv|vs|antw|fwd|fw|f|tr|wg|rif|res|rv|odp|ynt)(?:\[[0-9]{1,3}\])?[ \t]*+:",
    re.IGNORECASE,
)
_FOLD = re.compile(rb"\r\n[ \t]++")
_MOST_TOKENS = 12
_MOST_TAGS = 3  # tags each of which may be the list's
_MOST_FOLDS = 4
_MOST_MARKS = 3  # words that a filter may have put before a Subject
_AUTHORS = 5  # bits that it costs to take for the list's what will be the author's
_T = b"T"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def _arrangements() -> list[tuple[int, tuple[bytes, ...]]]:
    """All orders of Re: and tag that lists make of one another, with their prices."""
    found: list[tuple[int, tuple[bytes, ...]]] = []
    for size in range(1, 6):
        for row in product((b"Re:", _T), repeat=size):
            doubled = sum(row[at] == row[at + 1] for at in range(size - 1))
            tags = any(row[at] == row[at + 1] == _T for at in range(size - 1))
            if b"Re:" in row and not tags:
                found.append((size + 1 + (row[0] == _T) + doubled, row))
    others: tuple[tuple[bytes, int], ...] = (
        (b"RE:", 4),
        (b"re:", 6),
        (b"Fwd:", 7),
        (b"FW:", 7),
        (b"Fw:", 7),
        (b"AW:", 7),
    )
    others += ((b"Aw:", 9), (b"SV:", 8), (b"R:", 8), (b"Antw:", 9), (b"WG:", 9), (b"RE :", 9))
    for one, price in (*others, (b"Re[2]:", 9), (b"Re :", 9), (b"VS:", 9), (b"TR:", 9)):
        rows: tuple[tuple[bytes, ...], ...] = (
            (one,),
            (one, _T),
            (one, _T, b"Re:"),
            (one, _T, one),
            (one, _T, b"Re:", _T),
        )
        rows += ((one, b"Re:"), (one, one), (b"Re:", one), (b"Re:", _T, one), (_T, one))
        found += [(price + len(row) - 1, row) for row in rows]
    return sorted(found, key=lambda pair: pair[0])


_ARRANGEMENTS = _arrangements()


def tokens(subject: bytes) -> tuple[list[bytes], bytes]:
    """Return the tags and reply marks that a subject begins with, and the rest."""
    found: list[bytes] = []
    rest = subject.strip(b" \t")
    while len(found) < _MOST_TOKENS:
        match = _TAG.match(rest) or _REPLY.match(rest)
        if match is None:
            break
        found.append(match[0])
        rest = rest[match.end() :].lstrip(b" \t")
    return found, rest


def subjects(raw: bytes, tag: bytes | None, *, untagged: bool = False) -> Iterator[Value]:
    """Yield values from the value that stands there; `tag` is the list's, where it is known.

    `untagged`: the list is known to have none, so that tags are mostly the author's.
    """
    value = raw.partition(b":")[2]
    shown = value.replace(b"\r\n", b"").strip(b" \t")
    plain = list(_of_text(shown, tag))
    if untagged:
        plain = [Value(0, "", shown), *(one._replace(bits=one.bits + _AUTHORS) for one in plain)]
    yield from plain
    yield from _folds(value)
    if b"=?" in shown or not shown.isascii():
        yield from _respelled(plain)


def _of_text(shown: bytes, tag: bytes | None) -> Iterator[Value]:
    begins, rest = tokens(shown)
    tags = [at for at, token in enumerate(begins) if token.startswith(b"[")]
    known = [at for at in tags if tag is not None and begins[at].lower() == tag]
    yield Value(3 if known else 1 if tags else 0, "", shown)
    for number, at in enumerate((known or tags)[:_MOST_TAGS]):
        yield from _without(shown, begins, rest, at, 3 * number)
    words = rest.split(b" ")
    for count in range(1, min(_MOST_MARKS, len(words) - 1) + 1):  # as spam filters put there
        yield Value(4 + count, "subject-marked", _joined(begins, b" ".join(words[count:])))
    inside = _TAG.search(shown)
    if not tags and inside is not None:
        kept = shown[: inside.start()] + shown[inside.end() :].removeprefix(b" ")
        yield Value(4, "subject-tag", kept)


def _without(
    shown: bytes, begins: Sequence[bytes], rest: bytes, at: int, price: int
) -> Iterator[Value]:
    """Yield subjects without one tag, or with it and the reply marks in another order."""
    tag, others = begins[at], [*begins[:at], *begins[at + 1 :]]
    yield Value(price, "subject-tag", _joined(others, rest))
    core = [one for one in others if one.lower() != b"re:"]
    for bits, row in _ARRANGEMENTS:
        filled = [tag if one == _T else one for one in row]
        yield Value(bits, "subject-prefix", _joined([*filled, *core], rest))
        if core != others and core:
            yield Value(bits + 3, "subject-prefix", _joined([*filled, *others], rest))
    for place in range(len(others) + 1):
        moved = [*others[:place], tag, *others[place:]]
        yield Value(4, "subject-prefix", _joined(moved, rest))
        if place:
            yield Value(6, "subject-prefix", _joined([b"Re:", *moved], rest))
    if others and rest:
        yield Value(5, "subject-tag", b" ".join(others) + rest)
    start = shown.find(tag)
    if start >= 0:
        stop = start + len(tag)
        yield Value(4, "subject-tag", shown[:start] + shown[stop:])
        yield Value(5, "subject-tag", shown[:start] + shown[stop + 1 :])


def _joined(begins: Sequence[bytes], rest: bytes) -> bytes:
    return b" ".join([*begins, rest]).strip(b" ")


def _folds(value: bytes) -> Iterator[Value]:
    """Yield what the subject was where folding put white space in."""
    folds = list(_FOLD.finditer(value))
    if len(folds) > _MOST_FOLDS:
        return
    for fold in folds:
        joined = (value[: fold.start()] + value[fold.end() :]).replace(b"\r\n", b"").strip(b" \t")
        yield Value(6, "refolded", joined)
        begins, rest = tokens(joined)
        for at in [at for at, token in enumerate(begins) if token.startswith(b"[")][:2]:
            without = [*begins[:at], *begins[at + 1 :]]
            yield Value(5, "subject-tag", _joined(without, rest))


def _respelled(plain: Sequence[Value]) -> Iterator[Value]:
    """Yield other spellings of a text that is not ASCII (RFC 2047)."""
    for bits, _, octets in plain[:10]:
        text = decode(octets or b"").strip(" ")
        texts = [text]
        begins, rest = tokens(text.encode("utf-8", "replace"))
        for at in [at for at, one in enumerate(begins) if one.startswith(b"[")][:2]:
            kept = _joined([*begins[:at], *begins[at + 1 :]], rest)
            texts.append(kept.decode("utf-8", "replace"))
        for one in texts:
            for number, spelled in enumerate(encodings(one)):
                yield Value(bits + 4 + (number > 3) + (number > 8), "respelled", spelled)
        behind = rest.decode("utf-8", "replace")
        for spelled in encodings(behind) if begins else ():
            yield Value(bits + 6, "respelled", _joined(begins, spelled))


def encodings(text: str) -> Iterator[bytes]:
    """Yield how mail programs write a text: raw, as one encoded word, or word by word."""
    octets = text.encode("utf-8", "replace")
    yield octets
    words = text.split(" ")
    odd = [at for at, word in enumerate(words) if not word.isascii()]
    for charset in (b"UTF-8", b"utf-8"):
        for mark in (b"Q", b"q"):
            yield _word(charset, mark, octets)
        for mark in (b"B", b"b"):
            coded = binascii.b2a_base64(octets, newline=False)
            yield b"=?" + charset + b"?" + mark + b"?" + coded + b"?="
    for charset in (b"UTF-8", b"utf-8"):
        for mark in (b"Q", b"q"):
            yield b" ".join(
                [
                    word.encode() if word.isascii() else _word(charset, mark, _octets(word))
                    for word in words
                ]
            )
            if odd:
                middle = _word(charset, mark, _octets(" ".join(words[odd[0] : odd[-1] + 1])))
                before, behind = words[: odd[0]], words[odd[-1] + 1 :]
                yield b" ".join([*map(_octets, before), middle, *map(_octets, behind)])


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _word(charset: bytes, mark: bytes, octets: bytes) -> bytes:
    coded = b"".join(
        bytes((o,)) if o in _PLAIN else b"_" if o == 0x20 else b"=%02X" % o for o in octets
    )
    return b"=?" + charset + b"?" + mark + b"?" + coded + b"?="
