"""Asking name servers by themselves (avowal.dns.authority)."""

from __future__ import annotations

import pytest
from tests.dnsd import NameServer

from avowal.dns.authority import NameServers
from avowal.errors import ResolverSetupError
from avowal.lookup import Failure, Outcome, Question

ZONE = """
k._domainkey.example.com. TXT "v=DKIM1; p=AA=="
a._domainkey.example.com. CNAME k.esp.example.
"""


def test_each_server_answers_for_itself() -> None:
    with NameServer(ZONE) as one, NameServer("") as other:
        told = NameServers().ask([one.address, other.address], Question("k._domainkey.example.com"))
    assert [answer.answer.outcome for answer in told if answer.answer is not None] == [
        Outcome.FOUND,
        Outcome.NO_NAME,
    ]


def test_servers_are_asked_without_recursion() -> None:
    with NameServer(ZONE) as server:
        NameServers().ask([server.address], Question("k._domainkey.example.com"))
    assert server.queries[0].flags & 0x0100 == 0


def test_a_server_without_the_authority_bit_is_none() -> None:
    with NameServer(ZONE) as server:  # answers like a resolver
        (told,) = NameServers().ask([server.address], Question("k._domainkey.example.com"))
    assert told.authoritative is False


def test_an_alias_is_told_and_not_followed() -> None:
    with NameServer(ZONE) as server:
        (told,) = NameServers().ask([server.address], Question("a._domainkey.example.com"))
    assert told.alias == "k.esp.example"


def test_a_silent_server_fails_alone() -> None:
    with NameServer(ZONE) as one, NameServer(ZONE) as silent:
        silent.silent = True
        told = NameServers(timeout=0.3).ask(
            [one.address, silent.address], Question("k._domainkey.example.com")
        )
    assert [one.answer.failure for one in told if one.answer is not None] == [None, Failure.TIMEOUT]


@pytest.mark.parametrize("name", ["a..b", "x" * 64])
def test_a_name_that_no_zone_can_hold_is_not_asked(name: str) -> None:
    with NameServer(ZONE) as server:
        (told,) = NameServers().ask([server.address], Question(name))
    assert told.answer is not None
    assert (told.answer.outcome, server.queries) == (Outcome.NO_NAME, [])


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ResolverSetupError):
        NameServers().ask(["ns1.example.com"], Question("example.com"))
