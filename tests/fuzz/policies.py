"""The target for policies: an assessment comes out for any octets and any answers.

A further passing signature of every author worsens nothing, and every mechanism that reports
does so in registered words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.fuzz.targets import Says, answer_of, expect, parts

from avowal.authres.model import known
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.assessment import Choice, Handling, PolicyGeneration
from avowal.policy.authentication_results import authentication_results
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.engine import Engine
from avowal.policy.evidence import EnvelopeResult, SignatureResult, candidates
from avowal.policy.survey import survey

NAME = DomainName.parse(b"example.com")
EVERYTHING = Choice(
    generations=tuple(PolicyGeneration),
    handling=Handling.FULL,
    atps=True,
    certifiers=(NAME,),
    dmarc=DmarcRules(suffixes=public_suffix_list(["com", "example"])),
)
DMARC = replace(EVERYTHING, generations=(PolicyGeneration.DMARC_2026,))


def policies(octets: bytes) -> None:
    """Octet 0: the answers.  Records (at NUL), cut, header; also a value of From."""
    (first,), around, octets = parts(octets, 1)
    resolver = Says(answer_of(first, around))
    for header in (Header.parse(octets), Header.parse(b"From:" + octets)):
        passing = [replace(signature, result="pass") for signature in candidates(header)]
        envelope = EnvelopeResult(domain=NAME, result="pass")
        found = run(Engine(header, EVERYTHING).evaluate(passing, envelope), resolver)
        "".join(map(str, found.trace))
        expect(all(map(known, authentication_results(found))), "the words are registered")
        authors = Authors.of(header)
        own = [SignatureResult(domain=domain, result="pass") for domain in authors.domains]
        without = run(Engine(header, DMARC).evaluate(), resolver).disposition
        with_own = run(Engine(header, DMARC).evaluate(own), resolver).disposition
        expect(with_own.severity <= without.severity, "a signature worsens nothing")
    run(survey(NAME), resolver)


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    for text in (b" a@example.com", b' "x, y" <a@b.example>, G: c@d.example;', b" (x"):
        yield b"\x04From:" + text + b"\r\nVBR-Info: md=example.com; mc=all; mv=example.com;\r\n"
        for record in (b"v=DMARC1; p=reject; np=none", b"o=^; t=y", b"dkim=all", b"v=ATPS1"):
            yield b"\0" + record + b"\n--\nFrom:" + text + b"\r\n"


TARGETS: dict[str, Callable[[bytes], None]] = {"policy": policies}
