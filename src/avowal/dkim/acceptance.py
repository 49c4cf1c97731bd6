"""The checks around a signature that need no key: structure first, then the rules.

Each check is a function (signature, header, rules, now) -> (reason, detail) or None;
two tables put them in the order of RFC 6376 §6.1.1.  `BEFORE_KEY` spares the look-up;
`AFTER_MATCH` judges a signature that verifies, so that what is forged reads as forged
and not as a matter of taste.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS, AlgorithmStatus
from avowal.dkim.query import QUERY_METHODS
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Problem, Rules
from avowal.dkim.signature import Signature
from avowal.message import Header
from avowal.text import lasting

Check: TypeAlias = Callable[[Signature, Header, Rules, int | None], Problem | None]


def first_problem(
    checks: tuple[Check, ...], signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    """Return what the first failing check says."""
    for check in checks:
        problem = check(signature, header, rules, now)
        if problem is not None:
            return problem
    return None


def _identity(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    identity = signature.identity
    if identity is None or identity.domain.is_within(signature.domain):
        return None
    return Reason.DOMAIN_MISMATCH, f"i={identity}, d={signature.domain}"


def _from_signed(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    return None if b"from" in signature.signed_names else (Reason.FROM_NOT_SIGNED, None)


def _methods_known(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    if signature.algorithm not in ALGORITHMS:
        return Reason.ALGORITHM, f"a={signature.algorithm}"
    if signature.header_canon not in HEADER_FORMS or signature.body_canon not in BODY_FORMS:
        return Reason.CANONICALIZATION, f"c={signature.header_canon}/{signature.body_canon}"
    if QUERY_METHODS.keys().isdisjoint(signature.query_methods):
        return Reason.QUERY, f"q={':'.join(signature.query_methods)}"
    return None


def _times(signature: Signature, header: Header, rules: Rules, now: int | None) -> Problem | None:
    if now is None:
        return None
    expiration, timestamp = signature.expiration, signature.timestamp
    if rules.check_expiration and expiration is not None and now > expiration + rules.clock_skew:
        return Reason.EXPIRED, f"{lasting(now - expiration)} ago"
    if timestamp is None:
        return None
    if rules.refuse_future and timestamp > now + rules.clock_skew:
        return Reason.FUTURE, f"{lasting(timestamp - now)} from now"
    if rules.max_age is not None and now > timestamp + rules.max_age + rules.clock_skew:
        return Reason.TOO_OLD, f"{lasting(now - timestamp)}, {lasting(rules.max_age)} are accepted"
    return None


def _domain(signature: Signature, header: Header, rules: Rules, now: int | None) -> Problem | None:
    name = signature.domain.ascii
    if "." not in name and not rules.accept_single_label:
        return Reason.UNACCEPTABLE_DOMAIN, f"d={name} is a single label"
    if name in rules.unacceptable_domains:
        return Reason.UNACCEPTABLE_DOMAIN, f"d={name}"
    return None


def _required_fields(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    for name in rules.required_fields:
        if name in header.positions and name not in signature.signed_names:
            return Reason.REQUIRED_FIELD, name.decode()
    return None


def _added_fields(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    signed, positions = signature.signed_names, header.positions
    for name in rules.sole_fields & header.repeated:
        present = positions[name]
        if name in signed and len(present) > signed.count(name) and _differ(header, present):
            return Reason.ADDED_FIELD, f"{len(present)} {name.decode()} fields"
    if rules.refuse_several_from and len(positions.get(b"from", ())) > 1:
        return Reason.ADDED_FIELD, "several From fields"
    return None


def _repeated_fields(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    """Which of several is shown differs from reader to reader (RFC 6376 §8.15).

    Copies, as some gateways make them, are let be: they show the same.
    """
    for name in sorted(rules.once_fields & header.repeated):
        present = header.positions[name]
        unsigned = len(present) > signature.signed_names.count(name)
        if unsigned and _differ(header, present):
            return Reason.REPEATED_FIELD, f"{len(present)} {name.decode()} fields"
    return None


def _differ(header: Header, places: list[int]) -> bool:
    """Whether fields of one name differ in their relaxed form (RFC 6376 §3.4.2)."""
    relaxed = HEADER_FORMS["relaxed"]
    return len({relaxed(header.raws[place], header.colons[place]) for place in places}) > 1


def _historic(
    signature: Signature, header: Header, rules: Rules, now: int | None
) -> Problem | None:
    historic = ALGORITHMS[signature.algorithm].status is AlgorithmStatus.HISTORIC
    if historic and not rules.accept_historic:
        return Reason.HISTORIC_ALGORITHM, f"a={signature.algorithm}"
    return None


def unsigned_content(rules: Rules, signed: int, whole: int) -> Problem | None:
    """Judge a body of `whole` canonical octets of which l= covers `signed` (RFC 6376 §8.2)."""
    if not (rules.accept_unsigned_content or rules.limits_unsigned_content):
        return Reason.UNSIGNED_CONTENT, f"l={signed}"
    if rules.min_signed_octets is not None and signed < min(rules.min_signed_octets, whole):
        return Reason.UNSIGNED_CONTENT, f"only {signed} octets of the body are signed"
    if rules.min_signed_percent is not None and signed * 100 < rules.min_signed_percent * whole:
        return Reason.UNSIGNED_CONTENT, f"only {signed * 100 // whole} % of the body are signed"
    if rules.max_unsigned_octets is not None and whole - signed > rules.max_unsigned_octets:
        return Reason.UNSIGNED_CONTENT, f"{whole - signed} octets of the body are not signed"
    return None


BEFORE_KEY: tuple[Check, ...] = (
    _identity,
    _from_signed,
    _methods_known,
    _times,
    _domain,
    _required_fields,
)
AFTER_MATCH: tuple[Check, ...] = (_historic, _added_fields, _repeated_fields)
