"""The law of lists: what we let through, we ourselves never judge suspicious.

For every generation of policy, whoever signed the post, whether the author's signature survives
what the list does: what `list advise` calls harmless, what `list pipe --refuse` writes and what
the daemon accepts under strict actions is evaluated, as it leaves, by all generations.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest
from tests.unit.flow.conftest import Site, load

import avowal
from avowal.calls.examine import examine
from avowal.cli.list_work import ListWork, refusal
from avowal.cli.post import found_of, posted
from avowal.config.toml import parse
from avowal.dkim.intent import Intent
from avowal.dns.drivers import Wait, drive
from avowal.examine.findings import Receiver, Want
from avowal.flow.actions import FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.lists.advice import Act, Habits, advise, expected
from avowal.lists.author import Rewriting
from avowal.lists.resign import Resigner
from avowal.message import Message
from avowal.names import DomainName
from avowal.policy.assessment import Choice, PolicyGeneration
from avowal.policy.practices import Standing
from avowal.policy.spf import SpfRequest
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

NOW = 1_700_000_000
LIST = DomainName.parse(b"lists.example")
BASE: dict[str, Any] = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
    "o._domainkey.other.example": record_for(ED25519),
    "example.com": {"MX": ["10 mx.example.com"]},
    "lists.example": {"MX": ["10 mx.lists.example"]},
}
POLICIES: dict[str, dict[str, str]] = {
    "none": {},
    "DMARC none": {"_dmarc.example.com": "v=DMARC1; p=none"},
    "DMARC quarantine": {"_dmarc.example.com": "v=DMARC1; p=quarantine"},
    "DMARC reject": {"_dmarc.example.com": "v=DMARC1; p=reject"},
    "DMARC reject, strict": {"_dmarc.example.com": "v=DMARC1; p=reject; adkim=s"},
    "ADSP unknown": {"_adsp._domainkey.example.com": "dkim=unknown"},
    "ADSP all": {"_adsp._domainkey.example.com": "dkim=all"},
    "ADSP discardable": {"_adsp._domainkey.example.com": "dkim=discardable"},
    "ADSP all, with ATPS for another": {
        "_adsp._domainkey.example.com": "dkim=all",
        "other.example._atps.example.com": "v=ATPS1",
    },
    "SSP 2007 all": {"_ssp._domainkey.example.com": "dkim=all"},
    "SSP 2007 strict": {"_ssp._domainkey.example.com": "dkim=strict"},
    "SSP 2005 strong": {"_policy._domainkey.example.com": "o=-"},
    "SSP 2005 exclusive": {"_policy._domainkey.example.com": "o=!"},
    "SSP 2005 never": {"_policy._domainkey.example.com": "o=."},
    "SSP 2005 weak": {"_policy._domainkey.example.com": "o=?"},
    "all at once": {
        "_dmarc.example.com": "v=DMARC1; p=reject",
        "_adsp._domainkey.example.com": "dkim=all",
        "_ssp._domainkey.example.com": "dkim=strict",
        "_policy._domainkey.example.com": "o=!",
    },
}
SIGNERS: dict[str, tuple[dict[str, Any], ...]] = {
    "author": ({"domain": "example.com", "selector": "a", "key": ED25519},),
    "list": ({"domain": "lists.example", "selector": "l", "key": RSA_2048},),
    "both": (
        {"domain": "example.com", "selector": "a", "key": ED25519},
        {"domain": "lists.example", "selector": "l", "key": RSA_2048},
    ),
    "nobody": (),
}
CHANGES = {"survives": False, "broken": True}


@cache
def post(signers: str) -> bytes:
    octets = message()
    for options in SIGNERS[signers]:
        octets = avowal.sign(octets, now=NOW, **options) + octets
    return octets


class Case(NamedTuple):
    policy: str
    signers: str
    changes: str

    @property
    def zone(self) -> Zone:
        return Zone({**BASE, **POLICIES[self.policy]})

    @property
    def post(self) -> Message:
        return Message.parse(post(self.signers))


CASES = [
    pytest.param(Case(policy, signers, changes), id=f"{policy}-{signers}-{changes}")
    for policy in POLICIES
    for signers in SIGNERS
    for changes in CHANGES
]


EVERY = Choice(
    generations=(
        PolicyGeneration.DMARC_2026,
        PolicyGeneration.ADSP,
        PolicyGeneration.SSP_2007,
        PolicyGeneration.SSP_2005,
    ),
    atps=True,
)


def suspicious(sent: Message, zone: Zone) -> Iterator[str]:
    """Name the generations that our own evaluation finds a message suspicious by."""
    receiver = Receiver(choice=EVERY)
    want = Want.DKIM | Want.POLICIES
    found = examine(sent.header, (sent.body,), receiver, want, zone, now=NOW)
    assert found.policies is not None
    for verdict in found.policies.verdicts:
        if verdict.standing is Standing.SUSPICIOUS:
            yield f"{verdict.generation}: {verdict.why}"


def resigner() -> Resigner:
    intent = Intent(domain="lists.example", selector="l", key=RSA_2048)
    return Resigner(authserv_id="lists.example", intents=(intent,))


def work(case: Case, rewrite: Any = "auto") -> ListWork:
    changing = CHANGES[case.changes]
    return ListWork(
        tag="[bees]" if changing else None,
        footer="-- \nbees\n" if changing else None,
        rewrite=rewrite,
        rewriting=Rewriting(address=b"bees@lists.example", name="bees"),
    )


@pytest.mark.parametrize("seconds", [3.0, 0.0])
def test_all_that_is_asked_about_a_post_has_one_agenda_and_one_time(seconds: float) -> None:
    case = Case(next(iter(POLICIES)), next(iter(SIGNERS)), next(iter(CHANGES)))
    call = posted(case.post, now=NOW, signer=LIST, address=b"bees@bulk.example")
    first = next(call)
    drive(first.agenda, case.zone, seconds=first.seconds)
    assert call.send(seconds) == Wait(first.agenda, seconds)


@pytest.mark.parametrize("rewrite", ["auto", "never"])
@pytest.mark.parametrize("case", CASES)
def test_what_the_pipe_lets_through_is_not_suspicious(case: Case, rewrite: str) -> None:
    found = found_of(case.post, case.zone, now=NOW, signer=LIST)
    job = work(case, rewrite)
    changed, given = job.considered(case.post, found, resigner(), now=NOW)
    if refusal(found, given, refuse=True, require=False) is None:
        sent = job.sent(changed, given, found, resigner(), now=NOW)
        assert list(suspicious(sent, case.zone)) == []


@pytest.mark.parametrize("case", CASES)
def test_what_is_called_harmless_is_not_suspicious(case: Case) -> None:
    found = found_of(case.post, case.zone, now=NOW, signer=LIST)
    habits = Habits(subject_tag=CHANGES[case.changes], footer=CHANGES[case.changes])
    told = expected(found.found.dkim, habits)
    given = advise(case.post.header, found.found.dkim, habits, found.policies, seen=told)
    if given[0].act in (Act.PASS, Act.MODIFY):
        job = work(case, "never")
        changed, _ = job.considered(case.post, found, resigner(), now=NOW)
        sent = job.sent(changed, given, found, resigner(), now=NOW)
        assert list(suspicious(sent, case.zone)) == []


DAEMON = """
[results]
authserv_id = "lists.example"
[keys.list]
domain = "lists.example"
selector = "l"
inline = "rsa"
[[signing.resign]]
to = "bees@lists.example"
keys = ["list"]
[actions]
strict_author = "reject"
unauthenticated_post = "reject"
"""


@cache
def site() -> Site:
    loaded = parse(DAEMON.encode(), file="avowal.toml")
    return Site(compile_plan(loaded.configuration, loaded.places, load=load))


@pytest.mark.parametrize("case", CASES)
def test_what_the_daemon_accepts_is_not_suspicious(case: Case) -> None:
    """Whatever the list software behind it does; it signs what leaves."""
    actions = site().actions(
        case.post.octets,
        zone=case.zone,
        client="192.0.2.7",
        sender=b"alice@example.com",
        recipients=(b"bees@lists.example",),
    )
    if actions.disposition is FlowDisposition.ACCEPT:
        found = found_of(case.post, case.zone, now=NOW, signer=LIST)
        job = work(case, "never")
        changed, given = job.considered(case.post, found, resigner(), now=NOW)
        sent = job.sent(changed, given, found, resigner(), now=NOW)
        assert list(suspicious(sent, case.zone)) == []


# -- and it is no law that refuses everything ------------------------------------------------


def decision(policy: str, signers: str, changes: str, *, rewrite: str = "auto") -> Act:
    case = Case(policy, signers, changes)
    found = found_of(case.post, case.zone, now=NOW, signer=LIST)
    _, given = work(case, rewrite).considered(case.post, found, resigner(), now=NOW)
    return given[0].act


@pytest.mark.parametrize(
    ("policy", "signers", "changes", "act"),
    [
        ("ADSP unknown", "author", "broken", Act.MODIFY),
        ("ADSP all", "author", "survives", Act.PASS),
        ("ADSP all", "author", "broken", Act.REWRITE_FROM),
        ("ADSP all", "nobody", "survives", Act.HOLD),
        ("ADSP discardable", "author", "survives", Act.PASS),
        ("ADSP discardable", "author", "broken", Act.REFUSE),
        ("ADSP discardable", "nobody", "survives", Act.REFUSE),
        ("SSP 2005 exclusive", "author", "survives", Act.PASS),
        ("SSP 2005 exclusive", "author", "broken", Act.REWRITE_FROM),
        ("SSP 2005 exclusive", "list", "survives", Act.HOLD),
        ("SSP 2005 never", "author", "broken", Act.REWRITE_FROM),
        ("SSP 2005 never", "nobody", "survives", Act.REFUSE),
        ("SSP 2005 strong", "author", "broken", Act.MODIFY),
        ("SSP 2007 strict", "both", "broken", Act.REWRITE_FROM),
        ("SSP 2007 all", "author", "broken", Act.MODIFY),
        ("DMARC reject", "author", "survives", Act.PASS),
        ("DMARC reject", "author", "broken", Act.REWRITE_FROM),
        ("DMARC reject", "list", "survives", Act.REFUSE),
        ("none", "author", "broken", Act.MODIFY),
        ("none", "nobody", "broken", Act.PASS),
    ],
)
def test_the_table(policy: str, signers: str, changes: str, act: Act) -> None:
    assert decision(policy, signers, changes) is act


@pytest.mark.parametrize(("rewrite", "act"), [("auto", Act.REWRITE_FROM), ("never", Act.REFUSE)])
def test_what_the_connection_alone_showed_does_not_survive_the_list(rewrite: str, act: Act) -> None:
    """RFC 7960 §2.1: SPF speaks of the last hop; the list's is its own."""
    case = Case("DMARC reject", "nobody", "survives")
    zone = Zone({**BASE, **POLICIES[case.policy], "example.com": "v=spf1 ip4:192.0.2.7 -all"})
    request = SpfRequest(client=ip_address("192.0.2.7"), mail_from=b"a@example.com", now=NOW)
    found = found_of(case.post, zone, now=NOW, signer=LIST, request=request)
    assert found.policies[0].authenticated
    job = work(case, rewrite)
    changed, given = job.considered(case.post, found, resigner(), now=NOW)
    assert given[0].act is act
    if act is Act.REWRITE_FROM:
        sent = job.sent(changed, given, found, resigner(), now=NOW)
        assert list(suspicious(sent, zone)) == []


