"""The mark for mail programs: on what is authentic alone, and never a stranger's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.flow.conftest import NOW, Site, carried_out

import avowal
from avowal import app
from avowal.config.toml import parse
from avowal.flow.actions import Actions
from avowal.flow.summary import cautions
from avowal.message import Message
from avowal.testing import ED25519, Zone, message, record_for, tamper

ZONE = Zone(
    {
        "ed._domainkey.example.com": record_for(ED25519),
        "ed._domainkey.evil.example": record_for(ED25519),
        "test._domainkey.example.com": record_for(ED25519, flags=["y"]),
    }
)
MARKING = '[results]\nmark = "X-Author-Verified"\nauthserv_id = "mx.example.net"\n'
FORGED = b"X-Author-Verified: example.com; by=dkim\r\n"


def signed(octets: bytes, domain: str = "example.com", selector: str = "ed", **more: int) -> bytes:
    field = avowal.sign(octets, domain=domain, selector=selector, key=ED25519, now=NOW, **more)  # type: ignore[arg-type]
    return field + octets


def through(octets: bytes, toml: str = MARKING, **more: object) -> tuple[Actions, list[bytes]]:
    """What is done, and the values of the mark in what leaves."""
    loaded = parse(toml.encode())
    site = Site(app.plan(loaded.configuration, loaded.places))
    known = {"client": "192.0.2.7", "zone": ZONE, **more}
    actions = site.actions(octets, **known)
    left = Message.parse(carried_out(actions, octets)).header.named(b"x-author-verified")
    return actions, [field.value.strip() for field in left]


def test_mail_that_its_author_s_domain_signed_whole_is_marked_with_the_domain() -> None:
    actions, marks = through(signed(message()))
    assert marks == [b"example.com; by=dkim"]
    assert actions.record.mark


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(message(), id="nobody-signed"),
        pytest.param(tamper(signed(message())), id="another-body"),
        pytest.param(signed(message(), "evil.example"), id="somebody-else-signed"),
        pytest.param(signed(message(), selector="test"), id="a-key-in-test-mode"),
        pytest.param(
            signed(message(), body_length=True) + b"more\r\n", id="text-behind-the-signed-part"
        ),
        pytest.param(
            signed(message(**{"from": '"ceo@bank.example" <a@example.com>'})),
            id="another-address-in-the-display-name",
        ),
        pytest.param(b"From: b@bank.example\r\n" + signed(message()), id="two-authors"),
    ],
)
def test_no_mark_is_written_nor_let_in_where(octets: bytes) -> None:
    """RFC 4686 §2.3.3: what a border says of a message is worth forging."""
    for arriving in (
        octets,
        FORGED + octets,
        octets.replace(b"\r\n\r\n", b"\r\n" + FORGED + b"\r\n", 1),
    ):
        actions, marks = through(arriving)
        assert marks == []
        assert not actions.record.mark


@pytest.mark.parametrize("name", [b"x-author-verified", b"X-AUTHOR-VERIFIED", b"X-Author-Verified"])
def test_a_forged_mark_goes_however_it_is_written(name: bytes) -> None:
    assert through(name + b": example.com; by=dkim\r\n" + signed(message()))[1] == [
        b"example.com; by=dkim"
    ]


def test_a_mark_by_a_host_of_ours_stays() -> None:
    toml = MARKING + 'trusted_hosts = ["192.0.2.7"]\n'
    assert through(FORGED + message(), toml)[1] == [b"example.com; by=dkim"]


def test_a_user_who_logs_in_cannot_send_a_mark() -> None:
    toml = MARKING + "[origin]\nauthenticated = true\n"
    assert through(FORGED + message(), toml, auth="alice")[1] == []


def test_marks_beyond_the_limit_of_a_header_go_too() -> None:
    many = b"".join(b"X-%d: x\r\n" % number for number in range(5001))
    octets = message().replace(b"\r\n\r\n", b"\r\n" + many + FORGED + b"\r\n", 1)
    loaded = parse(MARKING.encode())
    assert b"x-author-verified" in app._watched_fields(loaded.configuration)
    assert through(octets)[0].record.mark is False


def test_what_is_held_gets_no_mark(tmp_path: Path) -> None:
    (tmp_path / "opinions").write_text("example.com spam 0.9")
    toml = MARKING + (
        f'[reputation]\nfile = "{tmp_path}/opinions"\n'
        'limits = [{assertion = "spam", rating = 0.8}]\n'
        '[actions]\ndisreputable = "quarantine"\n'
    )
    actions, marks = through(signed(message()), toml)
    assert (marks, actions.record.mark, actions.record.action) == ([], False, "quarantine")


def test_by_default_nothing_is_marked_or_removed() -> None:
    toml = '[results]\nauthserv_id = "mx.example.net"\n'
    assert through(FORGED + signed(message()), toml)[1] == [b"example.com; by=dkim"]


def test_without_dmarc_nothing_is_marked_and_the_start_says_so() -> None:
    toml = MARKING + "[policies]\ngenerations = []\n"
    assert through(signed(message()), toml)[1] == []
    loaded = parse(toml.encode())
    told = [text for text, _ in cautions(app.plan(loaded.configuration, loaded.places))]
    assert "results.mark: without DMARC in policies.generations nothing is marked" in told
