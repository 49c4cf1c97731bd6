"""Damage that a paste, a filter or a gateway does: led back, and told to whom it concerns."""

from __future__ import annotations

import binascii

import pytest

import avowal
from avowal.diagnose.causes import Party, advice
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.field_subject import _MOST_MARKS, subjects
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.profiles import Profile, SignerProfile
from avowal.diagnose.signed_header import _MOST_COPIED, _values
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.signature import Signature
from avowal.message import Field, Header, Message
from avowal.testing import RSA_1024, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_1024)}
TEXT = (
    "Dear Bob,\r\n\r\n"
    "x = 1 and nothing else on this line that is long enough to be broken, is there\r\n"
)


def signed(octets: bytes) -> bytes:
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024)
    return field + octets


def only(octets: bytes) -> Explanation:
    (one,) = explain(Message.parse(octets), avowal.verify(octets, ZONE, line_ends="wire"))
    return one


SENT = signed(message(TEXT, subject="Lunch today", cc="Dave D <dave@example.net>"))
HEAD, _, BODY = SENT.partition(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("came", "step"),
    [
        pytest.param(
            HEAD + b"\r\n\r\n" + BODY.replace(b"\r\n", b"\r\n\r\n"), "lines-apart",
            id="an empty line behind each",
        ),
        pytest.param(
            HEAD + b"\r\n\r\n" + binascii.b2a_qp(BODY, istext=True), "quoted-printable-was-plain",
            id="quoted-printable that no field declares",
        ),
        pytest.param(
            signed(message("a = b\r\n")).replace(b"a = b", b"a =3D b"),
            "quoted-printable-was-plain", id="one sign of it is enough",
        ),
        pytest.param(
            SENT.replace(b"Subject: ", b"Subject: ***SPAM*** "), "subject-marked",
            id="the mark of a spam filter",
        ),
        pytest.param(
            SENT.replace(b"Subject: ", b"Subject: [EXTERNAL] "), "subject-tag",
            id="the mark of a gateway",
        ),
    ],
)  # fmt: skip
def test_damage_is_led_back(came: bytes, step: str) -> None:
    one = only(came)
    assert one.explained
    assert step in (*one.header_steps, *one.body_steps)


def test_a_name_without_a_blank_before_the_address_is_found_again() -> None:
    close = b"Dave D<dave@example.net>"
    octets = signed(message(TEXT, cc=close.decode()))
    assert only(octets.replace(close, b"Dave D <dave@example.net>")).header_steps == ("respelled",)


def test_what_the_signature_copied_into_z_is_tried() -> None:
    octets = message(TEXT, subject="Lunch at ten")
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024, copy_fields=True)
    came = field + octets.replace(b"Subject: Lunch at ten", b"Subject: Nothing of it is left")
    assert only(came).header_steps == ("copied-field",)


def test_a_copy_in_z_proves_nothing_by_itself() -> None:
    octets = message(TEXT, subject="Lunch at ten")
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024, copy_fields=True)
    lie = field.replace(b"Lunch=20at=20ten", b"Lunch=20at=20two").replace(
        b"Lunch at ten", b"Lunch at two"
    )
    assert lie != field
    assert not only(lie + octets.replace(b"Lunch at ten", b"Lunch at two")).explained


def test_so_many_copies_in_z_are_tried() -> None:
    copies = b"|".join([b"X-%d:a" % at for at in range(_MOST_COPIED)])
    values = {}
    for before in (b"", copies + b"|"):
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=From:Subject; bh=AAAA;"
        signature = Signature.parse(Field.of(raw + b" z=" + before + b"Subject:x; b=AAAA"))
        case = HeaderCase(
            Header.of([]), signature, b"", None, Surroundings(), Profile(), SignerProfile()
        )
        values[before] = [one.octets for one in _values(case, b"subject", 12)]
    assert b"x" in values[b""]
    assert b"x" not in values[copies + b"|"]


def test_words_before_a_subject_are_taken_off_one_by_one() -> None:
    values = [one.octets for one in subjects(b"Subject: a b c d e f", None) if one.step]
    assert [one for one in values if one in (b"b c d e f", b"c d e f", b"d e f")] == [
        b"b c d e f", b"c d e f", b"d e f",
    ]  # fmt: skip
    assert b"e f" not in values
    assert _MOST_MARKS == 3


@pytest.mark.parametrize(
    ("octets", "parties"),
    [
        pytest.param(SENT + b"-- \r\nfooter\r\n", True, id="a list adds a footer"),
        pytest.param(
            signed(message(".x\r\n")).replace(b"\r\n.x", b"\r\n..x"), False,
            id="a server doubles dots",
        ),
    ],
)  # fmt: skip
def test_lists_are_told_only_what_lists_do(octets: bytes, parties: bool) -> None:
    assert any(one.party is Party.LIST for one in advice(only(octets))) is parties


