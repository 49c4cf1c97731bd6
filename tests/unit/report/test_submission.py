"""Handing mail to a relay: TLS, a login, the envelope sender, and whose fault a refusal is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from avowal.errors import ConfigError, PeerError
from avowal.report.report_sending import MailRefused
from avowal.report.submission import Login, Submission

pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed")
from aiosmtpd.smtp import SMTP, AuthResult


class Relay:
    """Takes mail after a login, where one is wanted."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str]]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.password = b"secret"

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == self.password, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        self.got.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def listening(relay: Relay, *, login: bool) -> Iterator[int]:
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()
    done = asyncio.Event()

    async def serve() -> None:
        options = {"authenticator": relay, "auth_require_tls": False, "auth_required": True}
        server = await loop.create_server(
            lambda: SMTP(relay, **(options if login else {})), "127.0.0.1", 0
        )
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await done.wait()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(60)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


MAIL = b"From: a@r.example\r\n\r\nhi\r\n"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_login_is_used_and_the_envelope_sender_is_the_given_one() -> None:
    relay = Relay()
    with listening(relay, login=True) as port:
        post = Submission(f"127.0.0.1:{port}", "r.example", login=Login("us", "secret"))
        post("d@p.example", MAIL, sender="b+1@r.example")
    assert relay.logins == [(b"us", b"secret")]
    assert relay.got == [("b+1@r.example", ["d@p.example"])]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_login_that_is_refused_suspends_nobody_and_shows_no_password() -> None:
    relay = Relay()
    with listening(relay, login=True) as port:
        post = Submission(f"127.0.0.1:{port}", "r.example", login=Login("us", "wrong-one"))
        with pytest.raises(PeerError, match="login is refused: 535") as caught:
            post("d@p.example", MAIL)
    assert not isinstance(caught.value, MailRefused)
    assert "wrong-one" not in f"{caught.value}{Login('us', 'wrong-one')!r}"


def test_where_tls_is_asked_for_nothing_leaves_without_it() -> None:
    relay = Relay()
    with listening(relay, login=False) as port:
        post = Submission(f"127.0.0.1:{port}", "r.example", encryption="starttls")
        with pytest.raises(PeerError, match="STARTTLS"):
            post("d@p.example", MAIL)
        with pytest.raises(PeerError):
            Submission(f"127.0.0.1:{port}", "r.example", encryption="tls")("d@p.example", MAIL)
    assert relay.got == []


def test_a_password_goes_to_no_other_machine_without_a_checked_certificate() -> None:
    with pytest.raises(ConfigError, match="without TLS"):
        Submission("relay.example:587", "r.example", login=Login("us", "secret"))
    Submission("relay.example:587", "r.example", encryption="starttls", login=Login("us", "s"))
