"""From rewriting: the list speaks, the author stays known, and it can be undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.errors import IntentError
from avowal.lists.author import Replies, Rewriting, restore
from avowal.mailbox import Authors
from avowal.message import Header

BEES = Rewriting(address=b"bees@lists.example", name="Bees")


def header(*lines: bytes) -> Header:
    return Header.parse(b"".join(line + b"\r\n" for line in lines))


def values(rewritten: Header, name: bytes) -> list[bytes]:
    return [field.value for field in rewritten.named(name)]


@pytest.mark.parametrize(
    ("author", "display"),
    [
        pytest.param(b"Alice <a@example.com>", b'"Alice via Bees"', id="a phrase"),
        pytest.param(
            b'"Alice \\"Al\\" B" <a@x.example>', b'"Alice \\"Al\\" B via Bees"', id="quotes"
        ),
        pytest.param(b"alice@example.com", b'"alice via Bees"', id="a bare address"),
        pytest.param(
            b'"ceo@bank.example" <a@x.example>', b'"ceo via Bees"', id="an address as display name"
        ),
        pytest.param(
            b"=?utf-8?q?Al=C3=AFce?= <a@x.example>",
            b'=?utf-8?q?Al=C3=AFce?= "via" "Bees"',
            id="an encoded word stays outside of quotes",
        ),
        pytest.param(b"A <a@x.example>, B <b@y.example>", b'"A, B via Bees"', id="two authors"),
    ],
)
def test_the_display_name_says_through_whom_it_came(author: bytes, display: bytes) -> None:
    (value,) = values(BEES.apply(header(b"From: " + author)), b"from")
    assert value == b" " + display + b" <bees@lists.example>"


def test_the_author_stays_known() -> None:
    rewritten = BEES.apply(header(b"From: Alice <a@example.com>"))
    assert values(rewritten, b"author") == [b" Alice <a@example.com>"]
    assert values(rewritten, b"x-original-from") == [b" Alice <a@example.com>"]


def test_an_author_field_that_is_there_is_left_alone() -> None:
    """RFC 9057 §3."""
    rewritten = BEES.apply(header(b"Author: <first@example.com>", b"From: <a@example.com>"))
    assert values(rewritten, b"author") == [b" <first@example.com>"]


@pytest.mark.parametrize(
    ("replies", "own", "expected"),
    [
        (Replies.AUTHOR, None, b" A <a@example.com>"),
        (Replies.AUTHOR, b" other@example.com", b" other@example.com"),
        (Replies.LIST, None, b" <bees@lists.example>"),
        (Replies.BOTH, None, b" A <a@example.com>,\r\n\t<bees@lists.example>"),
    ],
)
def test_replies_go_where_the_list_wants_them(
    replies: Replies, own: bytes | None, expected: bytes
) -> None:
    lines = [b"From: A <a@example.com>"] + ([] if own is None else [b"Reply-To:" + own])
    rewriting = Rewriting(address=BEES.address, name=BEES.name, replies=replies)
    assert values(rewriting.apply(header(*lines)), b"reply-to") == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((b"To: x@example.com",), id="no From"),
        pytest.param((b"From: a@example.com", b"From: b@example.com"), id="two of them"),
        pytest.param((b"From: nobody",), id="no address"),
    ],
)
def test_a_message_without_a_clear_author_is_refused(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(IntentError, match="From"):
        BEES.apply(header(*lines))


def test_a_rewritten_message_is_not_rewritten_again() -> None:
    with pytest.raises(IntentError, match="before"):
        BEES.apply(BEES.apply(header(b"From: a@example.com")))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((b"From: A <a@example.com>", b"Subject: x"), id="plain"),
        pytest.param((b"From:\r\n\tA <a@example.com>", b"X: y"), id="folded"),
        pytest.param((b"Subject: x", b"From: a@example.com (hi)"), id="with a comment"),
        pytest.param((b"Reply-To: b@x.example", b"From: a@example.com"), id="with a Reply-To"),
        pytest.param(
            (b"Reply-To: a@example.com", b"From: a@example.com"), id="with a Reply-To like From"
        ),
    ],
)
@pytest.mark.parametrize("replies", Replies)
def test_restoring_gives_the_octets_back(lines: tuple[bytes, ...], replies: Replies) -> None:
    before = header(*lines)
    rewriting = Rewriting(address=BEES.address, name=BEES.name, replies=replies)
    restored = restore(rewriting.apply(before))
    assert restored is not None
    assert restored.octets == before.octets


def test_what_was_never_rewritten_is_not_restored() -> None:
    assert restore(header(b"From: a@example.com")) is None


@given(display=st.binary(max_size=60).filter(lambda octets: b"\n" not in octets))
def test_whatever_the_author_writes_the_new_field_names_the_list_alone(display: bytes) -> None:
    before = Header.parse(b"From: " + display + b" <a@example.com>\r\n")
    try:
        rewritten = BEES.apply(before)
    except IntentError:
        return
    assert [str(m) for m in Authors.of(rewritten).mailboxes] == ["bees@lists.example"]
