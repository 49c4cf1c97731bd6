"""The changes lists make: each is what `changes` says it is, and can be undone."""

from __future__ import annotations

import email
import email.policy

import pytest

from avowal.errors import IntentError
from avowal.lists.changes import changes
from avowal.lists.findings import ListFindingKind
from avowal.lists.modify import add_footer, tag_subject
from avowal.message import Message
from avowal.testing import message

FOOTER = "-- \nbees@lists.example"
BASE64 = message(b"SGVsbG8h\r\n", content_transfer_encoding="base64")
MIXED = message(
    b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b--\r\n",
    content_type="multipart/mixed; boundary=b",
)
SIGNED = message(
    b"--s\r\n\r\nHi\r\n--s\r\n\r\nsig\r\n--s--\r\n", content_type="multipart/signed; boundary=s"
)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Lunch", "[bees] Lunch"),
        ("Re: Lunch", "[bees] Re: Lunch"),
        ("Re: [bees] Lunch", "Re: [bees] Lunch"),
        ("=?utf-8?q?caf=C3=A9?=", "[bees] =?utf-8?q?caf=C3=A9?="),
        (None, "[bees]"),
    ],
)
def test_the_tag_stands_before_the_subject_once(subject: str | None, expected: str) -> None:
    tagged = tag_subject(Message.parse(message(subject=subject)), "[bees]")
    (field,) = tagged.header.named(b"subject")
    assert field.value == b" " + expected.encode()


def test_a_tag_is_named_as_one() -> None:
    before = Message.parse(message())
    found = changes(before, tag_subject(before, "[bees]")).findings
    assert [finding.kind for finding in found] == [ListFindingKind.SUBJECT_TAG]


@pytest.mark.parametrize("tag", ["", "[b]\r\nX-Injected: 1", "[büro]", "[" + "x" * 90 + "]"])
def test_a_tag_is_one_short_line_of_ascii(tag: str) -> None:
    with pytest.raises(IntentError):
        tag_subject(Message.parse(message()), tag)


@pytest.mark.parametrize(
    ("octets", "footer", "kinds"),
    [
        pytest.param(message(), FOOTER, {ListFindingKind.FOOTER}, id="into plain text"),
        pytest.param(
            message(b"no line end"), FOOTER, {ListFindingKind.FOOTER}, id="behind a lone line"
        ),
        pytest.param(message(), "Grüße", {ListFindingKind.FOOTER}, id="in UTF-8 where the text is"),
        pytest.param(MIXED, FOOTER, {ListFindingKind.FOOTER}, id="beside the parts"),
        pytest.param(
            BASE64,
            FOOTER,
            {
                ListFindingKind.FIELD_CHANGED,
                ListFindingKind.FIELD_DROPPED,
                ListFindingKind.MIME_WRAPPED,
                ListFindingKind.FOOTER,
            },
            id="beside encoded text",
        ),
        pytest.param(
            SIGNED,
            FOOTER,
            {ListFindingKind.FIELD_CHANGED, ListFindingKind.MIME_WRAPPED, ListFindingKind.FOOTER},
            id="around what is signed as a whole",
        ),
    ],
)
def test_a_footer_goes_where_it_does_no_harm(
    octets: bytes, footer: str, kinds: set[ListFindingKind]
) -> None:
    before = Message.parse(octets)
    after = add_footer(before, footer)
    changed = changes(before, after)
    assert {finding.kind for finding in changed.findings} == kinds
    assert changed.undo(after).octets == octets


@pytest.mark.parametrize("octets", [message(), MIXED, BASE64, SIGNED])
def test_every_reader_finds_the_footer_at_the_end(octets: bytes) -> None:
    after = add_footer(Message.parse(octets), FOOTER)
    read = email.message_from_bytes(after.octets, policy=email.policy.SMTP)
    last = list(read.walk())[-1]
    assert last.get_content().rstrip().endswith("bees@lists.example")
