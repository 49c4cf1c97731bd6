"""lists.footer: where a footer goes, and what it must never touch."""

from __future__ import annotations

import email
import email.message
import email.policy
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import avowal
from avowal.lists.footer import FooterPlace, footed
from avowal.message import Message
from avowal.testing import ED25519, Zone, message, record_for

FOOTER = "-- \nbees@lists.example\n"
GREETING = "-- \nGrüße, bees@lists.example\n"


def leaves(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """Type and decoded content of every part that holds no other, by Python's own reader."""
    read = email.message_from_bytes(octets, policy=email.policy.SMTP)
    for part in read.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            yield part.get_content_type(), content


def stripped(octets: bytes) -> list[tuple[str, bytes]]:
    """The same without line ends at the end: whose they are is open where no delimiter follows."""
    return [(kind, content.rstrip(b"\r\n")) for kind, content in leaves(octets)]


def last_text(octets: bytes) -> str:
    read = email.message_from_bytes(octets, policy=email.policy.SMTP)
    last = list(read.walk())[-1]
    text = last.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"


def misdeclared(part: email.message.Message, octets: bytes) -> bool:
    """Whether a part has 8-bit octets that its transfer encoding rules out (RFC 2045 §2.7)."""
    encoding = str(part.get("content-transfer-encoding", "7bit")).strip().lower()
    return encoding not in {"8bit", "binary"} and not octets.isascii()


# -- findings, each with its clause --------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "body", "footer", "place"),
    [
        pytest.param({}, b"hi\r\n", FOOTER, FooterPlace.IN_TEXT, id="plain"),
        pytest.param({}, b"hi\r\n", GREETING, FooterPlace.BESIDE, id="UTF-8, but 7bit"),
        pytest.param(
            {"content_transfer_encoding": "8bit"},
            b"hi\r\n",
            GREETING,
            FooterPlace.IN_TEXT,
            id="UTF-8 in 8bit",
        ),
        pytest.param(
            {"content_type": None}, b"hi\r\n", GREETING, FooterPlace.BESIDE, id="no MIME at all"
        ),
        pytest.param(
            {
                "content_type": "text/plain; charset=ISO-8859-1",
                "content_transfer_encoding": "8bit",
            },
            "grüß\r\n".encode("latin-1"),
            GREETING,
            FooterPlace.IN_TEXT,
            id="in the charset of the text",
        ),
        pytest.param(
            {
                "content_type": "text/plain; charset=iso-8859-1",
                "content_transfer_encoding": "8bit",
            },
            "grüß\r\n".encode("latin-1"),
            "-- \n你好, bees\n",
            FooterPlace.BESIDE,
            id="a character the charset lacks",
        ),
        pytest.param(
            {"content_transfer_encoding": "quoted-printable"},
            b"gr=C3=BC=C3=9F=\r\n",
            GREETING,
            FooterPlace.IN_TEXT,
            id="quoted-printable that ends in a soft break",
        ),
        pytest.param(
            {"content_transfer_encoding": "base64"},
            b"aGk=" * 300 + b"\r\n",
            FOOTER,
            FooterPlace.BESIDE,
            id="base64 in one line",
        ),
        pytest.param(
            {"content_type": "text/plain; charset=utf-16", "content_transfer_encoding": "binary"},
            "hi\r\n".encode("utf-16"),
            FOOTER,
            FooterPlace.BESIDE,
            id="UTF-16",
        ),
        pytest.param(
            {"content_type": "text/plain; charset=x-own"},
            b"hi\r\n",
            FOOTER,
            FooterPlace.BESIDE,
            id="an unknown charset",
        ),
        pytest.param(
            {
                "content_type": "text/plain; name=fix.patch",
                "content_disposition": "attachment; filename=fix.patch",
            },
            b"--- a\r\n+++ b\r\n",
            FOOTER,
            FooterPlace.BESIDE,
            id="a text that is an attachment",
        ),
        pytest.param(
            {"content_disposition": 'inline; filename="a.txt"'},
            b"hi\r\n",
            FOOTER,
            FooterPlace.BESIDE,
            id="a file shown inline",
        ),
        pytest.param(
            {"content_type": "text/html; charset=utf-8", "content_transfer_encoding": "8bit"},
            "<p>grüße</p>\r\n".encode(),
            FOOTER,
            FooterPlace.BESIDE,
            id="8-bit HTML",
        ),
        pytest.param(
            {"content_type": "multipart/mixed; boundary=b"},
            b"--b\r\n\r\nhi\r\n--b--\r\n",
            GREETING,
            FooterPlace.LAST_PART,
            id="a multipart",
        ),
        pytest.param(
            {"content_type": "multipart/mixed; boundary=b"},
            b"--b\r\n\r\nhi\r\n",
            FOOTER,
            FooterPlace.BESIDE,
            id="a multipart that never ends",
        ),
    ],
)
def test_the_footer_is_where_every_reader_finds_it(
    fields: dict[str, Any], body: bytes, footer: str, place: FooterPlace
) -> None:
    """RFC 2045 §2.7, §6.2, §6.4, §6.7; RFC 2046 §4.1.2, §5.1.1."""
    before = message(body, **fields)
    done = footed(Message.parse(before), footer)
    assert done.place is place
    assert bool(done.why) is (place is not FooterPlace.IN_TEXT)
    octets = done.message.octets
    assert last_text(octets).endswith(footer)
    if place is not FooterPlace.IN_TEXT:
        assert stripped(octets)[:-1] == stripped(before)


