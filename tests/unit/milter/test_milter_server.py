"""The worker's server on a real socket: signing, verifying, waiting, faults, limits, ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.mta.client import MtaClient
from tests.mta.session import MtaSession, Transaction
from tests.mta.spool import POSTFIX, SENDMAIL, Flavour

from avowal.config.model import OnResult, Origin, Server, Signing
from avowal.crypto.signing import PrivateKey
from avowal.errors import PeerError, UsageError
from avowal.flow.plan import Plan
from avowal.lookup import Answer, Question
from avowal.milter import connection
from avowal.milter.codec import encode
from avowal.milter.events import HeaderEnd, SessionLimits
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.negotiation import ActionFlags, ProtocolFlags
from avowal.milter.packets import (
    Abort,
    Connect,
    EndOfHeader,
    HeaderField,
    Options,
    PlainAnswer,
    Quarantine,
    ReplyCode,
)
from avowal.milter.server import MilterServer
from avowal.milter.service import MilterVerdict
from avowal.milter.session import FilterSession
from avowal.testing import Zone

Serve = Callable[..., Any]
Plans = Callable[..., Plan]
LOCAL = Connect(b"localhost", b"4", 1234, b"127.0.0.1")
STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")
MESSAGE = (
    b"From: a@sender.example\r\nTo: b@receiver.example\r\nSubject: one\r\n\ttwo\r\n"
    b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <m@sender.example>\r\n\r\nbody\r\n"
)
J = {"i": b"QID1", "j": b"mx.receiver.example"}
BOTH = [pytest.param(POSTFIX, id="Postfix"), pytest.param(SENDMAIL, id="Sendmail")]


class Slow:
    """A resolver that answers when told to."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.asked.set()
        await self.go.wait()
        return self.zone.resolve(questions)


def results(octets: bytes) -> list[bytes]:
    """Return the Authentication-Results lines, unfolded."""
    header = octets.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    return [line for line in header.split(b"\r\n") if line.startswith(b"Authentication-Results")]


# -- a message there and back ------------------------------------------------------------------


@pytest.mark.parametrize("flavour", BOTH)
async def test_what_is_signed_on_the_way_out_verifies_on_the_way_in(
    serve: Serve, plan: Plans, flavour: Flavour
) -> None:
    async with serve(plan()) as running:
        mta = await running.client(flavour)
        signed = await asyncio.to_thread(mta.send, Transaction.of(MESSAGE))
        assert signed.octets.startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
        arrived = Transaction.of(signed.octets, connection=STRANGER, macros=J)
        await asyncio.to_thread(mta.close)
        received = await running.send(signed.octets, connection=STRANGER, macros=J)
    assert arrived.fields
    (line,) = results(received.octets)
    assert b"mx.receiver.example; dkim=pass" in line
    assert b"header.d=sender.example" in line


async def test_folded_and_eight_bit_octets_are_signed_exactly(serve: Serve, plan: Plans) -> None:
    message = MESSAGE.replace(b"one\r\n\ttwo", b"\xc3\xa9\r\n \r\n\t \xff x  y")
    async with serve(plan()) as running:
        signed = await running.send(message)
        received = await running.send(signed.octets, connection=STRANGER, macros=J)
    assert b"dkim=pass" in results(received.octets)[0]


@pytest.mark.parametrize(
    ("role", "client", "done"),
    [
        ("both", LOCAL, "signed"),
        ("both", STRANGER, "verified"),
        ("sign", LOCAL, "signed"),
        ("sign", STRANGER, "nothing"),
        ("verify", LOCAL, "verified"),
    ],
)
async def test_a_listener_does_what_its_role_says(
    serve: Serve, plan: Plans, role: str, client: Connect, done: str
) -> None:
    async with serve(plan(), role=role) as running:
        outcome = await running.send(connection=client, macros=J)
    assert outcome.octets.startswith(b"DKIM-Signature:") is (done == "signed")
    assert bool(results(outcome.octets)) is (done == "verified")


