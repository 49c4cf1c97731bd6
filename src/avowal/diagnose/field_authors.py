"""What From, Reply-To and Sender may have been before a list put itself there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from avowal.diagnose.address_words import Spelled, spelled, split_addresses
from avowal.diagnose.field_subject import encodings
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_slots import Value, unfolded
from avowal.lists.encoded_words import decode

_VIA = re.compile(rb"[ \t]++\(?via[ \t]", re.IGNORECASE)
_ESCAPED_AT = re.compile(rb"\A([^@]*+)@dmarc\.")
_ADDRESS = re.compile(rb"[^\s<>,;:\"]{1,100}@[^\s<>,;:\"]{1,200}")
_ORIGINALS = (
    b"x-original-from", b"x-mailman-original-from", b"x-mailfrom-original", b"original-from",
    b"author", b"reply-to", b"cc", b"x-reply-to",
)  # fmt: skip
_ENVELOPES = (b"return-path", b"x-mailfrom", b"x-original-sender", b"sender", b"envelope-from")


def authors(case: HeaderCase) -> Iterator[Value]:
    """Yield values of From."""
    raw = case.first(b"from")
    if raw is None:
        return
    shown = unfolded(raw)
    plain = list(_restored(case, shown))
    yield from plain
    if not shown.isascii() or b"=?" in shown:
        for bits, _, octets in plain[:4]:
            one = spelled(octets or b"")
            for coded in encodings(decode(one.name).strip(" ")):
                yield Value(bits + 4, "respelled", coded + b" <" + one.address + b">")
                yield Value(bits + 5, "respelled", b'"' + coded + b'" <' + one.address + b">")


def _restored(case: HeaderCase, shown: bytes) -> Iterator[Value]:
    one, rewritten = spelled(shown), case.rewritten
    yield Value(4 if rewritten else 0, "", shown)
    name = _VIA.split(one.name)[0].strip(b" \"'") if rewritten else one.name
    for kind, mailbox in _candidates(case):
        other = spelled(mailbox)
        if other.key in case.lists:
            continue
        if kind == b"cc" and (not rewritten or other.name.lower() != name.lower()):
            continue
        price = 0 if rewritten and kind != b"cc" else 5
        yield Value(price, "from-rewritten", mailbox)
        yield from _spellings(other, price + 1)
        yield from _spellings(other._replace(name=name), price + 1)
    if not rewritten:
        yield from _spellings(one, 4, "respelled")
        return
    escaped = _ESCAPED_AT.match(one.address)
    if escaped is not None and b"=40" in escaped[1]:
        local, _, domain = escaped[1].rpartition(b"=40")
        yield from _spellings(Spelled(name, local + b"@" + domain), 1)
    for address in case.around.by_name.get(name.lower(), ())[:5]:
        yield from _spellings(Spelled(name, address), 3)
    for kind in _ENVELOPES:
        for field in case.header.named(kind):
            for match in islice(_ADDRESS.finditer(field.value[:2000]), 3):
                address = match[0]
                if address.lower() not in case.lists:
                    yield from _spellings(Spelled(name, address), 3)


def _candidates(case: HeaderCase) -> Iterator[tuple[bytes, bytes]]:
    for kind in _ORIGINALS:
        for field in case.header.named(kind):
            for mailbox in split_addresses(field.value)[:40]:
                yield kind, mailbox


def _spellings(one: Spelled, price: float, step: str = "from-rewritten") -> Iterator[Value]:
    ways = (
        one.written(), one.written(quoted=True), one.written(quoted=False), one.address,
        b"<" + one.address + b">", one.written().replace(b" <", b"<"),
    )  # fmt: skip
    for number, octets in enumerate(dict.fromkeys(ways)):
        yield Value(price + 2 * (number > 0) + 2 * (number > 2), step, octets)


def reply_to(case: HeaderCase) -> Iterator[Value]:
    """Yield values of Reply-To: lists add it, add themselves to it, or take it out (ezmlm)."""
    raw = case.first(b"reply-to")
    yield Value(0, "field-added" if raw is not None else "", None)
    if raw is None:
        yield from _replies(case, "field-dropped")
        return
    shown = unfolded(raw)
    yield Value(1, "", shown)
    mailboxes = split_addresses(shown)
    for mailbox in mailboxes if len(mailboxes) > 1 else ():
        yield Value(3, "reply-to", mailbox)
    if len(mailboxes) == 1 and spelled(shown).key in case.lists:
        yield from _replies(case, "reply-to")


def _replies(case: HeaderCase, step: str) -> Iterator[Value]:
    """Yield the author, where replies are mostly led to, in several spellings."""
    author = case.first(b"from")
    if author is None:
        return
    shown = unfolded(author)
    one = spelled(shown)
    if one.key in case.lists:
        return
    ways = (one.address, shown, *case.around.spellings(one.key, 3), b"<" + one.address + b">",
            one.written(quoted=True))  # fmt: skip
    for number, way in enumerate(dict.fromkeys(ways)):
        yield Value(4 + 0.5 * number, step, way)


def sender(case: HeaderCase) -> Iterator[Value]:
    """Yield values of Sender."""
    raw = case.first(b"sender")
    yield Value(0, "field-added" if raw is not None else "", None)
    if raw is not None:
        yield Value(1, "", unfolded(raw))
    for kind in (b"x-original-sender", b"from"):
        other = case.first(kind)
        if other is not None and raw is not None:
            shown = unfolded(other)
            yield Value(4, "sender", shown)
            yield Value(4, "sender", spelled(shown).address)
