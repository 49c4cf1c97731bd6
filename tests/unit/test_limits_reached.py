"""Limits that no other test reaches, each by a little more than it allows."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from avowal import key_files
from avowal.addresses import Problem
from avowal.authres.model import AuthenticationResults, MethodResult
from avowal.authres.writer import write
from avowal.calls.wrappings import Unusable
from avowal.cli import sources
from avowal.config.model import Key
from avowal.dkim.signature import Signature, SignatureFault
from avowal.dns.chain import Chain
from avowal.dns.reply import DnsReply
from avowal.dns.wire import name_octets
from avowal.examine.shown_names import display_name, shown_domains
from avowal.header_reader import HeaderReader
from avowal.limits import Limits
from avowal.lists.encoded_words import decode
from avowal.lists.mime import MOST_PARTS, boundary_of, part
from avowal.lists.mime_parameters import parameters
from avowal.lookup import Answer, Failure, run
from avowal.mailbox import Authors
from avowal.message import Field, Header
from avowal.milter.connection import Connection
from avowal.opendkim import keyring
from avowal.opendkim.journal import LogLevel, line
from avowal.opendkim.replacer import Replacer
from avowal.policy.spf import SpfRequest, SpfWord, check_identity
from avowal.policy.spf.macros import macro_string
from avowal.report import dkim_feedback
from avowal.report.arf import _parts
from avowal.reputation import http_client
from avowal.reputation.opinions import Subject
from avowal.reputation.repute import Repute
from avowal.testing import ED25519, Zone

# -- authors -------------------------------------------------------------------------------------


def test_signs_beyond_the_limit_leave_the_authors_open() -> None:
    authors = Authors.parse(b"<" * 3 + b"a@b.example," * 1001)
    assert Problem.TOO_MANY in authors.problems
    assert not authors.complete


@pytest.mark.parametrize("between", [b"x" * 2000, b"/".join(b"d%d.example" % n for n in range(30))])
def test_a_long_unreadable_place_stays_unreadable(between: bytes) -> None:
    authors = Authors.parse(b"<a@evil.example/" + between + b"/bank.example>")
    assert Problem.UNREADABLE_DOMAIN in authors.problems
    assert not authors.complete


def test_from_fields_larger_than_are_read_leave_the_authors_open() -> None:
    assert Problem.TOO_LARGE not in Authors.parse(b"a@b.example, " * 5000).problems
    assert Problem.TOO_LARGE in Authors.parse(b"a@b.example, " * 5100).problems


@pytest.mark.parametrize(("fields", "dropped"), [(2, False), (3, True)])
def test_from_fields_beyond_a_limit_of_the_header_are_kept_so_far_only(
    fields: int, *, dropped: bool
) -> None:
    reader = HeaderReader(limits=Limits(header_fields=1, author_fields=2))
    reader.feed(b"To: b@b.example\r\n" + b"From: a@b.example\r\n" * fields + b"\r\n")
    assert reader.header is not None
    assert reader.header.beyond is not None
    assert reader.header.beyond.authors_dropped is dropped


# -- signatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("digits", "read"), [(76, True), (77, False)])
def test_a_number_has_so_many_digits(digits: int, *, read: bool) -> None:
    tags = b"v=1; a=rsa-sha256; d=e.com; s=s; h=from; bh=aGFzaA==; b=c2ln; l="
    field = Field.of(b"DKIM-Signature: " + tags + b"1" * digits)
    if read:
        assert Signature.parse(field).body_length
    else:
        with pytest.raises(SignatureFault, match="76 digits"):
            Signature.parse(field)


def test_a_comment_is_shown_so_far_only() -> None:
    result = MethodResult("dkim", "fail", comment="x " * 2000)
    written = write(AuthenticationResults("mx.example", (result,))).raw
    assert 1000 < written.count(b"x") < 1100


# -- SPF -----------------------------------------------------------------------------------------

TEXT = "v=spf1 "
CLIENT = ip_address("192.0.2.1")


@pytest.mark.parametrize(
    ("record", "others", "word"),
    [
        pytest.param("exists:a.x exists:b.x ?all", {}, "neutral", id="two-void-lookups"),
        pytest.param("exists:a.x exists:b.x exists:c.x ?all", {}, "permerror", id="three"),
        pytest.param("mx:m.x ?all", {"m.x": {"MX": [f"{n} h.x" for n in range(10)]},
                                     "h.x": {"A": ["192.0.2.9"]}}, "neutral", id="ten-exchanges"),
        pytest.param("mx:m.x ?all", {"m.x": {"MX": [f"{n} h.x" for n in range(11)]},
                                     "h.x": {"A": ["192.0.2.9"]}}, "permerror", id="eleven"),
        pytest.param("ip4:192.0.2.9 " * 584 + "?all", {}, "neutral", id="a-record-of-8187-octets"),
        pytest.param("ip4:192.0.2.9 " * 585 + "?all", {}, "permerror", id="a-longer-record"),
    ],
)  # fmt: skip
def test_beyond_a_limit_of_spf_is_permerror(record: str, others: dict[str, Any], word: str) -> None:
    zone = Zone({"example.com": TEXT + record, **others})
    assert spf(zone).word.value == word


@pytest.mark.parametrize(("place", "word"), [(9, SpfWord.PASS), (10, SpfWord.FAIL)])
def test_names_of_a_client_beyond_the_limit_are_ignored(place: int, word: SpfWord) -> None:
    """RFC 7208 §4.6.4."""
    names = [f"n{n}.other.example" for n in range(11)]
    names[place] = "mx.example.com"
    zone = Zone({
        "example.com": TEXT + "ptr -all",
        "1.2.0.192.in-addr.arpa": {"PTR": names},
        "mx.example.com": {"A": ["192.0.2.1"]},
    })  # fmt: skip
    assert spf(zone).word is word


@pytest.mark.parametrize(("octets", "given"), [(1024, True), (1025, False)])
def test_an_explanation_that_is_too_long_is_none(octets: int, *, given: bool) -> None:
    zone = Zone({"example.com": TEXT + "-all exp=e.example", "e.example": "x" * octets})
    assert (spf(zone).explanation is not None) is given


def test_a_macro_keeps_all_parts_that_there_can_be() -> None:
    name = ".".join("a" * 127)
    assert macro_string("%{d999}").expand(lambda _: name, 1000) == name


def spf(zone: Zone) -> Any:
    request = SpfRequest(client=CLIENT, mail_from=b"u@example.com")
    return run(check_identity(request, explain=True), zone)


# -- DNS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("aliases", "asked_on"), [(10, True), (11, False)])
def test_aliases_over_several_replies_are_followed_so_far_only(
    aliases: int, *, asked_on: bool
) -> None:
    chain = Chain(name_octets("a0.example") or b"", 16)
    answer: Answer | None = None
    for number in range(aliases):
        answer = chain.take(alias(f"a{number}.example", f"a{number + 1}.example"), trusted=True)
    assert answer == (None if asked_on else Answer.failed(Failure.SERVER_FAILURE))


def alias(name: str, target: str) -> DnsReply:
    owner, end = name_octets(name) or b"", name_octets(target) or b""
    record = owner + struct.pack("!HHIH", 5, 1, 300, len(end)) + end
    return DnsReply.parse(
        b"\x12\x34\x81\x80\0\1\0\1\0\0\0\0" + owner + b"\x00\x10\x00\x01" + record
    )


# -- opinions, journals, files -------------------------------------------------------------------


def test_opinions_that_are_kept_are_bounded() -> None:
    asked = []

    def fetch(url: str, seconds: float) -> http_client.HttpReply:
        if url.endswith("/.well-known/repute-template"):
            return http_client.HttpReply(200, {}, b"http://{service}/{subject}\n")
        asked.append(url)
        reputon = (
            b'{"rater": "r", "assertion": "spam", "rated": "%s", "rating": 0.5, "expires": 9}'
            % url.rpartition("/")[2].encode()
        )
        body = b'{"application": "email-id", "reputons": [%s]}' % reputon
        return http_client.HttpReply(200, {}, body)

    client = Repute("rep.example", fetch=fetch)
    for number in range(10_001):
        client.assess([Subject(f"d{number}.example")], now=1)
    before = len(asked)
    client.assess([Subject("d10000.example")], now=1)
    assert len(asked) == before  # kept
    client.assess([Subject("d0.example")], now=1)
    assert len(asked) == before + 1  # forgotten


def test_a_line_for_syslog_is_shown_so_far_only() -> None:
    assert len(line(LogLevel.INFO, "x" * 2000).text) <= 901


def test_every_match_of_a_field_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("a\tb\n")
    changed = Replacer.load(str(tmp_path / "rules")).header(
        Header.parse(b"X: " + b"a" * 1001 + b"\r\n")
    )
    assert changed[0].value.strip() == b"b" * 1001


def test_a_message_too_large_to_be_changed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_WHOLE", 10)
    (tmp_path / "message").write_bytes(b"From: a@b.example\r\n")
    with pytest.raises(Unusable, match="too large to be changed"):
        sources.whole(str(tmp_path / "message"))


def test_keys_that_are_kept_loaded_are_bounded() -> None:
    kept: dict[str, Any] = {str(number): None for number in range(10_000)}
    assert "0" not in keyring._bounded(kept)
    assert len(kept) == 9_999  # one more has its place


def test_keys_that_are_kept_by_domain_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_files, "_KEPT", 1)
    files = key_files.KeyFiles()
    entry = Key(selector="s", inline=ED25519.pem().decode())
    assert files("a", entry, None) is files("a", entry, None)
    assert files("b", entry, None) is not files("b", entry, None)


# -- MIME ----------------------------------------------------------------------------------------


def multipart(count: int) -> bytes:
    parts = b"".join(b"--b\r\n\r\n%d\r\n" % number for number in range(count))
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n"


def test_a_multipart_of_more_parts_is_one_part() -> None:
    assert len(part(multipart(MOST_PARTS)).parts) == 500
    assert part(multipart(MOST_PARTS + 1)).parts == ()


@pytest.mark.parametrize(("octets", "read"), [(200, True), (201, False)])
def test_a_boundary_has_so_many_octets(octets: int, *, read: bool) -> None:
    header = Header.parse(b"Content-Type: multipart/mixed; boundary=" + b"b" * octets + b"\r\n")
    assert (boundary_of(header) is not None) is read


def test_a_long_value_has_no_parameters() -> None:
    value = b"text/plain; charset=utf-8; x="
    assert parameters(value + b"y" * 1000)[b"charset"] == b"utf-8"
    assert parameters(value + b"y" * (16 << 10)) == {}


def test_words_of_a_long_value_are_not_decoded() -> None:
    word = b"=?utf-8?q?a?="
    assert decode(word + b" " * 1000).startswith("a")
    assert decode(word + b" " * (64 << 10)).startswith("=?")


@pytest.mark.parametrize(("signs", "shown"), [(1000, True), (1001, False)])
def test_where_too_much_is_shown_nothing_is_told_of_it(signs: int, *, shown: bool) -> None:
    value = b"".join(b"(a@d%d.example) " % number for number in range(signs))
    assert (shown_domains(Header.parse(b"From: " + value + b"\r\n")) is not None) is shown


def test_a_display_name_is_shown_so_far_only() -> None:
    (mailbox,) = Authors.parse(b"x" * 2000 + b" <a@b.example>").mailboxes
    assert 199 <= display_name(mailbox).count("x") <= 200


def test_parts_nest_so_deep_only() -> None:
    nested = [part(multipart(2), depth) for depth in (15, 16)]
    assert [len(one.parts) for one in nested] == [2, 0]


def test_a_report_of_many_parts_is_read() -> None:
    """What stands behind the last of them belongs to it."""
    found = _parts(b"".join(b"--b\r\n\r\n%d\r\n" % n for n in range(70)) + b"--b--\r\n", b"b")
    assert len(found) == 64
    assert found[-1].body.endswith(b"--b--\r\n")


# -- reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("octets", "usable"), [(64, True), (65, False)])
def test_a_local_part_that_is_too_long_gets_no_reports(octets: int, *, usable: bool) -> None:
    assert dkim_feedback._usable(b"x" * octets) is usable


def test_words_of_a_signer_are_shown_so_far_only() -> None:
    assert dkim_feedback._words(b"x" * 300) == "x" * 200


# -- connections ---------------------------------------------------------------------------------


def test_a_domain_of_more_octets_than_any_name_is_none() -> None:
    authors = Authors.parse(b"a@" + b"x." * 600 + b"example")
    assert (authors.domains, authors.problems) == ((), (Problem.UNREADABLE_DOMAIN,))


def test_an_mta_that_does_not_read_is_not_read_from() -> None:
    """asyncio calls `pause_writing` once more than `_PAUSE_AT` octets wait to be written."""

    class Transport:
        reading = True

        def pause_reading(self) -> None:
            self.reading = False

        def resume_reading(self) -> None:
            self.reading = True

    connection, transport = Connection.__new__(Connection), Transport()
    connection._transport = transport  # type: ignore[assignment] # all that matters of one
    connection.pause_writing()
    assert not transport.reading
    connection.resume_writing()
    assert transport.reading