async def test_an_authenticated_client_is_one_of_ours(serve: Serve, plan: Plans) -> None:
    macros = J | {"{auth_type}": b"PLAIN", "{auth_authen}": b"alice"}
    async with serve(plan()) as running:
        outcome = await running.send(connection=STRANGER, macros=macros)
    assert outcome.octets.startswith(b"DKIM-Signature:")


async def test_a_service_of_the_mta_marks_mail_as_ours(serve: Serve, plan: Plans) -> None:
    origin = Origin(daemon_names=("ORIGINATING",))
    async with serve(plan(origin=origin)) as running:
        macros = J | {"{daemon_name}": b"ORIGINATING"}
        outcome = await running.send(connection=STRANGER, macros=macros)
    assert outcome.octets.startswith(b"DKIM-Signature:")


async def test_a_macro_of_the_operator_is_asked_for_and_seen(serve: Serve, plan: Plans) -> None:
    origin = Origin(macros={"{cert_verify}": ("OK",)})
    async with serve(plan(origin=origin)) as running:
        outcome = await running.send(connection=STRANGER, macros=J | {"{cert_verify}": b"OK"})
    assert outcome.octets.startswith(b"DKIM-Signature:")


@pytest.mark.parametrize("flavour", BOTH)
async def test_forged_results_go_and_foreign_ones_stay(
    serve: Serve, plan: Plans, flavour: Flavour
) -> None:
    forged = b"Authentication-Results: mx.receiver.example; dkim=pass header.d=bank.example\r\n"
    foreign = b"Authentication-Results: mx.other.example; spf=pass\r\n"
    async with serve(plan()) as running:
        mta = await running.client(flavour)
        message = forged + foreign + forged + MESSAGE
        transaction = Transaction.of(message, connection=STRANGER, macros=J)
        outcome = await asyncio.to_thread(mta.send, transaction)
        await asyncio.to_thread(mta.close)
    first, *others = results(outcome.octets)
    assert first.startswith(b"Authentication-Results: mx.receiver.example; dkim=none")
    assert others == [foreign.rstrip()]


async def test_many_messages_over_one_connection_do_not_mix(serve: Serve, plan: Plans) -> None:
    async with serve(plan()) as running:
        mta = await running.client()
        for number in range(20):
            message = MESSAGE.replace(b"body", b"body %d" % number)
            signed = await asyncio.to_thread(mta.send, Transaction.of(message))
            received = await running.send(signed.octets, connection=STRANGER, macros=J)
            assert b"dkim=pass" in results(received.octets)[0]
        await asyncio.to_thread(mta.close)


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        pytest.param("reject", ReplyCode(b"550 5.7.20"), id="reject"),
        pytest.param("tempfail", ReplyCode(b"451 4.7.0"), id="tempfail"),
        pytest.param("discard", PlainAnswer.DISCARD, id="discard"),
    ],
)
async def test_an_action_of_the_operator_is_the_answer(
    serve: Serve, plan: Plans, action: str, answer: PlainAnswer | ReplyCode
) -> None:
    actions = OnResult(no_signature=action)  # type: ignore[arg-type]
    async with serve(plan(actions=actions)) as running:
        outcome = await running.send(connection=STRANGER, macros=J)
    if isinstance(answer, ReplyCode):
        assert outcome.answer.text.startswith(answer.text)
    else:
        assert outcome.answer is answer


async def test_a_quarantine_holds_and_says_why(serve: Serve, plan: Plans) -> None:
    async with serve(plan(actions=OnResult(no_signature="quarantine"))) as running:
        outcome = await running.send(connection=STRANGER, macros=J)
    assert outcome.answer is PlainAnswer.CONTINUE
    assert any(isinstance(one, Quarantine) for one in outcome.modifications)


async def test_a_redirect_replaces_the_recipients(serve: Serve, plan: Plans) -> None:
    actions = OnResult(bad_signature="accept", redirect_failures_to="judge@receiver.example")
    async with serve(plan(actions=actions)) as running:
        signed = await running.send()
        broken = signed.octets.replace(b"body", b"lies")
        outcome = await running.send(broken, connection=STRANGER, macros=J)
    codes = [type(one).__name__ for one in outcome.modifications]
    assert codes.count("DeleteRecipient") == 1
    assert codes.count("AddRecipient") == 1


