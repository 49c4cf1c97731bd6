"""What every server says of a key's name (avowal.keys.observation, avowal.keys.differences)."""

from __future__ import annotations

import pytest
from tests.servers_of_zones import KEY, LAME, NAME, OTHER_KEY, SILENT, World, soa, two_servers

from avowal.keys.differences import differences
from avowal.keys.observation import (
    MOST_ADDRESSES,
    MOST_ALIASES,
    MOST_LABELS,
    MOST_SERVERS,
    Observation,
)
from avowal.lookup import Failure

GOOD: dict[str, object] = {NAME: KEY, "example.com": soa()}


def told(world: World) -> tuple[str, ...]:
    return differences(world.look(), KEY)


def test_servers_that_show_the_same_key_have_no_differences() -> None:
    assert told(two_servers(GOOD, GOOD)) == ()


def test_a_key_is_revoked_whatever_type_its_empty_record_names() -> None:
    revoked = GOOD | {NAME: "v=DKIM1; k=ed25519; p="}
    world = two_servers(revoked, revoked, seen=revoked[NAME])
    assert differences(world.look(), "v=DKIM1; p=") == ()


def test_each_server_and_each_resolver_is_one_sight() -> None:
    seen = two_servers(GOOD, GOOD).look()
    assert [(sight.server, sight.authoritative) for sight in seen.sights] == [
        ("ns1.example.com (192.0.2.1)", True),
        ("ns2.example.com (192.0.2.2)", True),
        ("finder", False),
    ]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        pytest.param({"example.com": soa()}, "has no record at", id="forgot the record"),
        pytest.param(GOOD | {NAME: OTHER_KEY}, "another public key", id="lies"),
        pytest.param(GOOD | {NAME: [KEY, OTHER_KEY]}, "2 TXT records", id="two records"),
        pytest.param(GOOD | {NAME: "v=DKIM1; p="}, "revoked there", id="revoked"),
        pytest.param(GOOD | {NAME: f'"{KEY}"'}, "it holds quotes", id="quotes doubled"),
        pytest.param(GOOD | {NAME: KEY.replace(";", "\\;")}, "backslashes", id="escaped"),
        pytest.param(GOOD | {NAME: KEY[:40]}, "p= is cut after 18 of 44", id="truncated"),
        pytest.param(GOOD | {NAME: "spf"}, "not a key record", id="no key record"),
        pytest.param(
            GOOD | {NAME: KEY.replace("ed25519", "rsa")}, "k=rsa where k=ed25519", id="k= differs"
        ),
        pytest.param(SILENT, "no answer: timeout", id="silent"),
        pytest.param(Failure.REFUSED, "no answer: refused", id="refuses"),
        pytest.param(LAME, "answers without authority", id="lame"),
    ],
)
def test_what_one_of_two_servers_does_otherwise_is_named(second: object, said: str) -> None:
    (sentence,) = told(two_servers(GOOD, second))
    assert sentence.startswith("ns2.example.com (192.0.2.2): ")
    assert said in sentence


def test_a_resolver_that_shows_another_key_is_named() -> None:
    assert told(two_servers(GOOD, GOOD, seen=OTHER_KEY)) == (
        "finder: another public key: the record of another key pair was published",
    )


def test_a_server_with_an_older_zone_is_remarked() -> None:
    seen = two_servers(GOOD, GOOD | {"example.com": soa(4)}).look()
    assert seen.remarks == (
        "ns2.example.com (192.0.2.2): serial 4 of example.com, another server has 5",
    )


def test_an_absence_is_remembered_as_long_as_the_zone_says_or_its_soa_lives() -> None:
    assert two_servers(GOOD, GOOD).look().negative_ttl == 120
    assert two_servers(GOOD | {"example.com": soa(minimum=9000)}, GOOD).look().negative_ttl == 300


def with_alias(target: dict[str, object], *, first: str = "k1.esp.example") -> World:
    alias: dict[str, object] = {NAME: {"CNAME": [first]}, "example.com": soa()}
    return World(
        {
            "example.com": {"NS": ["ns1.example.com"]},
            "ns1.example.com": {"A": ["192.0.2.1"]},
            "esp.example": {"NS": ["ns1.esp.example", "ns2.esp.example"]},
            "ns1.esp.example": {"A": ["192.0.2.11"]},
            "ns2.esp.example": {"A": ["192.0.2.12"]},
            NAME: {"CNAME": [first]},
            first: KEY,
        },
        {
            "192.0.2.1": alias,
            "192.0.2.11": {first: KEY, "esp.example": soa(minimum=200)},
            "192.0.2.12": target,
        },
    )


