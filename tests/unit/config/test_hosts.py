from __future__ import annotations

from ipaddress import ip_address

import pytest

from avowal.config.hosts import HostEntry, HostSet
from avowal.errors import SyntaxFault

SET = HostSet.of(
    "127.0.0.1", "10.0.0.0/8", "!10.1.0.0/16", "10.1.2.3", "[192.0.2.7]", "2001:db8::/32",
    "!mail.example.com", ".example.com", "Example.NET", "192.168.0.0/255.255.255.0",
    "!10.9.9.9",
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "name", "held"),
    [
        pytest.param("127.0.0.1", None, True, id="an-address"),
        pytest.param("127.0.0.2", None, False, id="another-address"),
        pytest.param("10.200.0.1", None, True, id="in-a-network"),
        pytest.param("10.1.0.1", None, False, id="a-smaller-network-takes-out"),
        pytest.param("10.1.2.3", None, True, id="an-address-takes-back-in"),
        pytest.param("192.0.2.7", None, True, id="brackets"),
        pytest.param("192.168.0.77", None, True, id="netmask"),
        pytest.param("2001:db8:1::1", None, True, id="ipv6"),
        pytest.param("2001:db9::1", None, False, id="other-ipv6"),
        pytest.param("::ffff:10.2.0.1", None, True, id="ipv4-mapped"),
        pytest.param("203.0.113.1", "a.b.example.com", True, id="below-a-domain"),
        pytest.param("203.0.113.1", "A.EXAMPLE.COM.", True, id="case-and-final-dot"),
        pytest.param("203.0.113.1", "example.com", False, id="a-domain-is-not-below-itself"),
        pytest.param("203.0.113.1", "badexample.com", False, id="labels-not-letters"),
        pytest.param("203.0.113.1", "mail.example.com", False, id="a-name-taken-out"),
        pytest.param("203.0.113.1", "example.net", True, id="a-name"),
        pytest.param("203.0.113.1", "x.example.net", False, id="a-name-is-no-domain"),
        pytest.param("10.9.9.9", "a.example.com", False, id="the-address-weighs-more"),
        pytest.param(None, None, False, id="nothing-known"),
    ],
)
def test_the_most_specific_entry_decides(address: str | None, name: str | None, held: bool) -> None:
    assert SET.holds(None if address is None else ip_address(address), name) is held


def test_a_hit_says_which_entry_it_was() -> None:
    hit = SET.find(ip_address("10.1.0.1"), None)
    assert hit is not None
    assert (hit.entry, hit.included) == (2, False)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("10.0.0.0/33", id="prefix-too-long"),
        pytest.param("10.0.0.256", id="octet-too-large"),
        pytest.param("2001:db8::g", id="no-hexadecimal"),
        pytest.param("host name", id="space"),
        pytest.param("", id="empty"),
        pytest.param("!", id="only-a-mark"),
        pytest.param("/8", id="only-a-prefix"),
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(SyntaxFault):
        HostEntry.parse(text)