async def test_dry_run_changes_nothing(serve: Serve, plan: Plans) -> None:
    async with serve(plan(dry_run=True)) as running:
        outcome = await running.send()
    assert outcome.modifications == ()


# -- waiting for DNS ---------------------------------------------------------------------------


async def signed_message(serve: Serve, plan: Plans) -> bytes:
    async with serve(plan()) as running:
        outcome = await running.send()
        octets: bytes = outcome.octets
        return octets


async def test_keys_are_asked_for_before_the_body_has_come(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        peer = await running.raw()
        mta = MtaSession()
        peer.sendall(mta.opening())
        mta.receive(await asyncio.to_thread(peer.recv, 4096))
        octets = mta.submit(Transaction.of(signed, connection=STRANGER, macros=J))
        cut = octets.index(encode(EndOfHeader())) + len(encode(EndOfHeader()))
        peer.sendall(octets[:cut])
        await asyncio.wait_for(slow.asked.wait(), 60)
        slow.go.set()
        peer.sendall(octets[cut:])
        while mta.outcome is None:
            mta.receive(await asyncio.to_thread(peer.recv, 4096))
        peer.close()
    assert b"dkim=pass" in results(mta.outcome.octets)[0]


async def test_the_mta_is_asked_for_patience_while_dns_is_slow(
    serve: Serve, plan: Plans, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROGRESS_SECONDS", 0.05)
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        mta = await running.client()
        transaction = Transaction.of(signed, connection=STRANGER, macros=J)
        waiting = asyncio.create_task(asyncio.to_thread(mta.send, transaction))
        await running.until(lambda: mta.session.progress >= 2)
        slow.go.set()
        outcome = await waiting
        await asyncio.to_thread(mta.close)
    assert b"dkim=pass" in results(outcome.octets)[0]


async def test_when_the_deadline_passes_the_result_is_temporary_and_the_mail_goes_on(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    async with serve(plan(), Slow(zone), seconds=0.1) as running:
        outcome = await running.send(signed, connection=STRANGER, macros=J)
    assert outcome.answer is PlainAnswer.CONTINUE
    assert b"dkim=temperror" in results(outcome.octets)[0]


async def test_the_time_for_dns_ends_the_wait_by_itself(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    tempfail = OnResult(dns_error="tempfail")
    async with serve(plan(actions=tempfail), Slow(zone), dns_seconds=0.1) as running:
        outcome = await running.send(signed, connection=STRANGER, macros=J)
    assert outcome.answer.text.startswith(b"451 4.7.")


async def test_an_abort_while_dns_is_slow_frees_the_connection(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        mta = await running.client()
        octets = mta.session.submit(Transaction.of(signed, connection=STRANGER, macros=J))
        mta._socket.sendall(octets)
        await asyncio.wait_for(slow.asked.wait(), 60)
        mta._socket.sendall(encode(Abort()))
        await running.until(lambda: running.service.held == 0)
        slow.go.set()
        mta._socket.close()
        await running.until(lambda: not running.service.open)
        assert b"DKIM-Signature" in (await running.send()).octets


async def test_a_client_that_hangs_up_while_we_wait_is_forgotten(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        mta = await running.client()
        mta._socket.sendall(
            mta.session.submit(Transaction.of(signed, connection=STRANGER, macros=J))
        )
        await asyncio.wait_for(slow.asked.wait(), 60)
        mta._socket.close()
        await running.until(lambda: not running.service.open)
        assert running.service.held == 0


# -- remote keys -------------------------------------------------------------------------------


class RemoteKey:
    """A key behind a network."""

    algorithm = "ed25519-sha256"

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def asign(self, digest: bytes, /) -> bytes:
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return self.key.sign(digest)


def remote_plan(remote: RemoteKey) -> Plan:
    from avowal.config.model import Configuration, Key, Log
    from avowal.flow.compiler import compile_plan

    configuration = Configuration(
        keys={"k": Key(domain="sender.example", selector="s", inline="elsewhere")},
        actions=OnResult(internal_error="tempfail"),
        log=Log(success=False),
    )
    return compile_plan(configuration, load=lambda *_: remote)


async def test_a_remote_key_signs_and_the_mta_is_kept_patient(
    serve: Serve, key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROGRESS_SECONDS", 0.05)
    remote = RemoteKey(key)
    async with serve(remote_plan(remote)) as running:
        mta = await running.client()
        waiting = asyncio.create_task(asyncio.to_thread(mta.send, Transaction.of(MESSAGE)))
        await running.until(lambda: mta.session.progress >= 2)
        remote.go.set()
        outcome = await waiting
        await asyncio.to_thread(mta.close)
    assert outcome.octets.startswith(b"DKIM-Signature:")


@pytest.mark.parametrize("fault", [UsageError("the token is locked"), RuntimeError("bug")])
async def test_a_remote_key_that_fails_is_our_fault_and_answered_as_configured(
    serve: Serve, key: PrivateKey, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    remote = RemoteKey(key)
    remote.fault = fault
    remote.go.set()
    async with serve(remote_plan(remote)) as running:
        outcome = await running.send()
    assert outcome.answer.text.startswith(b"451 4.")


async def test_a_remote_key_that_never_answers_is_given_up(serve: Serve, key: PrivateKey) -> None:
    async with serve(remote_plan(RemoteKey(key)), seconds=0.1) as running:
        outcome = await running.send()
        assert outcome.answer.text.startswith(b"451 4.")
        await running.until(lambda: running.service.held == 0)


# -- faults of ours ----------------------------------------------------------------------------


class Broken(FlowFilter):
    """A filter with a bug at a chosen place."""

    place = ""

    def begin(self, session: FilterSession, event: HeaderEnd, role: Any, /) -> Any:
        if self.place == "begin":
            raise RuntimeError("bug")
        work = super().begin(session, event, role)
        if self.place == "feed":

            def feed(chunk: bytes) -> bool:
                raise RuntimeError("bug")

            work.feed = feed
        if self.place == "questions":

            async def resolving(questions: object) -> object:
                raise RuntimeError("bug")

            def ask() -> Any:
                yield (Question("x.example"),)
                raise RuntimeError("bug")

            work.questions = ask
        if self.place == "field":
            return _Unwritable(work)
        return work


class _Unwritable:
    remote = False

    def __init__(self, work: Any) -> None:
        self.questions = work.questions
        self.feed = work.feed

    def finish(self, answers: Any, /) -> MilterVerdict:
        from avowal.milter.packets import ChangeSender

        return MilterVerdict(PlainAnswer.CONTINUE, (ChangeSender(b"<>"),))


@pytest.mark.parametrize("place", ["begin", "questions", "field"])
async def test_a_bug_is_logged_with_the_queue_id_and_answered_as_configured(
    serve: Serve, plan: Plans, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken(plan(actions=OnResult(internal_error="tempfail")))
    broken.place = place
    logging.getLogger("avowal.milter").propagate = True
    with caplog.at_level("ERROR"):
        async with serve(broken) as running:
            outcome = await running.send(connection=STRANGER, macros=J)
            assert outcome.answer.text.startswith(b"451 4.")
            broken.place = ""
            assert (await running.send(macros=J)).answer is PlainAnswer.CONTINUE
    facts = [getattr(record, "facts", {}) for record in caplog.records]
    assert {"queue_id": "QID1", "client": "192.0.2.7"} in facts


async def test_a_bug_before_the_end_of_a_message_ends_the_connection(
    serve: Serve, plan: Plans
) -> None:
    """Nothing can be answered there: the MTA's default action for a lost milter decides."""
    broken = Broken(plan())
    broken.place = "feed"
    async with serve(broken) as running:
        with pytest.raises((PeerError, OSError)):
            await running.send()


# -- peers that break the rules ----------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\0\0\0\0", id="a packet of nothing"),
        pytest.param(encode(LOCAL), id="no negotiation"),
    ],
)
async def test_a_peer_that_breaks_the_protocol_is_hung_up_on_and_nobody_else(
    serve: Serve, plan: Plans, octets: bytes
) -> None:
    async with serve(plan()) as running:
        peer = await running.raw()
        peer.sendall(octets)
        assert await asyncio.to_thread(peer.recv, 100) == b""
        peer.close()
        assert b"DKIM-Signature" in (await running.send()).octets


OLD_MTA = encode(
    Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL & ~ProtocolFlags.LEADING_SPACE))
)


@pytest.mark.parametrize(
    "signing",
    [
        pytest.param(Signing(canonicalization="simple/relaxed"), id="simple"),
        pytest.param(Signing(canonicalization_field="X-Canon"), id="as the message asks"),
    ],
)
async def test_an_mta_that_hides_white_space_is_told_what_to_do(
    serve: Serve, plan: Plans, caplog: pytest.LogCaptureFixture, signing: Signing
) -> None:
    logging.getLogger("avowal.milter").propagate = True
    async with serve(plan(signing=signing)) as running:
        peer = await running.raw()
        peer.sendall(OLD_MTA)
        assert await asyncio.to_thread(peer.recv, 100) == b""
        peer.close()
    assert "milter_protocol to 6" in caplog.text


async def test_an_mta_that_hides_white_space_will_do_for_relaxed_headers(
    serve: Serve, plan: Plans
) -> None:
    async with serve(plan()) as running:
        peer = await running.raw()
        peer.sendall(OLD_MTA)
        assert await asyncio.to_thread(peer.recv, 100)
        peer.close()


async def test_a_client_address_that_is_none_is_not_taken_for_a_local_one(
    serve: Serve, plan: Plans
) -> None:
    async with serve(plan()) as running:
        with pytest.raises((PeerError, OSError)):
            await running.send(connection=Connect(b"localhost", b"4", 1, b"local"))


# -- limits ------------------------------------------------------------------------------------


async def test_a_header_beyond_the_limits_is_not_signed(serve: Serve, plan: Plans) -> None:
    limits = SessionLimits(header_fields=3)
    async with serve(plan(), session_limits=limits) as running:
        outcome = await running.send()
    assert b"DKIM-Signature" not in outcome.octets


async def test_connections_beyond_the_limit_wait_for_a_place(serve: Serve, plan: Plans) -> None:
    async with serve(plan(), options=Server(connections=2)) as running:
        first, second = await running.client(), await running.client()
        await running.until(lambda: len(running.service.open) == 2)
        third = asyncio.create_task(running.send())
        await asyncio.sleep(0.1)
        assert not third.done()
        await asyncio.to_thread(first.close)
        assert b"DKIM-Signature" in (await third).octets
        await asyncio.to_thread(second.close)


async def test_beyond_the_memory_of_a_worker_a_message_is_given_back_to_the_mta(
    serve: Serve, plan: Plans
) -> None:
    field = HeaderField(b"X", b" " + b"x" * 60_000)
    big = Transaction(fields=(field,) * 20, body=b"")
    async with serve(plan(), options=Server(memory=1 << 20)) as running:
        mta = await running.client()
        with pytest.raises((PeerError, OSError)):
            await asyncio.to_thread(mta.send, big)
        await asyncio.to_thread(mta.close)
        await running.until(lambda: running.service.held == 0)
        assert b"DKIM-Signature" in (await running.send()).octets


async def test_a_silent_connection_is_closed_after_its_time(serve: Serve, plan: Plans) -> None:
    async with serve(plan(), options=Server(idle=10)) as running:
        peer = await running.raw()
        await running.until(lambda: len(running.service.open) == 1)
        (one,) = running.service.open
        running.server.watch()
        one.active_at = time.monotonic() - 11
        running.server.watch()
        with pytest.raises(ConnectionResetError):
            assert await asyncio.to_thread(peer.recv, 1) or raise_reset()
        peer.close()


def raise_reset() -> bytes:
    """A unix socket that was aborted reads as closed; TCP as reset."""
    raise ConnectionResetError


async def test_a_long_body_is_streamed(serve: Serve, plan: Plans) -> None:
    body = b"0123456789abcdef" * 500_000
    async with serve(plan(), options=Server(memory=1 << 20)) as running:
        signed = await running.send(MESSAGE.replace(b"body\r\n", body + b"\r\n"))
        received = await running.send(signed.octets, connection=STRANGER, macros=J)
    assert b"dkim=pass" in results(received.octets)[0]


# -- ends --------------------------------------------------------------------------------------


Ending = Callable[[MilterServer], Coroutine[Any, Any, None]]
ENDINGS = [
    pytest.param(lambda server: server.retire(60), id="a reload"),
    pytest.param(lambda server: server.drain(60), id="a stop"),
]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_smtp_session_is_served_between_its_messages_until_the_mta_quits(
    serve: Serve, plan: Plans, ending: Ending
) -> None:
    async with serve(plan()) as running:
        mta, silent = await running.client(), await running.client()
        await asyncio.to_thread(mta.send, Transaction.of(MESSAGE))
        task = asyncio.create_task(ending(running.server))
        for _ in range(3):
            outcome = await asyncio.to_thread(mta.send, Transaction.of(MESSAGE))
            assert b"DKIM-Signature" in outcome.octets
        await asyncio.to_thread(mta.close)
        assert not task.done()
        outcome = await asyncio.to_thread(silent.send, Transaction.of(MESSAGE))
        assert b"DKIM-Signature" in outcome.octets
        await asyncio.to_thread(silent.close)
        await asyncio.wait_for(task, 30)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_connection_taken_from_the_queue_at_the_last_moment_is_served(
    serve: Serve, plan: Plans, ending: Ending
) -> None:
    async with serve(plan()) as running:
        (acceptor,) = running.server._acceptors
        acceptor.pause()
        connected = await running.raw()
        acceptor._accept()
        assert not running.service.open  # taken, and not yet one of the service
        task = asyncio.create_task(ending(running.server))
        mta = await asyncio.to_thread(MtaClient, connected)
        outcome = await asyncio.to_thread(mta.send, Transaction.of(MESSAGE))
        assert b"DKIM-Signature" in outcome.octets
        await asyncio.to_thread(mta.close)
        await asyncio.wait_for(task, 30)


async def test_at_the_end_of_its_time_messages_are_finished_and_what_is_idle_is_closed(
    serve: Serve, plan: Plans, zone: Zone
) -> None:
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        idle, busy = await running.client(), await running.client()
        transaction = Transaction.of(signed, connection=STRANGER, macros=J)
        waiting = asyncio.create_task(asyncio.to_thread(busy.send, transaction))
        await asyncio.wait_for(slow.asked.wait(), 60)
        finishing = asyncio.create_task(running.server.finish(60))
        assert await asyncio.to_thread(idle._socket.recv, 1) == b""
        assert not waiting.done()
        slow.go.set()
        assert b"dkim=pass" in results((await waiting).octets)[0]
        await asyncio.wait_for(finishing, 30)
        for mta in (idle, busy):
            await asyncio.to_thread(mta.close)


async def test_draining_ends_at_its_time(serve: Serve, plan: Plans, zone: Zone) -> None:
    signed = await signed_message(serve, plan)
    slow = Slow(zone)
    async with serve(plan(), slow) as running:
        busy = await running.client()
        transaction = Transaction.of(signed, connection=STRANGER, macros=J)
        waiting = asyncio.create_task(asyncio.to_thread(busy.send, transaction))
        await asyncio.wait_for(slow.asked.wait(), 60)
        await running.server.drain(0.1)
        with pytest.raises((PeerError, OSError)):
            await waiting
        await asyncio.to_thread(busy.close)


def test_only_what_can_be_needed_is_wished_for(plan: Plans) -> None:
    assert FlowFilter(plan()).wish.needs == ActionFlags.ADD_HEADERS | ActionFlags.CHANGE_HEADERS
    redirecting = plan(actions=OnResult(redirect_failures_to="x@y.example"))
    assert ActionFlags.ADD_RECIPIENTS in FlowFilter(redirecting).wish.needs
