"""Zone files: the grammar of RFC 1035 §5, held against dnspython's reader."""

from __future__ import annotations

import subprocess
import sys

import dns.rdatatype
import dns.zonefile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dns.reply import presentation
from avowal.dns.zone import Zone
from avowal.dns.zonefile import read_zone
from avowal.errors import ConfigError
from avowal.lookup import Question


def read(text: str, origin: str | None = None) -> dict[tuple[str, str], tuple[bytes, ...]]:
    names = read_zone(text, origin, "zone")
    return {(name, rrtype): node[rrtype].records for name, node in names.items() for rrtype in node}


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        pytest.param('"a b"', b"a b", id="quoted"),
        pytest.param("a", b"a", id="bare"),
        pytest.param('"a" "b" c', b"abc", id="joined"),
        pytest.param('""', b"", id="empty"),
        pytest.param('"a;(b)"', b"a;(b)", id="no-comment-in-quotes"),
        pytest.param('"a" ; "b"', b"a", id="comment"),
        pytest.param(r'"a\"b\\c"', rb"a\c".replace(b"\\", b'"b\\'), id="escaped"),
        pytest.param(r"v=DKIM1\;\ p=x", b"v=DKIM1; p=x", id="escaped-outside-quotes"),
        pytest.param(r'"\000\255"', b"\x00\xff", id="by-number"),
        pytest.param('"ü"', "ü".encode(), id="utf8"),
        pytest.param('("a"\n "b") "c"', b"abc", id="parentheses"),
        pytest.param('( "a" ; (\n\n "b" )', b"ab", id="a-comment-in-parentheses"),
        pytest.param(r"\# 3 02 6869", b"hi", id="form-for-any-type"),
        pytest.param('"' + "x" * 255 + '"', b"x" * 255, id="longest-string"),
    ],
)
def test_a_txt_record_is_its_strings_joined(written: str, octets: bytes) -> None:
    assert read(f"a.example. TXT {written}\n") == {("a.example", "TXT"): (octets,)}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param("a", "a.example.com", id="relative"),
        pytest.param("A.Example.", "a.example", id="complete"),
        pytest.param("@", "example.com", id="origin"),
        pytest.param(".", "", id="root"),
        pytest.param("*.a", "*.a.example.com", id="wildcard"),
        pytest.param("_dmarc", "_dmarc.example.com", id="underscore"),
        pytest.param(r"a\.b", r"a\.b.example.com", id="escaped-dot"),
        pytest.param(r"\097", "a.example.com", id="by-number"),
        pytest.param("bücher", "xn--bcher-kva.example.com", id="internationalized"),
        pytest.param("x" * 63, "x" * 63 + ".example.com", id="longest-label"),
    ],
)
def test_the_owner_is_a_complete_name(owner: str, name: str) -> None:
    assert read(f"{owner} TXT t", "example.com.") == {(name, "TXT"): (b"t",)}


@pytest.mark.parametrize("owner", ["x" * 64, "a..b", ".a", "a." * 128, '"a"', r"a\999", "ü" * 99])
def test_an_impossible_owner_is_refused(owner: str) -> None:
    with pytest.raises(ConfigError, match="zone:1"):
        read(f"{owner} TXT t", "example.com")


@pytest.mark.parametrize(
    ("between", "ttl"),
    [
        pytest.param("", 3600, id="default"),
        pytest.param("60", 60, id="seconds"),
        pytest.param("1h30m", 5400, id="units"),
        pytest.param("1W", 604800, id="unit-in-capitals"),
        pytest.param("IN 60", 60, id="behind-the-class"),
        pytest.param("60 in", 60, id="before-the-class"),
        pytest.param("9999999999", 2**31 - 1, id="never-over-31-bits"),
    ],
)
def test_a_ttl_and_the_class_stand_in_any_order(between: str, ttl: int) -> None:
    assert read_zone(f"a. {between} TXT t", None, "zone")["a"]["TXT"].ttl == ttl


