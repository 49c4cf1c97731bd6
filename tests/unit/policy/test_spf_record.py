"""SPF records and macro strings (RFC 7208 §4.6, §5, §6, §7, §12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.policy.spf.macros import (
    Letters,
    MacroString,
    SpfSyntaxFault,
    domain_spec,
    macro_string,
)
from avowal.policy.spf.record import is_record, read_record
from avowal.policy.spf.values import SpfWord

LETTERS = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "v": "in-addr",
    "h": "mx.example.com",
    "p": "unknown",
}


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"v=spf1", True, id="the version alone"),
        pytest.param(b"v=spf1 -all", True, id="a space ends the version"),
        pytest.param(b"V=SPF1 -all", True, id="case of the version does not count"),
        pytest.param(b"v=spf10 -all", False, id="a longer version is another"),
        pytest.param(b"v=spf1-all", False, id="something glued on"),
        pytest.param(b" v=spf1 -all", False, id="a space in front"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_the_version_decides_what_is_a_record(octets: bytes, expected: bool) -> None:
    assert is_record(octets) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    # the worked examples of RFC 7208 §7.4
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("a%%b%_c%-d", "a%b c%20d"),
        ("%{S}", "strong-bad%40email.example.com"),
    ],
)
def test_macros_expand_as_in_the_rfc(text: str, expected: str) -> None:
    assert macro_string(text).expand(LETTERS.__getitem__, 253) == expected


def test_a_name_too_long_loses_labels_on_the_left() -> None:
    long = ".".join(["label"] * 60)
    name = domain_spec(f"{long}.%{{d}}").expand_name(LETTERS.__getitem__)
    assert len(name) <= 253
    assert name.endswith(".label.email.example.com")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("%", id="a lone percent sign"),
        pytest.param("%(d)", id="the wrong bracket"),
        pytest.param("%{d", id="no end"),
        pytest.param("%{x}", id="an unknown letter"),
        pytest.param("%{c}", id="c outside an explanation"),
        pytest.param("%{d0}", id="zero parts"),
        pytest.param("%{dr2}", id="digits behind r"),
        pytest.param("%{d;}", id="an unknown delimiter"),
        pytest.param("a b", id="a space outside an explanation"),
        pytest.param("a\tb", id="a control character"),
    ],
)
def test_a_malformed_macro_string_is_refused(text: str) -> None:
    with pytest.raises(SpfSyntaxFault):
        macro_string(text)


@pytest.mark.parametrize("text", ["", "com", "example.123", "example.com-", "example..", "a.b/c"])
def test_a_domain_ends_in_a_top_level_label_or_a_macro(text: str) -> None:
    with pytest.raises(SpfSyntaxFault):
        domain_spec(text)


@pytest.mark.parametrize(
    ("term", "word", "mechanism"),
    [
        ("all", SpfWord.PASS, "all"),
        ("-ALL", SpfWord.FAIL, "all"),
        ("~a", SpfWord.SOFTFAIL, "a"),
        ("?mx:example.com/24//64", SpfWord.NEUTRAL, "mx"),
        ("+ptr:%{d}", SpfWord.PASS, "ptr"),
        ("exists:%{i}.%{d1r/}", SpfWord.PASS, "exists"),
        ("ip4:192.0.2.0/24", SpfWord.PASS, "ip4"),
        ("ip6:2001:db8::/32", SpfWord.PASS, "ip6"),
        ("ip6:::ffff:192.0.2.1", SpfWord.PASS, "ip6"),
        ("include:_spf.example.com.", SpfWord.PASS, "include"),
    ],
)
def test_a_directive_has_a_qualifier_and_a_mechanism(
    term: str, word: SpfWord, mechanism: str
) -> None:
    (directive,) = read_record(f"v=spf1 {term}".encode()).directives
    assert (directive.word, directive.mechanism) == (word, mechanism)


@pytest.mark.parametrize(
    "term",
    [
        pytest.param("all:example.com", id="all with a domain"),
        pytest.param("all/8", id="all with a prefix"),
        pytest.param("include", id="include without a domain"),
        pytest.param("include:example.com/24", id="include with a prefix"),
        pytest.param("exists", id="exists without a domain"),
        pytest.param("a:", id="a colon and nothing"),
        pytest.param("a/33", id="33 bits of IPv4"),
        pytest.param("a//129", id="129 bits of IPv6"),
        pytest.param("a/024", id="a leading zero"),
        pytest.param("a:example.com:8080", id="a port"),
        pytest.param("ptr/24", id="ptr with a prefix"),
        pytest.param("ip4", id="ip4 without an address"),
        pytest.param("ip4:1.2.3", id="three octets"),
        pytest.param("ip4:1.2.3.04", id="an octet with a leading zero"),
        pytest.param("ip4:192.0.2.0//24", id="an IPv6 prefix for ip4"),
        pytest.param("ip6:192.0.2.0", id="IPv4 as ip6"),
        pytest.param("ip6:fe80::1%eth0", id="a zone id"),
        pytest.param("-redirect=example.com", id="a qualifier on a modifier"),
        pytest.param("redirect=", id="redirect to nowhere"),
        pytest.param("moo", id="an unknown mechanism"),
        pytest.param("foo=%", id="an unknown modifier with a bad macro"),
        pytest.param("=x", id="a modifier without a name"),
        pytest.param("a\t-all", id="a tab between terms"),
        pytest.param("-all\r\n", id="a line end"),
    ],
)
def test_one_bad_term_spoils_the_record(term: str) -> None:
    with pytest.raises(SpfSyntaxFault):
        read_record(f"v=spf1 ip4:192.0.2.1 {term}".encode())


@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_a_modifier_stands_once(name: str) -> None:
    with pytest.raises(SpfSyntaxFault, match="stands twice"):
        read_record(f"v=spf1 {name}=a.example {name}=b.example".encode())


def test_modifiers_stand_anywhere_and_unknown_ones_are_ignored() -> None:
    record = read_record(b"v=spf1 redirect=a.example moo.cow-far_out=man:dog/cat a")
    assert [directive.mechanism for directive in record.directives] == ["a"]
    assert record.redirect is not None
    assert record.redirect.text == "a.example"


def test_octets_beyond_ascii_are_refused_with_their_place() -> None:
    with pytest.raises(SpfSyntaxFault) as fault:
        read_record(b"v=spf1 a:\xef\xbb\xbfexample.com")
    assert fault.value.offset == 9


def naive_name(text: MacroString, letters: Letters) -> str:
    """The name as RFC 7208 §7.3 tells it: all of it, then labels off the left."""
    parts = [p if isinstance(p, str) else p.expand(letters) for p in text.parts]
    labels = "".join(parts).removesuffix(".").split(".")
    while len(".".join(labels)) > 253:
        labels.pop(0)
    return ".".join(labels)


@given(
    st.lists(
        st.sampled_from(
            ["%{l}", "%{lr}", "%{L}", "%{l2r}", "%{d}", ".", "a", "a.b", "x" * 60, "%%", "%{l1r-}"]
        ),
        min_size=1,
        max_size=30,
    ),
    st.text(alphabet="ab.-+", max_size=300),
)
def test_a_name_made_from_the_right_is_the_one_made_whole(pieces: list[str], local: str) -> None:
    text = macro_string("".join(pieces))
    letters = (LETTERS | {"l": local}).__getitem__
    assert text.expand_name(letters) == naive_name(text, letters)


def test_a_name_expands_no_more_than_a_name_can_hold() -> None:
    asked: list[str] = []

    def letters(letter: str) -> str:
        asked.append(letter)
        return "label." * 50

    name = macro_string("%{d}%{d1r}%{o}%{l}%{d}").expand_name(letters)
    assert len(name) <= 253
    assert asked == ["d"]  # the rightmost fills the name (RFC 7208 §7.3)


def test_equal_macros_are_expanded_once() -> None:
    asked: list[str] = []

    def letters(letter: str) -> str:
        asked.append(letter)
        return ""

    assert macro_string("%{l}%{l}%{L}%{l}").expand(letters, 10) == ""
    assert asked == ["l", "l"]  # %{l} and %{L}


def test_a_text_longer_than_it_may_be_is_none() -> None:
    text = macro_string("%{l}%{l}")
    assert text.expand(lambda _: "abcd", 8) == "abcdabcd"
    assert text.expand(lambda _: "abcd", 7) is None
