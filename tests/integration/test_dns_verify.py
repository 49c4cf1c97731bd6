"""From message to verdict over a real name server on loopback: library and command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dnsd import NameServer

import avowal
from avowal.dkim.query import by_type, register_query, unregister_query
from avowal.dns.cache import Cached
from avowal.dns.dnspython import DnsResolver
from avowal.dns.recorder import Recorder, Replayer
from avowal.keys.records import zone_line
from avowal.limits import Limits
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_2048, message, record_for

UNANSWERED = {"x._timeout", "x._garbage"}  # the resolver waits for an answer to the end
DOMAIN = DomainName.parse(b"example.com")


def published(selector: str, text: str) -> str:
    return zone_line(DomainName.parse(selector.encode()), DOMAIN, text)


ED_RECORD = record_for(ED25519).encode()
OWN_TYPE = bytes([len(ED_RECORD)]) + ED_RECORD
ZONE = "\n".join(
    [
        published("ed", record_for(ED25519)),
        published("rsa", record_for(RSA_2048)),
        published("revoked", "v=DKIM1; p="),
        'several._domainkey.example.com. TXT "unrelated"',
        published("several", record_for(ED25519)),
        "alias._domainkey.example.com. CNAME ed._domainkey.example.com.",
        f"own._domainkey.example.com. TYPE65280 \\# {len(OWN_TYPE)} {OWN_TYPE.hex()}",
        published("x._tc", record_for(ED25519)),
        published("x._together2", record_for(ED25519)),
        published("y._together2", record_for(ED25519)),
    ]
)


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer(ZONE) as running:
        yield running


def signed(*selectors: str, query: bytes | None = None) -> bytes:
    octets = message()
    for selector in reversed(selectors):
        field = avowal.sign(
            message(),
            domain="example.com",
            selector=selector,
            key=RSA_2048 if selector == "rsa" else ED25519,
            other_tags=() if query is None else (("q", query),),
        )
        octets = field + octets
    return octets


def resolver(server: NameServer) -> DnsResolver:
    return DnsResolver([server.address], timeout=30, tries=1)


def hurried(server: NameServer) -> DnsResolver:
    return DnsResolver([server.address], timeout=0.3, tries=1)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("selector", "result", "reason"),
    [
        pytest.param("ed", "pass", None, id="ed25519"),
        pytest.param("rsa", "pass", None, id="rsa-in-two-strings"),
        pytest.param("alias", "pass", None, id="delegated-by-CNAME"),
        pytest.param("several", "pass", None, id="among-other-records"),
        pytest.param("x._tc", "pass", None, id="truncated-to-tcp"),
        pytest.param("revoked", "permerror", "key-revoked", id="revoked"),
        pytest.param("absent", "permerror", "no-key", id="NXDOMAIN"),
        pytest.param("x._servfail", "temperror", "key-unavailable", id="SERVFAIL"),
        pytest.param("x._refused", "temperror", "key-unavailable", id="REFUSED"),
        pytest.param("x._timeout", "temperror", "key-unavailable", id="timeout"),
        pytest.param("x._garbage", "temperror", "key-unavailable", id="garbage"),
    ],
)
def test_what_dns_says_decides_the_result(
    server: NameServer, mode: str, selector: str, result: str, reason: str | None
) -> None:
    octets = signed(selector)
    asked = resolver(server) if selector not in UNANSWERED else hurried(server)
    if mode == "sync":
        (verdict,) = avowal.verify(octets, asked)
    else:
        (verdict,) = asyncio.run(avowal.averify(octets, asked))
    assert (verdict.result, verdict.reason) == (result, reason)


def test_keys_of_one_message_are_asked_for_at_the_same_time(server: NameServer) -> None:
    verdicts = avowal.verify(signed("x._together2", "y._together2"), resolver(server))
    assert [verdict.passed for verdict in verdicts] == [True, True]


def test_the_deadline_of_a_message_ends_slow_lookups(server: NameServer) -> None:
    patient = DnsResolver([server.address], timeout=600, tries=5, lifetime=600)
    (verdict,) = avowal.verify(signed("x._timeout"), patient, limits=Limits(dns_seconds=1))
    assert (verdict.result, verdict.detail) == ("temperror", "deadline of this message passed")


def test_a_cache_before_the_resolver_asks_once(server: NameServer) -> None:
    cached = Cached(resolver(server))
    before = len(server.queries)
    for _ in range(3):
        assert avowal.verify(signed("rsa"), cached)[0].passed
    assert len(server.queries) == before + 1


def test_a_recording_verifies_without_the_server(server: NameServer, tmp_path: Path) -> None:
    recorder = Recorder(resolver(server))
    before = avowal.verify(signed("ed", "absent", "x._servfail"), recorder)
    recorder.save(tmp_path / "answers.json")
    after = avowal.verify(
        signed("ed", "absent", "x._servfail"), Replayer.load(tmp_path / "answers.json")
    )
    assert [verdict.reason for verdict in after] == [verdict.reason for verdict in before]
    assert [verdict.result for verdict in after] == ["pass", "permerror", "temperror"]


@pytest.mark.parametrize(
    ("selector", "types"),
    [
        pytest.param("own", ["TYPE65280"], id="own-type"),
        pytest.param("ed", ["TYPE65280", "TXT"], id="fallback-to-TXT"),
    ],
)
def test_a_record_type_of_its_own_is_asked_first(
    server: NameServer, selector: str, types: list[str]
) -> None:
    register_query("dns/dkk", by_type("TYPE65280"))
    before = len(server.queries)
    try:
        (verdict,) = avowal.verify(signed(selector, query=b"dns/dkk"), resolver(server))
    finally:
        unregister_query("dns/dkk")
    assert verdict.passed
    assert [query.type for query in server.queries[before:]] == types


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "avowal", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_asks_the_given_server_and_records(server: NameServer, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(signed("ed"))
    asked = command(
        tmp_path, "verify", "m.eml", "--resolver", server.address, "--record", "answers.json"
    )
    assert (asked.returncode, asked.stderr) == (0, "")
    assert json.loads((tmp_path / "answers.json").read_text())["answers"][0]["outcome"] == "found"
    assert command(tmp_path, "verify", "m.eml", "--replay", "answers.json").returncode == 0


def test_the_command_says_try_again_without_an_answer(server: NameServer, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(signed("x._servfail"))
    ran = command(tmp_path, "verify", "m.eml", "--resolver", server.address)
    assert "temperror" in ran.stdout
    assert ran.returncode == 3


def test_the_command_looks_up_what_dns_has(server: NameServer, tmp_path: Path) -> None:
    names = ("-s", "alias", "-d", "example.com")
    ran = command(tmp_path, "lookup", *names, "--resolver", server.address)
    assert "found, TTL 300" in ran.stdout
    assert "a key of type ed25519" in ran.stdout
