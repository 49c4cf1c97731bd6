"""The law about authors: what any reader shows has to answer, or nothing passes.

For every value of a From field: each domain that a reference reader shows is among
`Authors.domains`, or the authors are not complete.  And authors that are not complete pass
neither DMARC nor ADSP, whoever signed, and our own signer does not sign for them.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.author_law import broken_by, broken_by_header
from tests.froms import PIECES, field

from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.names import DomainName
from avowal.policy import adsp
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

SEEDS = range(8)
_PASSING = {PolicyResult.PASS, PolicyResult.NONE}
EACH = 400  # a seed; the search profile is `python -m tests.properties.test_author_law COUNT`
POLICIES = Zone(
    {
        f"{prefix}.{domain}": record
        for domain in ("evil.example", "bank.example")
        for prefix, record in (
            ("_dmarc", "v=DMARC1; p=reject"),
            ("_adsp._domainkey", "dkim=discardable"),
        )
    }
)


ESPOOFER = {
    "two-angles-with-comma": b"<a@bank.example>, <b@evil.example>",
    "two-angles": b"<b@bank.example><a@evil.example>",
    "route": b"<@evil.example:b@bank.example>",
    "route-of-junk": b"<@$@|@;#..:b@bank.example>",
    "routes": b"<@evil.example,@any.example:b@bank.example>",
    "quoted-pair-comma": b"<b@bank.example>\\,<a@evil.example>",
    "angle-missing": b"b@bank.example <a@evil.example",
    "angle-never-opened": b"b@bank.example> a@evil.example",
    "comment-between": b"<b@bank.example>(<a@evil.example>)",
    "comment-in-domain": b"<a@bank.example(.evil.example)>",
    "comment-before-domain": b"a@(b@bank.example)evil.example",
    "quoted-address-first": b'"b@bank.example", a@evil.example',
    "quoted-address-before-bare": b'"b@bank.example" a@evil.example',
    "quoted-angle": b'"<b@bank.example>" <a@evil.example>',
    "escaped-quote": b'"\\" <b@bank.example>" <a@evil.example>',
    "nul-behind": b"b@bank.example\x00@evil.example",
    "nul-inside": b"b@bank.exa\x00mple",
    "encoded-address": b"=?utf-8?B?YkBiYW5rLmV4YW1wbGU=?=",
    "encoded-address-before-angle": b"=?utf-8?B?PGJAYmFuay5leGFtcGxlPg==?= <a@evil.example>",
    "encoded-quote": b'=?x?q?"?= <a@evil.example>, "<b@bank.example>" <c@evil.example>',
    "encoded-comment": b"=?x?q?(?= <b@bank.example> =?x?q?)?= <a@evil.example>",
    "several-signs": b"a@b@bank.example@evil.example",
    "quoted-sign": b'"b@bank.example"@evil.example',
    "literal-name": b"a@[bank.example]",
    "tail-dots": b'"Bank" <a@evil.example..bank.example>',
    "tail-quoted": b'a@evil.example"q".bank.example',
    "tail-comma": b"<a@evil.example,bank.example>",
    "tail-escape": b"a@evil.example\\.bank.example",
    "tail-literal": b"a@evil.example[.bank.example]",
    "tail-space": b"a@bank.example .evil.example",
    "tail-fold": b"<a@bank.example\r\n .evil.example>",
    "tail-semicolon": b"<a@evil.example;.bank.example>",
    "tail-apostrophe": b"a@evil.example'.bank.example",
    "bare-cr": b"a@evil.example\rFrom: b@bank.example",
    "bare-lf": b"a@evil.example\n <b@bank.example>",
    "vertical-tab": b"a@evil.example\x0b@bank.example",
    "group-in-group": b"A: B: b@bank.example;, a@evil.example;",
    "ideographic-stop": "a@bank.example\u3002evil.example".encode(),
}


@pytest.mark.parametrize("value", ESPOOFER.values(), ids=ESPOOFER.keys())
def test_a_published_trick_shows_nothing_that_does_not_answer(value: bytes) -> None:
    assert broken_by(value) == {}


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b'From: "a\r\nFrom: a@x>\r\n', id="quote-that-the-next-field-goes-on"),
        pytest.param(b"From: [a\r\nFrom: a@x>\r\n", id="literal-that-the-next-field-goes-on"),
        pytest.param(b"From: (a\r\nFrom: a@x>\r\n", id="comment-that-the-next-field-goes-on"),
    ],
)
def test_fields_that_readers_join_show_nothing_that_does_not_answer(octets: bytes) -> None:
    assert broken_by_header(octets) == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_any_reader_shows_answers_or_nothing_passes(seed: int) -> None:
    rng = Random(seed)
    broken = {value: found for _ in range(EACH) if (found := broken_by(value := field(rng)))}
    assert broken == {}


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(b"".join))
def test_what_any_reader_shows_of_pieces_answers_or_nothing_passes(value: bytes) -> None:
    assert broken_by(value) == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                (
                    b"From",
                    b"FROM",
                    b"From ",
                    b"From\x00",
                    b"\x0bFrom",
                    b"Fr\x00om",
                    b"Subject",
                    b"To",
                )
            ),
            st.lists(st.sampled_from(PIECES), max_size=5).map(b"".join),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_any_reader_shows_of_a_header_answers(fields: list[tuple[bytes, bytes]]) -> None:
    octets = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    assert broken_by_header(octets) == {}


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map(b"".join))
def test_what_is_not_complete_passes_no_policy(value: bytes) -> None:
    authors = Authors.parse(value)
    assume(not authors.complete)
    names = [*authors.domains, DomainName.parse(b"evil.example"), DomainName.parse(b"bank.example")]
    signed = [SignatureResult(domain=name, result="pass") for name in names]
    assert run(evaluate(authors, signed), POLICIES).result not in _PASSING
    assert run(adsp.evaluate(authors, signed), POLICIES).result is not adsp.AdspResult.PASS


if __name__ == "__main__":  # the search: counts cases, stops at the first that breaks the law
    import sys

    rng = Random(int(sys.argv[2]) if len(sys.argv) > 2 else None)
    complete = 0
    for _ in range(int(sys.argv[1])):
        value = field(rng)
        complete += Authors.parse(value).complete
        if found := broken_by(value):
            sys.exit(f"{value!r}: {found}")
    sys.stdout.write(f"{sys.argv[1]} cases, {complete} of them complete: none breaks the law\n")