def test_it_is_said_why_a_text_in_utf_16_was_left_alone() -> None:
    """RFC 2046 §4.1.2."""
    before = message("hi".encode("utf-16"), content_type="text/plain; charset=UTF-16")
    done = footed(Message.parse(before), FOOTER)
    assert str(done) == (
        "the footer stands in a part beside the message, for nothing can be put behind text in "
        "utf-16"
    )


@pytest.mark.parametrize(
    "octets", ["grüße\r\n".encode(), b"hi\r\n"], ids=["8-bit content", "7-bit content"]
)
def test_a_new_multipart_declares_what_it_holds(octets: bytes) -> None:
    """RFC 2045 §6.4."""
    before = message(octets, content_type="text/html", content_transfer_encoding="8bit")
    (field,) = footed(Message.parse(before), FOOTER).message.header.named(
        b"content-transfer-encoding"
    )
    assert field.value.strip() == b"8bit"


def test_the_epilogue_stays_where_nobody_reads_it() -> None:
    """RFC 2046 §5.1.1: the first closing delimiter ends a multipart."""
    epilogue = b"the epilogue\r\n--b\r\n\r\nno part\r\n--b--\r\n"
    before = message(
        b"--b\r\n\r\nhi\r\n--b--\r\n" + epilogue, content_type="multipart/mixed; boundary=b"
    )
    after = footed(Message.parse(before), FOOTER).message
    assert after.body.endswith(b"--b--\r\n" + epilogue)
    assert [content for _, content in leaves(after.octets)] == [b"hi", b"-- \r\nbees@lists.example"]


def test_a_delimiter_is_a_whole_line() -> None:
    """RFC 2046 §5.1.1: an inner boundary may begin with the outer one."""
    head = b'Content-Type: multipart/alternative; boundary="b1--x"\r\n\r\n'
    inner = head + b"--b1--x\r\n\r\nhi\r\n--b1--x--\r\n"
    before = message(
        b"--b1\r\n" + inner + b"--b1--\r\n", content_type='multipart/mixed; boundary="b1"'
    )
    after = footed(Message.parse(before), FOOTER).message
    assert inner in after.body
    assert [content for _, content in leaves(after.octets)] == [b"hi", b"-- \r\nbees@lists.example"]


def test_a_boundary_in_quotes_may_hold_what_looks_like_a_comment() -> None:
    before = message(
        b"--a(b);c\r\n\r\nhi\r\n--a(b);c--\r\n",
        content_type='multipart/mixed (x; boundary=y); boundary="a(b);c"',
    )
    assert footed(Message.parse(before), FOOTER).place is FooterPlace.LAST_PART


# -- the law: whatever the shape, every part but the footer's says what it said -------------

TEXT = st.sampled_from(["hi", "grüß\r\nGott", "a = b\r\n", "--b0", "x" * 90, "", "-- \r\nme \r\n"])
ENCODINGS = st.sampled_from(["7bit", "8bit", "quoted-printable", "base64"])
SUFFIXES = st.sampled_from(["", "--x", "0", " (c)"])


