"""The target for the law about authors: ours against every reference reader.

Each domain that a reader shows of a From field is among ours, or nothing passes: neither DMARC
nor ADSP, whoever signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.author_law import broken_by, broken_by_header
from tests.froms import PIECES, field
from tests.fuzz.targets import expect

from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.names import DomainName
from avowal.policy import adsp
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

NAMES = ("evil.example", "bank.example")
RECORDS = {"_dmarc": "v=DMARC1; p=reject", "_adsp._domainkey": "dkim=discardable"}
ZONE = Zone({f"{prefix}.{name}": text for name in NAMES for prefix, text in RECORDS.items()})


def authors(octets: bytes) -> None:
    """The octets are the value of a From field, and a header section."""
    value = octets.replace(b"\r\n", b"\r\n ")  # a line end within a field is a fold
    broken = broken_by(value)
    expect(not broken, f"what readers show answers: {broken}")
    for header in (octets, b"From: " + octets):
        broken = broken_by_header(header)
        expect(not broken, f"what readers show of a header answers: {broken}")
    found = Authors.parse(value)
    if found.complete:
        return
    names = [*found.domains, *(DomainName.parse(name.encode()) for name in NAMES)]
    signed = [SignatureResult(domain=name, result="pass") for name in names]
    passed = run(evaluate(found, signed), ZONE).result
    expect(passed not in {PolicyResult.PASS, PolicyResult.NONE}, "DMARC lets no doubt pass")
    practised = run(adsp.evaluate(found, signed), ZONE).result
    expect(practised is not adsp.AdspResult.PASS, "ADSP lets no doubt pass")


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    yield from PIECES
    rng = Random(11)
    for _ in range(200):
        value = field(rng)
        yield value
        yield b"From\0: " + value + b"\r\nFrom: " + field(rng) + b"\r\n"


TARGETS: dict[str, Callable[[bytes], None]] = {"from": authors}
