"""From rewriting: the list speaks, the author stays known, and it can be undone."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from avowal.errors import IntentError
from avowal.lists.author import Replies, Rewriting, restore
from avowal.lists.encoded_words import decode
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
        reject()
    assert [str(m) for m in Authors.of(rewritten).mailboxes] == ["bees@lists.example"]


# -- laws ----------------------------------------------------------------------------------

NAMES = st.one_of(
    st.binary(max_size=60).filter(lambda octets: b"\n" not in octets and b"\r" not in octets),
    st.text(max_size=90).map(lambda text: b'"' + b" ".join(text.encode("utf-8", "replace").split())
                             .replace(b"\\", b"").replace(b'"', b"") + b'"'),
)  # fmt: skip
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Reply-To: b@x.example",
            b"reply-to:",
            b"Reply-To: <bees@lists.example>",
            b"Author: A <a@example.com>",
            b"X-Original-From: c@y.example",
            b"x-original-reply-to : d@y.example",
            b"X-Original-X-Original-From: e@y.example",
            b"Subject: x",
        ]
    ),
    max_size=5,
)


SPELLED = [b"From: A <a@example.com>", b"FROM:a@example.com", b"From : A\r\n <a@example.com>"]


@given(
    above=FIELDS,
    below=FIELDS,
    replies=st.sampled_from(Replies),
    spelled=st.sampled_from(SPELLED),
)
def test_whatever_stands_around_it_comes_back_as_it_was(
    above: list[bytes], below: list[bytes], replies: Replies, spelled: bytes
) -> None:
    before = header(*above, spelled, *below)
    rewriting = Rewriting(address=BEES.address, name=BEES.name, replies=replies)
    restored = restore(rewriting.apply(before))
    assert restored is not None
    assert restored.octets == before.octets


@given(display=NAMES, name=st.sampled_from(["Bees", "Bücherfreunde", 'a "b", c']))
def test_the_new_field_is_ascii_and_reads_the_same_elsewhere(display: bytes, name: str) -> None:
    """RFC 5322 §2.2, §3.4 (a comma in a phrase is quoted); RFC 2047 §5; RFC 3629."""
    before = Header.parse(b"From: " + display + b" <a@example.com>\r\n")
    try:
        rewritten = Rewriting(address=BEES.address, name=name).apply(before)
    except IntentError:
        reject()
    (field,) = rewritten.named(b"from")
    assert field.raw.isascii()
    assert all(len(line) <= 998 for line in field.raw.split(b"\r\n"))
    read = email.message_from_bytes(field.raw + b"\r\n\r\n", policy=email.policy.SMTP)
    (address,) = read["from"].addresses
    assert address.addr_spec == "bees@lists.example"
    assert address.display_name.endswith(f"via {name}")


@pytest.mark.parametrize(
    ("author", "display"),
    [
        pytest.param(
            b"=?utf-8?Q?J=C3=BCrgen?= <a@x.example>, =?utf-8?Q?G=C3=BCnter?= <b@x.example>",
            "Jürgen, Günter via Bees",
            id="two encoded authors",
        ),
        pytest.param(
            b"=?utf-8?B?w7zDvMO8?=\r\n =?utf-8?B?w6TDpMOk?= <a@x.example>",
            "üüüäää via Bees",
            id="a name in several words",
        ),
        pytest.param(
            b"=?utf-8?q?ceo=40bank.example?= <a@x.example>",
            "ceo via Bees",
            id="an address behind an encoded word",
        ),
        pytest.param(b'"a@b@c" <a@x.example>', "a via Bees", id="several signs"),
        pytest.param(
            "\u202egnp.exe\u202c <a@x.example>".encode(), "gnp.exe via Bees", id="marks that turn"
        ),
        pytest.param(
            b'"=?utf-8?q?=FF" <a@x.example>', "=?utf-8?q?=FF via Bees", id="half an encoded word"
        ),
    ],
)
def test_people_read_the_author_s_name(author: bytes, display: str) -> None:
    (field,) = BEES.apply(header(b"From: " + author)).named(b"from")
    read = email.message_from_bytes(field.raw + b"\r\n\r\n", policy=email.policy.SMTP)
    assert read["from"].addresses[0].display_name == display


def test_a_long_name_is_cut_between_characters_and_folded_between_words() -> None:
    """RFC 2047 §2: lines with an encoded word have 76 characters at most; RFC 3629."""
    (field,) = BEES.apply(header(b"From: " + ("ü" * 200).encode() + b" <a@x.example>")).named(
        b"from"
    )
    assert decode(field.value.split(b"<")[0]).strip() == "ü" * 120 + '... "via" "Bees"'
    assert max(map(len, field.raw.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("replies", [Replies.AUTHOR, Replies.BOTH])
@pytest.mark.parametrize("own", [b"Reply-To:", b"Reply-To: ", b"Reply-To: nobody:;"])
def test_an_empty_reply_to_leads_to_the_author(own: bytes, replies: Replies) -> None:
    """RFC 5322 §3.6.2: a Reply-To holds an address."""
    rewriting = Rewriting(address=BEES.address, name=BEES.name, replies=replies)
    rewritten = rewriting.apply(header(own, b"From: A <a@example.com>"))
    (value,) = values(rewritten, b"reply-to")
    assert value.startswith(b" A <a@example.com>")


def test_a_post_that_another_list_rewrote_is_rewritten_again() -> None:
    """Google Groups writes X-Original-From; such a post has to pass."""
    before = header(
        b"From: 'A' via G <g@groups.example>",
        b"X-Original-From: A <a@example.com>",
        b"Reply-To: A <a@example.com>",
    )
    rewritten = BEES.apply(before)
    assert [str(m) for m in Authors.of(rewritten).mailboxes] == ["bees@lists.example"]
    assert values(rewritten, b"x-original-from") == [b" 'A' via G <g@groups.example>"]
