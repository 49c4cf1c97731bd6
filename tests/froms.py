"""From fields to attack with: pieces of the grammar, spliced and damaged.

`field(rng)` makes one from a seeded source; `PIECES` are what hypothesis puts together.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

EVIL, BANK = b"evil.example", b"bank.example"
DOMAINS = (EVIL, BANK, b"sub.bank.example", b"mail.evil.example", b"b\xc3\xbccher.example", b"x")
ODD = b"@<>,;:.\"()\\[]' \t=?%\x00\x0b\x0c\r\n\x1b\x7f\xff/|!"

PIECES: tuple[bytes, ...] = (
    b"a@evil.example", b"b@bank.example", b"<a@evil.example>", b"<b@bank.example>",
    b"Joe", b"Joe <a@evil.example>", b'"Bank"', b'"b@bank.example"', b'"<b@bank.example>"',
    b"(c)", b"(b@bank.example)", b"@", b"<", b">", b",", b";", b":", b".", b"..", b'"', b"(", b")",
    b"\\", b"[", b"]", b" ", b"\r\n ", b"\r", b"\n", b"\x00", b"\x0b", b"\t", b"evil.example",
    b"bank.example", b".bank.example", b".evil.example", b"[bank.example]", b"[192.0.2.1]",
    b"@evil.example:", b"<@evil.example:b@bank.example>", b"G:", b"G: a@evil.example;",
    b"=?utf-8?q?Joe?=", b"=?utf-8?q?b@bank.example?=", b'=?utf-8?q?"?=', b"=?utf-8?q?(?=",
    b"=?utf-8?q?<b=40bank.example>?=", b"b\xc3\xbccher", b"\xff", b"'", b"/", b"=", b'\\"', b"\\\\",
)  # fmt: skip


def _domain(rng: Random) -> bytes:
    return rng.choice(DOMAINS)


def _local(rng: Random) -> bytes:
    return rng.choice((b"a", b"b.c", b'"a b"', b'"b@bank.example"', b"a+b", b"'a"))


def _address(rng: Random) -> bytes:
    return _local(rng) + b"@" + _domain(rng)


def _phrase(rng: Random) -> bytes:
    words = (b"Joe", b"Inc.", b'"Joe, J."', b'"b@bank.example"', b"=?utf-8?q?J=C3=BC?=", b"(c)")
    return b" ".join(rng.choices(words, k=rng.randint(1, 3)))


def _mailbox(rng: Random) -> bytes:
    kind = rng.randrange(5)
    if kind == 0:
        return _address(rng)
    route = b"@" + _domain(rng) + b":" if kind == 1 else b""
    phrase = b"" if kind == 2 else _phrase(rng) + rng.choice((b"", b" ", b"\r\n "))
    return phrase + b"<" + route + _address(rng) + b">" + (b" (c)" if kind == 3 else b"")


def _list(rng: Random) -> bytes:
    boxes = b", ".join(_mailbox(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    return b"G: " + boxes + b";" if rng.random() < 0.1 else boxes


def _insert_octet(rng: Random, value: bytes) -> bytes:
    at = rng.randint(0, len(value))
    return value[:at] + bytes([rng.choice(ODD)]) + value[at:]


def _insert_piece(rng: Random, value: bytes) -> bytes:
    at = rng.randint(0, len(value))
    return value[:at] + rng.choice(PIECES) + value[at:]


def _behind_a_domain(rng: Random, value: bytes) -> bytes:
    at = value.find(b".example")
    at = len(value) if at < 0 else at + len(b".example")
    return value[:at] + bytes([rng.choice(ODD)]) + rng.choice(PIECES) + value[at:]


def _remove(rng: Random, value: bytes) -> bytes:
    at = rng.randint(0, max(0, len(value) - 1))
    return value[:at] + value[at + rng.randint(1, 3) :]


def _splice(rng: Random, value: bytes) -> bytes:
    other = _list(rng)
    return value[: rng.randint(0, len(value))] + other[rng.randint(0, len(other)) :]


def _double(rng: Random, value: bytes) -> bytes:
    start = rng.randint(0, len(value))
    return value + value[start : start + rng.randint(1, 12)]


MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _insert_octet, _insert_piece, _behind_a_domain, _remove, _splice, _double,
)  # fmt: skip


def field(rng: Random) -> bytes:
    """Return the value of a From field, damaged up to four times."""
    value = _list(rng)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        value = rng.choice(MUTATIONS)(rng, value)
    return value
