"""What to do about a signature that failed: by whom, for each thing that is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from avowal.diagnose.explanation import Explanation, KeyState
from avowal.diagnose.observed import Observation
from avowal.dkim.reasons import Reason


class Party(StrEnum):
    """Who can do something."""

    AUTHOR = "author"
    LIST = "list"
    FORWARDER = "forwarder"
    RECEIVER = "receiver"


class Advice(NamedTuple):
    """What somebody should do."""

    party: Party
    text: str


_UNSIGNED = "take the message as unsigned: a failed signature is no sign of forgery (RFC 6376 §6.3)"
_SEAL = "seal with ARC before the message is changed, so that receivers see what passed (RFC 8617)"
_RESIGN = "sign with a domain of the list's own after all changes (RFC 6377 §5.7)"

_REASONS: Mapping[Reason, tuple[Advice, ...]] = MappingProxyType(
    {
        Reason.NO_KEY: (
            Advice(Party.AUTHOR, "publish the key; after a rotation leave the old one in DNS for "
                   "as long as mail is under way, a week at least"),
        ),
        Reason.KEY_REVOKED: (
            Advice(Party.AUTHOR, "sign with a key that is in use; revoke one (p= empty) only when "
                   "no mail signed with it is under way"),
        ),
        Reason.KEY_UNAVAILABLE: (
            Advice(Party.AUTHOR, "look at the name servers of the domain: they do not answer"),
            Advice(Party.RECEIVER, "try again later (RFC 6376 §6.1.2 step 2)"),
        ),
        Reason.KEY_SYNTAX: (
            Advice(Party.AUTHOR, "publish the record anew, its strings joined without anything "
                   "between them (RFC 6376 §3.6.2.2): `avowal key check` shows where it is wrong"),
        ),
        Reason.KEY_ALGORITHM: (
            Advice(Party.AUTHOR, "give each kind of key a selector of its own: k= does not fit a="),
        ),
        Reason.KEY_HASH: (Advice(Party.AUTHOR, "take h= out of the key record, or name sha256"),),
        Reason.KEY_TOO_SHORT: (
            Advice(Party.AUTHOR, "make an RSA key of 2048 bits (RFC 8301 §3.2)"),
        ),
        Reason.EXPIRED: (
            Advice(Party.AUTHOR, "set x= a week behind t=, or leave it out; mail may wait in "
                   "queues for five days (RFC 5321 §4.5.4.1)"),
        ),
        Reason.BODY_LENGTH: (
            Advice(Party.AUTHOR, "do not use l= (RFC 6376 §8.2): the body is shorter than it says"),
        ),
        Reason.UNSIGNED_CONTENT: (
            Advice(Party.AUTHOR, "do not use l= (RFC 6376 §8.2): anybody may write behind it"),
        ),
        Reason.KEY_SERVICE: (
            Advice(Party.AUTHOR, "let s= in the key record name email, or leave it out"),
        ),
        Reason.KEY_SUBDOMAIN: (
            Advice(Party.AUTHOR, "leave t=s out of the key record, or sign with i= in d= itself"),
        ),
        Reason.KEY_TESTING: (
            Advice(Party.AUTHOR, "take t=y out of the key record: testing is over"),
        ),
        Reason.KEY_TOO_LONG: (
            Advice(Party.AUTHOR, "take a key of 2048 bits: longer ones are not verified by all"),
        ),
        Reason.HISTORIC_ALGORITHM: (
            Advice(Party.AUTHOR, "sign with rsa-sha256 or ed25519-sha256 (RFC 8301 §3.1)"),
        ),
        Reason.DOMAIN_MISMATCH: (
            Advice(Party.AUTHOR, "let i= be within d=, or leave it out (RFC 6376 §3.5 i=)"),
        ),
        Reason.FROM_NOT_SIGNED: (
            Advice(Party.AUTHOR, "name From in h= (RFC 6376 §5.4)"),
        ),
        Reason.SYNTAX: (
            Advice(Party.AUTHOR, "write the signature by the grammar of RFC 6376 §3.5"),
            Advice(Party.FORWARDER, "look for what damages header fields on the way"),
        ),
        Reason.REPEATED_FIELD: (
            Advice(Party.AUTHOR, "write each field once (RFC 5322 §3.6)"),
        ),
        Reason.KEY_RECOVERED: (
            Advice(Party.RECEIVER, "a key that was found in old mail shows that an archive fits "
                   "together, not that a domain ever published it"),
        ),
        Reason.ADDED_FIELD: (
            Advice(Party.AUTHOR, "name From and Subject once more in h= than they stand there"),
        ),
    }
)  # fmt: skip

_KEYS: Mapping[KeyState, Advice] = MappingProxyType(
    {
        KeyState.OTHER: Advice(
            Party.AUTHOR,
            "compare the key that signs with the one in DNS (`avowal key check`): if they fit, "
            "something on the way damages b=",
        ),
        KeyState.LENGTH: Advice(
            Party.AUTHOR, "publish the key that signs: the one in DNS is of another size"
        ),
    }
)


def advice(explanation: Explanation) -> tuple[Advice, ...]:
    """Return what author, list, forwarder and receiver should do, each thing once."""
    return tuple(dict.fromkeys(_advice(explanation)))


def advice_of(observed: Iterable[Observation]) -> tuple[Advice, ...]:
    """Return what to do about things that were observed."""
    found = []
    for one in observed:
        if one.step.avoid:
            found.append(Advice(Party.AUTHOR, one.step.avoid))
        if one.step.owner:
            found.append(Advice(Party.FORWARDER, one.step.owner))
    return tuple(dict.fromkeys(found))


def _advice(explanation: Explanation) -> Iterator[Advice]:
    if explanation.passed:
        return
    reason = explanation.verification.reason
    if reason is not None:
        yield from _REASONS.get(reason, ())
    if explanation.key in _KEYS:
        yield _KEYS[explanation.key]
    for step in explanation.steps:
        if step.avoid:
            yield Advice(Party.AUTHOR, step.avoid)
    for step in explanation.steps:
        if step.owner:
            yield Advice(Party.LIST if step.by_lists else Party.FORWARDER, step.owner)
    if explanation.cc_order_lost:
        yield Advice(Party.AUTHOR, "do not sign Cc of mail to lists")
        yield Advice(Party.LIST, "leave Cc alone: do not take members with nodup out of it")
    if any(step.by_lists for step in explanation.steps):
        yield Advice(Party.LIST, _RESIGN)
    if explanation.steps:
        yield Advice(Party.FORWARDER, _SEAL)
    yield Advice(Party.RECEIVER, _UNSIGNED)
