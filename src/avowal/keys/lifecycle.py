"""The life of a signing key: the values that rotation, stores and publishers share.

A key goes through the states of `KeyState` in their order.  One that servers stop showing
before it signs is waited for again as published; one that drains may sign again, when its
successor has to give way; one that never signed may be given up (revoked, gone).
`avowal.keys.rotation` decides every change; a store keeps what it decided; a publisher and an
observer do what it asked for and report what came of it.  No value here holds key material:
`private` says where that is.

Times are Unix seconds, spans are seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from avowal.names import DomainName, Selector, key_name
from avowal.valueclass import value


class KeyState(StrEnum):
    """Where a key is in its life."""

    PREPARED = "prepared"  # the pair is made, nothing is published
    PUBLISHED = "published"  # whoever writes the zone has it; not seen everywhere yet
    SEEN = "seen"  # every server shows it; what caches may hold against it runs out
    CANARY = "canary"  # it signs one message to ourselves, verified through DNS
    SIGNING = "signing"  # it signs mail
    DRAINING = "draining"  # it signs no more, its signatures are still under way
    REVOKED = "revoked"  # published with an empty p= (RFC 6376 §3.6.1)
    GONE = "gone"  # nothing is published any more

    @property
    def is_published(self) -> bool:
        """Whether a key record with a public key has to stand in DNS."""
        return self in _LIVE


_LIVE: Final = frozenset(
    {KeyState.PUBLISHED, KeyState.SEEN, KeyState.CANARY, KeyState.SIGNING, KeyState.DRAINING}
)


@value
class ManagedKey:
    """One key pair of a domain.

    `record` is the text of the key record, `private` where the private half is
    (``file:/path``, ``pkcs11:…``), `bits` the size of an RSA key.  `since` is when it came
    into its state, `created` when it was made.
    """

    domain: DomainName
    selector: Selector
    algorithm: str
    record: str
    private: str
    state: KeyState
    since: int
    created: int
    bits: int | None = None

    @property
    def name(self) -> str:
        """Where its record stands."""
        return key_name(self.selector, self.domain)


@value
class Sight:
    """What one server said at one time about one name.

    `record` is the text of its one TXT record, None if it has none; `problem` says why there
    is no answer to judge by (no reply, two records, a bogus signature), else None.  `ttl` is
    that of the answer, of the negative one too (RFC 2308 §5).  `authoritative` tells a
    server of the zone, or of the zone that a CNAME leads to, from a resolver.
    """

    server: str
    at: int
    authoritative: bool
    record: str | None = None
    ttl: int = 0
    problem: str | None = None


@value
class PassShare:
    """How a receiver judged one key's signatures on one day (`day` counts from 1970-01-01)."""

    domain: str
    selector: str
    receiver: str
    day: int
    passed: int
    failed: int
