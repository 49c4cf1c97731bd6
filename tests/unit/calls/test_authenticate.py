"""Every mechanism over the octets of one message, in one pass, and the field that tells of it."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any, Final

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, craft, domainkeys

from avowal import (
    Authentication,
    Limits,
    Result,
    Rules,
    TrustedHost,
    UsageError,
    aauthenticate,
    authenticate,
)
from avowal.authres import read
from avowal.policy.assessment import PolicyGeneration
from avowal.testing import ED25519, RSA_1024, Zone, message, record_for

CLIENT: Final[dict[str, Any]] = {
    "client": "192.0.2.1", "mail_from": "a@example.com", "helo": "mx.example.com",
}  # fmt: skip
NAMES: Final[dict[str, Any]] = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "_adsp._domainkey.example.com": "dkim=all",
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "A": ["192.0.2.1"]},
}
SIGNED: Final = craft(message())


def found(octets: Any = SIGNED, **options: Any) -> Authentication:
    return authenticate(octets, NAMES, now=SIGNED_AT, **options)


def words(authentication: Authentication) -> list[tuple[str, str]]:
    return [(result.method, result.result) for result in authentication.results]


def test_without_a_connection_all_but_spf_is_found() -> None:
    assert words(found()) == [("dkim", "pass"), ("arc", "none"), ("dmarc", "pass")]
    assert found().findings.spf is None


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param(CLIENT, "pass", id="pass"),
        pytest.param({**CLIENT, "client": "2001:db8::1"}, "fail", id="fail"),
        pytest.param({**CLIENT, "mail_from": b"a@example.com"}, "pass", id="octets"),
        pytest.param({**CLIENT, "mail_from": "", "helo": "example.com"}, "pass", id="a-bounce"),
        pytest.param({**CLIENT, "mail_from": "a@gone.example"}, "none", id="none"),
    ],
)
def test_spf_is_checked_for_the_connection(options: dict[str, Any], word: str) -> None:
    authentication = found(**options)
    assert dict(words(authentication))["spf"] == word
    assert authentication.findings.spf is not None


def test_older_policies_are_asked_for_on_request_only() -> None:
    zone = Zone(NAMES)
    authenticate(SIGNED, zone, now=SIGNED_AT)
    assert not any("adsp" in question.name for question in zone.asked)
    asked = found(policies=("2026", "adsp", "2005", "2007", "domainkeys"))
    assert ("dkim-adsp", "pass") in words(asked)
    assert asked.findings.policies is not None
    generations = [one.generation for one in asked.findings.policies.verdicts]
    assert PolicyGeneration.SSP_2005 in generations


@pytest.mark.parametrize(
    ("policies", "result"),
    [
        pytest.param(("2026",), Result.POLICY, id="by-the-rules-given"),
        pytest.param(("2026", "domainkeys"), Result.PASS, id="as-then-where-that-policy-is-asked"),
    ],
)
def test_domainkeys_pass_only_where_their_policy_is_asked_for(
    policies: tuple[str, ...], result: Result
) -> None:
    octets = domainkeys(message())
    zone = {KEY_NAME: record_for(RSA_1024)}
    asked = authenticate(octets, zone, policies=policies, rules=Rules(read_domainkeys=True))
    assert [one.result for one in asked.findings.domainkeys] == [result]


@pytest.mark.parametrize("policies", [("2027",), "2026", [2026]])
def test_an_unknown_policy_is_a_usage_error(policies: Any) -> None:
    with pytest.raises(UsageError, match="policies"):
        found(policies=policies)


def test_the_field_is_read_back_as_it_was_found() -> None:
    authentication = found(**CLIENT)
    field = authentication.results_field("mx.example.org")
    assert field.endswith(b"\r\n")
    (instance,) = read(field + SIGNED, trusted={"mx.example.org"}).instances
    assert instance.results is not None
    said = [(result.method, result.result) for result in instance.results.results]
    assert said == words(authentication)


def test_the_field_names_the_client_and_injects_nothing() -> None:
    octets = craft(message(**{"from": "a@example.com (\r\n x; dkim=pass)"}))
    field = found(octets, **CLIENT).results_field("mx.example.org")
    assert b"smtp.remote-ip=192.0.2.1" in field
    assert field.count(b"dkim=pass") == 1


def test_an_id_that_cannot_be_written_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        found().results_field("x" * 2000)


def test_beyond_a_limit_nothing_passes() -> None:
    authentication = found(b"X: y\r\n" * 60 + SIGNED, limits=Limits(header_fields=50))
    assert dict(words(authentication)) == {"dkim": "policy", "arc": "none", "dmarc": "fail"}


def test_what_a_trusted_host_found_stands_in_for_spf() -> None:
    host = TrustedHost(authserv_id="mx.example.org", own_hops=0, removes_forgeries=True)
    said = b"Authentication-Results: mx.example.org; spf=softfail smtp.mailfrom=example.com\r\n"
    authentication = found(said + SIGNED, trusted=host)
    assert dict(words(authentication))["spf"] == "softfail"
    assert authentication.findings.spf is None


async def test_the_asynchronous_twin_agrees() -> None:
    other = await aauthenticate(SIGNED, Zone(NAMES), now=SIGNED_AT, **CLIENT)
    assert other.findings.dkim == found(**CLIENT).findings.dkim
    assert other.results == found(**CLIENT).results


def test_a_file_is_read_once_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.eml"
    path.write_bytes(craft(message(b"x" * 70 + b"\r\n")))
    found(path)
    line = b"the quick brown fox jumps over the lazy dog and so on it goes here\r\n"
    octets = craft(message(line * ((16 << 20) // len(line))))
    path.write_bytes(octets)
    tracemalloc.start()
    try:
        assert dict(words(found(path)))["dkim"] == "pass"
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert words(found(io.BytesIO(octets))) == words(found(path))


@pytest.mark.parametrize("octets", [b"", b"\x00", b"From: a@example.com", b"A:b\n\n\xff"])
def test_no_octets_make_it_raise(octets: bytes) -> None:
    assert found(octets, **CLIENT).results_field("mx.example.org")
