"""What is asked of every implementation beside ours, and the keys they all share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from avowal.testing import ED25519, RSA_1024, RSA_2048, record_for

DOMAIN = "example.com"
KEYS = {"rsa": RSA_2048, "short": RSA_1024, "ed": ED25519}
RECORDS: Mapping[str, str] = {
    f"{selector}._domainkey.{DOMAIN}": record_for(key) for selector, key in KEYS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One signature to be made: the selector tells the key."""

    selector: str = "rsa"
    header_canon: str = "relaxed"
    body_canon: str = "relaxed"
    names: tuple[bytes, ...] = (b"from", b"to", b"subject", b"date")
    body_length: bool = False

    @property
    def algorithm(self) -> str:
        return KEYS[self.selector].algorithm


class Peer(Protocol):
    """Another implementation.

    `verifying` and `signing` prepare a call for one message in wire form; making the call
    costs what the implementation costs.  Verdicts are one word per signature from top to
    bottom: pass, fail, or whatever the peer calls the rest.
    """

    name: str
    algorithms: frozenset[str]

    def verifying(
        self, octets: bytes, records: Mapping[str, str] = RECORDS
    ) -> Callable[[], tuple[str, ...]]: ...

    def signing(self, octets: bytes, wish: Wish) -> Callable[[], bytes]: ...
