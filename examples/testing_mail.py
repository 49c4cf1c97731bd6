"""Test a program that acts on mail: no socket, no mock, no event loop."""

import avowal
from avowal.testing import ED25519, Zone, message, record_for, tamper

ZONE = Zone(
    {
        "s1._domainkey.example.com": record_for(ED25519),
        "late._domainkey.example.com": avowal.Failure.TIMEOUT,
    }
)


def may_open_ticket(octets: bytes, resolver: avowal.Resolver) -> bool:
    """The program under test."""
    return avowal.verdict(octets, resolver).answer is avowal.Authenticity.AUTHENTIC


def signed(selector: str) -> bytes:
    return avowal.sign(message(), domain="example.com", selector=selector, key=ED25519) + message()


assert may_open_ticket(signed("s1"), ZONE)
assert not may_open_ticket(tamper(signed("s1")), ZONE)
assert not may_open_ticket(tamper(signed("s1"), "subject"), ZONE)
assert not may_open_ticket(signed("late"), ZONE)
assert not may_open_ticket(message(), ZONE)
assert "late._domainkey.example.com" in [question.name for question in ZONE.asked]
print("five facts hold")
