"""Recorded conversations of a real Postfix and a real Sendmail, replayed.

What the MTA sent goes through the session octet by octet and in whole, and through a
connection of the server; every octet of ours has to be the one that MTA was answered with.
How the recordings were made: tests/vectors/milter/README.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from tests import milter_recording
from tests.inspecting import answered
from tests.milter_recording import DIRECTORY, SETUPS, Recording

from avowal.agenda import Rank
from avowal.milter.events import EndOfMessage, Event, HeaderEnd
from avowal.milter.flow_filter import FlowJob
from avowal.milter.packets import Body, Connect, Mail, PlainAnswer
from avowal.milter.session import FilterSession

Serve = Callable[..., Any]
NAMES = sorted(file.stem for file in DIRECTORY.glob("*.txt"))
_CHUNK = 65535  # octets of a body that both MTAs send at a time
_GREETING = "Negotiated Connect Helo "
_MESSAGE = "Mail Recipient HeaderEnd Body EndOfMessage "
_TALK = "Mail Recipient Data HeaderEnd Body EndOfMessage "
_POSTFIX_END = "Abort Abort Quit"  # one for the message, one for the session
EVENTS = {
    "postfix-signed": _GREETING + _MESSAGE + _POSTFIX_END,
    "postfix-verified": _GREETING + _MESSAGE + _POSTFIX_END,
    "postfix-forged": _GREETING + _MESSAGE + _POSTFIX_END,
    "postfix-refused": _GREETING + (_MESSAGE + "Abort ") * 3 + _MESSAGE + _POSTFIX_END,
    "postfix-eight-bit-and-folds": _GREETING + _MESSAGE + _POSTFIX_END,
    "postfix-body-in-chunks": (
        _GREETING + "Mail Recipient HeaderEnd Body Body Body EndOfMessage " + _POSTFIX_END
    ),
    "postfix-two-messages": _GREETING + _MESSAGE + "Abort " + _MESSAGE + _POSTFIX_END,
    "postfix-every-answer": _GREETING + _TALK + "Abort " + _TALK + _POSTFIX_END,
    "sendmail-every-answer": _GREETING + _TALK + _TALK + "Quit",
    "postfix-rset": (_GREETING + "Mail Recipient Abort " + _MESSAGE + "Abort Mail " + _POSTFIX_END),
    "sendmail-signed": _GREETING + _MESSAGE + "Quit",
    "sendmail-verified": _GREETING + _MESSAGE + "Quit",
    "sendmail-forged": _GREETING + _MESSAGE + "Quit",
    "sendmail-refused": _GREETING + _MESSAGE * 4 + "Quit",
    "sendmail-eight-bit-and-folds": _GREETING + _MESSAGE + "Quit",
    "sendmail-body-in-chunks": (
        _GREETING + "Mail Recipient HeaderEnd Body Body Body EndOfMessage Quit"
    ),
    "sendmail-two-messages": _GREETING + _MESSAGE + _MESSAGE + "Quit",
    # Sendmail tells nothing about RSET: the next MAIL begins anew.
    "sendmail-rset": _GREETING + "Mail Recipient " + _MESSAGE + "Mail Quit",
}


class Filter:
    """Our filter without sockets: octets in, octets out, the events it saw."""

    def __init__(self, recording: Recording) -> None:
        setup = SETUPS[recording.setup]
        self._filter = setup.filter()
        self._role = setup.role
        self._job: FlowJob
        self._zone = milter_recording.zone()
        self.session = FilterSession(self._filter.wish)
        self.events: list[Event] = []

    def take(self, octets: bytes) -> bytes:
        """Take what the MTA sent; return what it is answered."""
        self.session.receive(octets)
        while (event := self.session.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, EndOfMessage):
                answered(self._job.agenda, self._zone)
                slot = self._job.agenda.add(self._job.finish(), Rank.POLICY)
                answered(self._job.agenda, self._zone)
                self.session.answer(slot.value.answer, slot.value.modifications)
                continue
            if isinstance(event, HeaderEnd):
                self._job = self._filter.begin(self.session, event, self._role)
            elif isinstance(event, Body) and not self._job.feed(event.chunk):
                self._skip()
                continue
            self.session.proceed()
        return self.session.outgoing()

    def _skip(self) -> None:
        if self.session.may_skip:
            self.session.answer(PlainAnswer.SKIP)
        else:
            self.session.proceed()


def conversation(recording: Recording) -> Iterator[tuple[bytes, bytes]]:
    """Yield what the MTA sent at a time, and what it was answered."""
    turns = [*recording.turns(), ("filter", b"")]
    for (by, octets), (_, answer) in pairwise(turns):
        if by == "mta":
            yield octets, answer


def replayed(recording: Recording) -> Filter:
    """Replay each turn of the MTA in whole."""
    filter_ = Filter(recording)
    for octets, _ in conversation(recording):
        filter_.take(octets)
    return filter_


def messages(events: list[Event]) -> list[bytes]:
    """Put the messages together again that the events told of."""
    found: list[bytes] = []
    for event in events:
        if isinstance(event, HeaderEnd):
            assert event.header.beyond is None
            found.append(b"".join(raw + b"\r\n" for raw in event.header.raws) + b"\r\n")
        elif isinstance(event, Body):
            found[-1] += event.chunk
    return found


def told(recording: Recording) -> list[bytes]:
    """Return what the client sent, without what the filter said to skip."""
    if not SETUPS[recording.setup].talkative:
        return list(recording.messages)
    cut = [octets.partition(b"\r\n\r\n") for octets in recording.messages]
    return [header + blank + body[:_CHUNK] for header, blank, body in cut]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def recording(name: str) -> Recording:
    return Recording.read(name)


def test_there_is_an_expectation_for_each_recording() -> None:
    assert sorted(EVENTS) == NAMES


def test_the_events_are_those_of_the_mta(name: str, recording: Recording) -> None:
    events = replayed(recording).events
    assert " ".join(type(event).__name__ for event in events) == EVENTS[name]


def test_every_octet_that_is_wanted_is_told(recording: Recording) -> None:
    assert messages(replayed(recording).events) == told(recording)


def test_the_client_and_the_sender_are_told(recording: Recording) -> None:
    events = replayed(recording).events
    (client,) = [event.address for event in events if isinstance(event, Connect)]
    assert client == b"127.0.0.1"
    senders = [event.address for event in events if isinstance(event, Mail)]
    assert senders.count(b"<alice@sender.example>") == len(recording.messages)


def test_turns_in_whole_are_answered_with_the_same_octets(recording: Recording) -> None:
    filter_ = Filter(recording)
    for octets, answer in conversation(recording):
        assert filter_.take(octets) == answer


def test_single_octets_are_answered_with_the_same_octets(recording: Recording) -> None:
    filter_ = Filter(recording)
    for octets, answer in conversation(recording):
        answers = [filter_.take(octets[at : at + 1]) for at in range(len(octets))]
        assert b"".join(answers) == answer
        assert b"".join(answers[:-1]) in (b"", answer)
    assert messages(filter_.events) == told(recording)


async def test_the_server_answers_with_the_same_octets(serve: Serve, recording: Recording) -> None:
    setup = SETUPS[recording.setup]
    async with serve(setup.filter(), milter_recording.zone(), role=setup.role) as running:
        link = await running.raw()
        link.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=link)
        for octets, answer in conversation(recording):
            writer.write(octets)
            assert await asyncio.wait_for(reader.readexactly(len(answer)), 5) == answer
        assert await asyncio.wait_for(reader.read(), 5) == b""  # QUIT was the last word
        writer.close()
