"""Reading: which instances are believed, and why others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.authres import Distrust, MethodResult, read
from avowal.limits import Limits
from avowal.message import Header, Message

OURS = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a.example\r\n"
RECEIVED = b"Received: from a by b; date\r\n"

TRUSTED = [
    pytest.param(b"mx.example.org", "mx.example.org", id="equal"),
    pytest.param(b"MX.Example.ORG", "mx.example.org", id="case"),
    pytest.param(b"mx.example.org", "MX.example.org.", id="final-dot"),
    pytest.param("bücher.example".encode(), "xn--bcher-kva.example", id="u-label"),
    pytest.param(b"xn--bcher-kva.example", "BÜCHER.example", id="a-label"),
    pytest.param(b'"mx 1"', "MX 1", id="an-id-that-is-no-name"),
]


@pytest.mark.parametrize(("written", "trusted"), TRUSTED)
def test_an_id_is_compared_by_what_it_names(written: bytes, trusted: str) -> None:
    reading = read(b"Authentication-Results: " + written + b"; spf=pass\r\n", trusted={trusted})
    assert reading.named("spf") == (MethodResult("spf", "pass"),)


FOREIGN = [
    pytest.param(b"mx.example.org.evil.example", id="a-longer-name"),
    pytest.param(b"x.mx.example.org", id="a-subdomain"),
    pytest.param(b'"mx.example.org "', id="a-space-within-quotes"),
    pytest.param("ｍx.example.org.".encode() + b"x", id="another-name"),
    pytest.param("mx.éxample.org".encode(), id="another-letter"),
]


@pytest.mark.parametrize("written", FOREIGN)
def test_an_id_that_only_looks_alike_is_not_trusted(written: bytes) -> None:
    octets = b"Authentication-Results: " + written + b"; spf=pass\r\n"
    (instance,) = read(octets, trusted={"mx.example.org"})
    assert instance.distrust is Distrust.FOREIGN


def test_nothing_is_trusted_unless_it_is_named() -> None:
    reading = read(OURS)
    assert reading.results == ()
    assert reading.instances[0].results is not None


POSITIONS = [
    pytest.param(OURS + RECEIVED, {"own_hops": 0}, True, id="above-every-received"),
    pytest.param(RECEIVED + OURS, {"own_hops": 0}, False, id="below-the-first-hop"),
    pytest.param(RECEIVED + OURS, {"own_hops": 1}, True, id="below-an-own-hop"),
    pytest.param(RECEIVED * 2 + OURS, {"own_hops": 1}, False, id="below-a-foreign-hop"),
    pytest.param(RECEIVED + OURS, {"first_fields": 2}, True, id="among-the-first-fields"),
    pytest.param(RECEIVED + OURS, {"first_fields": 1}, False, id="below-the-first-fields"),
    pytest.param(RECEIVED * 9 + OURS, {}, True, id="anywhere-where-nothing-is-said"),
]


@pytest.mark.parametrize(("octets", "position", "believed"), POSITIONS)
def test_a_position_can_be_asked_for(
    octets: bytes, position: dict[str, int], believed: bool
) -> None:
    (instance,) = read(octets, trusted={"mx.example.org"}, **position)
    assert instance.trusted is believed
    assert believed or instance.distrust is Distrust.POSITION


DISTRUSTED = [
    pytest.param(b"mx.example.org 2; spf=pass", Distrust.VERSION, id="version"),
    pytest.param(b"mx.example.org; spf pass", Distrust.SYNTAX, id="syntax"),
    pytest.param(b"mx.example.net; spf=pass", Distrust.FOREIGN, id="foreign"),
]


@pytest.mark.parametrize(("value", "why"), DISTRUSTED)
def test_an_instance_that_is_not_believed_says_why(value: bytes, why: Distrust) -> None:
    (instance,) = read(b"Authentication-Results: " + value, trusted={"mx.example.org"})
    assert (instance.distrust, instance.trusted) == (why, False)
    assert why.sentence


PASSED_OVER = [
    pytest.param(b"x-mine=pass", id="method"),
    pytest.param(b"spf=wonderful", id="result"),
    pytest.param(b"spf/2=pass", id="method-version"),
    pytest.param(b"spf=pass mine.x=y", id="ptype"),
]


@pytest.mark.parametrize("result", PASSED_OVER)
def test_what_is_unknown_drives_no_decision(result: bytes) -> None:
    octets = b"Authentication-Results: mx.example.org; " + result + b"; dkim=pass"
    reading = read(octets, trusted={"mx.example.org"})
    assert reading.results == (MethodResult("dkim", "pass"),)
    assert len(reading.instances[0].results.results) == 2  # type: ignore[union-attr]


def test_octets_header_and_message_read_alike() -> None:
    octets = (
        OURS + b"From: a@a.example\r\n\r\nAuthentication-Results: mx.example.org; dkim=pass\r\n"
    )
    readings = {
        read(source, trusted={"mx.example.org"}).results
        for source in (
            octets,
            octets.replace(b"\r\n", b"\n"),
            Message.parse(octets),
            Message.parse(octets).header,
        )
    }
    (results,) = readings
    assert [result.method for result in results] == ["spf"]


def test_a_field_inside_an_attached_message_does_not_count() -> None:
    body = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + OURS + b"\r\n--b--\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body
    assert len(read(octets, trusted={"mx.example.org"})) == 0


def test_contradicting_results_about_one_signature_cancel_out() -> None:
    octets = (
        b"Authentication-Results: m.example; dkim=pass header.b=aaaaaaaa;"
        b" dkim=fail header.b=aaaaaaaa; dkim=pass header.b=AAAAAAAA; dkim=none\r\n"
    )
    results = read(octets, trusted={"m.example"}).named("dkim")
    assert [(r.result, r.value("header.b")) for r in results] == [
        ("pass", "AAAAAAAA"),
        ("none", None),
    ]


def test_fields_beyond_the_limit_are_not_read() -> None:
    reading = read(OURS * 3, trusted={"mx.example.org"}, limits=Limits(authres_fields=2))
    assert [instance.distrust for instance in reading] == [None, None, Distrust.TOO_MANY]


@given(st.binary(max_size=200))
def test_reading_raises_nothing(octets: bytes) -> None:
    for source in (octets, b"Authentication-Results: " + octets):
        for instance in read(source, trusted={"m.example"}, own_hops=0):
            assert instance.trusted == (instance.distrust is None)
    read(Header.parse(octets), trusted={octets.decode("latin-1")})
