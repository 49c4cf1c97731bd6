"""The flow holds its promises for any message: nothing raises, and an MTA can do what it asks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspecting import inspected

from avowal import verify
from avowal.config.toml import parse
from avowal.crypto.signing import PrivateKey
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.transaction import Transaction
from avowal.message import CRLF, Header, Message
from avowal.milter import actions as milter
from avowal.testing import ED25519, Zone, record_for

NOW = 1_700_000_000
SITE = b"""
[keys.main]
domain = "example.com"
selector = "s"
inline = "x"
[signing]
every_match = true
software_field = true
[verifying]
signed_too = true
[results]
authserv_id = "mx.example.com"
remove_ids = [".example.org"]
[actions]
no_signature = "tag"
syntax = "quarantine"
policy = "reject"
"""


def load(*_: object) -> PrivateKey:
    return ED25519


LOADED = parse(SITE)
PLAN = compile_plan(LOADED.configuration, LOADED.places, load=load)
ZONE = Zone({"s._domainkey.example.com": record_for(ED25519)})

_NAMES = st.sampled_from([
    b"From", b"from ", b"Subject", b"References", b"Authentication-Results", b"DKIM-Signature",
    b"X-DKIM-Verdict", b"X", b"", b" folded", b"8-bit\xff",
])  # fmt: skip
_VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([
        b" Alice <alice@example.com>", b" mx.example.com; dkim=pass", b" a.example.org; spf=pass",
        b" v=1; a=ed25519-sha256; d=example.com; s=s; h=from; bh=AAAA; b=AAAA", b"",
        b" " + b"<x@example.com> " * 80, b" " + b"x" * 1200, b"\r\n", b" a\r\n\t\r\n b", b" a\0b",
    ]),
)  # fmt: skip
HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=8).map(
    lambda fields: b"".join(name + b":" + value + CRLF for name, value in fields)
)


_OTHERS = st.sampled_from([
    b"Subject", b"References", b"Authentication-Results", b"DKIM-Signature", b"X-DKIM-Verdict",
    b"X",
])  # fmt: skip
SIGNABLE = st.lists(st.tuples(_OTHERS, _VALUES), max_size=6, unique_by=lambda field: field[0]).map(
    lambda fields: Header.parse(
        b"".join(n + b":" + v + CRLF for n, v in [(b"From", b" <a@example.com>"), *fields])
    )
)


def through(header: Header, chunks: list[bytes], client: str | None) -> Actions:
    transaction = Transaction(
        received_at=NOW,
        client=None if client is None else ip_address(client),
        recipients=(b"a@b.example", b"no address", b""),
        queue_id="4X",
    )
    return decide(inspected(PLAN, transaction, header, chunks, ZONE, now=NOW))


CLIENTS = st.sampled_from([None, "192.0.2.1", "2001:db8::1"])


@given(HEADERS, st.lists(st.binary(max_size=30), max_size=3), CLIENTS)
def test_whatever_comes_an_mta_can_do_what_is_asked(
    octets: bytes, chunks: list[bytes], client: str | None
) -> None:
    header = Header.parse(octets)
    actions = through(header, chunks, client)
    for field in (*actions.insert, *(change.field for change in actions.change)):
        milter.parts(field.raw)  # raises for what an MTA would garble
    for deletion in actions.delete:
        assert 1 <= deletion.instance <= len(header.named(deletion.name))
    changed = {(change.field.name, change.instance) for change in actions.change}
    assert changed.isdisjoint((d.name, d.instance) for d in actions.delete)
    assert (actions.reply is not None) == (actions.disposition is FlowDisposition.REJECT)
    assert all(c.isprintable() for _, value in actions.record.items() for c in str(value))


@given(HEADERS, st.binary(max_size=60), st.integers(0, 60), CLIENTS)
def test_the_cut_of_the_body_is_invisible(
    octets: bytes, body: bytes, cut: int, client: str | None
) -> None:
    header = Header.parse(octets)
    whole = through(header, [body], client)
    assert through(header, [body[:cut], body[cut:]], client) == whole


@given(SIGNABLE, st.binary(max_size=60))
def test_what_was_signed_verifies_as_it_leaves(header: Header, body: bytes) -> None:
    actions = through(header, [body], None)
    made = [f for f in actions.insert if f.name == b"dkim-signature"]
    well_formed = b"" not in header.names and actions.disposition is FlowDisposition.ACCEPT
    assert len(made) == well_formed
    gone = {(d.name, d.instance) for d in actions.delete}
    changed = {(c.field.name, c.instance): c.field for c in actions.change}
    leaving = list(actions.insert)
    for place, field in enumerate(header):
        key = field.name, header.positions[field.name].index(place) + 1
        if key not in gone:
            leaving.append(changed.get(key, field))
    message = Message(Header.of(leaving), body).octets
    verdicts = {v.field: v for v in verify(message, ZONE, now=NOW, line_ends="wire")}
    assert all(verdicts[field].passed for field in made)


@pytest.mark.parametrize("client", [None, "192.0.2.1"])
def test_an_empty_message_is_answered(client: str | None) -> None:
    assert through(Header.parse(b""), [], client).disposition is FlowDisposition.ACCEPT
