"""The message that a new key signs first (avowal.calls.canary)."""

from __future__ import annotations

import pytest

from avowal.calls.canary import canary
from avowal.dns.zone import Zone
from avowal.errors import PeerError
from avowal.keys.observation import Named
from avowal.keys.records import record_text
from avowal.lookup import Failure
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_2048

DOMAIN, SELECTOR = DomainName.parse(b"example.com"), DomainName.parse(b"s1")
NAME = "s1._domainkey.example.com"


def resolver(label: str, says: object) -> Named:
    return Named(label, Zone({NAME: says}))


GOOD = resolver("good", record_text(RSA_2048))


def test_a_key_that_every_resolver_shows_passes() -> None:
    assert canary(RSA_2048, SELECTOR, DOMAIN, [GOOD, GOOD], now=1000).passed


@pytest.mark.parametrize(
    ("says", "temporary"),
    [
        pytest.param(record_text(ED25519), False, id="another key"),
        pytest.param("v=DKIM1; p=", False, id="revoked"),
        pytest.param(Failure.TIMEOUT, True, id="timeout"),
    ],
)
def test_one_resolver_that_shows_another_thing_fails_it(says: object, temporary: bool) -> None:
    found = canary(RSA_2048, SELECTOR, DOMAIN, [GOOD, resolver("office", says)], now=1000)
    assert found.why is not None
    assert (found.why.partition(":")[0], found.temporary) == ("office", temporary)


def test_a_key_that_does_not_sign_fails_it() -> None:
    class Locked:
        algorithm = "rsa-sha256"
        public_octets = RSA_2048.public_octets

        def sign(self, digest: bytes, /) -> bytes:
            raise PeerError("the token is locked")

    found = canary(Locked(), SELECTOR, DOMAIN, [GOOD], now=1000)
    assert found.why == "the key does not sign: the token is locked"


def test_without_a_resolver_nothing_is_known() -> None:
    found = canary(RSA_2048, SELECTOR, DOMAIN, [], now=1000)
    assert (found.passed, found.temporary) == (False, True)