@pytest.mark.parametrize(
    ("policy", "act"),
    [
        pytest.param("p=reject", Act.REFUSE, id="its own signature is not aligned"),
        pytest.param("p=none", Act.REWRITE_FROM, id="it asks for nothing"),
    ],
)
def test_a_list_never_speaks_from_an_address_it_does_not_sign_for(policy: str, act: Act) -> None:
    """RFC 9989 §4.4: From at bulk.example, d=lists.example."""
    case = Case("DMARC reject", "author", "broken")
    own = {"_dmarc.bulk.example": f"v=DMARC1; {policy}", "bulk.example": {"MX": ["1 mx.example"]}}
    zone = Zone({**BASE, **POLICIES[case.policy], **own})
    found = found_of(case.post, zone, now=NOW, signer=LIST, address=b"bees@bulk.example")
    _, given = work(case).considered(case.post, found, resigner(), now=NOW)
    assert given[0].act is act


def test_a_list_under_the_author_s_organization_signs_for_it() -> None:
    """RFC 9989 §4.4.1: its own signature is aligned, so From may stay."""
    zone = Zone({**BASE, **POLICIES["DMARC reject"], "l._domainkey.lists.example.com": ""})
    case = Case("DMARC reject", "author", "broken")
    own = DomainName.parse(b"lists.example.com")
    found = found_of(case.post, zone, now=NOW, signer=own)
    _, given = work(case).considered(case.post, found, resigner(), now=NOW)
    assert given[0].act is Act.MODIFY


def test_a_list_that_cannot_speak_for_itself_refuses() -> None:
    assert decision("SSP 2005 exclusive", "author", "broken", rewrite="never") is Act.REFUSE


def test_whoever_signed_is_authenticated_whatever_policy_the_domain_has() -> None:
    """A domain with ADSP alone has no DMARC to pass."""
    case = Case("ADSP all", "author", "survives")
    (policy,) = found_of(case.post, case.zone, now=NOW).policies
    assert policy.authenticated
    assert refusal(found_of(case.post, case.zone, now=NOW), (), refuse=False, require=True) is None
