"""Attacks on lists, on whoever signs again, and on receivers that trust sealers.

RFC 6377 §5, RFC 8617 §9: results claimed from outside, signatures that stand twice, and old
seals around new content.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.flowhosts import Host, found

import avowal
from avowal import authres
from avowal.authres import AuthenticationResults, MethodResult
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

NOW = 1_700_000_000
OUTSIDE = "192.0.2.7"
NAMES: dict[str, Any] = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
    "s._domainkey.sealer.example": record_for(ED25519),
    "m._domainkey.evil.example": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "_dmarc.bank.example": "v=DMARC1; p=reject",
}
LISTS = """
[keys.list]
domain = "lists.example"
selector = "l"
inline = "rsa"
[results]
authserv_id = "lists.example"
[[signing.resign]]
to = "bees@lists.example"
keys = ["list"]
[[signing.resign]]
sender = "bees-bounces@lists.example"
keys = ["list"]
"""
RECEIVER = """
[results]
authserv_id = "mx.receiver.example"
[arc]
verify = true
trusted_sealers = ["sealer.example"]
[actions]
disposition_reject = "reject"
"""
POST = avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()


def through_the_list(octets: bytes) -> bytes:
    """A post as it arrives at the list, and then as list software sends it."""
    host = Host(LISTS, NAMES)
    arrived = host.takes(octets, OUTSIDE, recipients=(b"bees@lists.example",))
    return host.takes(arrived, "127.0.0.1", b"bees-bounces@lists.example")


def verdicts(octets: bytes) -> list[tuple[str | None, str]]:
    return [(v.domain, str(v.result)) for v in avowal.verify(octets, Zone(NAMES), now=NOW)]


# -- results from outside, inside the list -------------------------------------------------

CLAIMS = [
    pytest.param(b" lists.example; dkim=pass header.d=bank.example", id="plain"),
    pytest.param(b" LISTS.Example; dkim=pass header.d=bank.example", id="case"),
    pytest.param(b' (hi) "lists.example" 1; dkim=pass header.d=bank.example', id="disguised"),
    pytest.param(b"\r\n\tlists.example\r\n\t; dkim=pass header.d=bank.example", id="folded"),
]


@pytest.mark.parametrize("below", [False, True], ids=["on-top", "below-the-signature"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_list_never_signs_what_a_stranger_claims_it_found(claim: bytes, below: bool) -> None:
    field = b"Authentication-Results:" + claim + b"\r\n"
    octets = POST.replace(b"\r\nFrom:", b"\r\n" + field + b"From:", 1) if below else field + POST
    sent = through_the_list(octets)
    assert b"bank.example" not in sent
    assert [r.value("header.d") for r in found(sent, "lists.example")["dkim"]] == ["example.com"]
    assert ("lists.example", "pass") in verdicts(sent)


def test_the_record_of_a_list_cannot_be_changed_under_its_signature_whatever_stands_below() -> None:
    """Fields are signed bottom up: a foreign field below must not be covered in its place."""
    foreign = b"Authentication-Results: mx.other.example; spf=pass\r\n"
    sent = through_the_list(foreign + POST)
    assert verdicts(sent)[0] == ("lists.example", "pass")
    forged = sent.replace(b"dkim=pass", b"dkim=fail", 1)
    assert forged != sent
    assert verdicts(forged)[0] == ("lists.example", "fail")


def test_results_of_others_survive_a_list_as_theirs_alone() -> None:
    foreign = b"Authentication-Results: mx.other.example; dkim=pass header.d=bank.example\r\n"
    sent = through_the_list(foreign + POST)
    reading = authres.read(sent, trusted={"lists.example"})
    assert {r.value("header.d") for r in reading.named("dkim")} == {"example.com"}


@pytest.mark.parametrize("role", ["both", "sign"])
def test_a_user_who_logs_in_cannot_have_results_signed_in_the_list_s_name(role: str) -> None:
    claim = b"Authentication-Results: lists.example; dkim=pass header.d=bank.example\r\n"
    sent = Host(LISTS, NAMES).takes(
        claim + POST, OUTSIDE, b"bees-bounces@lists.example", auth="mallory", role=role
    )
    assert ("lists.example", "pass") in verdicts(sent)
    assert b"bank.example" not in sent


# -- signatures that stand twice -----------------------------------------------------------


def test_after_many_rounds_each_signer_stands_once() -> None:
    sent = POST
    for _ in range(3):
        sent = through_the_list(sent)
    assert verdicts(sent) == [("lists.example", "pass"), ("example.com", "pass")]


@pytest.mark.parametrize(
    "names", [b"d=lists.example; s=l", b"d=Lists.EXAMPLE; s=L"], ids=["as-written", "in-capitals"]
)
def test_forged_signatures_in_the_list_s_name_do_not_stay_beside_the_true_one(names: bytes) -> None:
    forged = b"DKIM-Signature: v=1; a=rsa-sha256; %s; h=from; bh=AAAA; b=AAAA\r\n" % names
    sent = through_the_list(forged * 5 + POST)
    assert verdicts(sent) == [("lists.example", "pass"), ("example.com", "pass")]


# -- old seals around new content ----------------------------------------------------------


def sealed(
    octets: bytes,
    domain: str = "sealer.example",
    selector: str = "s",
    *,
    pretending: bytes | None = None,
) -> bytes:
    """A message as a sealer passes it on, who says it saw Alice pass DMARC.

    It seals as if `pretending` had arrived.
    """
    saw = MethodResult("dmarc", "pass", properties=(("header.from", "example.com"),))
    zone = Zone(NAMES)
    return avowal.seal(
        octets, zone, authserv_id=domain, domain=domain, selector=selector, key=ED25519,
        results=AuthenticationResults(domain, (saw,)), now=NOW,
        arrived=None if pretending is None else avowal.verify_chain(pretending, zone, now=NOW),
    ) + octets  # fmt: skip


TRUE = sealed(message())


def refused(octets: bytes) -> bool:
    return Host(RECEIVER, NAMES).refuses(octets, OUTSIDE, b"x@evil.example")


def set_of(octets: bytes) -> bytes:
    return octets[: octets.index(b"\r\nFrom:") + 2]


def test_a_true_seal_of_a_trusted_sealer_is_what_the_attacks_below_are_measured_by() -> None:
    assert not refused(TRUE)


BANK = message().replace(b"alice@example.com", b"alice@bank.example")
ATTACKS = [
    pytest.param(message(), id="no seal"),
    pytest.param(tamper(TRUE), id="another body under an old seal"),
    pytest.param(set_of(TRUE) + message("Buy now!\r\n"), id="a set copied to another message"),
    pytest.param(
        TRUE.replace(b"From: ", b"From: Boss <boss@example.com>\r\nFrom: ", 1),
        id="another From above the sealed one",
    ),
    pytest.param(
        TRUE.replace(b"\r\n\r\n", b"\r\nFrom: Boss <boss@example.com>\r\n\r\n", 1),
        id="another From below the sealed one",
    ),
    pytest.param(sealed(message(), "evil.example", "m"), id="a chain of one's own"),
    pytest.param(
        sealed(tamper(TRUE), "evil.example", "m", pretending=TRUE), id="a broken chain continued"
    ),
    pytest.param(sealed(TRUE, "evil.example", "m"), id="a trusted set below one's own"),
    pytest.param(
        sealed(sealed(message(), "evil.example", "m")), id="one's own set below a trusted one"
    ),
    pytest.param(sealed(BANK), id="a result for another author"),
    pytest.param(TRUE.replace(b"dmarc=pass", b"dmarc=fail"), id="a result that was changed"),
    pytest.param(TRUE.replace(b"cv=none", b"cv=pass"), id="a status changed"),
]


@pytest.mark.parametrize("octets", ATTACKS)
def test_an_old_seal_or_a_strange_one_does_not_override_the_author_s_policy(octets: bytes) -> None:
    assert refused(octets)
