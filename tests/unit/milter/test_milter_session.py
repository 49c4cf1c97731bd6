"""The filter's end: which events come, what is answered, what nothing outlives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from avowal.errors import PeerError, StateError, UsageError
from avowal.milter import actions
from avowal.milter.codec import encode
from avowal.milter.events import EndOfMessage, Event, HeaderEnd, Negotiated, SessionLimits
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Wish
from avowal.milter.packets import (
    Abort,
    Body,
    Connect,
    Data,
    Definitions,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    Mail,
    Options,
    Packet,
    PlainAnswer,
    Quit,
    QuitNewConnection,
    Recipient,
    ReplaceBody,
    ReplyCode,
    UnknownCommand,
)
from avowal.milter.session import FilterSession
from avowal.milter.states import State

OFFER = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL))
TALKATIVE = Wish(protocol=ProtocolFlags.LEADING_SPACE | ProtocolFlags.SKIP)
CONNECT = Connect(b"localhost", b"4", 1234, b"127.0.0.1")
HELO = Helo(b"client.example")
MAIL = Mail(b"<a@sender.example>")
BOB = Recipient(b"<b@receiver.example>")
CAROL = Recipient(b"<c@receiver.example>")
FIELD = HeaderField(b"Subject", b" s")
HEADER = (FIELD, EndOfHeader())
GREETING = (OFFER, CONNECT, HELO)
MESSAGE = (MAIL, BOB, *HEADER, Body(b"hi\r\n"), EndOfBody())
CONTINUE = encode(PlainAnswer.CONTINUE)


def opened(wish: Wish | None = None, **limits: int) -> FilterSession:
    session = FilterSession(wish, limits=SessionLimits(**limits))
    play(session, GREETING)
    session.outgoing()
    return session


def play(session: FilterSession, packets: Iterable[Packet]) -> list[Event]:
    """Send packets one by one; let every event pass."""
    events: list[Event] = []
    for packet in packets:
        session.receive(encode(packet))
        while (event := session.next_event()) is not None:
            events.append(event)
            session.proceed()
    return events


def reach(session: FilterSession, packets: Iterable[Packet], kind: type[object]) -> Event:
    """Send packets until an event of this kind comes; it is left unanswered."""
    for packet in packets:
        session.receive(encode(packet))
        while (event := session.next_event()) is not None:
            if isinstance(event, kind):
                return event
            session.proceed()
    raise AssertionError(f"no {kind.__name__} came")


def kinds(events: Iterable[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


# -- the order of events ---------------------------------------------------------------------


def test_a_message_is_told_in_order() -> None:
    session = FilterSession()
    assert kinds(play(session, GREETING + MESSAGE)) == [
        "Negotiated", "Connect", "Helo", "Mail", "Recipient", "HeaderEnd", "Body", "EndOfMessage"
    ]  # fmt: skip


def test_a_silent_filter_writes_the_options_and_one_answer() -> None:
    session = FilterSession()
    (negotiated, *_) = play(session, GREETING + MESSAGE)
    assert isinstance(negotiated, Negotiated)
    assert session.outgoing() == encode(negotiated.agreement.options) + CONTINUE


def test_a_talkative_filter_answers_each_packet_that_wants_it() -> None:
    session = opened(TALKATIVE)
    play(session, MESSAGE)
    assert session.outgoing() == CONTINUE * len(MESSAGE)


def test_what_came_in_one_read_is_the_same_as_packet_by_packet() -> None:
    at_once = FilterSession()
    at_once.receive(b"".join(map(encode, GREETING + MESSAGE * 3)))
    events: list[Event] = []
    while (event := at_once.next_event()) is not None:
        events.append(event)
        at_once.proceed()
    assert events[1:] != []
    singly = play(FilterSession(), GREETING + MESSAGE * 3)
    assert kinds(events) == kinds(singly)


def test_octets_that_come_while_frames_wait_are_kept_in_order() -> None:
    session = FilterSession()
    octets = b"".join(map(encode, GREETING + MESSAGE))
    for at in range(len(octets)):
        session.receive(octets[at : at + 1])  # nobody looks in between
    events = []
    while (event := session.next_event()) is not None:
        events.append(event)
        session.proceed()
    assert kinds(events) == kinds(play(FilterSession(), GREETING + MESSAGE))


def test_the_header_comes_in_wire_octets() -> None:
    session = opened()
    fields = (HeaderField(b"Subject", b" a\n\tb"), HeaderField(b"X-Eight", b"\xff\xc3"))
    event = reach(session, (MAIL, BOB, *fields, EndOfHeader()), HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert event.header.octets == b"Subject: a\r\n\tb\r\nX-Eight:\xff\xc3\r\n"
    assert event.header.beyond is None


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        pytest.param(b"a", b"X: a", id="a space was eaten or never there"),
        pytest.param(b" a", b"X:  a", id="one of two spaces was eaten"),
        pytest.param(b"\ta", b"X:\ta", id="a tab is not eaten"),
        pytest.param(b"\n a", b"X:\r\n a", id="a fold at once"),
        pytest.param(b"", b"X:", id="nothing"),
    ],
)
def test_without_leading_space_the_likeliest_octets_are_taken(value: bytes, raw: bytes) -> None:
    session = FilterSession(Wish(exact_octets=False))
    offer = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL & ~ProtocolFlags.LEADING_SPACE))
    play(session, (offer, CONNECT, HELO))
    event = reach(session, (MAIL, BOB, HeaderField(b"X", value), EndOfHeader()), HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert event.header.raws == [raw]


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        pytest.param(b" a\r\n\tb", b"X: a\r\n\tb", id="a fold sent as CRLF"),
        pytest.param(b"a", b"X:a", id="no space"),
        pytest.param(b" a\rb", b"X: a\rb", id="a bare CR is an octet"),
    ],
)
def test_with_leading_space_values_pass_exactly(value: bytes, raw: bytes) -> None:
    event = reach(opened(), (MAIL, BOB, HeaderField(b"X", value), EndOfHeader()), HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert event.header.raws == [raw]


def test_octets_of_the_end_of_body_are_body() -> None:
    events = play(opened(), (MAIL, BOB, *HEADER, Body(b"a"), EndOfBody(b"b")))
    assert [event.chunk for event in events if isinstance(event, Body)] == [b"a", b"b"]


def test_a_header_that_was_never_ended_ends_with_the_body() -> None:
    """EOH is missing where a filter negotiated it away."""
    session = opened(Wish(protocol=Wish().protocol | ProtocolFlags.NO_END_OF_HEADER))
    events = play(session, (MAIL, BOB, FIELD, Body(b"a"), EndOfBody()))
    assert kinds(events)[2:] == ["HeaderEnd", "Body", "EndOfMessage"]


@pytest.mark.parametrize(
    "packets",
    [
        pytest.param((MAIL, *HEADER, EndOfBody()), id="no recipient"),
        pytest.param((MAIL, BOB, EndOfHeader(), EndOfBody()), id="no field, no body"),
        pytest.param((MAIL, BOB, Data(), *HEADER, EndOfBody()), id="DATA though unwanted"),
        pytest.param((HELO, HELO, *MESSAGE), id="HELO again, as after STARTTLS"),
        pytest.param((UnknownCommand(b"XYZZY"), *MESSAGE), id="an unknown command"),
    ],
)
def test_harmless_habits_of_peers_are_taken(packets: tuple[Packet, ...]) -> None:
    assert kinds(play(opened(), packets))[-1] == "EndOfMessage"


# -- violations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packets", "words"),
    [
        pytest.param((CONNECT,), r"'C' \(Connect\) in state NEW", id="no negotiation"),
        pytest.param((OFFER, OFFER), "'O' .* in state OPEN", id="negotiation again"),
        pytest.param((OFFER, HELO), "'H' .* in state OPEN", id="helo before connect"),
        pytest.param((OFFER, CONNECT, BOB), "'R' ", id="rcpt before mail"),
        pytest.param((OFFER, CONNECT, MAIL, Body(b"")), "'B' ", id="body before header"),
        pytest.param((*GREETING, MAIL, *HEADER, FIELD), "'L' ", id="a field after the header"),
        pytest.param((*GREETING, EndOfBody()), "'E' ", id="an end of nothing"),
        pytest.param((*GREETING, PlainAnswer.CONTINUE), "'c' ", id="an answer"),
        pytest.param((*GREETING, *MESSAGE, EndOfBody()), "'E' ", id="two ends"),
        pytest.param((*GREETING, Quit(), HELO), "CLOSED", id="a command after quit"),
    ],
)
def test_what_the_protocol_forbids_is_a_peer_error(packets: list[Packet], words: str) -> None:
    with pytest.raises(PeerError, match=words):
        play(FilterSession(), packets)


def test_a_broken_session_stays_broken() -> None:
    session = FilterSession()
    session.receive(encode(HELO))
    for _ in range(2):
        with pytest.raises(PeerError, match="state NEW"):
            session.next_event()


def test_a_command_before_the_owed_answer_is_a_peer_error() -> None:
    session = opened()
    reach(session, MESSAGE, EndOfMessage)
    session.receive(encode(MAIL))
    with pytest.raises(PeerError, match=r"'M' \(Mail\) before the answer to 'E'"):
        session.next_event()


@pytest.mark.parametrize(
    ("limits", "packets", "words"),
    [
        pytest.param({"packet_octets": 100}, (Body(bytes(100)),), "101 octets", id="packet"),
        pytest.param(
            {"macro_octets": 50},
            (Definitions(ord("M"), (b"i", bytes(50).replace(b"\0", b"x"))),),
            "macros of",
            id="macro octets",
        ),
        pytest.param(
            {"macros": 2},
            (Definitions(ord("M"), (b"a", b"1", b"b", b"2", b"c", b"3")),),
            "more than 2 macros",
            id="macros",
        ),
    ],
)
def test_beyond_these_limits_the_peer_is_at_fault(
    limits: dict[str, int], packets: tuple[Packet, ...], words: str
) -> None:
    with pytest.raises(PeerError, match=words):
        play(opened(**limits), packets)


@pytest.mark.parametrize(
    ("limits", "kept", "limit"),
    [
        pytest.param({"header_fields": 2}, 2, "header_fields", id="fields"),
        pytest.param({"header_octets": 35}, 2, "header_octets", id="octets"),
    ],
)
def test_a_header_beyond_the_limits_is_cut_and_says_so(
    limits: dict[str, int], kept: int, limit: str
) -> None:
    fields = [FIELD] * 5
    event = reach(opened(**limits), (MAIL, BOB, *fields, EndOfHeader()), HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert len(event.header) == kept
    assert event.header.beyond is not None
    assert (event.header.beyond.limit, event.header.beyond.fields) == (limit, 5)
    assert event.header.beyond.count(b"subject") == 5 - kept


def test_nothing_smaller_is_taken_behind_a_cut() -> None:
    """A header with a hole in it would be signed wrongly: the cut is a cut."""
    fields = (FIELD, HeaderField(b"X", b"x" * 60), FIELD)
    event = reach(opened(header_octets=40), (MAIL, BOB, *fields, EndOfHeader()), HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert event.header.names == [b"subject"]


def test_a_field_that_is_no_name_and_value_is_a_peer_error() -> None:
    session = opened()
    play(session, (MAIL, BOB))
    session.receive(b"\0\0\0\x05Labc\0" + encode(EndOfHeader()))
    with pytest.raises(PeerError, match="not a name and a value"):
        session.next_event()


def test_recipients_beyond_the_limit_are_dropped_and_it_is_said() -> None:
    session = opened(recipients=2)
    play(session, (MAIL, BOB, CAROL, BOB))
    assert session.recipients == [BOB, CAROL]
    assert session.recipients_truncated


def test_octets_of_recipients_beyond_the_limit_are_dropped_and_it_is_said() -> None:
    octets = len(encode(BOB)) - 5
    session = opened(recipient_octets=2 * octets)
    play(session, (MAIL, BOB, BOB, BOB))
    assert session.recipients == [BOB, BOB]
    assert session.recipients_truncated
    assert session.held_octets == 2 * octets


# -- what nothing outlives -------------------------------------------------------------------

ENDS: list[tuple[str, tuple[Packet, ...]]] = [
    ("the final answer", (*HEADER, EndOfBody())),
    ("ABORT", (Abort(),)),
    ("a new MAIL (Sendmail is silent about RSET)", (Mail(b"<new@x.example>"),)),
    ("a new HELO", (HELO,)),
    ("quit for a new connection", (QuitNewConnection(),)),
]


@pytest.mark.parametrize("packets", [pytest.param(p, id=name) for name, p in ENDS])
def test_a_message_does_not_outlive(packets: tuple[Packet, ...]) -> None:
    session = opened()
    play(session, (Definitions(ord("M"), (b"{auth_type}", b"PLAIN")), MAIL, BOB))
    assert session.macros.get("auth_type") == b"PLAIN"
    play(session, packets)
    assert session.recipients == []
    assert session.sender != MAIL
    assert "auth_type" not in session.macros


def test_fields_of_an_aborted_message_are_not_in_the_next() -> None:
    session = opened()
    play(session, (MAIL, BOB, HeaderField(b"Secret", b" s"), Abort()))
    event = reach(session, MESSAGE, HeaderEnd)
    assert isinstance(event, HeaderEnd)
    assert event.header.names == [b"subject"]


def test_postfix_aborts_after_each_message_and_twice_before_it_quits() -> None:
    events = play(opened(), (*MESSAGE, Abort(), *MESSAGE, Abort(), Abort(), Abort(), Quit()))
    assert kinds(events).count("EndOfMessage") == 2
    assert kinds(events)[-1] == "Quit"


def test_an_abort_may_come_before_the_final_answer() -> None:
    session = opened()
    reach(session, MESSAGE, EndOfMessage)
    session.receive(encode(Abort()))
    assert isinstance(session.next_event(), Abort)
    with pytest.raises(StateError):
        session.answer(PlainAnswer.ACCEPT)
    assert kinds(play(session, MESSAGE))[-1] == "EndOfMessage"


def test_after_quit_for_a_new_connection_nothing_is_negotiated_again() -> None:
    session = opened()
    play(session, (*MESSAGE, QuitNewConnection()))
    assert session.connection is None
    assert session.helo is None
    assert kinds(play(session, (CONNECT, HELO, *MESSAGE)))[-1] == "EndOfMessage"


def test_the_connection_outlives_its_messages() -> None:
    session = opened()
    play(session, (*MESSAGE, Abort()))
    assert session.connection == CONNECT
    assert session.helo == b"client.example"
    assert session.state is State.READY


# -- answers ---------------------------------------------------------------------------------


def answered(session: FilterSession, kind: type[object] = EndOfMessage) -> FilterSession:
    reach(session, MESSAGE, kind)
    session.outgoing()
    return session


def test_modifications_and_the_answer_go_out_in_one_write() -> None:
    session = answered(opened())
    insertion = actions.on_top([b"X: v"])
    session.answer(PlainAnswer.ACCEPT, insertion)
    assert session.outgoing() == encode(insertion[0]) + encode(PlainAnswer.ACCEPT)
    assert session.outgoing() == b""


def test_without_leading_space_the_mta_adds_the_space_of_our_fields() -> None:
    session = FilterSession(Wish(exact_octets=False))
    offer = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL & ~ProtocolFlags.LEADING_SPACE))
    play(session, (offer, CONNECT, HELO))
    answered(session).answer(PlainAnswer.ACCEPT, actions.on_top([b"X: v"]))
    assert session.outgoing().startswith(b"\0\0\0\x09i\0\0\0\0X\0v\0")


def test_progress_is_no_answer() -> None:
    session = answered(opened())
    session.progress()
    session.progress()
    session.answer(PlainAnswer.ACCEPT)
    assert session.outgoing() == encode(PlainAnswer.PROGRESS) * 2 + encode(PlainAnswer.ACCEPT)


Call = Callable[[FilterSession], None]


@pytest.mark.parametrize(
    ("kind", "call", "error"),
    [
        pytest.param(
            EndOfMessage, lambda s: s.answer(PlainAnswer.SKIP), UsageError, id="skip at the end"
        ),
        pytest.param(
            EndOfMessage, lambda s: s.answer(PlainAnswer.PROGRESS), UsageError, id="progress as end"
        ),
        pytest.param(
            Connect, lambda s: s.answer(PlainAnswer.DISCARD), UsageError, id="discard at connect"
        ),
        pytest.param(
            Body,
            lambda s: s.answer(PlainAnswer.CONTINUE, actions.on_top([b"X: v"])),
            StateError,
            id="modification before the end",
        ),
        pytest.param(Body, lambda s: s.progress(), StateError, id="progress before the end"),
        pytest.param(
            EndOfMessage,
            lambda s: s.answer(PlainAnswer.REJECT, actions.on_top([b"X: v"])),
            UsageError,
            id="modification of a refused message",
        ),
        pytest.param(
            EndOfMessage,
            lambda s: s.answer(PlainAnswer.ACCEPT, [ReplaceBody(b"x")]),
            UsageError,
            id="modification that was not agreed",
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    kind: type[object], call: Call, error: type[UsageError]
) -> None:
    session = FilterSession(TALKATIVE)
    reach(session, GREETING + MESSAGE, kind)
    written = session.outgoing()
    with pytest.raises(error):
        call(session)
    assert written
    assert session.outgoing() == b""


def test_nothing_can_be_answered_where_the_mta_does_not_wait() -> None:
    session = opened()
    reach(session, MESSAGE, Body)
    with pytest.raises(StateError, match="waits for no answer"):
        session.answer(PlainAnswer.CONTINUE)


def test_a_skip_that_was_not_agreed_is_refused() -> None:
    session = opened(Wish(protocol=ProtocolFlags.LEADING_SPACE))
    reach(session, MESSAGE, Body)
    with pytest.raises(UsageError, match="SKIP was not agreed"):
        session.answer(PlainAnswer.SKIP)


def test_after_skip_no_more_body_is_told_but_the_end_is() -> None:
    session = opened(TALKATIVE)
    reach(session, MESSAGE[:-1], Body)
    session.answer(PlainAnswer.SKIP)
    session.outgoing()
    assert kinds(play(session, (Body(b"more"), EndOfBody(b"last")))) == ["EndOfMessage"]
    assert session.outgoing() == CONTINUE * 2  # for the chunk that came all the same, and the end


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PlainAnswer.REJECT, id="reject"),
        pytest.param(PlainAnswer.TEMPFAIL, id="tempfail"),
        pytest.param(ReplyCode(b"550 5.1.1 no"), id="reply code"),
    ],
)
def test_a_refused_recipient_is_not_one(answer: PlainAnswer | ReplyCode) -> None:
    session = opened(TALKATIVE)
    play(session, (MAIL, BOB))
    reach(session, (CAROL,), Recipient)
    session.answer(answer)
    play(session, (BOB,))
    assert session.recipients == [BOB, BOB]


def test_a_recipient_that_the_mta_refused_is_not_kept() -> None:
    session = opened()
    play(session, (MAIL, Definitions(ord("R"), (b"{rcpt_mailer}", b"error")), BOB, CAROL))
    assert session.recipients == [CAROL]


def test_a_message_refused_early_is_over() -> None:
    session = opened(TALKATIVE)
    reach(session, MESSAGE, HeaderEnd)
    session.answer(PlainAnswer.REJECT)
    assert session.recipients == []
    assert kinds(play(session, MESSAGE))[-1] == "EndOfMessage"
