"""What the flow learns from a session, and how its decisions are said in packets."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest
from tests.mta.session import MtaSession

from avowal.config.model import Configuration, OnResult, Origin, Signing
from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import PeerError
from avowal.milter.codec import encode
from avowal.milter.negotiation import ActionFlags, Stage
from avowal.milter.packets import (
    Connect,
    Definitions,
    EndOfHeader,
    HeaderField,
    Helo,
    Mail,
    Packet,
    Recipient,
)
from avowal.milter.session import FilterSession
from avowal.milter.transaction import bare, client_address, transaction, wish
from avowal.opendkim.filter import wish_of
from avowal.opendkim.settings import compiled

LOCAL = Connect(b"mail.example.com", b"4", 1234, b"192.0.2.1")


def session(
    connection: Connect = LOCAL,
    *,
    macros: Mapping[str, bytes] | None = None,
    packets: tuple[Packet, ...] = (Mail(b"<a@b.example>"), Recipient(b"<c@d.example>")),
) -> FilterSession:
    """A session at the end of a header; `macros` come with CONNECT."""
    made = FilterSession()
    made.receive(MtaSession().opening())
    strings = [s for name, value in (macros or {}).items() for s in (name.encode(), value)]
    told = (Definitions(ord("C"), tuple(strings)), connection, Helo(b"c.example"), *packets)
    made.receive(b"".join(map(encode, (*told, HeaderField(b"From", b" a"), EndOfHeader()))))
    while made.next_event() is not None:
        made.proceed()
    return made


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        pytest.param(Connect(b"h", b"4", 25, b"192.0.2.1"), "192.0.2.1", id="IPv4"),
        pytest.param(Connect(b"h", b"6", 25, b"2001:db8::1"), "2001:db8::1", id="IPv6"),
        pytest.param(
            Connect(b"h", b"6", 25, b"IPv6:2001:db8::1"), "2001:db8::1", id="as Sendmail writes it"
        ),
        pytest.param(
            Connect(b"h", b"6", 25, b"::ffff:192.0.2.1"), "192.0.2.1", id="IPv4 within IPv6"
        ),
        pytest.param(Connect(b"h", b"L", 0, b"/run/x"), None, id="a unix socket"),
        pytest.param(Connect(b"h"), None, id="unknown"),
    ],
)
def test_the_client_is_its_address(connection: Connect, address: str | None) -> None:
    assert client_address(connection) == (None if address is None else ip_address(address))


@pytest.mark.parametrize("address", [b"", b"localhost", b"192.0.2", b"\xff", b"fe80::1%"])
def test_an_address_that_is_none_is_never_local(address: bytes) -> None:
    with pytest.raises(PeerError, match="no address"):
        client_address(Connect(b"localhost", b"4", 25, address))


@pytest.mark.parametrize(
    ("hostname", "origin", "name"),
    [
        pytest.param(b"Mail.Example.com", None, "mail.example.com", id="a verified name"),
        pytest.param(b"[192.0.2.1]", None, None, id="no name, Postfix and Sendmail"),
        pytest.param(b"unknown", None, None, id="no name"),
        pytest.param(
            b"mail.example.com", b"mail.example.com [192.0.2.1] (may be forged)", None,
            id="a name that does not resolve back, Sendmail",
        ),
    ],
)  # fmt: skip
def test_only_a_verified_name_is_the_clients(
    hostname: bytes, origin: bytes | None, name: str | None
) -> None:
    macros = {} if origin is None else {"_": origin}
    told = session(Connect(hostname, b"4", 25, b"192.0.2.1"), macros=macros)
    assert transaction(told, received_at=0, role="both").client_name == name


def test_what_the_mta_said_is_in_the_transaction() -> None:
    macros = {
        "j": b"mx.example.com", "{daemon_name}": b"ORIGINATING", "{auth_type}": b"PLAIN",
        "{auth_authen}": b"alice", "{cert}": b"yes", "i": b"Q1",
    }  # fmt: skip
    made = transaction(
        session(macros=macros), received_at=7, role="sign", wanted_macros=("cert", "absent")
    )
    assert made.hostname == "mx.example.com"
    assert made.daemon_name == "ORIGINATING"
    assert made.auth is not None
    assert (made.auth.type, made.auth.user) == ("PLAIN", "alice")
    assert (made.sender, made.recipients) == (b"a@b.example", (b"c@d.example",))
    assert (made.helo, made.queue_id, made.role) == (b"c.example", "Q1", "sign")
    assert made.macros == {"cert": b"yes"}


@pytest.mark.parametrize("value", [b"", None])
def test_without_auth_type_nobody_is_authenticated(value: bytes | None) -> None:
    macros = {"{auth_authen}": b"alice"} | ({} if value is None else {"{auth_type}": value})
    assert transaction(session(macros=macros), received_at=0, role="both").auth is None


@pytest.mark.parametrize(
    ("written", "address"),
    [(b"<a@b>", b"a@b"), (b"<>", b""), (b"a@b", b"a@b"), (b"<a@b", b"<a@b"), (b"", b"")],
)
def test_an_address_loses_its_brackets(written: bytes, address: bytes) -> None:
    assert bare(written) == address


def test_the_macros_of_the_rules_are_asked_for_at_each_stage_that_may_have_them() -> None:
    configuration = Configuration(
        origin=Origin(macros={"{cert_verify}": ("OK",)}), signing=Signing(author_macro="{author}")
    )
    macros = wish(configuration).macros
    for stage in (Stage.CONNECT, Stage.MAIL, Stage.END_OF_HEADER):
        assert {"cert_verify", "author"} <= set(macros[stage])
    assert "i" in macros[Stage.END_OF_HEADER]


def test_the_name_of_a_service_is_asked_for_when_a_client_connects_only() -> None:
    """At the end of the header Postfix's cleanup would tell its own."""
    configuration = Configuration(origin=Origin(macros={"{daemon_name}": ("OUT",)}))
    asked = {
        "avowal": wish(configuration).macros,
        "opendkim": wish_of(compiled(OpendkimConf("none"))).macros,
    }
    for face, macros in asked.items():
        stages = [
            stage
            for stage, names in macros.items()
            if "daemon_name" in {name.strip("{}") for name in names}
        ]
        assert stages == [Stage.CONNECT], face


def test_recipients_are_changed_only_where_configured() -> None:
    assert ActionFlags.DELETE_RECIPIENTS not in wish(Configuration()).needs
    redirecting = Configuration(actions=OnResult(redirect_failures_to="x@y.example"))
    assert ActionFlags.DELETE_RECIPIENTS in wish(redirecting).needs
