"""What a fixed corpus comes out as, one line per reader: the same on every interpreter.

`python -m tests.outcomes` prints for each reader how many inputs it was given and a digest of
what they came out as; `python -m tests.outcomes READER` prints each input with its outcome, for a
`diff` between two interpreters.  The corpus is every vector, every seed of the fuzz targets with
some mutations, and for each grammar random strings of the tokens that matter to it.
`scripts/interpreters compare` runs this on each interpreter of the machine.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tests.fuzz.seeds import TARGETS, seeds
from tests.test_vectors import VECTORS, Vector, said

from avowal import KeyRecord, Signature, verify
from avowal.arc.fields import read_field, split_instance
from avowal.authres import grammar
from avowal.authres.model import AuthenticationResults, MethodResult
from avowal.authres.writer import write
from avowal.dkim.signature import read_names
from avowal.dns.zonefile import read_zone
from avowal.errors import AvowalError
from avowal.mailbox import Authors
from avowal.message import Field, Header
from avowal.names import DomainName, Identity
from avowal.policy import vbr
from avowal.policy.dmarc.record import DmarcRecord
from avowal.taglist import TagList
from avowal.tokens import scan

MADE = 3000  # random inputs for each grammar
LONGEST = 14  # tokens of one
MUTATIONS = 60  # for each target of the fuzzers


class Grammar(NamedTuple):
    """A reader, what may stand in front of and behind an input, and the tokens of inputs."""

    read: Callable[[bytes], Any]
    tokens: tuple[bytes, ...]
    before: bytes = b""
    behind: bytes = b""


_FOLDS = (b" ", b"\t", b"\r", b"\n", b"\r\n", b"\r\n ")
_QUOTING = (b'"', b"\\", b'\\"', b"\\\\", b"a", b"\x00", b"\xc3\xbc", b"\xff")
_ADDRESSING = (b"a", b'"q"', b"[1]", b"@", b".", b",", b":", b";", b"<", b">", b" ", b"a@b")
_RESULTS = (b"spf", b"=", b"pass", b".", b"x.y=", b";", b"/", b"1", b"(", b")", b"@", b"e.com")
_SIGNED = b"v=1; a=rsa-sha256; d=e.com; s=s; bh=aGFzaA==; b=c2ln; "


def _written(octets: bytes) -> bytes:
    text = octets.decode("latin-1")
    result = MethodResult("spf", "pass", None, (("smtp.mailfrom", text + "@\u00fc.example"),))
    return write(AuthenticationResults("e.com", (result,))).raw


def _signature(octets: bytes) -> Any:
    read = Signature.parse(Field.of(b"DKIM-Signature: " + octets))
    return read.signed_names, str(read.identity), read.copied_fields, read.other_tags


def _zone(octets: bytes) -> Any:
    return sorted(map(repr, read_zone(octets.decode("latin-1"), "e.com", "").items()))


GRAMMARS: dict[str, Grammar] = {
    "tokens": Grammar(scan, (*_QUOTING, *_FOLDS, b"(", b")", b"[", b"]", b"=?u?q?a?=")),
    "authors": Grammar(Authors.parse, (*_ADDRESSING, *_QUOTING[:2], b"<@a,@b.c:")),
    "authors-route": Grammar(Authors.parse, _ADDRESSING, b"x <", b":a@b>"),
    "identity": Grammar(Identity.parse, (*_QUOTING, b".", b"@", b" "), b"", b"@e.com"),
    "identity-quoted": Grammar(Identity.parse, (*_QUOTING, b" ", b"\t", b"\x7f"), b'"', b'"@e.com'),
    "domain-name": Grammar(DomainName.parse, (b"a", b".", b"-", b"_", b"\xc3\xbc", b"A", b"xn--")),
    "signed-names": Grammar(read_names, (*_FOLDS, b":", b"from", b"To", b";", b"\x00", b"a:b:")),
    "signature": Grammar(
        _signature, (*_FOLDS, b"h=", b"z=", b"i=", b"from", b":", b"|", b"=20", b"@", b";"), _SIGNED
    ),
    "tag-list": Grammar(TagList.parse, (*_FOLDS, b"a", b"b", b"=", b";", b"_", b"\x00", b"c=d;")),
    "key-record": Grammar(
        KeyRecord.parse, (*_FOLDS, b"p=", b"QUJD", b";", b"h=", b"sha256", b":", b"t=", b"k=rsa")
    ),
    "dmarc-record": Grammar(
        DmarcRecord.parse,
        (b"p=", b"reject", b";", b" ", b"rua=", b"mailto:a@b", b","),
        b"v=DMARC1;",
    ),
    "results": Grammar(grammar.parse, (*_RESULTS, *_FOLDS, b'"', b"\\"), b"e.com; "),
    "results-reason": Grammar(grammar.parse, (*_QUOTING, *_FOLDS), b'e;spf=pass reason="', b'"'),
    "results-address": Grammar(
        grammar.parse, (b"a", b".", b'"', b"@", b"/", b"=", b"\xc3\xbc"), b"e;spf=pass x.y=", b"@b"
    ),
    "results-space": Grammar(grammar.parse, (*_FOLDS, b"(a)", b"(", b"\\"), b"e;", b"none"),
    "results-written": Grammar(_written, (*_QUOTING, b".", b"@", b" ", b"(")),
    "arc-instance": Grammar(split_instance, (*_FOLDS, b"(a)", b"i", b"=", b"1", b"("), b"", b";x"),
    "arc-signature": Grammar(
        lambda octets: read_field(Field.of(b"ARC-Message-Signature: i=1; " + octets), 0),
        (*_FOLDS, b"h=", b"from", b":", b";", b"z=", b"t=1"), _SIGNED[5:],
    ),
    "vbr-record": Grammar(lambda octets: vbr.vouches(octets, "list"), (b" ", b"list", b"all")),
    "zone-file": Grammar(_zone, (*_QUOTING, b" ", b"\n", b";", b"(", b")", b"TXT ", b"\\097")),
    "header": Grammar(Header.parse, (*_FOLDS, b"a", b":", b"From: a@b\r\n", b"\r\n\r\n", b"\x00")),
}  # fmt: skip


def outcome(read: Callable[[bytes], Any], octets: bytes) -> str:
    """What an input comes out as; a fault with its place and its words."""
    try:
        return repr(read(octets))
    except (AvowalError, ValueError) as fault:
        return f"{type(fault).__name__} {getattr(fault, 'offset', '')}: {fault}"


def made(name: str, grammar_of: Grammar) -> Iterator[bytes]:
    rng = random.Random(name)
    for _ in range(MADE):
        tokens = rng.choices(grammar_of.tokens, k=rng.randrange(LONGEST))
        yield grammar_of.before + b"".join(tokens) + grammar_of.behind


def seeded(target: str) -> Iterator[bytes]:
    """The seeds of a target, and some with an octet changed."""
    inputs = list(seeds(target))
    yield from inputs
    rng = random.Random(target)
    for _ in range(MUTATIONS):
        octets = bytearray(rng.choice(inputs))
        if octets:
            octets[rng.randrange(len(octets))] = rng.randrange(256)
        yield bytes(octets)


def rows(name: str) -> Iterable[tuple[str, str]]:
    """Return the inputs of one reader and their outcomes."""
    if name == "vectors":
        for path in VECTORS:
            case = Vector(path)
            verdicts = verify(case.octets, case.zone, **case.settings)
            yield path.stem, repr((said(verdicts), [str(verdict) for verdict in verdicts]))
    elif name in GRAMMARS:
        for octets in made(name, GRAMMARS[name]):
            yield repr(octets), outcome(GRAMMARS[name].read, octets)
    else:
        target = TARGETS[name.removeprefix("fuzz-")]
        for octets in seeded(name.removeprefix("fuzz-")):
            yield repr(octets), outcome(target, octets)


READERS = ("vectors", *GRAMMARS, *(f"fuzz-{target}" for target in TARGETS))


def summary(name: str) -> str:
    digest = hashlib.sha256()
    count = 0
    for row in rows(name):
        digest.update(repr(row).encode())
        count += 1
    return f"{name} {count} {digest.hexdigest()[:32]}"


if __name__ == "__main__":
    for reader in sys.argv[1:]:
        for given, came in rows(reader):
            sys.stdout.write(f"{given} {came}\n")
    for reader in READERS if len(sys.argv) == 1 else ():
        sys.stdout.write(f"{summary(reader)}\n")