def test_the_servers_behind_an_alias_are_asked_too() -> None:
    seen = with_alias({"k1.esp.example": KEY, "esp.example": soa()}).look()
    assert [sight.record for sight in seen.sights] == [KEY] * 4
    assert seen.negative_ttl == 200


def test_a_server_behind_an_alias_that_differs_spoils_the_alias() -> None:
    sentences = differences(with_alias({"esp.example": soa()}).look(), KEY)
    assert sentences == (
        "ns1.example.com (192.0.2.1): sends to k1.esp.example, which differs",
        f"ns2.esp.example (192.0.2.12): has no record at {NAME}",
    )


def test_servers_that_send_to_different_places_are_not_whole() -> None:
    seen = two_servers(
        GOOD | {NAME: {"CNAME": ["a.example"]}}, GOOD | {NAME: {"CNAME": ["b.example"]}}
    ).look()
    assert not seen.is_whole
    assert "different targets of a CNAME: a.example, b.example" in seen.problems[0]


def test_a_family_of_addresses_that_cannot_be_reached_is_left_out() -> None:
    world = World(
        {
            "example.com": {"NS": ["ns1.example.com"]},
            "ns1.example.com": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
            NAME: KEY,
        },
        {"192.0.2.1": GOOD, "2001:db8::1": Failure.UNREACHABLE},
    )
    seen = world.look()
    assert (seen.is_whole, differences(seen, KEY)) == (True, ())
    assert seen.remarks == ("this host has no way to IPv6: not asked over it",)


def test_a_server_that_is_down_in_one_family_only_is_not_left_out() -> None:
    world = World(
        {
            "example.com": {"NS": ["ns1.example.com"]},
            "ns1.example.com": {"AAAA": ["2001:db8::1"]},
            NAME: KEY,
        },
        {"2001:db8::1": Failure.UNREACHABLE},
    )
    assert "no server reachable" in differences(world.look(), KEY)[0]


NS = "example.com"


@pytest.mark.parametrize(
    ("parents", "name", "said"),
    [
        pytest.param({}, NAME, "no zone above it has name servers", id="no zone"),
        pytest.param(
            {NS: {"NS": Failure.TIMEOUT}},
            NAME,
            "example.com: its name servers are not known",
            id="timeout",
        ),
        pytest.param(
            {NS: {"NS": [f"ns{n}.example.com" for n in range(MOST_SERVERS + 1)]}},
            NAME,
            f"more than {MOST_SERVERS} name servers",
            id="servers",
        ),
        pytest.param(
            {
                NS: {"NS": ["ns1.example.com"]},
                "ns1.example.com": {"A": [f"192.0.2.{n}" for n in range(MOST_ADDRESSES + 1)]},
            },
            NAME,
            f"more than {MOST_ADDRESSES} addresses",
            id="addresses",
        ),
        pytest.param(
            {}, ".".join("a" * (MOST_LABELS + 1)), f"more than {MOST_LABELS} labels", id="labels"
        ),
        pytest.param(
            {NS: {"NS": ["ns1.example.com"]}},
            NAME,
            "ns1.example.com has no address",
            id="no address",
        ),
    ],
)
def test_where_not_every_server_can_be_asked_nothing_follows(
    parents: dict[str, object], name: str, said: str
) -> None:
    seen = World(parents, {}).look(name)
    assert not seen.is_whole
    assert said in seen.problems[0]


def test_aliases_without_end_are_not_followed() -> None:
    chain: dict[str, object] = {
        f"a{n}.example.com": {"CNAME": [f"a{n + 1}.example.com"]} for n in range(MOST_ALIASES + 2)
    }
    parents = {NS: {"NS": ["ns1.example.com"]}, "ns1.example.com": {"A": ["192.0.2.1"]}}
    seen = World({**parents, **chain}, {"192.0.2.1": {**chain, NS: soa()}}).look("a0.example.com")
    assert f"more than {MOST_ALIASES} aliases" in seen.problems[0]


def test_a_look_that_takes_too_long_says_so() -> None:
    seen = two_servers(GOOD, GOOD).look(seconds=0.0)
    assert "too long" in seen.problems[0]


def test_an_observation_of_nobody_is_a_difference() -> None:
    assert differences(Observation(name=NAME, at=0), KEY) == (f"{NAME}: no name server was found",)
