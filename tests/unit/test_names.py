"""Domain names, selectors and identities."""

from __future__ import annotations

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.names import DomainName, Identity, NameFault, key_name


@pytest.mark.parametrize(
    ("written", "ascii_form"),
    [
        pytest.param(b"example.com", "example.com", id="plain"),
        pytest.param(b"EXAMPLE.Com", "example.com", id="letter-case-means-nothing"),
        pytest.param(b"com", "com", id="one-label-is-a-name"),
        pytest.param(b"a.b.c.d", "a.b.c.d", id="a-selector-may-have-dots"),
        pytest.param(b"_domainkey.my_key", "_domainkey.my_key", id="underscores-are-accepted"),
        pytest.param("bücher.example".encode(), "xn--bcher-kva.example", id="u-label"),
        pytest.param("BÜCHER.example".encode(), "xn--bcher-kva.example", id="u-label-in-capitals"),
        pytest.param(b"xn--bcher-kva.example", "xn--bcher-kva.example", id="a-label"),
        pytest.param(b"a" * 63 + b".example", "a" * 63 + ".example", id="the-longest-label"),
        pytest.param(b"1.2.3", "1.2.3", id="digits"),
    ],
)
def test_a_name_has_an_ascii_form(written: bytes, ascii_form: str) -> None:
    assert DomainName.parse(written).ascii == ascii_form


@pytest.mark.parametrize(
    ("written", "offset", "why"),
    [
        pytest.param(b"", 0, "empty label", id="nothing"),
        pytest.param(b"a..b", 2, "empty label", id="two-dots"),
        pytest.param(b".a", 0, "empty label", id="a-dot-first"),
        pytest.param(b"example.com.", 12, "empty label", id="a-dot-last"),
        pytest.param(b"a b.c", 0, "letters, digits", id="a-space"),
        pytest.param(b"a\x00.c", 0, "letters, digits", id="nul"),
        pytest.param(b"x.-a", 2, "hyphen", id="a-hyphen-first"),
        pytest.param(b"x.a-", 2, "hyphen", id="a-hyphen-last"),
        pytest.param(b"a" * 64, 0, "longer than 63", id="a-label-of-64"),
        pytest.param(b".".join([b"a" * 60] * 5), 253, "longer than 253", id="a-name-of-304"),
        pytest.param(b"a" * 1025, 1024, "longer than any", id="megabytes-are-not-looked-at"),
        pytest.param(b"\xff.example", 0, "neither ASCII nor UTF-8", id="no-utf-8"),
        pytest.param("a。b".encode(), 0, "letters, digits", id="an-ideographic-dot-is-no-dot"),
        pytest.param("a\u202eb.example".encode(), 0, "internationalized", id="bidi-control"),
    ],
)
def test_what_is_no_name_is_refused_with_its_place(written: bytes, offset: int, why: str) -> None:
    with pytest.raises(NameFault, match=why) as caught:
        DomainName.parse(written)
    assert caught.value.offset == offset


@given(
    st.text(
        st.sampled_from("aZ9-äß" + "ημ" + "漢字仮" + "한국" + "مثا" + "\u0308" + "𠀋𪘀"),
        min_size=1,
        max_size=63,
    )
)
def test_a_label_is_refused_early_only_where_it_does_not_fit(label: str) -> None:
    """The way round Punycode, which takes a time like the square of a label, changes nothing."""
    try:
        expected = idna.encode(label, uts46=True).decode().lower()
    except idna.IDNAError:
        expected = ""
    try:
        found = DomainName.parse(label.encode()).ascii
    except NameFault:
        found = ""
    assert label.isascii() or found == expected


@pytest.mark.parametrize("label", ["漢字" * 30, "".join(map(chr, range(0x4E00, 0x9D00, 300)))])
def test_a_label_that_does_not_fit_is_said_to_be_too_long(label: str) -> None:
    with pytest.raises(NameFault, match="a label longer than 63 characters in DNS"):
        DomainName.parse(label.encode())


def test_the_written_text_is_kept_because_it_is_hashed() -> None:
    assert str(DomainName.parse("Bücher.Example".encode())) == "Bücher.Example"


@pytest.mark.parametrize(
    ("name", "other", "within"),
    [
        pytest.param("a.example.com", "example.com", True, id="a-subdomain"),
        pytest.param("example.com", "EXAMPLE.COM", True, id="the-same"),
        pytest.param("notexample.com", "example.com", False, id="no-label-boundary"),
        pytest.param("example.com", "a.example.com", False, id="a-parent"),
        pytest.param("a.example.com.evil.net", "example.com", False, id="in-the-middle"),
        pytest.param("x.bücher.example", "xn--bcher-kva.example", True, id="u-label-in-a-label"),
    ],
)
def test_subdomains_are_told_by_whole_labels(name: str, other: str, *, within: bool) -> None:
    one, two = DomainName.parse(name.encode()), DomainName.parse(other.encode())
    assert one.is_within(two) is within


def test_two_names_are_the_same_domain_whatever_their_spelling() -> None:
    u_label = DomainName.parse("Bücher.example".encode())
    assert u_label.same_as(DomainName.parse(b"XN--BCHER-KVA.example"))


def test_labels_are_listed_from_left_to_right() -> None:
    assert DomainName.parse(b"A.b.Com").labels == ("a", "b", "com")


@pytest.mark.parametrize(
    ("written", "local_part", "domain"),
    [
        pytest.param(b"@example.com", b"", "example.com", id="the-domain-as-a-whole"),
        pytest.param(b"a.b+c@example.com", b"a.b+c", "example.com", id="dot-atom"),
        pytest.param(b'"a b@c"@example.com', b'"a b@c"', "example.com", id="quoted-with-at"),
        pytest.param(b'"a\\"b"@example.com', b'"a\\"b"', "example.com", id="quoted-pair"),
        pytest.param("ü@ü.example".encode(), "ü".encode(), "ü.example", id="utf-8"),
        pytest.param(b"a..b@example.com", b"a..b", "example.com", id="two-dots-exist"),
    ],
)
def test_an_identity_has_a_local_part_and_a_domain(
    written: bytes, local_part: bytes, domain: str
) -> None:
    identity = Identity.parse(written)
    assert (identity.local_part, identity.domain.text) == (local_part, domain)
    assert str(identity).encode() == written


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        pytest.param(b"example.com", 0, id="no-at"),
        pytest.param(b"a b@example.com", 0, id="a-space"),
        pytest.param(b"a@b@example.com", 0, id="two-at"),
        pytest.param(b'"a@example.com', 0, id="half-quoted"),
        pytest.param(b"a\r\n@example.com", 0, id="a-line-break"),
        pytest.param(b"<a@example.com", 0, id="an-angle-bracket"),
        pytest.param(b"a@", 2, id="no-domain"),
        pytest.param(b"a@b..c", 4, id="a-bad-domain"),
    ],
)
def test_what_is_no_identity_is_refused_with_its_place(written: bytes, offset: int) -> None:
    with pytest.raises(NameFault) as caught:
        Identity.parse(written)
    assert caught.value.offset == offset


def test_the_key_stands_below_domainkey_in_a_labels() -> None:
    selector, domain = (DomainName.parse(n.encode()) for n in ("Mai.2026", "Bücher.example"))
    assert key_name(selector, domain) == "mai.2026._domainkey.xn--bcher-kva.example"
