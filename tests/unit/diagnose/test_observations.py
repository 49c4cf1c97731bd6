"""What DNS and words show beside the proofs; a made example of each row."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.observations import observations
from avowal.diagnose.registry import REGISTRY
from avowal.dns.zone import Zone
from avowal.lookup import Failure, run
from avowal.message import Message
from avowal.testing import RSA_1024, RSA_2048, message, record_for, tamper

KEY = record_for(RSA_2048)
OTHER = record_for(RSA_1024)
NAME = "s1._domainkey.example.com"
BANNER = b"\r\n\r\nCAUTION: This email originated from outside.\r\n"
FOOTER = b"-- \r\n%s\r\n"


def signed(octets: bytes | None = None, domain: str = "example.com") -> bytes:
    octets = message() if octets is None else octets
    return avowal.sign(octets, domain=domain, selector="s1", key=RSA_2048) + octets


def observed(octets: bytes, zone: dict[str, object]) -> list[tuple[str, str]]:
    resolver = Zone(zone)  # type: ignore[arg-type] # of every kind
    parsed = Message.parse(octets)
    found = explain(parsed, avowal.verify(octets, resolver, line_ends="wire"))
    return [(one.name, one.evidence) for one in run(observations(parsed, found), resolver)]


def author(name: str) -> bytes:
    return message(**{"from": f"Alice <alice@{name}>"})


CASES = [
    pytest.param(
        signed(), {"*.example.com": "hello from the web"}, "key-wildcard",
        f"{NAME} and a name that nobody made answer alike: hello from the web",
        id="a-wildcard-of-another-purpose",
    ),
    pytest.param(
        signed(), {"*._domainkey.example.com": OTHER}, "key-wildcard",
        f"{NAME} and a name that nobody made answer alike: {OTHER}"[:100],
        id="a-wildcard-of-another-key",
    ),
    pytest.param(
        signed(), {NAME: {"CNAME": "s1.keys.esp.example"}}, "key-alias-dangling",
        f"{NAME} is a CNAME of s1.keys.esp.example, where there is no record",
        id="an-alias-of-nothing",
    ),
    pytest.param(
        signed(), {NAME: {"CNAME": "k.esp.example"}, "k.esp.example": OTHER}, "key-alias-other",
        f"{NAME} is a CNAME of k.esp.example", id="an-alias-of-another-key",
    ),
    pytest.param(
        signed(author("author.example")), {NAME: KEY}, "not-aligned",
        "d=example.com passes, From is of author.example", id="of-another-domain",
    ),
    pytest.param(
        signed(author("news.example.com")),
        {NAME: KEY, "_dmarc.example.com": "v=DMARC1; p=none; adkim=s"}, "strict-alignment",
        "d=example.com passes, From is of news.example.com; _dmarc.example.com: adkim=s",
        id="strict",
    ),
    pytest.param(
        signed(author("author.example")),
        {NAME: KEY, "_dmarc.author.example": "v=DMARC1; p=reject"}, "policy-asks",
        "_dmarc.author.example: p=reject, and no signature that passes is aligned", id="p",
    ),
    pytest.param(
        signed(author("news.author.example"), "example.org"),
        {"_dmarc.author.example": "v=DMARC1; p=none; sp=quarantine",
         "news.author.example": {"A": "192.0.2.1"}}, "policy-asks",
        "_dmarc.author.example: sp=quarantine, and no signature that passes is aligned "
        "(news.author.example has no record of its own)", id="sp",
    ),
    pytest.param(
        signed() + FOOTER % b"This e-mail has been checked for viruses by Scanner.", {NAME: KEY},
        "antivirus-note", "added: This e-mail has been checked for viruses by Scanner.",
        id="a-virus-scanner",
    ),
    pytest.param(
        signed().replace(b"\r\n\r\n", BANNER, 1),
        {NAME: KEY}, "external-banner", "added: CAUTION: This email originated from outside.",
        id="a-warning",
    ),
    pytest.param(
        signed() + FOOTER % b"If you are not the intended recipient, delete it.", {NAME: KEY},
        "disclaimer", "added: If you are not the intended recipient, delete it.",
        id="a-disclaimer",
    ),
    pytest.param(
        tamper(signed()) + b"https://protect-eu.mimecast.com/s/abcdEF?domain=example.org\r\n",
        {NAME: KEY}, "links-protected", "links lead through Mimecast", id="links-that-are-tokens",
    ),
    pytest.param(
        b"X-Content-Filtered-By: Mailman/MimeDel 2.1.29\r\n" + tamper(signed()), {NAME: KEY},
        "parts-filtered", "X-Content-Filtered-By: Mailman/MimeDel 2.1.29", id="a-content-filter",
    ),
    pytest.param(
        b"Content-Transfer-Encoding: 8bit\r\n" + tamper(signed()) + b"gr????e\r\n", {NAME: KEY},
        "eight-bits-lost", "said to be 8bit, all ASCII: gr????e", id="question-marks",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "zone", "name", "evidence"), CASES)
def test_what_is_observed_is_told_with_its_evidence(
    octets: bytes, zone: dict[str, object], name: str, evidence: str
) -> None:
    found = dict(observed(octets, zone))
    assert found[name].startswith(evidence)


def test_every_row_that_is_observed_has_an_example() -> None:
    assert {case.values[2] for case in CASES} == {
        name for name, row in REGISTRY.items() if row.observed
    }


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(signed(), id="mail-that-passes"),
        pytest.param(tamper(signed()), id="a-body-that-changed"),
        pytest.param(message(), id="unsigned-mail-without-a-policy"),
    ],
)
def test_nothing_is_observed_of(octets: bytes) -> None:
    assert observed(octets, {NAME: KEY}) == []


def test_where_dns_does_not_answer_nothing_is_observed() -> None:
    octets = signed()
    parsed = Message.parse(octets)
    found = explain(parsed, avowal.verify(octets, {NAME: OTHER}, line_ends="wire"))
    silent = Zone({}, otherwise=Failure.DEADLINE)
    assert run(observations(parsed, found), silent) == ()


def test_the_names_of_so_many_keys_are_looked_at() -> None:
    octets = message()
    for _ in range(5):
        octets = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets
    found = observed(octets, {"*.example.com": "hello"})
    assert [name for name, _ in found] == ["key-wildcard"] * 3


def test_links_are_looked_for_so_far_only() -> None:
    link = b"https://protect-eu.mimecast.com/s/abcdEF\r\n"
    assert observed(tamper(signed()) + b"x\r\n" * 90_000 + link, {NAME: KEY}) == []
