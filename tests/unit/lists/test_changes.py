"""lists.changes: what lists do to mail, said in their words, and undone exactly."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.lists.changes import Changes, changes
from avowal.lists.edits import EditMismatch, Script
from avowal.lists.findings import ListFindingKind
from avowal.message import Message

HEADER = (
    b"From: Alice <alice@example.com>\r\nTo: list@lists.example\r\nSubject: Hello there\r\n"
    b"Date: Tue, 24 Nov 2026 16:00:00 +0000\r\n"
)
BODY = b"Dear all,\r\n\r\nhow are you?\r\n"
FOOTER = b"_______________\r\nlist mailing list\r\nlist@lists.example\r\n"


def made(header: bytes = HEADER, body: bytes = BODY) -> Message:
    return Message.parse(header + b"\r\n" + body)


def found(before: Message, after: Message) -> dict[ListFindingKind, str]:
    return {finding.kind: finding.subject for finding in changes(before, after).findings}


def with_header(old: bytes, new: bytes) -> Message:
    assert old in HEADER
    return made(HEADER.replace(old, new))


def multipart(*parts: bytes, boundary: bytes = b"b1", kind: bytes = b"mixed") -> Message:
    head = b"Content-Type: multipart/" + kind + b'; boundary="' + boundary + b'"\r\n'
    lines = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return made(HEADER + head, b"preamble\r\n" + lines + b"--" + boundary + b"--\r\n")


def text(body: bytes, kind: bytes = b"plain") -> bytes:
    return b"Content-Type: text/" + kind + b"; charset=utf-8\r\n\r\n" + body


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(made(), {}, id="nothing"),
        pytest.param(
            with_header(b"Subject: ", b"Subject: [list] "),
            {ListFindingKind.SUBJECT_TAG: "Subject"},
            id="a subject tag in front",
        ),
        pytest.param(
            with_header(b"Hello there", b"Hello [list] there"),
            {ListFindingKind.SUBJECT_TAG: "Subject"},
            id="a subject tag behind a prefix",
        ),
        pytest.param(
            with_header(b"Hello there", b"=?utf-8?q?=5Blist=5D_Hello?=\r\n there"),
            {ListFindingKind.SUBJECT_TAG: "Subject"},
            id="a subject tag, encoded and folded",
        ),
        pytest.param(
            with_header(b"Hello", b"Goodbye"),
            {ListFindingKind.FIELD_CHANGED: "Subject"},
            id="a new subject",
        ),
        pytest.param(
            with_header(b"Alice <alice@example.com>", b"Alice via list <list@lists.example>"),
            {ListFindingKind.FROM_REWRITTEN: "From"},
            id="From rewritten",
        ),
        pytest.param(
            with_header(b"Alice <", b'"Alice" <'),
            {ListFindingKind.FIELD_CHANGED: "From"},
            id="From requoted",
        ),
        pytest.param(
            made(b"Reply-To: list@lists.example\r\n" + HEADER),
            {ListFindingKind.REPLY_TO: "Reply-To"},
            id="Reply-To added",
        ),
        pytest.param(
            made(b"List-Id: <list.lists.example>\r\n" + HEADER),
            {ListFindingKind.FIELD_ADDED: "List-Id"},
            id="a field added",
        ),
        pytest.param(
            with_header(b"To: list@lists.example\r\n", b""),
            {ListFindingKind.FIELD_DROPPED: "To"},
            id="a field dropped",
        ),
        pytest.param(
            with_header(b"Hello there", b"Hello\r\n there"),
            {ListFindingKind.FIELD_REFOLDED: "Subject"},
            id="a field refolded",
        ),
        pytest.param(
            with_header(b"Subject:", b"SUBJECT:"),
            {ListFindingKind.FIELD_RENAMED: "SUBJECT"},
            id="a name respelled",
        ),
        pytest.param(made(body=BODY + FOOTER), {ListFindingKind.FOOTER: "body"}, id="a footer"),
        pytest.param(
            made(body=b"[EXTERNAL]\r\n" + BODY), {ListFindingKind.BANNER: "body"}, id="a banner"
        ),
        pytest.param(
            made(body=b"[EXTERNAL]\r\n" + BODY + FOOTER),
            {ListFindingKind.BANNER: "body", ListFindingKind.FOOTER: "body"},
            id="banner and footer",
        ),
        pytest.param(
            made(body=BODY.replace(b" are", b"  are ")),
            {ListFindingKind.WHITE_SPACE: "body"},
            id="spaces",
        ),
        pytest.param(
            made(body=BODY + b"\r\n\r\n"), {ListFindingKind.LINE_ENDS: "body"}, id="empty lines"
        ),
        pytest.param(made(body=b"Other\r\n"), {ListFindingKind.CONTENT: "body"}, id="another text"),
        pytest.param(
            made(HEADER + b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes(BODY)),
            {
                ListFindingKind.FIELD_ADDED: "Content-Transfer-Encoding",
                ListFindingKind.ENCODING: "body",
            },
            id="base64 of the same text",
        ),
        pytest.param(
            made(
                HEADER + b"Content-Transfer-Encoding: base64\r\n",
                base64.encodebytes(BODY + FOOTER),
            ),
            {
                ListFindingKind.FIELD_ADDED: "Content-Transfer-Encoding",
                ListFindingKind.ENCODING: "body",
                ListFindingKind.FOOTER: "body",
            },
            id="base64 with a footer inside",
        ),
        pytest.param(
            multipart(text(BODY), text(FOOTER)),
            {
                ListFindingKind.FIELD_ADDED: "Content-Type",
                ListFindingKind.MIME_WRAPPED: "body",
                ListFindingKind.FOOTER: "2",
            },
            id="wrapped into a multipart with a footer part",
        ),
    ],
)
def test_what_a_list_does_is_named(after: Message, expected: dict[ListFindingKind, str]) -> None:
    assert found(made(), after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            multipart(text(BODY), text(b"<p>Hi</p>", b"html"), kind=b"alternative"),
            multipart(
                text(BODY + FOOTER),
                text(b"<p>Hi</p><p>footer</p>", b"html"),
                kind=b"alternative",
            ),
            [(ListFindingKind.FOOTER, "1"), (ListFindingKind.FOOTER, "2")],
            id="a footer in each alternative",
        ),
        pytest.param(
            multipart(text(BODY)),
            multipart(text(BODY), text(FOOTER)),
            [(ListFindingKind.FOOTER, "2")],
            id="a footer part",
        ),
        pytest.param(
            multipart(text(BODY), b"Content-Type: image/png\r\n\r\nxyz"),
            multipart(text(BODY)),
            [(ListFindingKind.PART_DROPPED, "2")],
            id="an attachment taken out",
        ),
        pytest.param(
            multipart(text(BODY), boundary=b"b1"),
            multipart(text(BODY), boundary=b"b2"),
            [(ListFindingKind.FIELD_CHANGED, "Content-Type"), (ListFindingKind.BOUNDARY, "body")],
            id="another boundary",
        ),
        pytest.param(
            made(HEADER + b"Content-Transfer-Encoding: quoted-printable\r\n", b"caf=C3=A9\r\n"),
            made(HEADER + b"Content-Transfer-Encoding: 8bit\r\n", b"caf\xc3\xa9\r\n"),
            [
                (ListFindingKind.FIELD_CHANGED, "Content-Transfer-Encoding"),
                (ListFindingKind.ENCODING, "body"),
            ],
            id="8 bit instead of quoted-printable",
        ),
        pytest.param(
            multipart(text(BODY), text(b"x", b"html"), kind=b"alternative"),
            multipart(
                b"Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n"
                + text(BODY)
                + b"\r\n--in\r\n"
                + text(b"x", b"html")
                + b"\r\n--in--",
                text(FOOTER),
            ),
            [
                (ListFindingKind.FIELD_CHANGED, "Content-Type"),
                (ListFindingKind.MIME_WRAPPED, "body"),
                (ListFindingKind.FOOTER, "2"),
            ],
            id="a multipart wrapped into another",
        ),
        pytest.param(
            made(b"X-A: 1\r\nX-A: 2\r\n" + HEADER),
            made(b"X-A: 2\r\nX-A: 1\r\n" + HEADER),
            [(ListFindingKind.FIELDS_REORDERED, "X-A")],
            id="fields of one name in another order",
        ),
        pytest.param(
            made(b"X-A: 1\r\nX-B: 2\r\n" + HEADER),
            made(b"X-B: 2\r\nX-A: 1\r\n" + HEADER),
            [(ListFindingKind.FIELDS_REORDERED, "header")],
            id="fields of two names in another order",
        ),
    ],
)
def test_changes_of_structure_are_named_with_their_place(
    before: Message, after: Message, expected: list[tuple[ListFindingKind, str]]
) -> None:
    assert [(f.kind, f.subject) for f in changes(before, after).findings] == expected


def test_a_finding_reads_as_a_sentence() -> None:
    (finding,) = changes(made(), with_header(b"Subject: ", b"Subject: [list] ")).findings
    assert str(finding) == 'Subject: a tag was put into the Subject: "[list]"'


LINES = st.lists(
    st.sampled_from([b"", b"a", b"b", b"From: a@example.com", b"--b", b"Subject: x"]), max_size=12
).map(b"\r\n".join)
OCTETS = st.one_of(st.binary(max_size=120), LINES)


@given(before=OCTETS, after=OCTETS)
def test_apply_and_undo_are_exact(before: bytes, after: bytes) -> None:
    old, new = Message.parse(before), Message.parse(after)
    changed = changes(old, new)
    assert changed.apply(old).octets == new.octets
    assert changed.undo(new).octets == old.octets


@given(before=OCTETS, after=OCTETS)
def test_there_are_findings_exactly_when_something_changed(before: bytes, after: bytes) -> None:
    changed = changes(Message.parse(before), Message.parse(after))
    assert bool(changed.findings) == bool(changed)


def test_another_message_is_refused() -> None:
    changed = changes(made(), made(body=BODY + FOOTER))
    with pytest.raises(EditMismatch):
        changed.apply(made(body=b"Other\r\n"))


def test_one_line_put_in_among_many_different_ones_is_all_that_is_replaced() -> None:
    before = [b"%d" % n for n in range(5000)]
    after = [b"first", *before[:2500], b"put in", *before[2500:-1], b"last"]
    changed = Script.between(before, after).replacements
    assert [one.added for one in changed] == [(b"first",), (b"put in",), (b"last",)]


MANY = [b"%d%s" % (n, b"QUJD" * 500) for n in range(499)]
ENCODED = [b"Content-Transfer-Encoding: base64\r\n\r\n" + content for content in MANY]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            multipart(*ENCODED), multipart(*ENCODED[:-1], text(b"other")), id="one of many changed"
        ),
        pytest.param(
            made(HEADER + b"Content-Transfer-Encoding: base64\r\n", b"QUJD" * 250_000),
            multipart(*ENCODED),
            id="one text, and many parts that are none of it",
        ),
    ],
)
def test_each_content_is_decoded_once(
    before: Message, after: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    class Counting:
        Error = binascii.Error

        @staticmethod
        def a2b_base64(octets: bytes) -> bytes:
            decoded.append(len(octets))
            return binascii.a2b_base64(octets)

    monkeypatch.setattr("avowal.lists.mime.binascii", Counting)
    assert changes(before, after)
    assert sum(decoded) <= len(before.body) + len(after.body)


def test_nothing_changed_is_false() -> None:
    assert not changes(made(), made())
    assert isinstance(changes(made(), made()), Changes)
