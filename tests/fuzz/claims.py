"""The targets for what stands on top of DKIM: Authentication-Results and chains.

Reading, judging and validating raise nothing; a parser raises only its fault; what is read
can be written, and what is written is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.fuzz.targets import ED25519, NOW, Says, answer_of, dripping, expect, parts

import avowal
from avowal.arc.chain import Chain
from avowal.arc.reasons import ChainStatus
from avowal.arc.verdict import report_comment, result_of
from avowal.authres import (
    AuthenticationResults,
    MethodResult,
    PayloadFault,
    forged,
    parse,
    read,
    representable,
    write,
)
from avowal.errors import UsageError
from avowal.message import Header
from avowal.testing import Zone, message, record_for

IDS = {"mx.example.org", "bücher.example"}
ZONE = Zone({"e._domainkey.example.com": record_for(ED25519)})


def authentication_results(octets: bytes) -> None:
    """The octets are a payload, a header, and every value of a field that is written."""
    try:
        results = parse(octets)
    except PayloadFault as fault:
        expect(0 <= fault.offset <= len(octets) + 1, f"{fault} lies within the input")
    else:
        _written_again(results)
    for header in (Header.parse(octets), Header.parse(b"Authentication-Results:" + octets)):
        reading = read(header, trusted=IDS, own_hops=1)
        claims = {forgery.place for forgery in forged(header, IDS)}
        believed = {instance.place for instance in reading if instance.trusted}
        expect(believed <= claims, "what is believed is taken for a claim at the border")
        forged(header, IDS, admitted=IDS)
    text = octets.decode("utf-8", "surrogateescape")[:300]
    written = write(
        AuthenticationResults(
            text[:50],
            (
                MethodResult("dkim", "fail", text, (("header.i", text),), text),
                MethodResult("spf", "none"),
            ),
        )
    )
    header = Header.parse(written.raw)
    expect(len(header) == 1, "one field comes out")
    again = parse(written.value)
    expect([r.method for r in again.results] == ["dkim", "spf"], "two results come out")
    expect(again.results[0].value("header.i") == representable(text), "the value comes out")


def _written_again(results: AuthenticationResults) -> None:
    """What was read may hold controls and be too long for a line; written once, it stays."""
    methods = {result.method for result in results.results}
    try:
        once = parse(write(results, agreed=methods).value)
    except UsageError:  # an authserv-id longer than a line
        return
    words = [(result.method, result.result) for result in results.results]
    expect([(r.method, r.result) for r in once.results] == words, "the same results come out")
    expect(parse(write(once, agreed=methods).value) == once, "what is written stays")


def chains(octets: bytes) -> None:
    """Octet 0: the answers.  Records (at NUL), cut, message."""
    (first,), around, octets = parts(octets, 1)
    resolver = Says(answer_of(first, around))
    whole = avowal.verify_chain(octets, resolver, now=NOW)
    expect((whole.reason is None) == (whole.status is not ChainStatus.FAIL), "fail has a reason")
    expect(avowal.verify_chain(dripping(octets, first), resolver, now=NOW) == whole, "cut or whole")
    str((whole.explanation, whole.sealers, result_of(whole), report_comment(whole)))
    chain = Chain.of(Header.parse(octets))
    expect(not chain.sets or chain.sets[-1].instance == chain.highest, "sets are 1 to N")


def _sealed() -> bytes:
    octets = message()
    for _ in range(2):
        octets = (
            avowal.seal(
                octets,
                ZONE,
                authserv_id="mx.example.org",
                domain="example.com",
                selector="e",
                key=ED25519,
                now=NOW,
            )
            + octets
        )
    return octets


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the two targets begin with."""
    chained = _sealed()
    if target == "arc":
        for answer in (2, 4, 7):
            yield bytes((answer,)) + chained
        return
    yield b' mx.example.org (c \\) (d)) 1; dkim/1=pass (x) reason="a b" header.i=@a.example'
    yield b' "mx.example.org"; spf=pass smtp.mailfrom="a b"@b\xc3\xbccher.example; none=x'
    yield b" x.example; none"
    yield chained


TARGETS: dict[str, Callable[[bytes], None]] = {"authres": authentication_results, "arc": chains}
