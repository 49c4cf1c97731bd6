"""Messages of every shape that real mail has, always the same ones for the same number.

Structure first: one From, fields that a signature may cover, a body; then the oddities that
canonicalization is about.  Wire form: LF stands behind CR only.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

_BOUNDARY = b"=_frontier"
_WORDS = (b"dear", b"all", b"please", b"find", b"enclosed", b"the", b"plan", b"for", b"noon")
_OPTIONAL = (
    b"To", b"Cc", b"SUBJECT", b"date", b"Message-ID", b"Reply-To", b"In-Reply-To", b"References",
    b"MIME-Version", b"List-Id", b"X-Odd_Name.1",
)  # fmt: skip
_GAPS = (b" ", b"  ", b"\t", b" \t ", b"\r\n ", b"\r\n\t", b" \r\n\t ")


def _value(rng: random.Random) -> bytes:
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return b" " + b"x" * rng.randrange(200, 900)
    if kind == 2:
        return " Grüße aus Köln".encode()
    words = rng.choices(_WORDS, k=rng.randrange(1, 9))
    value = b" " * rng.randrange(3) + words[0]
    for word in words[1:]:
        value += rng.choice(_GAPS) + word
    return value + rng.choice((b"", b"", b" ", b"\t", b" \t"))


def _line(rng: random.Random) -> bytes:
    kind = rng.randrange(10)
    if kind == 0:
        return b""
    if kind == 1:
        return rng.choice((b" ", b"\t", b" \t  "))
    if kind == 2:
        return b"y" * rng.randrange(900, 1200)
    if kind == 3:
        return "äöü €".encode() + b" \xff\x80"
    if kind == 4:
        return b"." + b"." * rng.randrange(3)
    gap = rng.choice((b" ", b" ", b"  ", b"\t", b" \t "))
    return gap.join(rng.choices(_WORDS, k=rng.randrange(1, 12))) + rng.choice((b"", b" ", b"\t"))


def _text(rng: random.Random) -> bytes:
    lines = [_line(rng) for _ in range(rng.randrange(12))]
    body = b"".join(line + b"\r\n" for line in lines)
    trailing = rng.choice(
        (b"", b"", b"\r\n", b"\r\n\r\n\r\n", b" \r\n\t\r\n", b"no end", b"end \t")
    )
    return body + trailing


def _mime(rng: random.Random) -> bytes:
    encoded = base64.encodebytes(rng.randbytes(rng.randrange(400))).replace(b"\n", b"\r\n")
    parts = (b"Content-Type: text/plain\r\n\r\n" + _text(rng), b"\r\n" + encoded)
    body = b"".join(b"--%s\r\n%s\r\n" % (_BOUNDARY, part) for part in parts)
    return body + b"--%s--\r\n" % _BOUNDARY


_BODIES: tuple[Callable[[random.Random], bytes], ...] = (
    _text, _text, _text, _mime, lambda rng: b"", lambda rng: b"\r\n" * rng.randrange(5),
    lambda rng: b" \t\r\n" * rng.randrange(4),
)  # fmt: skip


def message(number: int) -> bytes:
    """The message of a number."""
    rng = random.Random(number)
    names = rng.sample(_OPTIONAL, k=rng.randrange(len(_OPTIONAL)))
    fields = [name + b":" + _value(rng) for name in names]
    address = rng.choice((b" Al <a@example.com>", b"\ta@example.com", b"\r\n a@example.com"))
    fields.insert(rng.randrange(len(fields) + 1), rng.choice((b"From:", b"from:")) + address)
    if rng.random() < 0.3:
        fields += [b"Received:" + _value(rng) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.3:
        fields += [b"X-Many: one", b"X-Many:  two", b"x-many:\tthree"]
    return b"".join(field + b"\r\n" for field in fields) + b"\r\n" + rng.choice(_BODIES)(rng)
