"""One body pass for a signer and a verifier, and signatures over the beginning of a body."""

from __future__ import annotations

import pytest

from avowal import Intent, Rules, verify
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.signer import Signer
from avowal.dkim.verifier import Verifier
from avowal.lookup import run
from avowal.message import Message
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"s._domainkey.example.com": record_for(ED25519)})
INTENT = Intent(domain="example.com", selector="s", key=ED25519)


def signed(octets: bytes, intent: Intent) -> bytes:
    whole = Message.parse(octets)
    signer = Signer(whole.header, [intent], now=1_000)
    signer.feed(whole.body)
    return b"".join(field.raw + b"\r\n" for field in signer.finish()) + octets


def test_signer_and_verifier_share_one_hasher() -> None:
    whole = Message.parse(signed(message(), INTENT))
    hasher = BodyHasher()
    verifier = Verifier(whole.header, now=2_000, hasher=hasher)
    signer = Signer(whole.header, [INTENT], now=2_000, hasher=hasher)
    hasher.feed(whole.body)
    hasher.finish()
    assert [v.passed for v in verifier.finish(run(verifier.keys(), ZONE))] == [True]
    again = signer.finish()[0].raw + b"\r\n" + whole.octets
    assert [v.passed for v in verify(again, ZONE, now=2_000)] == [True, True]


@pytest.mark.parametrize(
    ("most", "written"),
    [
        pytest.param(5, b"l=5;", id="a-longer-body"),
        pytest.param(0, b"l=0;", id="nothing"),
        pytest.param(1000, b"l=24;", id="a-shorter-body"),
    ],
)
def test_no_more_than_the_asked_octets_are_signed(most: int, written: bytes) -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519, most_octets=most)
    octets = signed(message(), intent)
    assert written in octets.partition(b"\r\nFrom:")[0]
    rules = Rules(accept_unsigned_content=True)
    [verdict] = verify(octets, ZONE, now=2_000, rules=rules)
    assert verdict.passed
    assert verdict.evidence is not None
    assert verdict.evidence.body_octets == 24
