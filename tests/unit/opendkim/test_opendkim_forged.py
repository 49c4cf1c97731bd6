"""Which results that came along are removed, and what is held that cannot be redirected."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from avowal import Intent, sign
from avowal.agenda import Rank
from avowal.config.opendkim_conf import read_conf
from avowal.dns.drivers import drive
from avowal.message import Header, Message
from avowal.milter.packets import AddRecipient, DeleteRecipient, Quarantine
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.forged import removals
from avowal.opendkim.journal import Detail, Journal
from avowal.opendkim.settings import compiled
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.testing import RSA_2048, Zone, message, record_for, tamper

HOST = socket.gethostname()
STRANGER = Envelope(
    client_name="mail.example.org", client="192.0.2.9", macros={"j": b"mx.example.net"}
)


def generation(conf: str) -> OpendkimGeneration:
    return OpendkimGeneration.of(compiled(read_conf("conf", read=lambda _: conf)))


@pytest.mark.parametrize(
    ("conf", "value", "removed"),
    [
        pytest.param("", "mx.example.net; dkim=pass", True, id="the MTA's name"),
        pytest.param("AuthservID HOSTNAME\n", f"{HOST}; dkim=pass", True, id="HOSTNAME"),
        pytest.param("AuthservID HOSTNAME\n", "mx.example.net; dkim=pass", False, id="not ours"),
        pytest.param("", "other.example; dkim=pass (x", False, id="unread, of another"),
        pytest.param("", "mx.example.net; dkim=pass (x", True, id="unread, ours"),
        pytest.param("RemoveARFrom other.example\n", "other.example; dkim=pass", True, id="listed"),
        pytest.param(
            "RemoveARFrom other.example\n", "other.example; dkim=pass (x", True, id="listed, unread"
        ),
        pytest.param(
            "RemoveARFrom other.example\n", "third.example; dkim=pass", False, id="not listed"
        ),
    ],
)
def test_results_in_our_name_are_removed(conf: str, value: str, removed: bool) -> None:
    header = Header.parse(f"Authentication-Results: {value}\r\n".encode())
    journal = Journal("job", Detail(any=True))
    assert bool(removals(generation(conf).settings, STRANGER, header, journal)) is removed


def redirected(envelope: Envelope) -> OpendkimVerdict:
    octets = message()
    intent = Intent(domain="example.com", selector="s", key=RSA_2048)
    read = Message.parse(tamper(sign(octets, intent, now=1_700_000_000) + octets))
    conf = generation("RedirectFailuresTo judge@x.example\nOn-BadSignature accept\n")
    filtering = Filtering(conf, envelope, read.header, now=1_700_000_000, draw=0)
    zone = Zone({"s._domainkey.example.com": record_for(RSA_2048)})
    drive(filtering.agenda, zone, seconds=5)
    filtering.feed(read.body)
    slot = filtering.agenda.add(filtering.finish(), Rank.POLICY)
    drive(filtering.agenda, zone, seconds=5)
    return slot.value


def test_a_failure_goes_to_another_address_and_to_nobody_else() -> None:
    envelope = replace(STRANGER, recipients=("u@x.example",), raw_recipients=(b"<u@x.example>",))
    made = redirected(envelope).modifications
    assert DeleteRecipient(b"<u@x.example>") in made
    assert AddRecipient(b"judge@x.example") in made


def test_a_failure_for_more_recipients_than_are_kept_is_held() -> None:
    made = redirected(replace(STRANGER, more_recipients=True)).modifications
    assert any(isinstance(one, Quarantine) for one in made)
    assert not any(isinstance(one, AddRecipient) for one in made)


def test_results_behind_a_bare_line_break_go_with_their_field() -> None:
    octets = b"X: a\r\nX: b\rAuthentication-Results: mx.example.net; dkim=pass\r\n"
    conf = generation("").settings
    gone = removals(conf, STRANGER, Header.parse(octets), Journal("job", Detail(any=True)))
    assert [(one.name, one.index) for one in gone] == [(b"x", 2)]  # type: ignore[union-attr]
