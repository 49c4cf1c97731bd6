"""The publisher's side: what a domain publishes in words, what is wrong, what to publish."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evidence import Counting, name

from avowal.errors import UsageError
from avowal.lookup import run
from avowal.policy import publish
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.explanation import described
from avowal.policy.lint import LintFinding, LintLevel, lint
from avowal.policy.publish import Wish
from avowal.policy.survey import survey
from avowal.testing import Zone

EXAMPLE = name("example.com")
GOOD: dict[str, Any] = {
    "example.com": {"TXT": ["v=spf1 mx -all"], "MX": ["10 mx.example.com"]},
    "mx.example.com": {"A": ["192.0.2.1"]},
    "_dmarc.example.com": "v=DMARC1; p=quarantine; rua=mailto:a@example.com",
}


def findings(zone: dict[str, Any], domain: str = "example.com") -> tuple[LintFinding, ...]:
    served = Zone(zone)
    return run(lint(run(survey(name(domain)), served)), served)


def codes(zone: dict[str, Any]) -> list[str]:
    return [finding.code for finding in findings(zone)]


def sentences(zone: dict[str, Any], mechanism: str, domain: str = "example.com") -> str:
    statements = described(run(survey(name(domain)), Zone(zone)))
    return "\n".join(next(s for s in statements if s.mechanism == mechanism).sentences)


# -- lint ------------------------------------------------------------------------------------


def test_a_good_domain_has_nothing_to_find_fault_with() -> None:
    assert findings(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"_dmarc.example.com": "NXDOMAIN"}, "no-dmarc", id="no-dmarc"),
        pytest.param({"_dmarc.example.com": "SERVFAIL"}, "no-answer", id="no-answer"),
        pytest.param(
            {"_dmarc.example.com": ["v=DMARC1; p=none"] * 2}, "several-records", id="two-dmarc"
        ),
        pytest.param(
            {"example.com": ["v=spf1 -all", "v=spf1 -all"]}, "several-records", id="two-spf"
        ),
        pytest.param({"_dmarc.example.com": "v=dmarc1; p=none"}, "dmarc-unreadable", id="version"),
        pytest.param({"example.com": "v=spf1 nonsense -all"}, "spf-unreadable", id="spf-syntax"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=bad"}, "bad-tag", id="bad-p"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; sp=none"}, "no-policy", id="no-p"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=none; x=y"}, "unknown-tag", id="unknown"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=none; pct=5"}, "removed-tag", id="pct"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=none; fo=1"}, "fo-alone", id="fo"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=none"}, "none-unwatched", id="no-rua"),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=reject"}, "enforced-unwatched", id="reject-no-rua"
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=reject"}, "reject-and-lists", id="reject-advice"
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; psd=y; ruf=mailto:a@example.com"},
            "psd-ruf",
            id="psd-ruf",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; rua=mailto:a@other.example"},
            "no-consent",
            id="foreign-rua",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; rua=https://example.com/x"},
            "bad-uri",
            id="https-rua",
        ),
        pytest.param({"_adsp._domainkey.example.com": "dkim=all"}, "leftover", id="adsp"),
        pytest.param({"_ssp._domainkey.example.com": "dkim=all"}, "leftover", id="ssp-2007"),
        pytest.param({"_policy._domainkey.example.com": "o=-"}, "leftover", id="ssp-2005"),
        pytest.param({"_domainkey.example.com": "o=~"}, "leftover", id="domainkeys"),
        pytest.param({"example.com": {"TXT": ["x"]}}, "no-spf", id="no-spf"),
        pytest.param({"example.com": "v=spf1 +all"}, "spf-all", id="spf-all"),
        pytest.param({"example.com": "v=spf1 ptr -all"}, "spf-ptr", id="spf-ptr"),
        pytest.param({"example.com": "v=spf1 -all mx"}, "spf-unreached", id="spf-unreached"),
        pytest.param({"example.com": "v=spf1 mx"}, "spf-open", id="spf-open"),
        pytest.param(
            {"example.com": "v=spf1 include:none.example -all"}, "spf-fails", id="include-nothing"
        ),
        pytest.param(
            {"example.com": "v=spf1 " + "ip4:192.0.2.1 " * 40 + "-all"}, "spf-long", id="spf-long"
        ),
        pytest.param(
            {"example.com": "v=spf1 " + " ".join(f"a:a{n}.example" for n in range(4)) + " -all"},
            "spf-void",
            id="spf-void",
        ),
    ],
)
def test_each_fault_is_found(change: dict[str, Any], code: str) -> None:
    assert code in codes(GOOD | change)


@pytest.mark.parametrize(
    ("change", "domain", "code", "level"),
    [
        pytest.param(
            {"example.com": "v=spf1 mx redirect=x.example -all"},
            "example.com", "spf-redirect", LintLevel.WARNING, id="redirect-beside-all",
        ),
        pytest.param(
            {"example.com": "v=spf1; mx -all"},
            "example.com", "spf-version", LintLevel.ERROR, id="a-semicolon-behind-the-version",
        ),
        pytest.param(
            {"example.com": '"v=spf1 mx -all"'},
            "example.com", "spf-version", LintLevel.ERROR, id="pasted-quotes",
        ),
        pytest.param(
            {"example.com": " v=spf1 mx -all"},
            "example.com", "spf-version", LintLevel.ERROR, id="spf-with-a-blank-in-front",
        ),
        pytest.param(
            {"example.com": "v=spf2 mx -all"},
            "example.com", "spf-version", LintLevel.ERROR, id="another-version",
        ),
        pytest.param(
            {"_dmarc.example.com": " v=DMARC1; p=quarantine; rua=mailto:d@example.com"},
            "example.com", "dmarc-blank", LintLevel.WARNING, id="dmarc-with-a-blank-in-front",
        ),
        pytest.param(
            {"example.com": "v=spf1 ip4:128.0.0.0/1 ip4:0.0.0.0/1 -all"},
            "example.com", "spf-all", LintLevel.ERROR, id="two-halves-of-the-world",
        ),
        pytest.param(
            {"example.com": "v=spf1 ip6:::/0 -all"},
            "example.com", "spf-all", LintLevel.ERROR, id="all-of-ipv6",
        ),
        pytest.param(
            {"example.com": "v=spf1 mx exp=nx.example.org -all"},
            "example.com", "spf-exp", LintLevel.WARNING, id="no-explanation-there",
        ),
        pytest.param(
            {"example.com": "v=spf1 v=spf1 mx -all"},
            "example.com", "spf-version-twice", LintLevel.WARNING, id="the-version-twice",
        ),
        pytest.param(
            {"_dmarc.sub.example.com": "v=DMARC1; p=quarantine; sp=none; rua=mailto:d@example.com"},
            "sub.example.com", "unused-tag", LintLevel.WARNING, id="sp-in-a-subdomain",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=quarantine; rua=mailto://d@example.com"},
            "example.com", "bad-uri", LintLevel.ERROR, id="mailto-with-slashes",
        ),
        pytest.param(
            {"example.com": "v=spf1 include:%{ir}.spf.example.net -all"},
            "example.com", "spf-macros", LintLevel.ADVICE, id="macros-in-include",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_meant_is_named(
    change: dict[str, Any], domain: str, code: str, level: LintLevel
) -> None:
    found = {finding.code: finding.level for finding in findings(GOOD | change, domain)}
    assert found.get(code) is level


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"example.com": ["v=spf1 mx -all", "spf2.0/pra -all"]}, id="sender-id"),
        pytest.param(
            {"example.com": "v=spf1 mx exp=why.example.com -all", "why.example.com": "no"},
            id="an-explanation",
        ),
        pytest.param({"example.com": "v=spf1 mx exp=%{d}.example.org -all"}, id="exp-of-macros"),
        pytest.param({"example.com": "v=spf1 mx ip4:0.0.0.0/1 -all"}, id="half-of-the-world"),
        pytest.param({"example.com": "v=spf1 mx redirect=in.example", "in.example": "v=spf1 -all"},
                     id="redirect-without-all"),
    ],
)  # fmt: skip
def test_what_is_as_meant_is_not_named(change: dict[str, Any]) -> None:
    assert codes(GOOD | change) == []


def test_an_include_of_macros_is_no_error() -> None:
    zone = GOOD | {
        "example.com": "v=spf1 include:%{ir}.%{v}.%{d}.spf.example.net -all",
        "1.2.0.192.in-addr.example.com.spf.example.net": "v=spf1 ip4:192.0.2.1 -all",
    }
    assert LintLevel.ERROR not in {finding.level for finding in findings(zone)}  # RFC 7208 §7


def test_spf_over_ten_lookups_is_counted_through_its_includes() -> None:
    hosts = {f"a{n}.example": {"A": ["192.0.2.9"]} for n in range(12)}
    inner = "v=spf1 " + " ".join(f"a:a{n}.example" for n in range(12)) + " -all"
    zone = GOOD | hosts | {"example.com": "v=spf1 include:in.example -all", "in.example": inner}
    (found,) = [finding for finding in findings(zone) if finding.code == "spf-lookups"]
    assert found.level is LintLevel.ERROR
    assert found.what.startswith("13 terms")


def test_a_domain_without_mail_may_say_reject() -> None:
    zone = {
        "example.com": {"TXT": ["v=spf1 -all"], "MX": ["0 ."]},
        "_dmarc.example.com": "v=DMARC1; p=reject; rua=mailto:a@example.com",
    }
    assert codes(zone) == []


def test_errors_come_first() -> None:
    zone = GOOD | {"_adsp._domainkey.example.com": "dkim=all", "example.com": "v=spf1 +all"}
    levels = [finding.level for finding in findings(zone)]
    assert levels == sorted(levels, key=tuple(LintLevel).index)
    assert levels[0] is LintLevel.ERROR


def test_a_survey_takes_two_rounds() -> None:
    counting = Counting(Zone(GOOD))
    run(survey(EXAMPLE), counting)
    assert len(counting.rounds) == 2


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "mechanism", "part"),
    [
        pytest.param(GOOD, "dmarc", "p=quarantine: mail that fails", id="dmarc"),
        pytest.param(GOOD, "dmarc", "aggregate reports go to a@example.com", id="rua"),
        pytest.param(GOOD, "spf", "mx: clients that match may send", id="spf"),
        pytest.param(GOOD, "adsp", "nothing is published", id="no-adsp"),
        pytest.param(
            {"_adsp._domainkey.example.com": "dkim=discardable"}, "adsp", "throw", id="adsp"
        ),
        pytest.param({"_policy._domainkey.example.com": "o=!"}, "ssp", "exclusive", id="ssp"),
        pytest.param({"_policy._domainkey.example.com": "o=x"}, "ssp", "by default", id="default"),
        pytest.param(
            {"_ssp._domainkey.example.com": "dkim=strict; t=s"}, "ssp2007", "t=s", id="ssp-2007"
        ),
        pytest.param({"_domainkey.example.com": "o=-; n=hi"}, "domainkeys", "n=hi", id="dk"),
        pytest.param({"_dmarc.example.com": "TIMEOUT"}, "dmarc", "not known", id="no-answer"),
        pytest.param({"example.com": ["v=spf1 -all"] * 2}, "spf", "none of them", id="several"),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=reject; t=y; psd=n; np=none; ri=1; adkim=q"},
            "dmarc",
            "only testing",
            id="every-tag",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; np=none"}, "dmarc", "do not exist", id="np"
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; psd=y"}, "dmarc", "public suffix", id="psd"
        ),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=none; ri=1"}, "dmarc", "gone", id="ri"),
        pytest.param({"_dmarc.example.com": "v=DMARC1; p=x"}, "dmarc", "not apply", id="no-policy"),
        pytest.param({"_dmarc.example.com": "v=dmarc1"}, "dmarc", "no DMARC record", id="version"),
        pytest.param({"example.com": "v=spf1 oops"}, "spf", "cannot be read", id="spf-syntax"),
        pytest.param({"example.com": "v=spf1 redirect=x.example"}, "spf", "decides", id="redir"),
        pytest.param({"_adsp._domainkey.example.com": "dkim=x"}, "adsp", "as unknown", id="word"),
        pytest.param({}, "dmarc", "DMARC does not apply", id="nothing-anywhere"),
    ],
)
def test_what_is_published_is_said_in_words(
    zone: dict[str, Any], mechanism: str, part: str
) -> None:
    assert part in sentences(zone, mechanism)


def test_an_inherited_policy_is_named() -> None:
    zone = GOOD | {"_dmarc.example.com": "v=DMARC1; p=none; np=reject"}
    text = sentences(zone, "dmarc", "ghost.example.com")
    assert "np= of example.com applies" in text


# -- records to publish ----------------------------------------------------------------------


def test_a_record_is_read_back_as_it_was_wished() -> None:
    wish = Wish(
        policy=Policy.QUARANTINE,
        subdomains=Policy.NONE,
        nonexistent=Policy.REJECT,
        aggregate_to=("a@example.com", "b@example.net"),
        failures_to=("mailto:f@example.com",),
        failure_options="1:d",
        strict_dkim=True,
        testing=True,
    )
    own, consent = publish.dmarc(EXAMPLE, wish)
    record = DmarcRecord.parse(own.text.encode())
    assert own.name == "_dmarc.example.com"
    assert (record.p, record.sp, record.np) == (Policy.QUARANTINE, Policy.NONE, Policy.REJECT)
    assert (record.adkim, record.aspf, record.testing, record.fo) == ("s", "r", True, ("1", "d"))
    assert [str(uri.address) for uri in record.rua] == ["a@example.com", "b@example.net"]
    assert consent.name == "example.com._report._dmarc.example.net"


def test_what_is_made_passes_the_check() -> None:
    wish = Wish(policy=Policy.QUARANTINE, aggregate_to=("a@example.net",))
    records = (*publish.dmarc(EXAMPLE, wish), publish.spf(EXAMPLE, "mx -all"))
    zone = GOOD | {record.name: record.text for record in records if record.name != "example.com"}
    assert codes(zone) == []


def test_a_domain_without_mail_is_made_whole() -> None:
    zone: dict[str, Any] = {}
    for record in publish.no_mail(EXAMPLE):
        zone.setdefault(record.name, {})[record.rrtype] = [record.text]
    assert [f.level for f in findings(zone) if f.level is not LintLevel.ADVICE] == []


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        pytest.param(Wish(aggregate_to=("https://x.example/",)), "no mailto", id="https"),
        pytest.param(Wish(aggregate_to=("not an address",)), "rua", id="no-uri"),
        pytest.param(Wish(aggregate_to=("mailto://a@b.example",)), "slashes", id="slashes"),
        pytest.param(Wish(aggregate_to=("a@b..example",)), "no domain", id="no-domain"),
        pytest.param(Wish(aggregate_to=("jürgen@b.example",)), "8616", id="eai"),
        pytest.param(Wish(failure_options="1"), "fo", id="fo-without-ruf"),
        pytest.param(
            Wish(failure_options="x", failures_to=("a@example.com",)), "fo", id="fo-unknown"
        ),
        pytest.param(Wish(suffix="y", failures_to=("a@example.com",)), "ruf", id="psd-with-ruf"),
    ],
)
def test_what_would_not_be_read_as_meant_is_refused(wish: Wish, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        publish.dmarc(EXAMPLE, wish)


def test_addresses_are_written_as_receivers_read_them() -> None:
    addresses = ("a@bücher.example", "x!z@example.com", "mailto:b@example.com", "c+d@example.com")
    record = DmarcRecord.parse(
        publish.dmarc(EXAMPLE, Wish(aggregate_to=addresses))[0].text.encode()
    )
    assert [str(uri.address) for uri in record.rua] == [
        "a@xn--bcher-kva.example",  # RFC 8616 §6, RFC 9989 §4.6
        "x!z@example.com",
        "b@example.com",
        "c+d@example.com",
    ]


@pytest.mark.parametrize("terms", ["mx -all", "v=spf1 mx -all", " V=SPF1  mx  -all "])
def test_spf_terms_may_begin_with_the_version(terms: str) -> None:
    assert publish.spf(EXAMPLE, terms).text == "v=spf1 mx -all"


@pytest.mark.parametrize(
    "terms",
    ["mx -everything", "include:", "ip4:1.2.3", "v=spf1 v=spf1 mx", "mx v=spf1"],
)
def test_terms_that_are_no_spf_are_refused(terms: str) -> None:
    with pytest.raises(UsageError, match="SPF"):
        publish.spf(EXAMPLE, terms)


def test_sha1_is_not_published_for_third_parties() -> None:
    with pytest.raises(UsageError, match="sha256"):
        publish.third_party(name("t.example"), EXAMPLE, "sha1")
