"""Which connection gives way: silent ones never keep others from being served."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from typing import Any

import pytest
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

from avowal.config.model import Server
from avowal.errors import ConfigError
from avowal.flow.plan import Plan
from avowal.milter import descriptors
from avowal.milter.admission import (
    NEGOTIATION_SECONDS,
    SILENT_SECONDS,
    STALLED_SECONDS,
    UNSPOKEN,
    Admission,
    Admitted,
    giving_way,
    host_of,
)
from avowal.milter.descriptors import PAGES
from avowal.milter.health import Visitors

Serve = Callable[..., Any]
Plans = Callable[..., Plan]
NOW = 1000.0


class Peer:
    """A connection as admission sees it."""

    def __init__(
        self, peer: str | None = None, *, active_at: float = NOW, in_message: bool = False
    ) -> None:
        self.peer = peer
        self.made_at = self.active_at = active_at
        self.in_message = in_message
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def admitted(admission: Admission, *peers: Peer) -> list[Admitted]:
    """Let peers come and negotiate, but for the last, which has only come; who gave way?"""
    gone = []
    for peer in peers:
        less = admission.come(peer, NOW)
        if less is not None:
            admission.gone(less)
            gone.append(less)
        if peer is not peers[-1]:
            admission.negotiated(peer)
    return gone


def test_beyond_their_number_the_oldest_that_has_not_negotiated_gives_way() -> None:
    admission = Admission(most_per_peer=10_000)
    peers = [Peer() for _ in range(UNSPOKEN + 1)]
    assert [admission.come(peer, NOW) for peer in peers] == [None] * UNSPOKEN + [peers[0]]


def test_one_that_negotiated_does_not_count_among_those_that_did_not() -> None:
    admission = Admission(most_per_peer=10_000)
    assert admitted(admission, *(Peer() for _ in range(10 * UNSPOKEN))) == []
    assert len(admission.unspoken) == 1


def test_who_does_not_negotiate_in_time_is_late() -> None:
    admission = Admission(most_per_peer=10)
    early, late = Peer(active_at=NOW), Peer(active_at=NOW - NEGOTIATION_SECONDS - 1)
    for peer in (early, late):
        admission.come(peer, NOW)
    assert admission.late(NOW) == [late]


def test_beyond_the_share_of_a_host_its_longest_silent_connection_gives_way() -> None:
    admission = Admission(most_per_peer=3)
    silent = Peer("192.0.2.1", active_at=NOW - 5)
    others = [Peer("192.0.2.1"), Peer("192.0.2.1", active_at=NOW - 9, in_message=True)]
    assert admitted(admission, *others, silent, Peer("192.0.2.2"), Peer("192.0.2.1")) == [silent]


def test_a_host_whose_connections_all_carry_messages_gets_no_further_one() -> None:
    admission = Admission(most_per_peer=2)
    busy = [Peer("192.0.2.1", in_message=True) for _ in range(2)]
    newcomer = Peer("192.0.2.1")
    assert admitted(admission, *busy, newcomer) == [newcomer]


def test_the_share_of_a_host_is_free_again_when_its_connections_end() -> None:
    admission = Admission(most_per_peer=1)
    for _ in range(5):
        peer = Peer("192.0.2.1")
        assert admission.come(peer, NOW) is None
        admission.gone(peer)


def test_a_unix_socket_has_no_share() -> None:
    assert admitted(Admission(most_per_peer=1), Peer(), Peer(), Peer()) == []


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        pytest.param([Peer(active_at=NOW - SILENT_SECONDS)], 0, id="silent between messages"),
        pytest.param([Peer(active_at=NOW - SILENT_SECONDS + 1)], None, id="not for long"),
        pytest.param(
            [
                Peer(active_at=NOW - STALLED_SECONDS, in_message=True),
                Peer(active_at=NOW - SILENT_SECONDS),
            ],
            1,
            id="one between messages before one within",
        ),
        pytest.param(
            [Peer(active_at=NOW), Peer(active_at=NOW - STALLED_SECONDS, in_message=True)],
            1,
            id="stalled within a message",
        ),
        pytest.param(
            [Peer(active_at=NOW - STALLED_SECONDS + 1, in_message=True)], None, id="slow within one"
        ),
        pytest.param([], None, id="nobody"),
    ],
)
def test_who_may_be_replaced(peers: list[Peer], expected: int | None) -> None:
    assert giving_way(peers, NOW) is (None if expected is None else peers[expected])


def test_the_oldest_visitor_of_the_pages_gives_way() -> None:
    visitors = Visitors()
    peers: list[Any] = [Peer() for _ in range(PAGES + 1)]
    for peer in peers:
        visitors.come(peer)
    assert [peer.aborted for peer in peers] == [True] + [False] * PAGES


@pytest.mark.parametrize(
    ("family", "address", "host"),
    [
        (socket.AF_INET, ("192.0.2.1", 25), "192.0.2.1"),
        (socket.AF_INET6, ("2001:db8::1:2:3:4", 25, 0, 0), "2001:db8::/64"),
        (socket.AF_INET6, ("fe80::1%eth0", 25, 0, 2), "fe80::/64"),
        (socket.AF_UNIX, "", None),
    ],
)
def test_a_host_is_an_address_or_a_network(family: int, address: Any, host: str | None) -> None:
    class Accepted:
        def __init__(self) -> None:
            self.family = family

        def getpeername(self) -> Any:
            return address

    accepted: Any = Accepted()
    assert host_of(accepted) == host


# -- on a real socket --------------------------------------------------------------------------


async def test_silent_connections_stop_nobody(serve: Serve, plan: Plans) -> None:
    """As many as there are places, and none of them says a word."""
    async with serve(plan(), options=Server(connections=2 * UNSPOKEN)) as running:
        silent = [await running.raw() for _ in range(4 * UNSPOKEN)]
        outcome = await running.send()
        for one in silent:
            one.close()
    assert b"DKIM-Signature" in outcome.octets


async def test_a_full_worker_replaces_who_has_been_silent_for_long(
    serve: Serve, plan: Plans
) -> None:
    async with serve(plan(), options=Server(connections=2)) as running:
        clients = [await running.client() for _ in range(2)]
        await running.until(lambda: running.service.full)
        for one in running.service.open:
            one.active_at -= SILENT_SECONDS
        mta = await asyncio.to_thread(_connected_later, running)
        running.server.watch()
        outcome = await asyncio.to_thread(mta)
        for client in clients:
            await asyncio.to_thread(client.close)
    assert b"DKIM-Signature" in outcome.octets


def _connected_later(running: Any) -> Callable[[], Any]:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    opened.settimeout(30)
    opened.connect(running.address.removeprefix("unix:"))

    def talk() -> Any:
        mta = MtaClient(opened)
        outcome = mta.send(Transaction.of(MESSAGE))
        mta.close()
        return outcome

    return talk


MESSAGE = b"From: a@sender.example\r\nDate: Wed, 25 Nov 2026 16:00:00 +0000\r\n\r\nbody\r\n"


# -- descriptors -------------------------------------------------------------------------------


def test_more_connections_than_descriptors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    descriptors.check(400)
    with pytest.raises(ConfigError, match="500 connections need 1192 file descriptors, and 1024"):
        descriptors.check(500)


def test_the_limit_of_descriptors_is_raised_to_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1 << 20))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    descriptors.reserve(1000)
    assert raised == [(descriptors.needed(1000), 1 << 20)]
    descriptors.reserve(100)
    assert len(raised) == 1
