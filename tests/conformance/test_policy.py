"""Policy cases of other projects: DMARC, its record, alignment, the author's address, ADSP.

A case without `judgement` is hard; the others stand in docs/conformance-judgements.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.cases import Case, decisions, params, undecided, zone_of

import avowal
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Message
from avowal.names import DomainName, NameFault
from avowal.policy import adsp
from avowal.policy.dmarc import evaluate as dmarc
from avowal.policy.dmarc.alignment import Identifier, Organizations, compare_names
from avowal.policy.dmarc.record import DmarcRecord, DmarcRecordFault
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.evidence import EnvelopeResult, SignatureResult

KINDS = ("dmarc", "dmarc-record-parse", "dmarc-align", "org-domain", "from-parse", "adsp")
DECIDED = {name: verdict for kind in KINDS for name, verdict in decisions(kind).items()}


def holds(case: Case, verdict: str, agrees: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether our verdict is the one we decided on, or the one the case asks for."""
    if case.id in DECIDED:
        return verdict == DECIDED[case.id]
    assert case.judgement is None
    return agrees(dict(case.expect))


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
    decisive = result.decisive
    got: dict[str, Any] = {
        "dmarc": result.result.value,
        "policy": None if result.policy is None else result.policy.value,
        "dkim_aligned": None if decisive is None else decisive.dkim_aligned,
        "spf_aligned": None if decisive is None else decisive.spf_aligned,
    }
    verdict = f"{got['dmarc']}, {got['policy'] or 'no policy'}"
    assert holds(
        case,
        verdict,
        lambda wanted: all(got[key] == wanted[key] for key in got if key in wanted),
    )


@pytest.mark.parametrize("case", params("dmarc-record-parse"))
def test_a_record_is_read(case: Case) -> None:
    try:
        record: DmarcRecord | None = DmarcRecord.parse(case.octets)
    except DmarcRecordFault:
        record = None
    usable = None if record is None else record.usable_policy

    def agrees(wanted: dict[str, Any]) -> bool:
        if (usable is None) is not wanted["error"]:
            return False
        if "record" not in wanted or record is None:
            return True
        return described(record) == wanted["record"] | {"fo": sorted(wanted["record"]["fo"])}

    assert holds(case, "error" if usable is None else f"p={usable}", agrees)


def described(record: DmarcRecord) -> dict[str, Any]:
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
    verdict = aligned(case)
    assert holds(case, verdict, lambda wanted: (verdict == "aligned") is wanted["aligned"])


def aligned(case: Case) -> str:
    try:
        author, other = name(case.options["a"]), name(case.options["b"])
    except NameFault:
        return "no names"
    record = DmarcRecord.parse(f"v=DMARC1; p=none; adkim={case.options['mode'][0]}".encode())
    organizations = Organizations()
    organizations.look_up(author, [other], public_suffix_list())
    compared = compare_names(author, record, (Identifier("dkim", other, "pass"),), organizations)
    return "aligned" if compared.alignments[0].aligned else "not aligned"


@pytest.mark.parametrize("case", params("org-domain"))
def test_the_suffix_list_gives_the_organizational_domain(case: Case) -> None:
    verdict = public_suffix_list()(case.options["domain"]) or ""
    assert holds(case, verdict, lambda wanted: verdict == wanted["org_domain"])


@pytest.mark.parametrize("case", params("from-parse"))
def test_the_author_is_read(case: Case) -> None:
    authors = Authors.of(Message.parse(case.octets).header)
    verdict = ", ".join(domain.ascii for domain in authors.domains) or "nobody"

    def agrees(wanted: dict[str, Any]) -> bool:
        return verdict == ("nobody" if wanted["error"] else wanted["domain"])

    assert holds(case, verdict, agrees)


@pytest.mark.parametrize("case", params("adsp"))
def test_a_message_gets_its_adsp_verdict(case: Case) -> None:
    authors = Authors.of(Message.parse(case.octets).header)
    found = run(adsp.evaluate(authors, signatures(case)), zone_of(case))
    assert holds(case, found.result.value, lambda wanted: found.result.value == wanted["adsp"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_judgement_is_decided(kind: str) -> None:
    assert undecided(kind) == []
