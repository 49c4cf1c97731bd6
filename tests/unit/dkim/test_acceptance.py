"""What a receiver accepts is one decision: every rule holds for every kind of signature.

Each rule is tried on a DKIM signature, an ARC message signature, a seal and a DomainKeys
signature that are right in everything else; where it cannot apply, `NOT_FOR` says why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.crafting import domainkeys
from tests.unit.arc.arcs import NOW

import avowal
from avowal import Reason, Rules, sign, verify, verify_chain
from avowal.arc.verdict import ChainVerification
from avowal.authres import AuthenticationResults
from avowal.dkim import acceptance
from avowal.dkim.rules import ARCHIVE
from avowal.message import Header
from avowal.names import DomainName, Identity
from avowal.testing import RSA_1024, Zone, message, record_for

NAME = "s1._domainkey.example.com"
RECORD = record_for(RSA_1024)
LENIENT = ARCHIVE.but(sole_fields=frozenset(), once_fields=frozenset())
NAMES: dict[str, Any] = {
    "domain": "example.com",
    "selector": "s1",
    "key": RSA_1024,
    "now": NOW,
    "oversigned": frozenset(),
}
MESSAGE = message(**{"x-odd": "1"})


class Case(NamedTuple):
    """Rules, why they refuse, and what differs from the message that every kind passes."""

    rules: dict[str, Any]
    reason: Reason
    record: str = RECORD
    now: int = NOW
    added: bytes = b""  # on top, once the message is signed


def signed() -> bytes:
    return sign(MESSAGE, **NAMES) + MESSAGE


def sealed() -> bytes:
    results = AuthenticationResults("mx.example.com")
    fields = avowal.seal(MESSAGE, Zone({}), authserv_id="mx.example.com", results=results, **NAMES)
    return fields + MESSAGE


def signed_as_in_2004() -> bytes:
    tags = "c=simple; d=example.com; s=s1; h=from:subject"
    fields = b"From: Alice <alice@example.com>\r\nSubject: Lunch\r\n"
    return domainkeys(MESSAGE, tags, signed=fields)


def of_signature(octets: bytes, case: Case, rules: Rules) -> Reason | None:
    (verdict,) = verify(octets, {NAME: case.record}, now=case.now, rules=rules)
    return verdict.reason


def chain(octets: bytes, case: Case, rules: Rules) -> ChainVerification:
    return verify_chain(octets, {NAME: case.record}, now=case.now, rules=rules)


class Kind(NamedTuple):
    make: Callable[[], bytes]
    reason: Callable[[bytes, Case, Rules], Reason | None]


KINDS = {
    "signature": Kind(signed, of_signature),
    "message-signature": Kind(
        sealed, lambda *arrived: chain(*arrived).message_signatures[0].reason
    ),
    "seal": Kind(sealed, lambda *arrived: chain(*arrived).seals[0].reason),
    "domainkeys": Kind(signed_as_in_2004, of_signature),
}
CASES = {
    "min_rsa_bits": Case({"min_rsa_bits": 2048}, Reason.KEY_TOO_SHORT),
    "max_rsa_bits": Case({"max_rsa_bits": 1000}, Reason.KEY_TOO_LONG),
    "accept_historic": Case({"accept_historic": False}, Reason.HISTORIC_ALGORITHM),
    "accept_drafts": Case({"accept_drafts": False}, Reason.HISTORIC_PROTOCOL),
    "accept_testing": Case({"accept_testing": False}, Reason.KEY_TESTING, RECORD + "; t=y"),
    "accept_unprotected_key": Case({"accept_unprotected_key": False}, Reason.KEY_UNPROTECTED),
    "honor_granularity": Case(
        {"honor_granularity": True}, Reason.KEY_GRANULARITY, RECORD + "; g=nobody"
    ),
    "accept_key_line_breaks": Case(
        {"accept_key_line_breaks": False}, Reason.KEY_SYNTAX, RECORD + ";\nn=x"
    ),
    "service": Case({"service": "tlsrpt"}, Reason.KEY_SERVICE, RECORD + "; s=email"),
    "require_service": Case({"require_service": True}, Reason.KEY_SERVICE),
    "required_fields": Case({"required_fields": frozenset((b"x-odd",))}, Reason.REQUIRED_FIELD),
    "sole_fields": Case(
        {"sole_fields": frozenset((b"subject",))}, Reason.ADDED_FIELD, added=b"Subject: Pay\r\n"
    ),
    "once_fields": Case(
        {"once_fields": frozenset((b"subject",))}, Reason.REPEATED_FIELD, added=b"Subject: Pay\r\n"
    ),
    "refuse_several_from": Case(
        {"refuse_several_from": True}, Reason.ADDED_FIELD, added=b"From: eve@example.net\r\n"
    ),
    "clock_skew": Case({"refuse_future": True, "clock_skew": 0}, Reason.FUTURE, now=NOW - 1),
    "refuse_future": Case({"refuse_future": True}, Reason.FUTURE, now=NOW - 1000),
    "max_age": Case({"max_age": 60}, Reason.TOO_OLD, now=NOW + 1000),
    "unacceptable_domains": Case(
        {"unacceptable_domains": frozenset(("example.com",))}, Reason.UNACCEPTABLE_DOMAIN
    ),
}
# Rules that need a signature of their own to show.
ELSEWHERE = {
    "accept_single_label": "tried on the tables below",
    "accept_ed25519_spki": "test_rules.py; DomainKeys knows RSA only",
    "check_expiration": "test_rules.py; there is no x= in a seal or in DomainKeys",
    "read_domainkeys": "test_legacy.py: without it there is no verdict",
    "accept_unsigned_content": "test_rules.py; there is no l= in a seal or in DomainKeys",
    "min_signed_octets": "the same",
    "min_signed_percent": "the same",
    "max_unsigned_octets": "the same",
    "ignore_body_length": "the same",
}
NOT_FOR = {
    ("signature", "accept_historic"): "test_rules.py: it is not rsa-sha1 here",
    ("message-signature", "accept_historic"): "it is not rsa-sha1 here",
    ("seal", "accept_historic"): "it is not rsa-sha1 here; tried on the tables below",
    ("signature", "accept_drafts"): "test_rules.py: it is no draft's here",
    ("message-signature", "accept_drafts"): "RFC 8617 knows no older form",
    ("seal", "accept_drafts"): "RFC 8617 knows no older form",
    ("seal", "required_fields"): "a seal signs no field of the message (RFC 8617 §5.1.1)",
    ("seal", "sole_fields"): "the same",
    ("seal", "once_fields"): "the same",
    ("seal", "refuse_several_from"): "the same",
    ("domainkeys", "service"): "its records have no s= (RFC 4870 §3.2.3)",
    ("domainkeys", "require_service"): "the same",
    ("domainkeys", "clock_skew"): "it has no t= (RFC 4870 §3.3)",
    ("domainkeys", "refuse_future"): "the same",
    ("domainkeys", "max_age"): "the same",
}


def test_every_rule_is_tried_or_said_to_be_tried_elsewhere() -> None:
    rules = {rule.name for rule in dataclasses.fields(Rules)}
    assert CASES.keys() | ELSEWHERE.keys() == rules
    assert not CASES.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("rule", CASES)
@pytest.mark.parametrize("name", KINDS)
def test_a_rule_holds_for_every_kind_of_signature(name: str, rule: str) -> None:
    kind, case = KINDS[name], CASES[rule]
    octets = case.added + kind.make()
    lenient = LENIENT.but(clock_skew=2000)
    applies = (name, rule) not in NOT_FOR
    if rule != "honor_granularity" or name != "domainkeys":  # there g= always counts
        assert kind.reason(octets, case, lenient) is None
    expected = case.reason if applies else None
    assert kind.reason(octets, case, LENIENT.but(**case.rules)) is expected


class Stated(NamedTuple):
    """What all kinds of signatures say."""

    domain: DomainName
    algorithm: str = "rsa-sha1"
    selector: DomainName = DomainName.parse(b"s1")
    auid: Identity = Identity(b"", DomainName.parse(b"com"))
    timestamp: int | None = None
    expiration: int | None = None
    signed_names: tuple[bytes, ...] = (b"from",)
    identity: Identity | None = None
    header_canon: str = "simple"
    body_canon: str = "simple"
    query_methods: tuple[str, ...] = ("dns/txt",)


BEFORE_KEY = (
    acceptance.BEFORE_KEY,
    acceptance.SEAL_BEFORE_KEY,
    acceptance.DOMAINKEYS_BEFORE_KEY,
)
AFTER_MATCH = (
    acceptance.AFTER_MATCH,
    acceptance.SEAL_AFTER_MATCH,
    acceptance.DOMAINKEYS_AFTER_MATCH,
)


def said(checks: Any, domain: bytes, rules: Rules) -> Reason | None:
    circumstances = acceptance.Circumstances(Header.parse(b"From: a@b.example\r\n"), rules, NOW)
    problem = acceptance.first_problem(checks, Stated(DomainName.parse(domain)), circumstances)
    return None if problem is None else problem[0]


@pytest.mark.parametrize("checks", BEFORE_KEY)
def test_a_single_label_signs_only_where_the_rules_let_it(checks: Any) -> None:
    assert said(checks, b"com", LENIENT) is Reason.UNACCEPTABLE_DOMAIN
    assert said(checks, b"com", LENIENT.but(accept_single_label=True)) is None


@pytest.mark.parametrize("checks", AFTER_MATCH)
def test_rsa_sha1_counts_only_where_the_rules_let_it(checks: Any) -> None:
    assert said(checks, b"example.com", LENIENT) is None
    strict = LENIENT.but(accept_historic=False)
    assert said(checks, b"example.com", strict) is Reason.HISTORIC_ALGORITHM


class Read(list[bytes]):
    """Fields that count how often one of them is read."""

    times = 0

    def __getitem__(self, place: Any) -> Any:
        self.times += 1
        return super().__getitem__(place)


def test_repeated_fields_are_compared_once_for_all_signatures() -> None:
    header = Header.parse(b"Subject: a\r\nSubject: b\r\nFrom: x@y.example\r\n")
    raws = Read(header.raws)
    watched = Header(raws, header.names, header.colons)
    circumstances = acceptance.Circumstances(watched, Rules(), NOW)
    signature = Stated(DomainName.parse(b"y.example"))
    for _ in range(50):
        problem = acceptance.first_problem(
            acceptance.AFTER_MATCH, signature._replace(algorithm="rsa-sha256"), circumstances
        )
        assert problem is not None
        assert problem[0] is Reason.REPEATED_FIELD
    assert raws.times == 2


ODD_NAMES = tuple(b"x-%d" % number for number in range(20))


@pytest.mark.parametrize(
    ("checks", "rule"),
    [
        pytest.param(acceptance.BEFORE_KEY, "required_fields", id="required"),
        pytest.param(acceptance.AFTER_MATCH, "sole_fields", id="added"),
        pytest.param(acceptance.AFTER_MATCH, "once_fields", id="repeated"),
    ],
)
def test_of_several_names_the_first_in_order_is_told(checks: Any, rule: str) -> None:
    """Not the first of a set, whose order differs from process to process."""
    header = Header.parse(b"".join(b"%s: 1\r\n%s: 2\r\n" % (n, n) for n in reversed(ODD_NAMES)))
    rules = LENIENT.but(**{rule: frozenset(ODD_NAMES)})
    names = (b"from", *ODD_NAMES) if rule == "sole_fields" else (b"from",)
    signature = Stated(DomainName.parse(b"sub.com"), signed_names=names)
    signature = signature._replace(auid=Identity(b"", DomainName.parse(b"sub.com")))
    problem = acceptance.first_problem(
        checks, signature, acceptance.Circumstances(header, rules, NOW)
    )
    assert problem is not None
    assert "x-0" in str(problem[1])
