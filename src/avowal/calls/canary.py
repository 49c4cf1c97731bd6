"""A message to ourselves that a new key signs before it signs anything else.

That every server shows a record proves that it is there, not that it verifies what the key
signs: the private half may be another, a token may refuse, a resolver may break the record.
So one message is signed and verified through every resolver, by the code that verifies mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from avowal.calls.sign import sign
from avowal.calls.verify import verify
from avowal.crypto.signing import SigningKey
from avowal.dkim.reasons import Result
from avowal.errors import AvowalError
from avowal.keys.observation import Named
from avowal.names import DomainName, Selector
from avowal.valueclass import value


@value
class CanaryResult:
    """What came of it: `why` is None for a pass; `temporary` where DNS gave no answer."""

    why: str | None = None
    temporary: bool = False

    @property
    def passed(self) -> bool:
        """Whether the message verified through every resolver."""
        return self.why is None


def canary(
    key: SigningKey,
    selector: Selector,
    domain: DomainName,
    resolvers: Sequence[Named],
    *,
    now: int,
) -> CanaryResult:
    """Sign a message with a key, and verify it through each resolver.

    `now` is in Unix seconds.  A key that cannot sign fails; nothing raises for DNS.
    """
    message = _message(domain, now)
    try:
        field = sign(message, domain=domain.ascii, selector=selector.ascii, key=key, now=now)
    except AvowalError as error:
        return CanaryResult(why=f"the key does not sign: {error}")
    return verified(field + message, resolvers, now)


def verified(octets: bytes, resolvers: Sequence[Named], now: int) -> CanaryResult:
    """Verify a signed message through each resolver; the first that does not pass is told."""
    if not resolvers:
        return CanaryResult(why="there is no resolver to verify through", temporary=True)
    for named in resolvers:
        (one,) = verify(octets, named.resolver, now=now)
        if one.reason is not None:
            why = f"{named.label}: {one.explanation}"
            return CanaryResult(why=why, temporary=one.result is Result.TEMPERROR)
    return CanaryResult()


def _message(domain: DomainName, now: int) -> bytes:
    author = f"postmaster@{domain.ascii}"
    lines = [
        f"From: <{author}>",
        f"To: <{author}>",
        "Subject: a new key signs this",
        f"Date: {formatdate(now)}",
        f"Message-ID: <canary.{now}@{domain.ascii}>",
        "",
        "Nobody gets this message: it is signed and verified, and then forgotten.",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")
