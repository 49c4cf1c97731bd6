"""The MTA's end: it plays the MTAs it names, and holds the filter to the protocol."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.mta.session import MtaSession, Outcome, Transaction
from tests.mta.spool import POSTFIX, SENDMAIL, Flavour

from avowal.errors import PeerError, StateError
from avowal.milter.codec import encode
from avowal.milter.events import EndOfMessage, Event, Negotiated
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Stage, Wish
from avowal.milter.packets import (
    AddHeader,
    Body,
    Helo,
    InsertHeader,
    Options,
    Packet,
    PlainAnswer,
    Recipient,
    ReplyCode,
)
from avowal.milter.session import FilterSession
from avowal.milter.wire import Decoder

MESSAGE = b"From: a@sender.example\r\nSubject: a\r\n\tb\r\n\r\nbody\r\n"
BOB = Recipient(b"<bob@receiver.example>")
CAROL = Recipient(b"<carol@receiver.example>")
Answering = Callable[[FilterSession, Event], None]


def go_on(session: FilterSession, event: Event) -> None:
    session.proceed()


def answering(kind: type[object], answer: PlainAnswer | ReplyCode) -> Answering:
    def decide(session: FilterSession, event: Event) -> None:
        if isinstance(event, kind) and session.owed:
            session.answer(answer)
        else:
            session.proceed()

    return decide


class Pair:
    """Both ends, joined by hand."""

    def __init__(
        self,
        flavour: Flavour = POSTFIX,
        wish: Wish | None = None,
        decide: Answering = go_on,
        **mta: Options,
    ) -> None:
        self.mta = MtaSession(flavour=flavour, **mta)
        self.filter = FilterSession(wish)
        self.decide = decide
        self.commands: list[int] = []
        self.macros: list[dict[str, bytes]] = []
        self._seen = Decoder()
        self.exchange(self.mta.opening())

    def exchange(self, octets: bytes) -> None:
        while octets:
            self.commands += [command for command, _ in self._seen.feed(octets)]
            self.filter.receive(octets)
            while (event := self.filter.next_event()) is not None:
                if isinstance(event, EndOfMessage):
                    self.macros.append(dict(self.filter.macros))
                self.decide(self.filter, event)
            octets = self.mta.receive(self.filter.outgoing())

    def send(self, transaction: Transaction | None = None) -> Outcome:
        self.exchange(self.mta.submit(transaction or Transaction.of(MESSAGE)))
        outcome = self.mta.outcome
        assert outcome is not None
        return outcome


TALKATIVE = Wish(protocol=ProtocolFlags.LEADING_SPACE | ProtocolFlags.SKIP)
BOTH = [pytest.param(POSTFIX, id="Postfix"), pytest.param(SENDMAIL, id="Sendmail")]


@pytest.mark.parametrize("flavour", BOTH)
@pytest.mark.parametrize("wish", [Wish(), TALKATIVE], ids=["silent", "talkative"])
def test_a_message_leaves_as_it_came_below_the_own_received(flavour: Flavour, wish: Wish) -> None:
    outcome = Pair(flavour, wish).send()
    assert outcome.answer is PlainAnswer.CONTINUE
    assert outcome.octets == b"Received: from client.example by mx.example\r\n" + MESSAGE


@pytest.mark.parametrize(
    ("flavour", "commands"),
    [
        pytest.param(POSTFIX, "OCHDMDRDDLDLDNDBDEA", id="Postfix defines i each time and aborts"),
        pytest.param(SENDMAIL, "OCHDMRLLNBDE", id="Sendmail does neither"),
    ],
)
def test_each_mta_has_its_habits(flavour: Flavour, commands: str) -> None:
    pair = Pair(flavour)
    macros = {"i": b"Q1", "{auth_type}": b"PLAIN", "{msg_id}": b"<m>", "{rcpt_addr}": b"b"}
    wanted = {
        name: value for name, value in macros.items() if flavour is POSTFIX or name != "{rcpt_addr}"
    }
    pair.send(Transaction.of(MESSAGE, macros=wanted))
    pair.exchange(pair.mta.quit())
    assert "".join(map(chr, pair.commands)).removesuffix("AAQ").removesuffix("Q") == commands


def test_postfix_knows_the_queue_id_only_after_a_recipient() -> None:
    pair = Pair(POSTFIX, Wish(macros={Stage.MAIL: ("i",), Stage.RECIPIENT: ("i",)}))
    seen = []

    def look(session: FilterSession, event: Event) -> None:
        seen.append((type(event).__name__, session.macros.get("i")))
        session.proceed()

    pair.decide = look
    pair.send(Transaction.of(MESSAGE, recipients=(BOB, CAROL)))
    assert ("Mail", None) in seen
    assert [queue_id for name, queue_id in seen if name == "Recipient"] == [None, b"QID1"]
    assert ("EndOfMessage", b"QID1") in seen


def test_requested_macros_are_sent_and_no_others() -> None:
    pair = Pair(SENDMAIL, Wish(macros={Stage.END_OF_BODY: ("{rcpt_host}",)}))
    pair.send(Transaction.of(MESSAGE, macros={"{rcpt_host}": b"h", "{msg_id}": b"<m>"}))
    assert pair.macros[0].get("rcpt_host") == b"h"
    assert "msg_id" not in pair.macros[0]


@pytest.mark.parametrize("flavour", BOTH)
def test_many_messages_go_over_one_connection(flavour: Flavour) -> None:
    pair = Pair(flavour)
    assert {pair.send().answer for _ in range(5)} == {PlainAnswer.CONTINUE}
    assert pair.commands.count(ord("C")) == 1
    pair.exchange(pair.mta.quit())
    assert pair.commands[-1] == ord("Q")


def test_the_body_is_cut_to_the_agreed_size() -> None:
    sizes = []

    def look(session: FilterSession, event: Event) -> None:
        if isinstance(event, Body):
            sizes.append(len(event.chunk))
        session.proceed()

    Pair(decide=look).send(Transaction.of(b"A: b\r\n\r\n" + b"x" * 140_000))
    assert sizes == [65535, 65535, 8930]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PlainAnswer.REJECT, id="reject"),
        pytest.param(PlainAnswer.TEMPFAIL, id="tempfail"),
        pytest.param(PlainAnswer.DISCARD, id="discard"),
        pytest.param(ReplyCode(b"550 5.7.1 no"), id="reply code"),
    ],
)
def test_a_refusal_at_the_end_is_the_outcome(answer: PlainAnswer | ReplyCode) -> None:
    outcome = Pair(decide=answering(EndOfMessage, answer)).send()
    assert outcome.answer == answer
    assert outcome.octets == b""


def test_refused_recipients_are_listed_and_the_last_one_ends_it() -> None:
    pair = Pair(wish=TALKATIVE, decide=answering(Recipient, PlainAnswer.REJECT))
    outcome = pair.send(Transaction.of(MESSAGE, recipients=(BOB, CAROL)))
    assert outcome.refused == (BOB, CAROL)
    assert outcome.command == ord("R")


def test_what_was_said_at_helo_holds_for_the_connection() -> None:
    pair = Pair(wish=TALKATIVE, decide=answering(Helo, PlainAnswer.TEMPFAIL))
    assert [pair.send().answer for _ in range(2)] == [PlainAnswer.TEMPFAIL] * 2


def test_after_skip_no_body_is_sent() -> None:
    pair = Pair(wish=TALKATIVE, decide=answering(Body, PlainAnswer.SKIP))
    pair.send(Transaction.of(b"A: b\r\n\r\n" + b"x" * 200_000))
    assert pair.commands.count(ord("B")) == 1


def test_progress_is_counted_and_no_answer() -> None:
    def decide(session: FilterSession, event: Event) -> None:
        if isinstance(event, EndOfMessage):
            session.progress()
        session.proceed()

    pair = Pair(decide=decide)
    assert pair.send().answer is PlainAnswer.CONTINUE
    assert pair.mta.progress == 1


# -- holding the filter to the protocol ------------------------------------------------------


def replies(*packets: Packet) -> MtaSession:
    """Return an MTA that waits for the final answer, and give it these."""
    mta = MtaSession()
    mta.opening()
    mta.receive(encode(Options(6, int(ActionFlags.ADD_HEADERS), int(Wish().protocol))))
    mta.submit(Transaction.of(MESSAGE))
    for packet in packets:
        mta.receive(encode(packet))
    return mta


@pytest.mark.parametrize(
    ("packets", "words"),
    [
        pytest.param((PlainAnswer.SKIP,), "no answer", id="skip at the end"),
        pytest.param((AddHeader(b"X", b"v"), Helo(b"x")), "no answer", id="a command"),
        pytest.param((ReplyCode(b"250 ok"),), "malformed reply", id="a reply that accepts"),
        pytest.param((ReplyCode(b"55 no"),), "malformed reply", id="a reply that is none"),
        pytest.param((PlainAnswer.ACCEPT, PlainAnswer.ACCEPT), "unasked", id="two answers"),
    ],
)
def test_a_filter_that_breaks_the_protocol_is_a_peer_error(
    packets: tuple[Packet, ...], words: str
) -> None:
    with pytest.raises(PeerError, match=words):
        replies(*packets)


def test_a_modification_that_was_not_agreed_is_a_peer_error() -> None:
    from avowal.milter.packets import ChangeHeader

    with pytest.raises(PeerError, match="CHANGE_HEADERS"):
        replies(ChangeHeader(1, b"X", b""))


def test_a_modification_before_the_end_is_a_peer_error() -> None:
    mta = MtaSession()
    mta.opening()
    mta.receive(encode(Options(6, int(ActionFlags.ADD_HEADERS), 0)))
    mta.submit(Transaction.of(MESSAGE))
    with pytest.raises(PeerError, match="before the end"):
        mta.receive(encode(InsertHeader(0, b"X", b"v")))


def test_an_answer_to_the_offer_that_is_none_is_a_peer_error() -> None:
    mta = MtaSession()
    mta.opening()
    with pytest.raises(PeerError, match="did not answer the negotiation"):
        mta.receive(encode(PlainAnswer.CONTINUE))


def test_one_transaction_at_a_time() -> None:
    mta = MtaSession()
    with pytest.raises(StateError):
        mta.submit(Transaction.of(MESSAGE))
    with pytest.raises(StateError):
        replies().submit(Transaction.of(MESSAGE))


def test_an_mta_that_hides_white_space_is_refused_at_once() -> None:
    offer = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL & ~ProtocolFlags.LEADING_SPACE))
    with pytest.raises(PeerError, match="milter_protocol to 6"):
        Pair(offer=offer)


def test_negotiation_is_the_first_event() -> None:
    session = FilterSession()
    session.receive(MtaSession().opening())
    assert isinstance(session.next_event(), Negotiated)
