"""Aggregate reports as octets (RFC 9990, RFC 7489)."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import POLICY, RECORD, REPORT, with_records

from avowal.errors import UsageError
from avowal.policy.dmarc.record import Policy
from avowal.report.aggregate import (
    AggregateReport,
    Aligned,
    DiscoveryMethod,
    Disposition,
    DkimAuthResult,
    OverrideType,
    PolicyOverrideReason,
    PolicyPublished,
    Result,
    SpfAuthResult,
    SpfResultWord,
)
from avowal.report.aggregate_xml import Form, write_aggregate, write_compressed

SCHEMAS = Path(__file__).parents[2] / "schemas"
REASONS = tuple(PolicyOverrideReason(type=one, comment="<&>") for one in OverrideType)


def shapes() -> Iterator[AggregateReport]:
    """Reports that use every word of every list."""
    yield REPORT
    yield with_records(replace(RECORD, reasons=REASONS, envelope_from=None, spf_results=()))
    yield with_records(replace(RECORD, envelope_from="", envelope_to="example.net"))
    yield with_records(
        replace(
            RECORD,
            dkim_results=tuple(
                DkimAuthResult(domain="d", selector="s", result=one, human_result="why")
                for one in Result
            ),
        )
    )
    for disposition in Disposition:
        yield with_records(replace(RECORD, disposition=disposition))
    for word in SpfResultWord:
        spf = SpfAuthResult(domain="example.org", result=word, human_result="why")
        yield with_records(replace(RECORD, spf_results=(spf,)))
    metadata = replace(
        REPORT.metadata, extra_contact_info="<x>", errors=("one", "two"), generator="g/1"
    )
    policy = PolicyPublished(
        domain="example.org", p=Policy.REJECT, sp=Policy.NONE, np=Policy.QUARANTINE, fo="1:d",
        adkim="s", aspf="r", testing=True, discovery_method=DiscoveryMethod.TREEWALK, pct=50,
    )  # fmt: skip
    yield replace(REPORT, metadata=metadata, policy=policy)


@pytest.mark.needs("xmllint")
@pytest.mark.parametrize("form", ["9990", "7489"])
def test_reports_fit_the_schema(tmp_path: Path, form: Form) -> None:
    files = []
    for number, report in enumerate(shapes()):
        files.append(tmp_path / f"{number}.xml")
        files[-1].write_bytes(write_aggregate(report, form=form))
    command = ["xmllint", "--noout", "--schema", SCHEMAS / f"rfc{form}.xsd", *files]
    checked = subprocess.run(command, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr.decode()


def test_a_report_is_these_octets() -> None:
    assert write_aggregate(REPORT).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">\n'
        "  <version>1.0</version>\n  <report_metadata>\n    <org_name>mail.example</org_name>\n"
        "    <email>dmarc@mail.example</email>\n    <report_id>7</report_id>\n"
        "    <date_range>\n      <begin>0</begin>\n      <end>86399</end>\n    </date_range>\n"
        "  </report_metadata>\n  <policy_published>\n    <domain>example.org</domain>\n"
        "    <p>reject</p>\n  </policy_published>\n  <record>\n    <row>\n"
        "      <source_ip>192.0.2.1</source_ip>\n      <count>2</count>\n"
        "      <policy_evaluated>\n        <disposition>pass</disposition>\n"
        "        <dkim>pass</dkim>\n        <spf>fail</spf>\n      </policy_evaluated>\n"
        "    </row>\n    <identifiers>\n      <header_from>example.org</header_from>\n"
        "      <envelope_from>bounce.example.net</envelope_from>\n    </identifiers>\n"
        "    <auth_results>\n      <dkim>\n        <domain>example.org</domain>\n"
        "        <selector>s1</selector>\n        <result>pass</result>\n      </dkim>\n"
        "      <spf>\n        <domain>bounce.example.net</domain>\n"
        "        <scope>mfrom</scope>\n        <result>pass</result>\n      </spf>\n"
        "    </auth_results>\n  </record>\n</feedback>\n"
    )


def test_the_compressed_form_is_the_same_octets_again() -> None:
    once = write_compressed(REPORT)
    assert once == write_compressed(REPORT)
    assert gzip.decompress(once) == write_aggregate(REPORT)


@pytest.mark.parametrize(
    ("form", "kind", "written"),
    [
        pytest.param("9990", OverrideType.FORWARDED, "trusted_forwarder", id="forwarded-9990"),
        pytest.param("9990", OverrideType.SAMPLED_OUT, "other", id="sampled-out-9990"),
        pytest.param("7489", OverrideType.POLICY_TEST_MODE, "other", id="test-mode-7489"),
    ],
)
def test_a_word_that_a_form_lacks_stands_in_the_comment(
    form: Form, kind: OverrideType, written: str
) -> None:
    record = replace(RECORD, reasons=(PolicyOverrideReason(type=kind, comment="x"),))
    octets = write_aggregate(with_records(record), form=form).decode()
    assert f"<type>{written}</type>" in octets
    assert f"<comment>{kind.value}: x</comment>" in octets


def test_rfc_7489_has_no_disposition_pass() -> None:
    assert b"<disposition>none<" in write_aggregate(REPORT, form="7489")


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(with_records(), id="no-records"),
        pytest.param(replace(REPORT, policy=replace(POLICY, p=None)), id="no-policy"),
        pytest.param(with_records(replace(RECORD, dkim=None)), id="no-outcome"),
        pytest.param(with_records(replace(RECORD, count=0)), id="no-messages"),
        pytest.param(
            with_records(
                replace(RECORD, dkim_results=(DkimAuthResult(domain="d", result=Result.PASS),))
            ),
            id="no-selector",
        ),
    ],
)
def test_what_the_form_cannot_hold_is_refused(report: AggregateReport) -> None:
    with pytest.raises(UsageError):
        write_aggregate(report)


def test_what_xml_cannot_hold_becomes_a_replacement_character() -> None:
    octets = write_aggregate(
        replace(REPORT, metadata=replace(REPORT.metadata, org_name="a\x00\x1b"))
    )
    assert "<org_name>a\ufffd\ufffd</org_name>".encode() in octets


def test_a_carriage_return_survives() -> None:
    octets = write_aggregate(replace(REPORT, metadata=replace(REPORT.metadata, org_name="a\rb")))
    assert b"<org_name>a&#13;b</org_name>" in octets


def test_alignment_stands_apart_from_results() -> None:
    record = replace(RECORD, dkim=Aligned.FAIL)
    assert b"<dkim>fail</dkim>" in write_aggregate(with_records(record))
