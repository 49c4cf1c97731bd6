"""The models DKIM was designed for (RFC 5863 §6 and §7, RFC 6377): each from author to receiver.

Every host is the daemon's own flow over a configuration as operators write it; what one
sends the next one gets.  DNS is one zone for all.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.flowhosts import Host, found

from avowal.lists.modify import add_footer, tag_subject
from avowal.message import Message
from avowal.names import DomainName
from avowal.policy.atps import query_name, record
from avowal.testing import ED25519, RSA_2048, message, record_for

MSA, EDGE, LIST = "192.0.2.1", "198.51.100.1", "203.0.113.1"
ELSEWHERE = "198.51.100.66"
NAMES: dict[str, Any] = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
    "example.com": f"v=spf1 ip4:{MSA} -all",
    "lists.example": f"v=spf1 ip4:{LIST} -all",
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
KEY = '[keys.a]\ndomain = "example.com"\nselector = "a"\ninline = "ed"\n'
RECEIVER = """
[results]
authserv_id = "mx.receiver.example"
[actions]
disposition_reject = "reject"
"""
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


def host(toml: str, zone: dict[str, Any] | None = None) -> Host:
    return Host(toml, {**NAMES, **(zone or {})})


def words(octets: bytes, by: str = "mx.receiver.example") -> dict[str, list[str]]:
    return {method: [r.result for r in rs] for method, rs in found(octets, by).items()}


# -- the simple model: the MSA signs, the receiving MTA verifies ---------------------------


def test_simple_the_submission_agent_signs_and_the_receiver_verifies() -> None:
    sent = host(KEY).takes(message(), "192.0.2.99", auth="alice")
    delivered = host(RECEIVER).takes(sent, MSA)
    assert words(delivered) == {"dkim": ["pass"], "spf": ["pass"], "dmarc": ["pass"]}


def test_simple_who_did_not_authenticate_gets_no_signature() -> None:
    sent = host(KEY).takes(message(), "192.0.2.99")
    assert b"DKIM-Signature:" not in sent
    assert host(RECEIVER).refuses(sent, ELSEWHERE)


# -- with edges: the border verifies, the hosts behind it believe the border and nobody else


BORDER = '[results]\nauthserv_id = "example.net"\n'
INSIDE = f"""
[results]
authserv_id = "example.net"
trusted_hosts = ["{EDGE}"]
[policies]
spf = "trust"
[actions]
disposition_reject = "reject"
"""


def test_edges_the_results_of_the_border_arrive_inside() -> None:
    """The client is the border now; SPF, and with it DMARC, still pass."""
    at_border = host(BORDER).takes(message(), MSA)
    delivered = host(INSIDE).takes(at_border, EDGE)
    assert words(at_border, "example.net")["spf"] == ["pass"]
    assert set(words(delivered, "example.net")["spf"]) == {"pass"}
    assert set(words(delivered, "example.net")["dmarc"]) == {"pass"}


def test_edges_the_same_field_from_elsewhere_is_removed_and_not_believed() -> None:
    claim = host(BORDER).takes(message(), MSA)
    assert host(INSIDE).refuses(claim, ELSEWHERE)
    lenient = host(INSIDE.replace('"reject"', '"accept"'))
    assert "pass" not in str(words(lenient.takes(claim, ELSEWHERE), "example.net"))


def test_edges_what_a_stranger_claims_does_not_pass_the_border() -> None:
    claim = b"Authentication-Results: example.net; spf=pass smtp.mailfrom=example.com\r\n"
    at_border = host(BORDER).takes(claim + message(), ELSEWHERE)
    assert words(at_border, "example.net")["spf"] == ["fail"]
    assert host(INSIDE).refuses(at_border, EDGE)


def test_edges_the_border_signs_for_the_hosts_behind_it() -> None:
    border = host(f'{KEY}[origin]\ninternal_hosts = ["10.0.0.0/8"]\n')
    delivered = host(RECEIVER).takes(border.takes(message(), "10.1.2.3"), MSA)
    assert words(delivered)["dkim"] == ["pass"]
    assert b"DKIM-Signature:" not in border.takes(message(), ELSEWHERE)


# -- signing again: lists and forwarders ---------------------------------------------------


def signed() -> bytes:
    return host(KEY).takes(message(), "192.0.2.99", auth="alice")


def test_a_forwarder_that_signs_again_leaves_the_author_s_signature_good() -> None:
    sent = host(LISTS).takes(signed(), MSA, recipients=(b"bees@lists.example",))
    delivered = host(RECEIVER).takes(sent, LIST, b"srs@lists.example")
    domains = [r.value("header.d") for r in found(delivered)["dkim"] if r.result == "pass"]
    assert domains == ["lists.example", "example.com"]
    assert words(delivered)["dmarc"] == ["pass"]


def changed_by_the_list(octets: bytes) -> bytes:
    """What list software makes of a post that its host has verified."""
    post = Message.parse(host(LISTS).takes(octets, MSA, recipients=(b"bees@lists.example",)))
    changed = add_footer(tag_subject(post, "[bees]"), "-- \nbees").octets
    return host(LISTS).takes(changed, "127.0.0.1", b"bees-bounces@lists.example")


def test_a_list_that_changes_posts_answers_for_them_itself() -> None:
    """The list's signature passes and covers what it had verified; the author's is broken."""
    sent = changed_by_the_list(signed())
    receiver = host(RECEIVER.replace('"reject"', '"accept"'))
    delivered = receiver.takes(sent, LIST, b"bees-bounces@lists.example")
    results = {r.value("header.d"): r.result for r in found(delivered)["dkim"]}
    assert results == {"lists.example": "pass", "example.com": "fail"}
    assert words(sent, "lists.example")["dkim"] == ["pass"]
    assert [r.value("policy.dmarc") for r in found(delivered)["dmarc"]] == ["reject"]


def test_a_strict_policy_is_why_such_a_list_has_to_change_less_or_speak_for_itself() -> None:
    sent = changed_by_the_list(signed())
    assert host(RECEIVER).refuses(sent, LIST, b"bees-bounces@lists.example")
    mild = host(RECEIVER, {"_dmarc.example.com": "v=DMARC1; p=none"})
    assert mild.takes(sent, LIST, b"bees-bounces@lists.example")


def test_transit_mail_is_never_signed_in_the_author_s_name() -> None:
    """A forwarder that holds the author's key does not use it on what comes from outside."""
    sent = host(LISTS + KEY).takes(message(), ELSEWHERE, recipients=(b"bees@lists.example",))
    assert b"DKIM-Signature:" not in sent


