"""Whether what stands at a selector can serve a signature (RFC 6376 §6.1.2)."""

from __future__ import annotations

from typing import Protocol

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.publickey import PublicKey, PublicKeyFault
from avowal.dkim.acceptance import Problem
from avowal.dkim.key import ForeignRecord, KeyRecord, KeyRecordFault
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Rules
from avowal.lookup import Answer, Outcome
from avowal.names import DomainName, Identity

_MAX_EXPONENT = 1 << 32  # RFC 6376 §8.13; every real key has 65537, a few 3
UNASKED = Answer(outcome=Outcome.FAILED)


class Signed(Protocol):
    """What a key has to fit: a signature of any field."""

    @property
    def algorithm(self) -> str: ...
    @property
    def domain(self) -> DomainName: ...
    @property
    def auid(self) -> Identity: ...


def no_records(name: str, answer: Answer) -> Problem | None:
    """Return why an answer holds no key record at all; None when there are some."""
    if answer.outcome is Outcome.FAILED:
        return Reason.KEY_UNAVAILABLE, answer.failure.value if answer.failure else None
    if not answer.records:
        return Reason.NO_KEY, f"{name}: {answer.outcome.value}"
    return None


def no_record(name: str, fault: KeyRecordFault) -> Problem:
    """Return why octets at a name are no key record.

    A foreign v= is discarded (RFC 6376 §3.6.1): where nothing else stands there is no key
    (§6.1.2 step 3).
    """
    if isinstance(fault, ForeignRecord):
        return Reason.NO_KEY, f"{name}: a record of something else, {fault}"
    return Reason.KEY_SYNTAX, str(fault)


def weight_of(reason: Reason | None) -> int:
    """Return how much a verdict says when a name has several records: foreign TXT says least."""
    order = (Reason.NO_KEY, Reason.KEY_SYNTAX)
    return order.index(reason) if reason in order else len(order)


def usable_key(record: KeyRecord, signed: Signed, rules: Rules) -> PublicKey | Problem:
    """Return the key of a record, or why it cannot serve this signature."""
    if record.line_breaks and not rules.accept_key_line_breaks:
        return Reason.KEY_SYNTAX, "a line break that is no fold"
    algorithm = ALGORITHMS[signed.algorithm]
    problem = record.problem_for(algorithm, rules.service)
    if problem is not None:
        return problem, None
    if rules.require_service and rules.service not in record.services:
        return Reason.KEY_SERVICE, f"s= does not name {rules.service}"
    if record.forbids_subdomains and not signed.auid.domain.same_as(signed.domain):
        return Reason.KEY_SUBDOMAIN, f"i={signed.auid}"
    if rules.honor_granularity and not record.covers(signed.auid.local_part):
        return Reason.KEY_GRANULARITY, None
    try:
        key = record.public_key(algorithm)
    except PublicKeyFault as fault:
        return Reason.KEY_SYNTAX, fault.why
    if key.form not in algorithm.key_forms and not rules.accept_ed25519_spki:
        return Reason.KEY_SYNTAX, f"the key is wrapped in {key.form}"
    if key.exponent is not None:
        if key.bits < rules.min_rsa_bits:
            return Reason.KEY_TOO_SHORT, f"{key.bits} bits"
        if key.bits > rules.max_rsa_bits:
            return Reason.KEY_TOO_LONG, f"{key.bits} bits"
        if key.exponent > _MAX_EXPONENT:
            return Reason.KEY_EXPONENT, f"{key.exponent.bit_length()} bits"
    return key
