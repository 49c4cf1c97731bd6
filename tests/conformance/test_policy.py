"""Policy cases of other projects: DMARC, its record, alignment, the author's address, ADSP.

A case without a judgement has to hold.  Of those with one, some hold all the same; the rest
is listed here with the clause that decides.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.cases import Case, params, zone_of

import avowal
from avowal.lookup import Steps, run
from avowal.mailbox import Authors, Problem
from avowal.message import Message
from avowal.names import DomainName
from avowal.policy import adsp as adsp_module
from avowal.policy.dmarc import evaluate as dmarc
from avowal.policy.dmarc.alignment import Identifier, compare_names
from avowal.policy.dmarc.discovery import Discovered, Explorer
from avowal.policy.dmarc.record import Record, RecordFault
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.evidence import EnvelopeResult, SignatureResult

# What RFC 9989 says where the source says something else.
DECIDED: dict[str, dict[str, Any]] = {
    # §4.7: syntax errors behind v= are discarded, so p=none stands and nothing is aligned
    "authheaders/dmarc/test_authenticate_dmarc_bad": {"dmarc": "fail", "policy": "none"},
    # §4.10.2: the record at the author domain makes it its own organizational domain
    "kumomta/dmarc/dmarc_dkim_relaxed_subdomain": {"dmarc": "fail"},
    "kumomta/dmarc/dmarc_dkim_relaxed_subdomain_deep": {"dmarc": "fail"},
    # §4.7: values that are wrong give way to the default, they do not spoil the record
    "opendmarc/record/10": {"error": False},
    "opendmarc/record/11": {"error": False},
    # RFC 9989 App. C: rf, ri and pct are gone and ignored
    "opendmarc/record/12": {"error": False},
    "opendmarc/record/13": {"error": False},
    "opendmarc/record/14": {"error": False},
    "opendmarc/record/19": {"error": False},
    # §4.8: dmarc-request is one of three words, and without rua= no DMARC applies
    "opendmarc/record/5": {"error": True},
    # RFC 1035 §2.3.1: no empty labels, so these are no names
    "opendmarc/align/5": {"aligned": None},
    "opendmarc/align/6": {"aligned": None},
    "opendmarc/align/7": {"aligned": None},
    # RFC 9989 §11.5: every author counts
    "opendmarc/from/7": {"domain": "joe.com ace.com"},
    "opendmarc/from/8": {"domain": "joe.com ace.com"},
}


def expected(case: Case) -> dict[str, Any]:
    return {**case.expect, **DECIDED.get(case.id, {})}


def name(text: str) -> DomainName:
    return DomainName.parse(text.encode())


def signatures(case: Case) -> tuple[SignatureResult, ...]:
    if case.options.get("full"):
        verdicts = avowal.verify(case.octets, zone_of(case), now=case.now, line_ends="wire")
        found = [SignatureResult.of(verdict) for verdict in verdicts]
        return tuple(signature for signature in found if signature is not None)
    return tuple(
        SignatureResult(domain=name(s["d"]), result=s["result"]) for s in case.options["dkim"]
    )


def envelope(case: Case) -> EnvelopeResult | None:
    results = case.options.get("spf") or []
    for result in results:
        domain = result.get("domain") or case.options.get("mail_from_domain")
        return EnvelopeResult(domain=name(domain), result=result["result"])
    return None


@pytest.mark.parametrize("case", params("dmarc"))
def test_a_message_gets_its_dmarc_verdict(case: Case) -> None:
    authors = Authors.of(Message.parse(case.octets).header)
    result = run(dmarc.evaluate(authors, signatures(case), envelope(case)), zone_of(case))
    wanted = expected(case)
    decisive = result.decisive
    got = {
        "dmarc": result.result.value,
        "policy": None if result.policy is None else result.policy.value,
        "dkim_aligned": None if decisive is None else decisive.dkim_aligned,
        "spf_aligned": None if decisive is None else decisive.spf_aligned,
    }
    if case.id.endswith("_nofrom"):
        wanted["policy"] = None  # no author, so no policy was found
    compared = {key: value for key, value in got.items() if key in wanted}
    assert compared == {key: wanted[key] for key in compared}


@pytest.mark.parametrize("case", params("dmarc-record-parse"))
def test_a_record_is_read(case: Case) -> None:
    wanted = expected(case)
    try:
        record = Record.parse(case.octets)
    except RecordFault:
        assert wanted["error"]
        return
    assert (record.usable_policy is None) is wanted["error"]
    if "record" in wanted:
        assert described(record) == wanted["record"] | {"fo": sorted(wanted["record"]["fo"])}


def described(record: Record) -> dict[str, Any]:
    sp = record.sp or record.p
    return {
        "p": record.p,
        "sp": sp,
        "np": record.np or sp,
        "adkim": record.adkim,
        "aspf": record.aspf,
        "fo": sorted(record.fo),
        "psd": record.psd,
        "t": record.testing,
        "rua": addresses(record.rua),
        "ruf": addresses(record.ruf),
    }


def addresses(uris: Any) -> list[list[Any]]:
    return [[str(uri.address), uri.size_limit or 0] for uri in uris if uri.address is not None]


@pytest.mark.parametrize("case", params("dmarc-align"))
def test_two_names_are_aligned_or_not(case: Case) -> None:
    options, wanted = case.options, expected(case)
    try:
        author, other = name(options["a"]), name(options["b"])
    except ValueError:
        assert wanted["aligned"] is None
        return
    mode = options["mode"][0]
    record = Record.parse(f"v=DMARC1; p=none; adkim={mode}".encode())

    def flow() -> Steps[bool]:
        compared = yield from compare_names(
            Explorer(),
            Discovered(domain=author, record=record),
            record,
            (Identifier("dkim", other, "pass"),),
            public_suffix_list(),
        )
        return compared.alignments[0].aligned

    assert run(flow(), zone_of(case)) is wanted["aligned"]


@pytest.mark.parametrize("case", params("org-domain"))
def test_the_suffix_list_gives_the_organizational_domain(case: Case) -> None:
    assert public_suffix_list()(case.options["domain"]) == expected(case)["org_domain"]


@pytest.mark.parametrize("case", params("from-parse"))
def test_the_author_is_read(case: Case) -> None:
    wanted = expected(case)
    authors = Authors.of(Message.parse(case.octets).header)
    assert (not authors.domains) is wanted["error"]
    assert " ".join(domain.ascii for domain in authors.domains) == (wanted.get("domain") or "")
    assert Problem.TOO_MANY not in authors.problems


@pytest.mark.parametrize("case", params("adsp"))
def test_a_message_gets_its_adsp_verdict(case: Case) -> None:
    authors = Authors.of(Message.parse(case.octets).header)
    found = run(adsp_module.evaluate(authors, signatures(case)), zone_of(case))
    assert found.result.value == expected(case)["adsp"]


def test_the_decisions_are_about_cases_that_exist() -> None:
    kinds = ("dmarc", "dmarc-record-parse", "dmarc-align", "org-domain", "from-parse")
    known = {case.values[0].id for kind in kinds for case in params(kind) if case.values[0]}
    assert not known or set(DECIDED) <= known
