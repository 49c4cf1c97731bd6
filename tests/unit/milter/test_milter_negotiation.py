"""What is agreed, what is refused, and with which words."""

from __future__ import annotations

import pytest
from tests.mta.agreement import accept, body_octets

from avowal.errors import PeerError, UsageError
from avowal.milter.negotiation import (
    ActionFlags,
    ProtocolFlags,
    Stage,
    Wish,
    braced,
    negotiate,
)
from avowal.milter.packets import Options

P = ProtocolFlags
OFFER = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL))  # both MTAs, measured
MACROS = {Stage.MAIL: ("{auth_type}", "auth_authen"), Stage.END_OF_BODY: ("i",)}


def test_a_dkim_filter_needs_one_round_trip_per_message() -> None:
    agreement = negotiate(OFFER, Wish())
    assert agreement.answered == {ord("E")}
    assert ord("T") in agreement.unsent
    assert ord("U") in agreement.unsent
    assert ord("L") not in agreement.unsent


def test_only_what_was_wished_for_is_taken() -> None:
    agreement = negotiate(OFFER, Wish())
    assert (
        agreement.actions
        == ActionFlags.ADD_HEADERS | ActionFlags.CHANGE_HEADERS | ActionFlags.QUARANTINE
    )
    assert agreement.options.protocol & ~OFFER.protocol == 0


@pytest.mark.parametrize(
    ("offered", "taken"), [(6, 6), (7, 6), (3, 3), (2, 2)], ids=lambda version: f"version {version}"
)
def test_the_version_is_the_lower_of_the_two(offered: int, taken: int) -> None:
    offer = Options(offered, int(ActionFlags.ALL), int(ProtocolFlags.ALL))
    assert negotiate(offer, Wish()).version == taken


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        pytest.param(Options(1, 0x1FF, 0x1FFFFF), "milter_protocol setting to 6", id="version 1"),
        pytest.param(
            Options(6, 0x1FE, 0x1FFFFF), "does not permit ADD_HEADERS", id="no adding of fields"
        ),
        pytest.param(
            Options(6, 0x1FF, 0x0FFFFF),
            "hides the white space behind the colon .*milter_protocol to 6, or sign with .*relaxed",
            id="no exact octets",
        ),
    ],
)
def test_an_mta_that_offers_too_little_is_told_what_to_do(offer: Options, words: str) -> None:
    with pytest.raises(PeerError, match=words):
        negotiate(offer, Wish())


def test_inexact_octets_can_be_allowed() -> None:
    offer = Options(6, 0x1FF, 0x0FFFFF)
    assert not negotiate(offer, Wish(exact_octets=False)).exact_octets


def test_missing_likes_are_done_without() -> None:
    offer = Options(6, int(ActionFlags.ADD_HEADERS), int(ProtocolFlags.ALL))
    agreement = negotiate(offer, Wish(macros=MACROS))
    assert agreement.actions == ActionFlags.ADD_HEADERS
    assert not agreement.macros


def test_an_mta_without_silence_gets_an_answer_to_everything() -> None:
    offer = Options(6, int(ActionFlags.ALL), int(P.LEADING_SPACE))
    assert negotiate(offer, Wish()).answered == frozenset(b"CHMRTLNBUE")


def test_macros_are_requested_where_the_mta_takes_requests() -> None:
    agreement = negotiate(OFFER, Wish(macros=MACROS))
    assert ActionFlags.REQUEST_MACROS in agreement.actions
    assert agreement.options.macros == ((2, b"{auth_type} {auth_authen}"), (5, b"i"))


@pytest.mark.parametrize(
    ("name", "written"), [("i", "i"), ("{i}", "i"), ("auth_type", "{auth_type}"), ("{x}", "x")]
)
def test_a_macro_is_written_as_the_mta_writes_it(name: str, written: str) -> None:
    assert braced(name) == written


@pytest.mark.parametrize(
    ("option", "octets"),
    [(P(0), 65535), (P.MAX_DATA_256K, 262143), (P.MAX_DATA_1M, 1048575)],
    ids=["nothing larger", "256K", "1M"],
)
def test_the_size_of_body_chunks_is_agreed(option: ProtocolFlags, octets: int) -> None:
    offer = Options(6, int(ActionFlags.ALL), int(P.ALL | option))
    wish = Wish(protocol=Wish().protocol | P.MAX_DATA_256K | P.MAX_DATA_1M)
    assert body_octets(negotiate(offer, wish)) == octets


def test_the_same_offer_gives_the_same_agreement() -> None:
    wish = Wish()
    assert negotiate(OFFER, wish) is negotiate(Options(6, 0x1FF, 0x1FFFFF), wish)


def test_many_different_offers_are_not_all_kept() -> None:
    wish = Wish()
    for spare in range(100):
        negotiate(Options(6, int(ActionFlags.ALL), int(P.ALL) | spare << 21), wish)
    assert len(wish._made) < 100


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param(Wish(version=1), id="version 1"),
        pytest.param(Wish(version=7), id="version 7"),
        pytest.param(Wish(protocol=P.SILENT), id="exact octets without leading space"),
    ],
)
def test_a_wish_that_contradicts_itself_is_a_usage_error(wish: Wish) -> None:
    with pytest.raises(UsageError):
        negotiate(OFFER, wish)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(Options(7, 1, 0), "version 7", id="a higher version"),
        pytest.param(Options(1, 1, 0), "version 1", id="too old a version"),
        pytest.param(Options(6, 0x401, 0), "0x400", id="an action that was not offered"),
        pytest.param(Options(6, 1, 1 << 24), "protocol options", id="an option not offered"),
        pytest.param(Options(6, 1, 0, ((2, b"i"),)), "without taking", id="macros, unasked"),
        pytest.param(Options(6, 0x101, 0, ((9, b"i"),)), "none", id="macros for no stage"),
        pytest.param(Options(6, 0x101, 0, ((2, b"\xff"),)), "none", id="macro of 8-bit octets"),
    ],
)
def test_a_strict_mta_refuses(reply: Options, words: str) -> None:
    with pytest.raises(PeerError, match=words):
        accept(OFFER, reply)


def test_both_ends_agree() -> None:
    agreement = negotiate(OFFER, Wish(macros={Stage.MAIL: ("{auth_type}",)}))
    assert accept(OFFER, agreement.options) == agreement
