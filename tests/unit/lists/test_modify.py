"""The changes lists make: each is what `changes` says it is, and can be undone."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.errors import IntentError
from avowal.lists.changes import changes
from avowal.lists.encoded_words import decode
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


@pytest.mark.parametrize("tag", ["", " ", "[b]\r\nX-Injected: 1", "[" + "x" * 90 + "]"])
def test_a_tag_is_one_short_line(tag: str) -> None:
    with pytest.raises(IntentError):
        tag_subject(Message.parse(message()), tag)


def shown(tagged: Message) -> str:
    """The subject as people read it, by another reader."""
    return str(email.message_from_bytes(tagged.octets, policy=email.policy.SMTP)["subject"])


@pytest.mark.parametrize(
    ("tag", "subject", "expected"),
    [
        pytest.param("[bees]", "=?utf-8?B?UmU6IFtiZWVzXSBHcsO8w59l?=", "Re: [bees] Grüße", id="b"),
        pytest.param(
            "[bees]", "Re: =?utf-8?Q?=5Bbees=5D_Gr=C3=BC=C3=9Fe?=", "Re: [bees] Grüße", id="q"
        ),
        pytest.param("[my list]", "Re: [my\r\n list] x", "Re: [my list] x", id="folded"),
        pytest.param("[büro]", "=?utf-8?q?=5Bb=C3=BCro=5D_x?=", "[büro] x", id="beyond ASCII"),
    ],
)
def test_a_tag_that_people_see_already_is_not_put_again(
    tag: str, subject: str, expected: str
) -> None:
    """RFC 2047 §6.1 (decode before looking), RFC 5322 §2.2.3 (unfold)."""
    before = Message.parse(message(subject=subject))
    assert tag_subject(before, tag) == before
    assert shown(before) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Lunch", "[büro] Lunch"),
        ("=?utf-8?q?caf=C3=A9?=", "[büro] café"),
        ("=?utf-8?q?caf=C3=A9?=\r\n =?utf-8?q?s?=", "[büro] cafés"),
        ("", "[büro]"),
        (None, "[büro]"),
    ],
)
def test_a_tag_beyond_ascii_is_encoded(subject: str | None, expected: str) -> None:
    """RFC 2047 §5 (1), §6.2; RFC 5322 §2.2: a header of ASCII stays one."""
    tagged = tag_subject(Message.parse(message(subject=subject)), "[büro]")
    assert tagged.header.octets.isascii()
    assert shown(tagged) == expected


WORDS = st.sampled_from(
    ["Re:", "Lunch", "[bees]", "\r\n", "=?utf-8?q?caf=C3=A9?=", "=?utf-8?b?W2JlZXNd?=", "é", "[my"]
)
TAGS = st.sampled_from(["[bees]", "[my list]", "[büro]", "=?tag?=", "(" + "é" * 60 + ")"])


@given(words=st.lists(WORDS, max_size=8), tag=TAGS)
def test_the_tag_put_twice_is_the_tag_put_once(words: list[str], tag: str) -> None:
    subject = " ".join(words).replace(" \r\n", "\r\n").replace("\r\n\r\n", "\r\n")
    before = Message.parse(message(subject=subject.removesuffix("\r\n")))
    once = tag_subject(before, tag)
    assert tag_subject(once, tag) == once
    assert once.octets.count(b"\r\n\r\n") == before.octets.count(b"\r\n\r\n")
    assert len(once.header) == len(before.header)
    (value,) = (field.value for field in once.header.named(b"subject"))
    assert tag in " ".join(decode(value).split())


@given(width=st.integers(1, 990))
def test_a_tag_makes_no_line_too_long(width: int) -> None:
    """RFC 5322 §2.1.1."""
    before = Message.parse(message(subject="x" * width))
    tagged = tag_subject(before, "[" + "b" * 70 + "]")
    (field,) = tagged.header.named(b"subject")
    assert max(map(len, field.raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("octets", "footer", "kinds"),
    [
        pytest.param(message(), FOOTER, {ListFindingKind.FOOTER}, id="into plain text"),
        pytest.param(
            message(b"no line end"), FOOTER, {ListFindingKind.FOOTER}, id="behind a lone line"
        ),
        pytest.param(
            message(content_transfer_encoding="8bit"),
            "Grüße",
            {ListFindingKind.FOOTER},
            id="in UTF-8 where the text is",
        ),
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
