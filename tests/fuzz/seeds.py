"""Inputs to begin with: signed messages, signatures, records and names that are in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

from tests.fuzz import (
    answers,
    authors,
    claims,
    configurations,
    mailboxes,
    pages,
    pairs,
    policies,
    protocols,
    received,
    services,
    targets,
)
from tests.fuzz.targets import CUT, KEYS, NOW, PARSERS

from avowal.calls.sign import sign
from avowal.dkim.intent import Intent
from avowal.testing import ED25519, RSA_1024, RSA_2048, message, record_for

FAMILIES: tuple[ModuleType, ...] = (
    claims,
    answers,
    policies,
    protocols,
    pairs,
    authors,
    mailboxes,
    configurations,
    pages,
    services,
    received,
)
TARGETS: dict[str, Callable[[bytes], None]] = dict(targets.TARGETS)
for family in FAMILIES:
    TARGETS |= family.TARGETS

_ODD = (
    b"From: a@example.com\r\nSubject : folded\r\n\tand\t odd \r\n\r\na  b \t\r\n\r\n\r\n",
    b"From: a@example.com\nTo: b\n\nstored with LF\n",
    b"\r\nno header\r\n",
    b"no blank line\r\n x\r\nFrom: a@example.com",
    b"From: \xc3\xa9@example.com\r\nX:\r\n y\r\n \r\n\r\n\0\r\n\r\n\n\r \r\n",
)
_NAMES = (b"example.com", b"b\xc3\xbccher.example", b"_a-b.c")
_IDENTITIES = (b"@example.com", b"joe=20user@sub.example.com", b'"a b"@example.com')
_DOMAINKEYS = (
    b"DomainKey-Signature: a=rsa-sha1; s=r; d=example.com; c=nofws; q=dns; b=dGVzdA==;\r\n"
    b"From: joe@example.com\r\nSubject: x\r\n\r\nhi  there\r\n\r\n"
)


def signed() -> Iterator[bytes]:
    """Messages with signatures of many kinds."""
    text = message(b"Hi  there\t\r\n\r\nYours\r\n\r\n")
    for selector, key in KEYS.items():
        for header_canon, body_canon in (("simple", "relaxed"), ("relaxed", "simple")):
            intent = Intent(
                domain="example.com", selector=selector, key=key,
                header_canon=header_canon, body_canon=body_canon,
                identity="joe@sub.example.com", lifetime=600,
                copy_fields=selector == "e", body_length=header_canon == "simple",
            )  # fmt: skip
            yield sign(text, intent, now=NOW) + text


def records() -> Iterator[bytes]:
    for key in (ED25519, RSA_1024, RSA_2048):
        yield record_for(key).encode()
        yield record_for(key, services=("email", "*"), flags=("s", "y"), hashes=("sha1",)).encode()
    yield b"v=DKIM1; p=; g=*; n=a note"


def lists() -> Iterator[bytes]:
    """What the parsers read."""
    yield from records()
    yield from _NAMES
    yield from _IDENTITIES
    for octets in signed():
        yield octets.partition(b"\r\nFrom")[0].partition(b":")[2]
    for key in (ED25519, RSA_1024):
        yield key.pem()
        yield key.public_octets


def seeds(target: str) -> Iterator[bytes]:
    """The inputs a target begins with."""
    messages = [*signed(), *_ODD, _DOMAINKEYS]
    if target in {"verify", "domainkeys"}:
        for number, octets in enumerate(messages):
            yield bytes((2 + number % 2, number, number)) + octets
            yield bytes((0, number, number)) + b"\0".join(records()) + CUT + octets
    elif target == "sign":
        for number, octets in enumerate(messages):
            yield bytes((37 * number % 256, number % 4, number)) + octets
            names = b"example.com\0s\0a@example.com\0r"
            yield bytes((37 * number % 256, 1, number)) + names + CUT + octets
    elif target == "parsers":
        for choice in range(len(PARSERS)):
            for octets in (*lists(), *_ODD):
                yield bytes((choice,)) + octets
    elif target == "forms":
        yield from messages
    else:
        [own] = [family for family in FAMILIES if target in family.TARGETS]
        yield from own.seeds(target)
