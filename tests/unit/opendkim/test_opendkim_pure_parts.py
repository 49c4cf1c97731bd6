"""Small pure parts of OpenDKIM's face: sockets, hosts, words, settings, rules, tag lists."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.errors import ConfigError
from avowal.message import Header
from avowal.opendkim.hosts import holds_host
from avowal.opendkim.minimum import Minimum
from avowal.opendkim.replacer import Replacer
from avowal.opendkim.results import malformed_value, none_value
from avowal.opendkim.settings import Settings, compiled
from avowal.opendkim.sockets import socket_name
from avowal.opendkim.syntax import syntax_fault
from avowal.opendkim.verdict import answer_of
from avowal.stores.opening import open_data_set


def _compiled(text: str) -> Settings:
    return compiled(read_conf("conf", read=lambda _: text))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        pytest.param("local:/run/s", "unix:/run/s", id="local"),
        pytest.param("unix:/run/s", "unix:/run/s", id="unix"),
        pytest.param("/run/s", "unix:/run/s", id="a bare path"),
        pytest.param("inet:8891", "inet:8891", id="a port"),
        pytest.param("inet:8891@localhost", "inet:8891@localhost", id="a port and a host"),
        pytest.param("inet6:8891@[::1]", "inet6:8891@::1", id="brackets"),
        pytest.param("odd:thing", "odd:thing", id="an unknown kind is left to the opener"),
    ],
)
def test_a_socket_is_named_in_our_form(spec: str, name: str) -> None:
    assert socket_name(spec) == name


def test_a_relative_socket_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert socket_name("local:s") == f"unix:{tmp_path}/s"


@pytest.mark.parametrize(
    ("name", "address", "held"),
    [
        pytest.param("a.example", "192.0.2.7", True, id="in the network"),
        pytest.param("a.example", "192.0.2.9", False, id="taken out of the network"),
        pytest.param("h.example.org", "198.51.100.1", True, id="below a named domain"),
        pytest.param("bad.example.org", "198.51.100.1", False, id="taken out of the domain"),
        pytest.param("EXACT.example", "198.51.100.1", True, id="case means nothing"),
        pytest.param("sub.exact.example", "198.51.100.1", False, id="below an exact name"),
        pytest.param(None, "IPv6:2001:db8::1", True, id="as Sendmail writes IPv6"),
        pytest.param(None, "::ffff:192.0.2.7", True, id="IPv4 within IPv6"),
        pytest.param(None, None, False, id="nothing is known"),
        pytest.param(None, "odd", False, id="no address"),
    ],
)
def test_hosts_are_found_by_name_and_network(
    name: str | None, address: str | None, held: bool
) -> None:
    hosts = open_data_set(
        "csl:192.0.2.0/24,!192.0.2.9,.example.org,!bad.example.org,exact.example,2001:db8::/32"
    )
    assert holds_host(hosts, name, address) is held


class _Asked:
    """A data set that holds nothing and keeps what it was asked for."""

    name = "asked"

    def __init__(self) -> None:
        self.keys: list[str] = []

    def find(self, key: str, fields: int = 1) -> None:
        self.keys.append(key)


@pytest.mark.parametrize("address", ["192.0.2.9", "0.0.0.1", "2001:db8::7", "::ffff:192.0.2.9"])
def test_a_host_is_looked_for_in_every_network_around_it(address: str) -> None:
    asked = _Asked()
    assert not holds_host(asked, None, address)
    bare = address.removeprefix("::ffff:")
    around = [
        ip_network(f"{bare}/{bits}", strict=False) for bits in range(129 if ":" in bare else 33)
    ]
    written = [(str(one), f"[{one.network_address}]/{one.prefixlen}") for one in reversed(around)]
    probes = [bare, f"[{bare}]", *(probe for pair in written for probe in pair)]
    assert asked.keys == [key for probe in probes for key in (f"!{probe}", probe)]


@pytest.mark.parametrize(
    ("minimum", "signed", "length", "refused"),
    [
        pytest.param(Minimum(), 0, 100, False, id="none"),
        pytest.param(Minimum(octets=10), 9, 100, True, id="too few octets"),
        pytest.param(Minimum(octets=10), 5, 5, False, id="all of a short body"),
        pytest.param(Minimum(percent=50), 49, 100, True, id="too small a part"),
        pytest.param(Minimum(percent=50), 50, 100, False, id="the part that is asked for"),
        pytest.param(Minimum(unsigned=3), 96, 100, True, id="too much behind"),
        pytest.param(Minimum(unsigned=3), 97, 100, False, id="as much behind as may be"),
    ],
)
def test_a_minimum_refuses(minimum: Minimum, signed: int, length: int, refused: bool) -> None:
    assert minimum.refuses(signed, length) is refused


@pytest.mark.parametrize(
    ("text", "minimum"),
    [("10", Minimum(octets=10)), ("10%", Minimum(percent=10)), ("10+", Minimum(unsigned=10))],
)
def test_a_minimum_is_read(text: str, minimum: Minimum) -> None:
    assert _compiled(f"Minimum {text}\n").minimum == minimum


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Mode x\n", 'conf:1: Mode: unknown mode "x"', id="mode"),
        pytest.param("Canonicalization odd\n", "unknown canonicalization", id="form"),
        pytest.param("Domain example.com\n", "requires KeyFile and Selector", id="domain alone"),
        pytest.param("Selector s\n", "must both be defined", id="selector alone"),
        pytest.param("SigningTable csl:a=b\n", "requires KeyTable", id="signing table alone"),
        pytest.param("SignatureAlgorithm rsa-sha1\n", "RFC 8301", id="rsa-sha1"),
        pytest.param("On-BadSignature nod\n", "invalid handling value", id="action"),
        pytest.param("Minimum 101%\n", "illegal value", id="more than all"),
        pytest.param("InternalHosts ldap://x\n", "ldap: data sets are not", id="LDAP"),
        pytest.param("InternalHosts file:/none\n", "/none", id="no file"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _compiled(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        pytest.param("Mode x\n", "write s, v or sv", id="mode"),
        pytest.param("Canonicalization odd\n", "write relaxed, simple or relaxed/", id="form"),
        pytest.param("SignatureAlgorithm odd\n", "rsa-sha256, ed25519-sha256", id="algorithm"),
        pytest.param("SignatureAlgorithm rsa-sha1\n", "write rsa-sha256", id="rsa-sha1"),
        pytest.param("MacroList ldap://x\n", "export it to a file:", id="LDAP"),
        pytest.param("On-BadSignature nod\n", "quarantine", id="action"),
        pytest.param("Minimum 101%\n", "write N, N% or N+", id="more than all"),
        pytest.param("ATPSHashAlgorithm md5\n", "write sha256, sha1, none", id="ATPS hash"),
        pytest.param("BogusKey odd\n", "write fail, neutral, none", id="key action"),
    ],
)
def test_a_value_that_is_refused_comes_with_what_to_write(text: str, cure: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _compiled(text)
    assert cure in str(caught.value)


def test_on_default_stands_before_all_others() -> None:
    actions = _compiled("On-DNSError a\nOn-Default reject\n").actions
    assert (actions["On-DNSError"], actions["On-NoSignature"]) == ("accept", "reject")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("SignHeaders Subject\n", (b"from", b"subject"), id="From is always signed"),
        pytest.param("SignHeaders To,Received\n", (b"from", b"to"), id="trace fields never"),
        pytest.param("SignHeaders From,To\nOmitHeaders To\n", (b"from",), id="omitted"),
    ],
)
def test_the_signed_fields_are_chosen(text: str, names: tuple[bytes, ...]) -> None:
    assert _compiled(text).signed_names == names


@pytest.mark.parametrize(
    ("rule", "value", "becomes"),
    [
        pytest.param("@a\\.example\t@b.example", b"x@a.example", b"x@b.example", id="a literal"),
        pytest.param("(x)\ty", b"x (x)", b"x y", id="plain parentheses are literal"),
        pytest.param("\\(x\\)x\ty", b"xxx", b"yx", id="escaped ones group"),
        pytest.param("a\\{2\\}\tb", b"aaa", b"ba", id="a count"),
        pytest.param("a+\tb", b"aa a+", b"aa b", id="plus is literal"),
        pytest.param("[[:digit:]]\tN", b"a1b22", b"aNbNN", id="a class"),
        pytest.param("*\tx", b"a*", b"ax", id="a star at the beginning is literal"),
        pytest.param("a\t\\1&", b"a", b"\\1&", id="the text is taken as it is"),
    ],
)
def test_a_replace_rule_is_a_basic_regular_expression(
    tmp_path: Path, rule: str, value: bytes, becomes: bytes
) -> None:
    (tmp_path / "rules").write_text(f"# comment\n{rule}\n")
    header = Header.parse(b"X: " + value + b"\r\n")
    changed = Replacer.load(str(tmp_path / "rules")).header(header)
    assert changed[0].value.strip() == becomes


@pytest.mark.parametrize("text", ["no tab here\n", "\\(\tx\n"])
def test_a_rule_that_is_none_is_named_by_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules").write_text(f"\n{text}")
    with pytest.raises(ConfigError, match="rules:2:"):
        Replacer.load(str(tmp_path / "rules"))


_GOOD = b"v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AAAA; b=AAAA"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        pytest.param(_GOOD, None, id="good"),
        pytest.param(_GOOD + b";", None, id="a semicolon at the end"),
        pytest.param(_GOOD + b"; t=1; x=2", None, id="times"),
        pytest.param(_GOOD + b"; t=soon", 'invalid "t" value', id="no time"),
        pytest.param(_GOOD + b"; x=never", 'invalid "x" value', id="no expiry"),
        pytest.param(_GOOD.replace(b"s=s; ", b""), "missing parameter(s)", id="no selector"),
        pytest.param(b"hello", "tag without value", id="no tags"),
        pytest.param(b"hello; " + _GOOD, "ASCII 0x3b at offset 6", id="a word first"),
        pytest.param(b"", "missing parameter(s)", id="empty"),
    ],
)
def test_a_signature_that_is_no_tag_list_is_found(value: bytes, fault: str | None) -> None:
    found = syntax_fault(Header.parse(b"DKIM-Signature: " + value + b"\r\n"))
    assert found is None if fault is None else found is not None and fault in found


def test_results_are_folded_where_a_line_would_be_long() -> None:
    assert none_value("mx.example") == b" mx.example; dkim=none; dkim-atps=neutral"
    assert none_value("m" * 40 + ".example").endswith(b"; dkim=none;\n\tdkim-atps=neutral")


def test_a_name_that_is_no_token_is_quoted() -> None:
    assert malformed_value('a "b"\n').startswith(b'"a \\"b\\"?"; dkim=permerror')


@pytest.mark.parametrize(
    ("action", "reply", "answer"),
    [
        ("reject", "why", "550 5.7.0 why"),
        ("tempfail", "why", "451 4.7.0 why"),
        ("reject", None, "REJECT"),
        ("quarantine", "why", "ACCEPT"),
        ("discard", "why", "DISCARD"),
    ],
)
def test_an_action_is_an_answer(action: str, reply: str | None, answer: str) -> None:
    assert answer in str(answer_of(action, reply))
