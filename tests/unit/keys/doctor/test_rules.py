"""A fault planted for each rule of the doctor, and a clean domain that it has nothing to say of."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.servers_of_zones import World, soa

from avowal.crypto.publickey import rsa_octets
from avowal.crypto.signing import PrivateKey
from avowal.dns.zone import Zone
from avowal.keys.doctor import RULES, examine
from avowal.keys.doctor.survey import HeldKey, KeySurvey, KeyUse, survey
from avowal.keys.lifecycle import KeyState, ManagedKey, Sight
from avowal.keys.observation import Observation
from avowal.keys.records import record_text
from avowal.lookup import Answer, Failure, run
from avowal.names import DomainName, Selector
from avowal.testing import ED25519, RSA_1024, RSA_2048

DOMAIN = DomainName.parse(b"example.com")
S1 = DomainName.parse(b"s1")
NAME = "s1._domainkey.example.com"
GOOD = record_text(RSA_2048)
SIGNED: dict[str, object] = {
    "example.com": {
        "SOA": ["ns1.example.com host.example.com 1 3600 600 86400 300"],
        "DNSKEY": ["257 3 13 AAAA"],
        "DS": ["1 13 2 AA"],
    }
}
DAY = 86400


def surveyed(
    names: dict[str, object],
    *,
    selectors: tuple[Selector, ...] = (S1,),
    held: tuple[HeldKey, ...] = (),
    uses: tuple[KeyUse, ...] = (),
    domain: DomainName = DOMAIN,
    ttl: int = 3600,
    secure: bool = True,
) -> KeySurvey:
    zone = Zone({**SIGNED, **names}, ttl=ttl, secure=secure)
    stranger = DomainName.parse(b"none-1234")
    return run(survey(domain, selectors, stranger, held=held, uses=uses), zone)


def at_s1(*records: object, **options: object) -> tuple[KeySurvey, ...]:
    return (surveyed({NAME: list(records)}, **options),)  # type: ignore[arg-type]


def rsa(bits: int, e: int = 65537) -> str:
    """A record with a modulus that nobody can sign with."""
    modulus = (1 << bits - 1) + 1
    return f"v=DKIM1; k=rsa; p={base64.b64encode(rsa_octets(modulus, e)).decode()}"


def holding(key: PrivateKey) -> tuple[HeldKey, ...]:
    return (HeldKey(selector=S1, key=key, source="s1.pem"),)


def using(*names: str, newest: int | None = 100 * DAY) -> tuple[KeyUse, ...]:
    return (KeyUse(selector=S1, messages=3, identity_domains=names, newest=newest),)


def seen(*sights: Sight, **more: object) -> tuple[KeySurvey, ...]:
    one = surveyed({NAME: GOOD})
    observation = Observation(name=NAME, at=1, sights=sights, **more)  # type: ignore[arg-type]
    return (replace(one, keys=(replace(one.keys[0], seen=observation),)),)


def sight(server: str, record: str | None = GOOD, problem: str | None = None) -> Sight:
    return Sight(server=server, at=1, authoritative=True, record=record, ttl=3600, problem=problem)


def bogus() -> tuple[KeySurvey, ...]:
    one = surveyed({NAME: {"*": "SERVFAIL"}})
    return (replace(one, keys=(replace(one.keys[0], unchecked=Answer.found(GOOD.encode())),)),)


def two_uses() -> tuple[KeySurvey, ...]:
    s2 = KeyUse(selector=DomainName.parse(b"s2"), messages=9, newest=100 * DAY)
    two = {NAME: GOOD, "s2._domainkey.example.com": record_text(ED25519)}
    return (surveyed(two, uses=(s2,)),)


def other_zone() -> tuple[KeySurvey, ...]:
    other = DomainName.parse(b"example.net")
    there = {"s1._domainkey.example.net": GOOD, "example.net": SIGNED["example.com"]}
    return (*at_s1(GOOD), surveyed(there, domain=other))


def stored(state: KeyState, record: str, *records: str) -> tuple[KeySurvey, ...]:
    key = ManagedKey(
        domain=DOMAIN, selector=S1, algorithm="rsa-sha256", record=record, private="file:/k",
        state=state, since=1, created=1,
    )  # fmt: skip
    return tuple(replace(one, managed=(key,)) for one in at_s1(*(records or (GOOD,))))


def unsigned(*, with_keys: bool) -> tuple[KeySurvey, ...]:
    node: object = {"SOA": SIGNED["example.com"]["SOA"]}  # type: ignore[index]
    if with_keys:
        node = {**node, "DNSKEY": ["257 3 13 AAAA"]}  # type: ignore[dict-item]
    return (surveyed({"example.com": node, NAME: GOOD}, secure=False),)


PEM = RSA_2048.pem().decode()
BODY = "".join(PEM.splitlines()[1:-1])
SPKI = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + ED25519.public_octets).decode()
HALF = len(GOOD) // 2

PLANTED: dict[str, Callable[[], tuple[KeySurvey, ...]]] = {
    "private-key": lambda: at_s1(f"v=DKIM1; k=rsa; p={BODY}"),
    "stray-quotes": lambda: at_s1(GOOD[:200] + '" "' + GOOD[200:]),
    "zone-escapes": lambda: at_s1(GOOD.replace(";", "\\;")),
    "pem-lines": lambda: at_s1(f"v=DKIM1; p=-----BEGIN PUBLIC KEY-----{GOOD[-90:]}"),
    "letter-case": lambda: at_s1(GOOD.replace("DKIM1", "dkim1")),
    "cut": lambda: at_s1(GOOD[:255]),
    "no-key-record": lambda: at_s1("v=spf1 -all"),
    "unknown-type": lambda: at_s1(GOOD.replace("k=rsa", "k=dsa")),
    "wrong-type": lambda: at_s1(GOOD.replace("k=rsa", "k=ed25519")),
    "unreadable-key": lambda: at_s1("v=DKIM1; p=AAAA"),
    "wrapped-key": lambda: at_s1(f"v=DKIM1; k=ed25519; p={SPKI}"),
    "short-key": lambda: at_s1(rsa(512)),
    "weak-key": lambda: at_s1(record_text(RSA_1024)),
    "long-key": lambda: at_s1(rsa(4104)),
    "exponent": lambda: at_s1(rsa(2048, 3)),
    "testing": lambda: at_s1(record_text(RSA_2048, flags=["y"])),
    "hashes": lambda: at_s1(record_text(RSA_2048, hashes=["sha1"])),
    "service": lambda: at_s1(record_text(RSA_2048, services=["tlsrpt"])),
    "granularity": lambda: at_s1(GOOD.replace("k=rsa", "k=rsa; g=")),
    "line-breaks": lambda: at_s1(GOOD.replace("; ", ";\n")),
    "no-version": lambda: at_s1(GOOD.removeprefix("v=DKIM1; ")),
    "no-answer": lambda: (surveyed({NAME: {"*": "TIMEOUT"}}),),
    "no-record": lambda: (surveyed({}),),
    "dangling-cname": lambda: (surveyed({NAME: {"CNAME": ["gone.example.com"]}}),),
    "foreign-cname": lambda: (
        surveyed({NAME: {"CNAME": ["k1.esp.example"]}, "k1.esp.example": GOOD}),
    ),
    "cname-and-txt": lambda: tuple(
        replace(one, keys=(replace(one.keys[0], alias="x.example.com", beside_alias=(b"v",)),))
        for one in at_s1(GOOD)
    ),
    "several-records": lambda: at_s1(GOOD, "v=spf1 -all x=" + "; p="),
    "split-record": lambda: at_s1(GOOD[:HALF], GOOD[HALF:]),
    "wildcard": lambda: (surveyed({NAME: GOOD, "*._domainkey.example.com": "hello"}),),
    "long-ttl": lambda: at_s1(GOOD, ttl=2 * DAY),
    "large-answer": lambda: at_s1(GOOD + "; n=" + "x" * 900),
    "over-512": lambda: at_s1(rsa(4096)),
    "other-key": lambda: at_s1(GOOD, held=holding(RSA_1024)),
    "revoked-in-use": lambda: at_s1("v=DKIM1; p=", held=holding(RSA_2048)),
    "unused-selector": two_uses,
    "subdomain-identity": lambda: at_s1(
        record_text(RSA_2048, flags=["s"]), uses=using("example.com", "news.example.com")
    ),
    "store-differs": lambda: stored(KeyState.SIGNING, record_text(RSA_1024)),
    "failing": lambda: at_s1(
        GOOD, uses=(KeyUse(selector=S1, messages=60, failed=40, newest=1, learned="reports"),)
    ),
    "shared-key": other_zone,
    "ed25519-alone": lambda: at_s1(record_text(ED25519)),
    "server-lacks": lambda: seen(sight("ns1"), sight("ns2", None)),
    "servers-differ": lambda: seen(sight("ns1"), sight("ns2"), sight("ns3", record_text(RSA_1024))),
    "server-silent": lambda: seen(sight("ns1"), sight("ns2", None, "no answer: timeout")),
    "older-zone": lambda: seen(sight("ns1"), remarks=("ns2: serial 4, another server has 5",)),
    "bogus": bogus,
    "half-signed": lambda: unsigned(with_keys=True),
    "unsigned-zone": lambda: unsigned(with_keys=False),
}
# What a fault entails besides.
BESIDES: dict[str, set[str]] = {
    "private-key": {"large-answer"},
    "long-key": {"over-512"},
    "several-records": {"no-key-record"},
    "split-record": {"cut", "no-key-record"},
}


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(code: str) -> None:
    found = {finding.code for finding in examine(PLANTED[code]())}
    assert found - BESIDES.get(code, set()) == {code}


def test_each_rule_has_a_planted_fault() -> None:
    codes = [rule.code for rule in RULES]
    assert sorted(PLANTED) == sorted(set(codes)) == sorted(codes)


CLEAN = {NAME: GOOD, "s2._domainkey.example.com": record_text(ED25519)}
S2 = DomainName.parse(b"s2")


def test_of_a_clean_domain_there_is_nothing_to_say() -> None:
    held = HeldKey(selector=S2, key=ED25519, source="s2.pem")
    uses = (
        *using("example.com"),
        KeyUse(selector=S2, messages=1, identity_domains=("example.com",), newest=99 * DAY),
    )
    one = surveyed(CLEAN, held=(*holding(RSA_2048), held), uses=uses)
    world = World(
        {
            "example.com": {"NS": ["ns1.example.com"]},
            "ns1.example.com": {"A": ["192.0.2.1"]},
            **CLEAN,
        },
        {"192.0.2.1": {**CLEAN, "example.com": soa()}},
    )
    watched = [replace(key, seen=world.look(key.name)) for key in one.keys]
    assert examine((replace(one, keys=tuple(watched)),)) == ()


def codes(surveys: tuple[KeySurvey, ...]) -> set[str]:
    return {finding.code for finding in examine(surveys)}


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        pytest.param(using(), {"no-record"}, id="of late"),
        pytest.param(
            (*using(newest=50 * DAY), KeyUse(selector=S2, newest=100 * DAY)), set(), id="long ago"
        ),
        pytest.param(using(newest=None), {"no-record"}, id="who knows when"),
    ],
)
def test_a_selector_of_old_mail_was_retired_and_is_no_fault(
    uses: tuple[KeyUse, ...], expected: set[str]
) -> None:
    there = {"s2._domainkey.example.com": GOOD}
    assert codes((surveyed(there, selectors=(), uses=uses),)) == expected


def test_a_revoked_key_that_nobody_uses_is_as_it_should_be() -> None:
    assert codes(at_s1("v=DKIM1; p=")) == set()


def test_a_revoked_key_in_mail_of_late_is_in_use() -> None:
    assert codes(at_s1("v=DKIM1; p=", uses=using())) == {"revoked-in-use"}


def test_what_leads_out_of_a_zone_file_is_not_judged() -> None:
    one = surveyed({NAME: {"CNAME": ["k1.esp.example"]}})
    assert codes((replace(one, keys=(replace(one.keys[0], answer=None),)),)) == {"foreign-cname"}


def test_two_aliases_to_one_key_are_no_shared_key() -> None:
    names: dict[str, object] = {
        NAME: {"CNAME": ["k.example.com"]},
        "s2._domainkey.example.com": {"CNAME": ["k.example.com"]},
        "k.example.com": GOOD,
    }
    assert codes((surveyed(names, selectors=(S1, S2)),)) == set()


def test_a_domain_that_fails_to_answer_is_not_said_to_sign_with_ed25519_alone() -> None:
    names: dict[str, object] = {
        NAME: {"*": Failure.TIMEOUT},
        "s2._domainkey.example.com": record_text(ED25519),
    }
    assert codes((surveyed(names, selectors=(S1, S2)),)) == {"no-answer"}


@pytest.mark.parametrize(
    ("surveys", "expected"),
    [
        pytest.param(stored(KeyState.SIGNING, GOOD), set(), id="signing, and there"),
        pytest.param(stored(KeyState.DRAINING, GOOD), set(), id="draining, and there"),
        pytest.param(stored(KeyState.REVOKED, GOOD), {"store-differs"}, id="revoked, and there"),
        pytest.param(stored(KeyState.GONE, GOOD), {"store-differs"}, id="gone, and there"),
        pytest.param(
            stored(KeyState.SIGNING, GOOD, "v=DKIM1; p="), {"store-differs"}, id="signing, revoked"
        ),
        pytest.param(stored(KeyState.REVOKED, GOOD, "v=DKIM1; p="), set(), id="revoked, as it is"),
    ],
)
def test_what_is_published_is_what_the_store_says(
    surveys: tuple[KeySurvey, ...], expected: set[str]
) -> None:
    assert codes(surveys) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(KeyState.PREPARED, set(), id="prepared"),
        pytest.param(KeyState.GONE, set(), id="gone"),
        pytest.param(KeyState.SIGNING, {"no-record"}, id="signing"),
        pytest.param(KeyState.REVOKED, {"no-record"}, id="revoked"),
    ],
)
def test_a_key_of_the_store_is_missing_only_where_it_has_to_be(
    state: KeyState, expected: set[str]
) -> None:
    (there,) = stored(state, GOOD)
    assert codes((replace(surveyed({}), managed=there.managed),)) == expected