@pytest.mark.parametrize("text", ["a. 1x TXT t", "a. ١ TXT t", "$TTL x", "$TTL", "$TTL 1 2"])
def test_what_is_no_ttl_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="zone:1"):
        read(text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param("", "needs a string", id="nothing"),
        pytest.param('"a', "quoted string is not closed", id="open-quote"),
        pytest.param('"a\n"', "quoted string is not closed", id="line-end-in-quotes"),
        pytest.param("a\\", "escape without an end", id="open-escape"),
        pytest.param("(a", "parenthesis is not closed", id="open-parenthesis"),
        pytest.param("a)", "parenthesis was not opened", id="closed-parenthesis"),
        pytest.param(r'"\256"', "three digits", id="number-over-an-octet"),
        pytest.param(r'"\12"', "three digits", id="number-too-short"),
    ],
)
def test_malformed_strings_are_named(data: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(f"a. TXT {data}\n")


def test_lines_may_end_in_crlf() -> None:
    assert read('a. TXT ( "x"\r\n "y" )\r\n TXT z\r\n') == {("a", "TXT"): (b"xy", b"z")}


def test_the_origin_may_change() -> None:
    text = "$ORIGIN example.\na TXT 1\n$origin sub\na TXT 2\n"
    assert read(text) == {("a.example", "TXT"): (b"1",), ("a.sub.example", "TXT"): (b"2",)}


def test_names_in_other_types_are_relative_too() -> None:
    text = "a MX ( 10 ; first\n mail )\n  CNAME @"
    assert read(text, "example.com") == {
        ("a.example.com", "MX"): (b"10 mail.example.com",),
        ("a.example.com", "CNAME"): (b"example.com",),
    }


def test_a_file_of_keys_is_read_without_dnspython() -> None:
    code = (
        "import sys; from avowal.dns.zonefile import read_zone;"
        "read_zone('s1._domainkey.example.com. 300 IN TXT ( v=DKIM1 p= )', None, 'zone');"
        "sys.exit('dns' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


OWNERS = st.sampled_from(["a", "b.c", "@", "A.Example.com.", "", r"x\.y", r"\119z", "*.d", "_e._f"])
TTLS = st.sampled_from(["", "0", "600", "1h", "1h30m", "2147483647"])
CLASSES = st.sampled_from(["", "IN", "in"])
GAPS = st.sampled_from([" ", "\t", " ( ", " ) ", " (\n ", " ; a ( comment\n ", "\n\t"])
STRINGS = st.text(st.sampled_from('ab ;()"\\\tü\x7f0'), max_size=6).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
) | st.sampled_from(["bare", r"\009\"", r'"\195\188"', r"a\;b"])
DATA = st.lists(STRINGS, min_size=1, max_size=3).map(lambda strings: ("TXT", strings)) | (
    st.sampled_from(
        [
            ("MX", ["10", "mail"]),
            ("A", ["192.0.2.1"]),
            ("AAAA", ["2001:db8::1"]),
            ("NS", ["ns.example."]),
            ("txt", ["lower"]),
            ("TYPE16", [r"\#", "2", "0161"]),
            ("CAA", ["0", "issue", '"ca.example"']),
        ]
    )
)


@st.composite
def zone_texts(draw: st.DrawFn) -> str:
    """Entries in every layout that the grammar allows."""
    lines = ["first TXT t"]
    for _ in range(draw(st.integers(1, 4))):
        rrtype, data = draw(DATA)
        head = [draw(TTLS), draw(CLASSES)]
        if draw(st.booleans()):
            head.reverse()
        line, depth = draw(OWNERS) + " ", 0
        for word in (*filter(None, head), rrtype, *data):
            gap = draw(GAPS)
            if (")" in gap or "\n" in gap) and "(" not in gap.partition(";")[0] and not depth:
                gap = " "
            depth += gap.partition(";")[0].count("(") - gap.partition(";")[0].count(")")
            line += gap + word
        lines.append(line + " )" * depth + draw(st.sampled_from(["", " ; end", "\n", "\n  "])))
    return "\n".join(lines) + "\n"


@given(zone_texts())
def test_dnspython_reads_the_same(text: str) -> None:
    expected: dict[tuple[str, str], tuple[int, set[bytes]]] = {}
    for rrset in dns.zonefile.read_rrsets(
        text, relativize=False, rdclass=None, origin="example.com.", default_ttl=300
    ):
        name = rrset.name.to_text(omit_final_dot=True).lower()
        key = name, dns.rdatatype.to_text(rrset.rdtype)
        expected[key] = rrset.ttl, {presentation(data) for data in rrset}
    ours = {
        (name, rrtype): (answer.ttl, set(answer.records))
        for name, node in read_zone("$TTL 300\n" + text, "example.com", "zone").items()
        for rrtype, answer in node.items()
    }
    assert ours == expected


def test_a_zone_answers_with_what_the_file_says() -> None:
    zone = Zone.from_zone_file("a.example. 60 TXT t\n")
    (answer,) = zone.resolve((Question("A.example"),))
    assert (answer.records, answer.ttl) == ((b"t",), 60)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("s1._domainkey IN TXT x", id="as-key-tools-print"),
        pytest.param("s1._domainkey.example.com 60 TXT x", id="without-its-dot"),
        pytest.param("@ TXT x", id="at"),
        pytest.param("$ORIGIN example.com\ns1 TXT x", id="an-origin-without-its-dot"),
    ],
)
def test_a_relative_name_without_an_origin_is_an_error_that_says_what_to_do(line: str) -> None:
    with pytest.raises(ConfigError) as caught:  # RFC 1035 §5.1
        read_zone(line, None, "zone.txt")
    assert "relative name without an origin" in str(caught.value)
    assert "--origin example.com" in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "name"),
    [("example.com", "s1._domainkey.example.com"), (".", "s1._domainkey")],
)
def test_an_origin_completes_relative_names(origin: str, name: str) -> None:
    assert list(read_zone("s1._domainkey IN TXT x", origin, "zone.txt")) == [name]
