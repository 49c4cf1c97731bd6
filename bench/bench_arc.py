"""Chains as a function of hops: sealing and validating, and the body passes they take.

    PYTHONPATH=src python bench/bench_arc.py [rounds]

A message of 20 kB is sealed 1 to 50 times; the time of the next seal and of validating the
whole chain is the median of rounds of process time.  Linear means: microseconds per hop do
not grow.  The body is counted as it passes the canonical form, once whatever the hops.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import avowal
from avowal.arc.verifier import ArcVerifier
from avowal.authres import AuthenticationResults, MethodResult
from avowal.canonical import BodyForm, Octets
from avowal.dkim.hashing import BodyHasher
from avowal.lookup import run
from avowal.message import Message
from avowal.testing import RSA_2048, Zone, message, record_for

NOW = 1_800_000_000
HOPS = (1, 2, 5, 10, 20, 30, 40, 49)
DOMAIN = "list.example"
ZONE = Zone({f"s._domainkey.{DOMAIN}": record_for(RSA_2048)})
FOUND = AuthenticationResults(
    DOMAIN, (MethodResult("spf", "pass", properties=(("smtp.mailfrom", "a.example"),)),)
)
BODY = b"a line of the body that says little, but says it at length\r\n" * 340


def sealed(octets: bytes, arrived: avowal.ChainVerification | None = None) -> bytes:
    return avowal.seal(
        octets, ZONE, authserv_id=DOMAIN, domain=DOMAIN, selector="s", key=RSA_2048,
        results=FOUND, arrived=arrived, now=NOW,
    )  # fmt: skip


def validated(octets: bytes) -> avowal.ChainVerification:
    return avowal.verify_chain(octets, ZONE, now=NOW)


def median(call: Callable[..., object], *arguments: object, rounds: int) -> float:
    """Microseconds of process time for one call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call(*arguments)
        times.append(time.process_time() - start)
    return statistics.median(times) * 1e6


def octets_canonicalized(octets: bytes) -> int:
    """How many octets the body forms are fed while a chain and DKIM are verified together."""
    fed = 0
    feed = BodyForm.feed

    def counting(form: BodyForm, chunk: Octets) -> None:
        nonlocal fed
        fed += len(chunk)
        feed(form, chunk)

    parsed = Message.parse(octets)
    hasher = BodyHasher()
    arc = ArcVerifier(parsed.header, now=NOW, hasher=hasher)
    dkim = avowal.Verifier(parsed.header, now=NOW, hasher=hasher)
    BodyForm.feed = counting  # type: ignore[method-assign]
    try:
        hasher.feed(parsed.body)
        hasher.finish()
    finally:
        BodyForm.feed = feed  # type: ignore[method-assign]
    assert arc.finish(run(arc.keys(), ZONE)).passed
    dkim.finish(run(dkim.keys(), ZONE))
    return fed


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    octets = message(BODY)
    print(f"{len(octets)} octets, RSA-2048, one key for all hops, {rounds} rounds")
    print("hops   validate us   per hop   seal us   body passes")
    hops = 0
    for wanted in HOPS:
        while hops < wanted:
            octets = sealed(octets) + octets
            hops += 1
        arrived = validated(octets)
        assert arrived.passed, arrived.explanation
        validate = median(validated, octets, rounds=rounds)
        seal = median(sealed, octets, arrived, rounds=rounds)
        passes = octets_canonicalized(octets) / len(BODY)
        print(f"{hops:4} {validate:13.0f} {validate / hops:9.0f} {seal:9.0f} {passes:13.2f}")


if __name__ == "__main__":
    main()
