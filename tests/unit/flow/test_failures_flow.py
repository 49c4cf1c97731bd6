"""Messages whose signatures failed are kept from the first octet on, within bounds."""

from __future__ import annotations

import pytest
from tests.inspecting import inspected
from tests.unit.flow.conftest import NOW, Site, carried_out

import avowal
from avowal import app
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.flow.failures import KeptBody, Room
from avowal.flow.outcome import FlowOutcome
from avowal.message import Message
from avowal.testing import ED25519, Zone, message, record_for, tamper

ZONE = Zone(
    {
        "ed._domainkey.example.com": record_for(ED25519),
        "ed._domainkey.example.org": record_for(ED25519),
    }
)
VERIFYING = 'mode = "verify"\nresults.authserv_id = "mx.example.net"\n'


def kept(room: Room, *chunks: bytes) -> KeptBody:
    body = room.body()
    for chunk in chunks:
        body.feed(chunk)
    return body


# -- the room -------------------------------------------------------------------------------------


def test_a_body_is_kept_whole() -> None:
    body = kept(Room(most=100, most_each=50), b"one\r\n", b"two\r\n")
    assert (body.whole, body.size, body.octets) == (True, 10, b"one\r\ntwo\r\n")


@pytest.mark.parametrize(
    "room",
    [
        pytest.param(Room(most=100, most_each=9), id="larger-than-a-message-may-be"),
        pytest.param(Room(most=9, most_each=100), id="no-room"),
    ],
)
def test_nothing_is_kept_of_what_cannot_be_kept_whole(room: Room) -> None:
    body = kept(room, b"one\r\n", b"two\r\n", b"three\r\n")
    assert (body.whole, body.size, body.octets, room.used) == (False, 0, b"", 0)


def test_the_room_is_that_of_all_bodies_until_nobody_holds_them() -> None:
    room = Room(most=12, most_each=10)
    first = kept(room, b"0123456789")
    assert not kept(room, b"0123456789").whole
    del first
    assert kept(room, b"0123456789").whole


# -- which messages -------------------------------------------------------------------------------


def signed(domain: str = "example.com") -> bytes:
    field = avowal.sign(message(), domain=domain, selector="ed", key=ED25519, now=NOW)
    return field + message()


def outcome(octets: bytes, *, room: Room | None, zone: Zone | None = ZONE) -> FlowOutcome:
    loaded = parse(VERIFYING.encode())
    site = Site(app.plan(loaded.configuration, loaded.places))
    parsed = Message.parse(octets)
    transaction = site.transaction("192.0.2.7")
    return inspected(site.plan, transaction, parsed.header, [parsed.body], zone, now=NOW, room=room)


def roomy() -> Room:
    return Room(most=1 << 20, most_each=1 << 20)


def test_a_message_that_fails_is_there_whole_with_its_verdicts() -> None:
    octets = tamper(signed())
    found = outcome(octets, room=roomy()).failed
    assert found is not None
    assert found.message.octets == octets
    assert found.author
    assert [str(one.reason) for one in found.verifications] == ["body-hash"]


@pytest.mark.parametrize(
    ("octets", "zone"),
    [
        pytest.param(signed(), ZONE, id="it-passes"),
        pytest.param(message(), ZONE, id="it-is-not-signed"),
        pytest.param(tamper(signed()), None, id="dns-does-not-answer"),
    ],
)
def test_any_other_is_not(octets: bytes, zone: Zone | None) -> None:
    assert outcome(octets, room=roomy(), zone=zone).failed is None


def test_a_signature_of_another_domain_is_not_the_author_s() -> None:
    found = outcome(tamper(signed("example.org")), room=roomy()).failed
    assert found is not None
    assert not found.author


def test_a_message_too_large_is_not_explained() -> None:
    assert outcome(tamper(signed()), room=Room(most=5, most_each=5)).failed is None


def test_nothing_is_kept_where_nobody_asks() -> None:
    assert outcome(tamper(signed()), room=None).failed is None


# -- configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "mistake"),
    [
        pytest.param('explanations.field = "X-Why"', "no explanation is made", id="field-alone"),
        pytest.param('capture.directory = "/x"\ncapture.keep = "failed"',
                     "nobody could read what is captured", id="no-key"),
        pytest.param('capture.directory = "/x"\ncapture.recipients = ["age1x"]',
                     "nothing is known to be unexplained", id="no-explanations"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(toml: str, mistake: str) -> None:
    loaded = parse(toml.encode())
    with pytest.raises(ConfigError, match=mistake):
        app.plan(loaded.configuration, loaded.places)


def test_a_forged_explanation_goes() -> None:
    toml = VERIFYING + 'explanations = { make = true, field = "X-Why" }\n'
    loaded = parse(toml.encode())
    site = Site(app.plan(loaded.configuration, loaded.places))
    octets = b"x-WHY: explained\r\n" + message()
    actions = site.actions(octets, client="192.0.2.7", zone=ZONE)
    assert not Message.parse(carried_out(actions, octets)).header.named(b"x-why")
