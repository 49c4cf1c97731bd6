"""From fields as people, programs and lists write them: reading with care fails none of them."""

from __future__ import annotations

import pytest

from avowal.mailbox import Authors

A, B = "example.com", "example.org"

ONE_AUTHOR = {
    "bare": "joe@example.com",
    "angle": "<joe@example.com>",
    "name": "Joe Public <joe@example.com>",
    "no-space": "Joe<joe@example.com>",
    "quoted-name": '"Joe Public" <joe@example.com>',
    "quoted-comma": '"Public, Joe" <joe@example.com>',
    "quoted-no-space": '"Joe Public"<joe@example.com>',
    "initial": "Joe Q. Public <joe@example.com>",
    "apostrophe": "Joe O'Neil <joe@example.com>",
    "single-quotes": "'Joe Public' <joe@example.com>",
    "quoted-single-quotes": "\"'Joe Public'\" <joe@example.com>",
    "escaped-quotes": '"Joe \\"JP\\" Public" <joe@example.com>',
    "empty-name": '"" <joe@example.com>',
    "ampersand": "Smith & Sons <joe@example.com>",
    "slash": "ACME/Sales <joe@example.com>",
    "plus-address": "Joe <joe+tag@example.com>",
    "verp": "Joe <bounce-12=bob=example.net@example.com>",
    "percent": "Joe <joe%mail@example.com>",
    "quoted-local-part": '"joe public"@example.com',
    "comment-name": "joe@example.com (Joe Public)",
    "comment-with-address": "joe@example.com (see joe@example.net)",
    "comment-behind-the-angle": "Joe <joe@example.com> (Sales)",
    "comment-before": "(Sales) joe@example.com",
    "nested-comment": "joe@example.com (Joe (Sales))",
    "trailing-space": "Joe <joe@example.com>  ",
    "trailing-comma": "Joe <joe@example.com>,",
    "folded-name": '"Joe\r\n Public" <joe@example.com>',
    "folded-angle": "Joe Public\r\n\t<joe@example.com>",
    "folded-at-once": "\r\n Joe Public <joe@example.com>",
    "angle-with-spaces": "Joe < joe@example.com >",
    "encoded-q": "=?utf-8?q?J=C3=BCrgen?= <joe@example.com>",
    "encoded-b": "=?UTF-8?B?SsO8cmdlbg==?= <joe@example.com>",
    "encoded-in-quotes": '"=?utf-8?q?J=C3=BCrgen?=" <joe@example.com>',
    "encoded-twice": "=?utf-8?q?J=C3=BC?=\r\n =?utf-8?q?rgen?= <joe@example.com>",
    "encoded-comma": "=?utf-8?Q?Public,_Joe?= <joe@example.com>",
    "encoded-parentheses": "=?utf-8?Q?Joe_(Sales)?= <joe@example.com>",
    "encoded-quotes": '=?utf-8?Q?"Joe"?= <joe@example.com>',
    "encoded-colon": "=?utf-8?Q?Re:_Joe?= <joe@example.com>",
    "encoded-address-name": "=?utf-8?q?joe=40example=2Ecom?= <joe@example.com>",
    "encoded-language": "=?utf-8*en?q?Joe?= <joe@example.com>",
    "encoded-latin-1": "=?iso-8859-1?Q?J=FCrgen_M=FCller?= <joe@example.com>",
    "raw-utf-8": "Jürgen Müller <joe@example.com>",
    "emoji": "🎉 Sale 🎉 <joe@example.com>",
    "smtputf8": "Jürgen <jürgen@example.com>",
    "group": "Team: Joe <joe@example.com>;",
    "empty-group-beside": "undisclosed-recipients:;, joe@example.com",
    "upper-case": "JOE@EXAMPLE.COM",
    "address-as-name": "joe@example.com <joe@example.com>",
    "address-as-name-no-space": "joe@example.com<joe@example.com>",
    "address-as-quoted-name": '"joe@example.com" <joe@example.com>',
    "other-address-quoted": '"joe@example.net via Bees" <joe@example.com>',
    "quoted-angle-address": '"Joe <joe@example.net>" <joe@example.com>',
    "via-list": "\"'Joe' via Bees\" <joe@example.com>",
    "comma-unquoted": "Joe, Inc. <joe@example.com>",
    "commas-unquoted": "Public, Joe, Dr. <joe@example.com>",
    "brackets": "Support [ACME] <joe@example.com>",
    "brackets-first": "[ACME] Support <joe@example.com>",
    "colon-unquoted": "Re: Joe <joe@example.com>",
    "semicolon-unquoted": "Joe; Sales <joe@example.com>",
    "backslash-unquoted": "ACME\\joe <joe@example.com>",
    "parenthesis-never-closed": "Joe (Sales <joe@example.com>",
    "angle-never-closed": "Joe <joe@example.com",
    "angle-doubled": "Joe <<joe@example.com>>",
    "angle-never-opened": "Joe joe@example.com>",
    "final-dot": "Joe <joe@example.com.>",
    "name-behind": "<joe@example.com> Joe",
    "same-angle-twice": "<joe@example.com> <joe@example.com>",
    "words-before-a-bare-address": "Joe Public joe@example.com",
}  # fmt: skip


@pytest.mark.parametrize("value", ONE_AUTHOR.values(), ids=ONE_AUTHOR.keys())
def test_one_author_is_read_whole(value: str) -> None:
    authors = Authors.parse(value.encode())
    assert {domain.ascii for domain in authors.domains} == {A}
    assert authors.complete


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("a@example.com, b@example.org", {A, B}, id="two"),
        pytest.param("A <a@example.com>; B <b@example.org>", {A, B}, id="semicolon-between"),
        pytest.param("G: A <a@example.com>, b@example.org;", {A, B}, id="group-of-two"),
        pytest.param("a@example.com <b@example.org>", {A, B}, id="other-address-as-name"),
        pytest.param("<@example.org:a@example.com>", {A, B}, id="route"),
        pytest.param("j@bücher.example", {"xn--bcher-kva.example"}, id="u-label"),
        pytest.param("j@xn--bcher-kva.example", {"xn--bcher-kva.example"}, id="a-label"),
        pytest.param("root@localhost", {"localhost"}, id="single-label"),
        pytest.param("a@my_host.example.com", {"my_host.example.com"}, id="underscore"),
        pytest.param("a@sub.mail.example.com", {"sub.mail.example.com"}, id="subdomain"),
    ],
)
def test_several_authors_and_rarer_names_are_read_whole(value: str, expected: set[str]) -> None:
    authors = Authors.parse(value.encode())
    assert {domain.ascii for domain in authors.domains} == expected
    assert authors.complete