FLOWED = "Some words that flow on \r\ninto a second line \r\nand end.\r\n\r\n-- \r\nAnn\r\n"
NOTES = "See\r\n.gitignore and\r\nthe rest.\r\n"
MANUAL = ".TH AVOWAL 1\r\n.SH NAME\r\navowal\r\n.SH SYNOPSIS\r\n"
PARTS = (
    "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    "<html><body><p>Hello</p></body></html>\r\n--b--\r\n"
)


def simple(octets: bytes) -> bytes:
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=RSA_1024, body_canon="simple"
    )
    return field + octets


WRAPPED = (
    "A paragraph that goes on for more octets than one line of a mail may \r\n"
    "have where people wrap.\r\n"
)


@pytest.mark.parametrize(
    ("octets", "was", "came", "step"),
    [
        pytest.param(
            signed(message(WRAPPED)), b"may \r\nhave", b"may have", "reflowed",
            id="flowed lines put together",
        ),
        pytest.param(
            signed(message(NOTES)), b".git", b"git", "dots-removed", id="one line lost its dot"
        ),
        pytest.param(
            signed(message(MANUAL)), b"\r\n.", b"\r\n", "dots-removed",
            id="all lines of a manual lost theirs",
        ),
        pytest.param(
            signed(message("Dear")), b"\r\n\r\nDear", b"\r\n\r\n\xef\xbb\xbfDear",
            "byte-order-mark", id="a byte order mark",
        ),
        pytest.param(
            signed(message("one\r\ntwo\r\n")), b"one\r\ntwo\r\n", b"one\rtwo\r",
            "line-ends-bare", id="line ends of an old Macintosh",
        ),
        pytest.param(
            simple(message(FLOWED)), b" \r\n", b"\r\n", "blanks-removed",
            id="flowed text that lost its blanks",
        ),
    ],
)  # fmt: skip
def test_what_a_conversion_lost_is_put_back(
    octets: bytes, was: bytes, came: bytes, step: str
) -> None:
    head, blank, body = octets.partition(b"\r\n\r\n")
    changed = (blank + body).replace(was, came)
    assert changed != blank + body
    one = only(head + (changed if changed.startswith(blank) else blank + changed[2:]))
    assert one.explained
    assert one.body_steps == (step,)


SENT_PARTS = signed(message(PARTS, content_type="multipart/alternative; boundary=b"))
NOTE = b"This is confidential."
BOTH_NOTED = SENT_PARTS.replace(b"Hello\r\n--b", b"Hello\r\n\r\n" + NOTE + b"\r\n--b").replace(
    b"</body>", b"<p>" + NOTE + b"</p></body>"
)


def test_a_footer_in_the_plain_text_and_in_the_html_is_taken_out_of_both() -> None:
    one = only(BOTH_NOTED)
    assert one.explained
    assert one.body_steps == ("footer-in-part",)


_AT = SENT.index(b"bh=") + 8
BLANK_IN_TAG = SENT[:_AT] + b" " + SENT[_AT:]


@pytest.mark.parametrize(
    ("limit", "value", "octets"),
    [
        pytest.param("body_footers._PAIRED_OCTETS", 100, BOTH_NOTED, id="octets-for-two-footers"),
        pytest.param("body_footers._MOST_TEXTS", 1, BOTH_NOTED, id="texts-two-by-two"),
        pytest.param(
            "body_damage._MOST_DOTTED", 10,
            signed(message(NOTES)).replace(b".git", b"git"), id="octets-for-a-lost-dot",
        ),
        pytest.param(
            "signed_header._MOST_GAPS", 0,
            BLANK_IN_TAG, id="blanks-in-a-signature",
        ),
    ],
)  # fmt: skip
def test_so_far_each_of_these_is_tried(
    limit: str, value: int, octets: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only(octets).explained
    monkeypatch.setattr(f"avowal.diagnose.{limit}", value)
    assert not only(octets).explained


@pytest.mark.parametrize(
    ("signed_value", "came", "step"),
    [
        pytest.param(
            b"Date: Mon, 30 Nov 2026 01:05:00 +0530", b"Date: Sun, 29 Nov 2026 19:35:00 +0000",
            "date", id="a date in another zone",
        ),
        pytest.param(
            b"Message-ID: <1@example.com>", b"Message-ID: 1@example.com", "field-changed",
            id="a Message-ID without its brackets",
        ),
    ],
)  # fmt: skip
def test_a_field_that_a_gateway_wrote_anew_is_led_back(
    signed_value: bytes, came: bytes, step: str
) -> None:
    octets = signed(b"From: ann@example.com\r\n" + signed_value + b"\r\n\r\nHello\r\n")
    one = only(octets.replace(signed_value, came))
    assert one.explained
    assert one.header_steps == (step,)


def test_a_blank_within_a_tag_of_the_signature_is_taken_out() -> None:
    one = only(BLANK_IN_TAG)
    assert one.explained
    assert one.header_steps == ("signature-refolded",)
