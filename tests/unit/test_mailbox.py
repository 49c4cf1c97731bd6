"""Who wrote a message: the author addresses of its From field, and what nobody may hide there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.limits import Limits
from avowal.mailbox import Authors, Problem, mailboxes
from avowal.message import Header
from avowal.tokens import scan


def domains(*values: bytes) -> list[str]:
    return [domain.ascii for domain in Authors.parse(*values).domains]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b" joe@example.com", ["joe@example.com"], id="bare-address"),
        pytest.param(b" Joe <joe@example.com>", ["joe@example.com"], id="phrase-and-angle"),
        pytest.param(b" <joe@example.com>", ["joe@example.com"], id="angle-alone"),
        pytest.param(b' "Joe, J." <joe@example.com>', ["joe@example.com"], id="quoted-comma"),
        pytest.param(b" Joe Q. Public <joe@example.com>", ["joe@example.com"], id="obs-phrase"),
        pytest.param(b" a@a.example, B <b@b.example>", ["a@a.example", "b@b.example"], id="two"),
        pytest.param(
            b" G: a@a.example, b@b.example;", ["a@a.example", "b@b.example"], id="group-of-rfc-6854"
        ),
        pytest.param(b" G:;, c@c.example", ["c@c.example"], id="empty-group-then-address"),
        pytest.param(b" ,, a@a.example,,", ["a@a.example"], id="empty-elements"),
        pytest.param(b" <@x.example,@y.example:a@a.example>", ["a@a.example"], id="obs-route"),
        pytest.param(b" a . b @ a . example", ["a.b@a.example"], id="obs-space-around-dots"),
        pytest.param(b' "a b"@a.example', ['"a b"@a.example'], id="quoted-local-part"),
        pytest.param(b' "a".b@a.example', ['"a".b@a.example'], id="obs-mixed-local-part"),
        pytest.param(b" a(b)@(c)a.example(d)", ["a@a.example"], id="comments-everywhere"),
        pytest.param(b" (a (b) c\\)) a@a.example", ["a@a.example"], id="nested-comment"),
        pytest.param(b"\r\n Joe\r\n\t<joe@example.com>\r\n ", ["joe@example.com"], id="folds"),
        pytest.param("jörg@bücher.example".encode(), ["jörg@bücher.example"], id="rfc-6532"),
        pytest.param(b" a@[192.0.2.1]", ["a@[192.0.2.1]"], id="address-literal"),
    ],
)
def test_a_well_formed_field_gives_its_mailboxes(value: bytes, expected: list[str]) -> None:
    authors = Authors.parse(value)
    assert [str(mailbox) for mailbox in authors.mailboxes] == expected
    assert Problem.MALFORMED not in authors.problems


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            b' "boss@bank.example" <x@evil.example>', ["evil.example"], id="address-in-display-name"
        ),
        pytest.param(
            b" boss@bank.example <x@evil.example>",
            ["bank.example", "evil.example"],
            id="address-before-the-angle",
        ),
        pytest.param(
            b" <x@evil.example> boss@bank.example",
            ["evil.example", "bank.example"],
            id="address-behind-the-angle",
        ),
        pytest.param(
            b" <x@evil.example><boss@bank.example>",
            ["evil.example", "bank.example"],
            id="two-angles",
        ),
        pytest.param(
            b" <<boss@bank.example>x@evil.example>",
            ["bank.example", "evil.example"],
            id="angle-in-angle",
        ),
        pytest.param(b" (boss@bank.example) x@evil.example", ["evil.example"], id="comment-hides"),
        pytest.param(
            b" (boss@bank.example x@evil.example",
            ["bank.example", "bank.examplex", "evil.example"],  # Python joins the words
            id="comment-never-closed",
        ),
        pytest.param(
            b' "boss@bank.example x@evil.example',
            ["bank.example", "bank.examplex", "evil.example"],
            id="quote-never-closed",
        ),
        pytest.param(
            b' "\\" <boss@bank.example>" x@evil.example',
            ["evil.example", "bank.example"],  # no display name: no angle bracket follows
            id="escape",
        ),
        pytest.param(
            b" boss@bank.example@evil.example", ["bank.example", "evil.example"], id="two-signs"
        ),
        pytest.param(b" boss@bank.example.", ["bank.example"], id="final-dot"),
        pytest.param(
            b" boss@bank.example\x00x@evil.example",
            ["bank.example", "bank.examplex", "evil.example"],
            id="nul",
        ),
        pytest.param(
            b" x@evil.example,boss@bank.example", ["evil.example", "bank.example"], id="multi-from"
        ),
        pytest.param(
            b" G: boss@bank.example; x@evil.example",
            ["bank.example", "evil.example"],
            id="address-behind-a-group-without-comma",
        ),
        pytest.param(
            b" =?utf-8?q?boss=40bank.example?= <x@evil.example>",
            ["evil.example"],
            id="encoded-word-is-a-name",
        ),
        pytest.param(
            b" =?utf-8?q?boss@bank.example?= <x@evil.example>",
            ["evil.example", "bank.example"],  # RFC 2047 §5 (3): no @ there; Python shows it
            id="encoded-word-with-a-sign",
        ),
        pytest.param(
            b' "a" "b@bank.example" c@evil.example',
            ["evil.example", "bank.example"],
            id="words-before-an-address",
        ),
    ],
)
def test_every_shown_domain_answers_for_itself(value: bytes, expected: list[str]) -> None:
    assert domains(value) == expected


def test_all_from_fields_count() -> None:
    header = Header.parse(b"From: a@bank.example\r\nSubject: x\r\nFROM : b@evil.example\r\n")
    authors = Authors.of(header)
    assert [d.ascii for d in authors.domains] == ["bank.example", "evil.example"]
    assert authors.problems == (Problem.SEVERAL_FIELDS,)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        pytest.param(b"From\x00: b@evil.example\r\n", Problem.DAMAGED_NAME, id="nul-behind"),
        pytest.param(b"Fr\x00om: b@evil.example\r\n", Problem.DAMAGED_NAME, id="nul-inside"),
        pytest.param(b"\x0bFrom: b@evil.example\r\n", Problem.DAMAGED_NAME, id="vertical-tab"),
        pytest.param(b"\xef\xbb\xbfFrom: b@evil.example\r\n", Problem.DAMAGED_NAME, id="mark"),
        pytest.param(b"From\r\n : b@evil.example\r\n", Problem.DAMAGED_NAME, id="fold-in-the-name"),
        pytest.param(b"X: y\rFrom: b@evil.example\r\n", Problem.BARE_LINE_BREAK, id="bare-cr"),
        pytest.param(b"X: y\nFROM : b@evil.example\r\n", Problem.BARE_LINE_BREAK, id="bare-lf"),
    ],
)
def test_what_reads_as_from_to_some_counts(more: bytes, problem: Problem) -> None:
    for octets in (more + b"From: a@bank.example\r\n", b"From: a@bank.example\r\n" + more):
        authors = Authors.of(Header.parse(octets))
        assert {d.ascii for d in authors.domains} == {"bank.example", "evil.example"}
        assert problem in authors.problems
        assert not authors.complete


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b"Subject: y\r\n From: b@evil.example\r\n", id="a-fold"),
        pytest.param(b"Subject: y\r\r\n", id="bare-cr-at-the-end"),
        pytest.param(b"X-From: b@evil.example\r\n", id="another-name"),
        pytest.param(b"no field at all: From: b@evil.example\r\n", id="a-line-that-is-no-field"),
    ],
)
def test_what_reads_as_from_to_nobody_does_not_count(more: bytes) -> None:
    authors = Authors.of(Header.parse(more + b"From: a@bank.example\r\n"))
    assert [d.ascii for d in authors.domains] == ["bank.example"]
    assert authors.complete


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param((), Problem.NO_FIELD, id="no-field"),
        pytest.param((b" G:;",), Problem.NO_ADDRESS, id="empty-group"),
        pytest.param((b"",), Problem.NO_ADDRESS, id="empty-field"),
        pytest.param((b" =?utf-8?b?Ym9zc0BiYW5r?=",), Problem.MALFORMED, id="encoded-as-a-whole"),
        pytest.param((b" a@-bad-.example",), Problem.UNREADABLE_DOMAIN, id="bad-label"),
        pytest.param((b" a@[192.0.2.1]",), Problem.ADDRESS_LITERAL, id="literal"),
        pytest.param((b" a@", b" b@b.example"), Problem.UNREADABLE_DOMAIN, id="no-domain"),
        pytest.param((b"\xff\xfe a@\xff.example",), Problem.UNREADABLE_DOMAIN, id="not-utf-8"),
    ],
)
def test_what_is_unusual_is_named(values: tuple[bytes, ...], problem: Problem) -> None:
    assert problem in Authors.parse(*values).problems


def test_u_labels_and_a_labels_are_one_domain() -> None:
    assert domains("a@bücher.example, b@XN--BCHER-KVA.example".encode()) == [
        "xn--bcher-kva.example"
    ]


def test_domains_beyond_the_limit_are_named_and_not_complete() -> None:
    authors = Authors.parse(
        b", ".join(b"a@d%d.example" % n for n in range(5)), limits=Limits(author_domains=3)
    )
    assert len(authors.domains) == 3
    assert Problem.TOO_MANY in authors.problems
    assert not authors.complete


def test_mailboxes_beyond_the_limit_leave_the_rest_unknown() -> None:
    authors = Authors.parse(b", ".join([b"a@d.example"] * 5), limits=Limits(author_mailboxes=3))
    assert Problem.TOO_MANY in authors.problems
    assert not authors.complete


@pytest.mark.parametrize(
    ("value", "user", "display"),
    [
        pytest.param(b' "J. \\"D\\"" <a@a.example>', b"a", b'"J. \\"D\\""', id="display-kept"),
        pytest.param(b' "a\\b c"@a.example', b"ab c", b"", id="user-unquoted"),
        pytest.param(b" a.b@a.example", b"a.b", b"", id="plain"),
    ],
)
def test_a_mailbox_tells_its_user_and_its_display(
    value: bytes, user: bytes, display: bytes
) -> None:
    (mailbox,) = mailboxes(value)
    assert (mailbox.user, mailbox.display) == (user, display)


@given(st.lists(st.binary(max_size=80), max_size=3))
def test_reading_raises_nothing(values: list[bytes]) -> None:
    Authors.parse(*values)


@given(st.text(alphabet='a@.,:;<>()"\\[] \t', max_size=60))
def test_reading_raises_nothing_over_the_specials(text: str) -> None:
    authors = Authors.parse(text.encode())
    assert authors.mailboxes or Problem.NO_ADDRESS in authors.problems


@pytest.mark.parametrize("mark", [b"(", b")", b",", b")("])
@pytest.mark.parametrize(
    "value",
    [
        b"%b", b"a@b.example%b", b"%ba@b.example", b"a@b.example %b c@d.example",
        b"<a@b.example%b>", b"a%b@b.example", b"a@b%b.example", b'"%b" <a@b.example>',
        b"g: a@b.example%b;", b"(c) a@b.example %b (d@e.example",
    ],
)  # fmt: skip
def test_how_many_strays_stand_together_changes_nothing(value: bytes, mark: bytes) -> None:
    def read(count: int) -> tuple[object, ...]:
        authors = Authors.parse(value % (mark * count))
        return (
            [(one.user, one.domain) for one in authors.mailboxes],
            authors.domains,
            set(authors.problems),
        )

    assert read(3) == read(4) == read(5)


@pytest.mark.parametrize("mark", [b"(", b")", b","])
def test_strays_that_stand_together_are_one_token(mark: bytes) -> None:
    assert len(scan(b"a" + mark * 1000)) == 2


@pytest.mark.parametrize(
    "unit",
    [
        b"(", b'"', b"[", b"@", b"@a", b"=?", b"=?a?q?", b'=?a?q?"', b"a@b,", b"a@b ", b"<@a", b"<",
        b"a@", b"a,", b"a ", b"@a,", b"<@a:", b"a:", b'"\\', b"(\\",
    ],
)  # fmt: skip
def test_time_grows_with_the_octets_whatever_they_are(unit: bytes) -> None:
    def seconds(octets: bytes) -> float:
        start = time.process_time()
        Authors.parse(octets, limits=Limits(author_octets=1 << 30))
        return time.process_time() - start

    size = 1 << 17  # squared, this would be hours
    Authors.parse(unit * (8 * size // len(unit)))  # beyond the limit: hardly looked at
    harmless = seconds(b"a@example.com, " * (size // 15))
    assert seconds(unit * (size // len(unit))) < 40 * max(harmless, 0.02)