# -- outsourced: somebody else sends, in the author's name ----------------------------------

ALIAS = {
    "esp._domainkey.example.com": {"CNAME": "example-com.keys.esp.example"},
    "example-com.keys.esp.example": record_for(RSA_2048),
}
ESP = """
[keys.customer]
domain = "example.com"
selector = "esp"
inline = "rsa"
[origin]
internal_hosts = ["10.0.0.0/8"]
"""


def test_outsourced_the_provider_signs_with_a_selector_that_the_author_delegates() -> None:
    sent = host(ESP).takes(message(), "10.0.0.7", b"bounces@esp.example")
    delivered = host(RECEIVER, ALIAS).takes(sent, ELSEWHERE, b"bounces@esp.example")
    assert [r.value("header.d") for r in found(delivered)["dkim"]] == ["example.com"]
    assert words(delivered)["dmarc"] == ["pass"]


def test_outsourced_the_provider_changes_its_key_in_its_own_zone() -> None:
    zone = {**ALIAS, "example-com.keys.esp.example": record_for(ED25519)}
    renewed = host(ESP.replace('inline = "rsa"', 'inline = "ed"'))
    sent = renewed.takes(message(), "10.0.0.7", b"bounces@esp.example")
    delivered = host(RECEIVER, zone).takes(sent, ELSEWHERE, b"bounces@esp.example")
    assert words(delivered)["dkim"] == ["pass"]