@st.composite
def leaf(draw: st.DrawFn) -> bytes:
    """A part that holds no other, and is what it declares to be."""
    made = email.message.EmailMessage(policy=email.policy.SMTP)
    text = draw(TEXT)
    kind = draw(st.sampled_from(["plain", "html", "attachment", "binary"]))
    cte = draw(ENCODINGS)
    if kind == "binary":
        made.set_content(text.encode(), "application", "octet-stream")
    else:
        if cte == "7bit" and not text.isascii():
            cte = "quoted-printable"
        subtype = "html" if kind == "html" else "plain"
        disposition = "attachment" if kind == "attachment" else None
        made.set_content(text, subtype=subtype, cte=cte, disposition=disposition)
    del made["mime-version"]
    return made.as_bytes()


@st.composite
def entity(draw: st.DrawFn, depth: int = 0) -> bytes:
    """A part: a leaf, or a multipart with preamble, parts, epilogue."""
    if depth >= 2 or draw(st.booleans()):
        return draw(leaf())
    boundary = f"b{depth}{draw(SUFFIXES)}"
    parts = draw(st.lists(entity(depth + 1), min_size=1, max_size=3))
    subtype = draw(st.sampled_from(["mixed", "alternative", "signed", "related"]))
    line = f"--{boundary}".encode()
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts)
    preamble = draw(st.sampled_from([b"", b"preamble\r\n"]))
    closing = line + b"--" + draw(st.sampled_from([b"", b" ", b"\r\n", b"\r\nepilogue\r\n"]))
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'.encode()
    if not body.isascii():
        head += b"Content-Transfer-Encoding: 8bit\r\n"
    return head + b"\r\n" + preamble + body + closing


@settings(max_examples=60)
@given(made=entity(), footer=st.sampled_from([FOOTER, GREETING, "--b0--\nx", "a" * 1200]))
def test_every_other_part_says_what_it_said(made: bytes, footer: str) -> None:
    before = b"From: a@example.com\r\nMIME-Version: 1.0\r\n" + made
    done = footed(Message.parse(before), footer)
    after = done.message.octets
    old, new = list(leaves(before)), list(leaves(after))
    if done.place is FooterPlace.IN_TEXT:
        ((kind, was),) = old
        ((still, now),) = new
        assert (kind, still) == ("text/plain", "text/plain")
        assert now.startswith(was)
        added = now[len(was) :].decode().replace("\r\n", "\n")
        assert added.strip("\n") == footer.rstrip("\n")
    else:
        assert new[:-1] == old
    assert last_text(after).rstrip("\n").endswith(footer.rstrip("\n"))
    for part in email.message_from_bytes(after, policy=email.policy.SMTP).walk():
        assert not misdeclared(part, part.as_bytes().partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("fields", "footer"),
    [
        pytest.param({}, FOOTER, id="7bit"),
        pytest.param({"content_transfer_encoding": "8bit"}, GREETING, id="8bit"),
        pytest.param({"content_transfer_encoding": "quoted-printable"}, GREETING, id="qp"),
        pytest.param({"content_type": "multipart/mixed; boundary=b"}, FOOTER, id="multipart"),
    ],
)
def test_a_signature_over_what_stays_verifies(fields: dict[str, Any], footer: str) -> None:
    """RFC 6376 §3.7: l= ends before the footer, and no octet before it changed."""
    head = b"--b\r\n\r\nhi" if "content_type" in fields else b"hi =3D ho\r\n"
    before = message(head + (b"\r\n--b--\r\n" if "content_type" in fields else b""), **fields)
    own = b"\r\n\r\n".join([before.partition(b"\r\n\r\n")[0], head])
    field = avowal.sign(
        own, domain="example.com", selector="a", key=ED25519, now=1, body_length=True
    )
    sent = footed(Message.parse(field + before), footer).message
    zone = Zone({"a._domainkey.example.com": record_for(ED25519)})
    rules = avowal.Rules(accept_unsigned_content=True)
    (verdict,) = avowal.verify(sent.octets, zone, now=1, rules=rules)
    assert verdict.passed


def test_an_empty_body_takes_a_footer_too() -> None:
    assert last_text(footed(Message.parse(message(b"")), FOOTER).message.octets) == FOOTER


@pytest.mark.parametrize(
    "end", [pytest.param(b"--b--\r\n", id="closed"), pytest.param(b"", id="never closed")]
)
def test_many_delimiters_take_no_memory_of_their_own(end: bytes) -> None:
    body = b"--b\r\n" * 50_000 + end
    whole = Message.parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    tracemalloc.start()
    try:
        assert footed(whole, FOOTER).message.body != body
        assert tracemalloc.get_traced_memory()[1] < 8 * len(body)
    finally:
        tracemalloc.stop()
