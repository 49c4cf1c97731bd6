"""Which part of an SPF record permits an address."""

from __future__ import annotations

import pytest

from avowal.dns.zone import Zone
from avowal.lookup import run
from avowal.report.spf_tree import MOST_RECORDS, SpfTree, spf_tree

ZONE = {
    "example.org": b"v=spf1 ip4:192.0.2.0/24 a mx:mx.example include:esp.example ?ip4:10.0.0.1"
    b" include:%{i}.example exists:x.example -all",
    "esp.example": b"v=spf1 ip6:2001:db8::/32 include:deep.example redirect=last.example",
    "deep.example": b"v=spf1 ip4:198.51.100.7 include:example.org ~all",
    "last.example": b"v=spf1 ip4:203.0.113.0/25 -all",
}


def tree(zone: dict[str, bytes], **more: object) -> SpfTree:
    return run(spf_tree("example.org"), Zone(zone, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "label"),
    [
        pytest.param("192.0.2.77", "", id="own"),
        pytest.param("2001:db8::1", "esp.example", id="include"),
        pytest.param("198.51.100.7", "deep.example", id="include-of-an-include"),
        pytest.param("203.0.113.100", "last.example", id="redirect"),
        pytest.param("203.0.113.200", None, id="outside"),
        pytest.param("10.0.0.1", None, id="neutral"),
        pytest.param("nowhere", None, id="no-address"),
    ],
)
def test_an_address_is_permitted_by(address: str, label: str | None) -> None:
    assert tree(ZONE).permits(address) == label


def test_hosts_of_a_and_mx_are_looked_up() -> None:
    zone = Zone(
        {
            "example.org": {
                "TXT": b"v=spf1 a/31 mx -all", "A": b"192.0.2.8", "MX": b"10 mx.example.org",
            },
            "mx.example.org": {"AAAA": b"2001:db8::25"},
        }
    )  # fmt: skip
    found = run(spf_tree("example.org"), zone)
    assert found.permits("192.0.2.9") == ""
    assert found.permits("2001:db8::25") == ""
    assert found.permits("2001:db8::26") is None


def test_a_tree_that_turns_back_ends() -> None:
    assert len(tree({"example.org": b"v=spf1 include:example.org ip4:192.0.2.1 -all"})) == 1


def test_a_tree_of_many_records_is_followed_so_far_only() -> None:
    zone = {f"{n}.example": b"v=spf1 include:%d.example -all" % (n + 1) for n in range(200)}
    found = tree(zone | {"example.org": b"v=spf1 include:0.example -all"})
    assert not found.whole
    assert MOST_RECORDS < 200


def test_of_an_mx_so_many_hosts_are_looked_up() -> None:
    hosts = [b"10 %d.example" % n for n in range(60)]
    zone = Zone(
        {"example.org": {"TXT": b"v=spf1 mx -all", "MX": hosts}}
        | {f"{n}.example": {"A": b"192.0.2.%d" % n} for n in range(60)}
    )
    assert len(run(spf_tree("example.org"), zone)) == 50


@pytest.mark.parametrize("record", [b"v=spf1 ip4:nonsense", b"hello"])
def test_what_is_no_record_permits_nothing(record: bytes) -> None:
    assert len(tree({"example.org": record})) == 0