def test_outsourced_the_author_ends_the_delegation_by_taking_the_alias_away() -> None:
    sent = host(ESP).takes(message(), "10.0.0.7", b"bounces@esp.example")
    assert host(RECEIVER).refuses(sent, ELSEWHERE, b"bounces@esp.example")


THIRD_PARTY = """
[keys.esp]
domain = "esp.example"
selector = "e"
inline = "rsa"
[origin]
internal_hosts = ["10.0.0.0/8"]
[signing]
atps_domains = ["example.com"]
[[signing.rules]]
from = "*"
keys = ["esp"]
"""
ATPS_RECEIVER = """
[results]
authserv_id = "mx.receiver.example"
[policies]
generations = ["2026", "adsp"]
atps = true
"""
SIGNER, AUTHOR = DomainName.parse(b"esp.example"), DomainName.parse(b"example.com")


@pytest.mark.parametrize(
    ("authorized", "atps", "adsp"),
    [
        pytest.param({query_name(SIGNER, AUTHOR): record(SIGNER)}, "pass", "pass", id="authorized"),
        pytest.param({}, "fail", "fail", id="not authorized"),
    ],
)
def test_outsourced_a_third_party_signs_in_its_own_name_by_atps(
    authorized: dict[str, Any], atps: str, adsp: str
) -> None:
    zone = {
        "e._domainkey.esp.example": record_for(RSA_2048),
        "_adsp._domainkey.example.com": "dkim=all",
        **authorized,
    }
    sent = host(THIRD_PARTY).takes(message(), "10.0.0.7", b"bounces@esp.example")
    delivered = host(ATPS_RECEIVER, zone).takes(sent, ELSEWHERE, b"bounces@esp.example")
    results = words(delivered)
    assert [r.value("header.d") for r in found(delivered)["dkim"]] == ["esp.example"]
    assert (results["dkim"], results["dkim-atps"], results["dkim-adsp"]) == (
        ["pass"], [atps], [adsp]
    )  # fmt: skip


# -- per user: keys and identities of single users -----------------------------------------

PER_USER = """
[keys.alice]
domain = "example.com"
selector = "alice"
inline = "ed"
[keys.everybody]
domain = "example.com"
selector = "all"
inline = "rsa"
[signing]
order = "specific"
[[signing.rules]]
from = "example.com"
keys = ["everybody"]
identity = "%a"
[[signing.rules]]
from = "alice@example.com"
keys = ["alice"]
identity = "%a"
"""
USERS = {
    "alice._domainkey.example.com": record_for(ED25519),
    "all._domainkey.example.com": record_for(RSA_2048),
}


def from_user(name: str) -> bytes:
    octets = message().replace(b"Alice <alice@", f"<{name}@".encode())
    return host(PER_USER).takes(octets, "192.0.2.99", auth=name)


@pytest.mark.parametrize(("user", "selector"), [("alice", "alice"), ("bob", "all")])
def test_per_user_the_identity_names_the_user_and_the_key_is_theirs(
    user: str, selector: str
) -> None:
    delivered = host(RECEIVER, USERS).takes(from_user(user), MSA)
    (result,) = found(delivered)["dkim"]
    assert (result.result, result.value("header.i"), result.value("header.s")) == (
        "pass", f"{user}@example.com", selector
    )  # fmt: skip


@pytest.mark.parametrize(("user", "expected"), [("alice", "fail"), ("bob", "pass")])
def test_per_user_a_stolen_key_is_revoked_for_one_user_alone(user: str, expected: str) -> None:
    zone = {**USERS, "alice._domainkey.example.com": "v=DKIM1; k=ed25519; p="}
    delivered = host(RECEIVER, zone).takes(from_user(user), MSA)
    assert [r.result == "pass" for r in found(delivered)["dkim"]] == [expected == "pass"]
    assert words(delivered)["dmarc"] == ["pass"]  # by SPF


def test_per_user_an_identity_outside_the_signing_domain_does_not_pass() -> None:
    octets = from_user("alice").replace(b"i=alice@example.com", b"i=alice@example.org")
    (result,) = found(host(RECEIVER, USERS).takes(octets, MSA))["dkim"]
    assert result.result != "pass"
