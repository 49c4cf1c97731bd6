"""Aggregate reports from strangers (RFC 9990 §3.1.1: a consumer may use a part of the data)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.aggregates import RECORD, REPORT, with_records

from avowal.report.aggregate import Aligned, Disposition, OverrideType, Result
from avowal.report.aggregate_reader import AggregateReader, read_aggregate
from avowal.report.aggregate_xml import write_aggregate
from avowal.report.arf import ReportFault
from avowal.report.limits import ReportLimits

THREE = write_aggregate(
    with_records(*(replace(RECORD, source_ip=f"192.0.2.{n}", count=n) for n in (1, 2, 3)))
)


def changed(*pairs: tuple[bytes, bytes]) -> bytes:
    octets = THREE
    for before, after in pairs:
        assert before in octets
        octets = octets.replace(before, after, 1)
    return octets


def counts(octets: bytes) -> list[int]:
    return [record.count for record in read_aggregate(octets).report.records]


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        pytest.param(THREE, [1, 2, 3], id="whole"),
        pytest.param(changed((b"<count>2", b"<count>two")), [1, 3], id="no-number"),
        pytest.param(changed((b"<count>2", b"<count>0")), [1, 3], id="no-messages"),
        pytest.param(changed((b"<count>2", b"<count>" + b"2" * 16)), [1, 3], id="many-digits"),
        pytest.param(changed((b"192.0.2.2", b"192.0.2.256")), [1, 3], id="no-address"),
        pytest.param(changed((b"192.0.2.2", b"2001:DB8::0:1")), [1, 2, 3], id="ipv6"),
        pytest.param(
            changed((b"<header_from>example.org", b"<header_from>")), [2, 3], id="no-from"
        ),
        pytest.param(changed((b"<count>2</count>", b"")), [1, 3], id="no-count"),
        pytest.param(changed((b"<count>2", b"<count>9</count><count>2")), [1, 3], id="two-counts"),
    ],
)
def test_a_record_that_cannot_be_used_is_left_out_alone(octets: bytes, kept: list[int]) -> None:
    assert counts(octets) == kept
    reading = read_aggregate(octets)
    assert reading.lost == len(reading.problems) == 3 - len(kept)
    assert not reading.damaged


def test_a_record_that_is_left_out_is_named_by_its_line() -> None:
    octets = changed((b"<count>2", b"<count>two"))
    line = octets[: octets.index(b"</record>", octets.index(b"two"))].count(b"\n") + 1
    (problem,) = read_aggregate(octets).problems
    assert (
        str(problem) == f"line {line}: a record is left out: count 'two' is no number of messages"
    )


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        pytest.param(changed((b"bounce.example.net", b"a<b.example")), [1, 2, 3], id="bare-angle"),
        pytest.param(changed((b"bounce.example.net", b"a&b")), [1, 2, 3], id="bare-ampersand"),
        pytest.param(changed((b"bounce.example.net", b"\xff\xfe")), [1, 2, 3], id="no-utf-8"),
        pytest.param(changed((b"UTF-8", b"UF-8")), [1, 2, 3], id="no-encoding"),
        pytest.param(changed((b"UTF-8", b"gb18030")), [1, 2, 3], id="several-octets"),
        pytest.param(changed((b"dmarc@mail", b"<dmarc@mail")), [1, 2, 3], id="in-metadata"),
        pytest.param(changed((b"</identifiers>", b"")), [1, 2, 3], id="never-closed"),
        pytest.param(changed((b"</row>", b"</raw></row>")), [1, 2, 3], id="never-opened"),
        pytest.param(THREE[: THREE.rindex(b"<auth_results>")], [1, 2], id="ends-early"),
        pytest.param(THREE.replace(b"</feedback>", b""), [1, 2, 3], id="never-ends"),
        pytest.param(THREE + b"<feedback>", [1, 2, 3], id="goes-on"),
    ],
)
def test_of_broken_xml_what_can_be_told_is_kept(octets: bytes, kept: list[int]) -> None:
    assert counts(octets) == kept
    reading = read_aggregate(octets)
    assert reading.damaged
    assert "the XML is broken" in str(reading.problems[0])


def test_broken_xml_is_named_by_its_line() -> None:
    octets = changed((b"<count>3", b"<count>&3"))
    line = octets[: octets.index(b"&3")].count(b"\n") + 1
    assert read_aggregate(octets).problems[0].line == line


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"", "no element feedback", id="nothing"),
        pytest.param(b"<html></html>", "no element feedback", id="html"),
        pytest.param(b"\x00" * 200_000, "no element feedback", id="zeros"),
        pytest.param(b"<feedback></feedback>", "nobody can tell", id="empty"),
        pytest.param(changed((b"<report_id>7", b"<report_id>")), "nobody can tell", id="no-id"),
        pytest.param(changed((b"<end>86399", b"<end>soon")), "date_range", id="no-range"),
        pytest.param(
            changed((b"<end>86399", b"<end>253402300800")), "after the year 9999", id="milliseconds"
        ),
        pytest.param(
            b'<!DOCTYPE f [<!ENTITY a "b">]>' + THREE.partition(b"\n")[2], "document type", id="dtd"
        ),
        pytest.param(
            changed((b"<feedback", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><feedback')),
            "document type", id="external",
        ),
        pytest.param(
            changed((b"<org_name>", b"<org_name><<!DOCTYPE a []>")), "document type", id="in-broken"
        ),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(ReportFault, match=why):
        read_aggregate(octets)


LIMITS = ReportLimits(
    records=2, depth=8, text_octets=30, results=2, names=3, token_octets=200_000,
    expanded_octets=1_000_000,
)  # fmt: skip
ONE = write_aggregate(REPORT)
SIGNATURE = ONE[ONE.index(b"<dkim>\n") : ONE.index(b"<spf>\n")]


def within(before: bytes, after: bytes) -> bytes:
    assert before in ONE
    return ONE.replace(before, after, 1)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(THREE, "more than 2 records", id="records"),
        pytest.param(within(b"<row>", b"<row>" + b"<x>" * 9), "more than 8 deep", id="depth"),
        pytest.param(b"<x>" * 9 + ONE, "more than 8 deep", id="wrappers"),
        pytest.param(within(SIGNATURE, SIGNATURE * 3), "more than 2 results", id="results"),
        pytest.param(within(b"<row>", b"<row><a/><b/><c/><d/>"), "3 names of", id="names"),
        pytest.param(within(b"<row>", b"<row a='" + b"x" * 400_000), "a tag of", id="token"),
        pytest.param(ONE + b" " * 1_000_000, "octets of XML", id="octets"),
    ],
)
def test_beyond_a_limit_a_report_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(ReportFault, match=why):
        read_aggregate(octets, limits=LIMITS)


def test_a_text_beyond_the_limit_takes_its_record_with_it() -> None:
    long = replace(RECORD, envelope_from="x" * 31)
    reading = read_aggregate(write_aggregate(with_records(RECORD, long)), limits=LIMITS)
    assert (len(reading.report.records), reading.lost) == (1, 1)
    assert "more than 30 characters" in str(reading.problems[0])


def test_a_text_is_not_kept_while_it_grows() -> None:
    reader = AggregateReader(LIMITS)
    reader.feed(ONE[: ONE.index(b"<count>")] + b"<count>")
    for _ in range(9):
        reader.feed(b"9" * 70_000)
        assert sum(map(len, reader._elements._pieces)) < 100_000


def test_problems_beyond_a_hundred_are_counted() -> None:
    bad = with_records(*[replace(RECORD, source_ip="nowhere")] * 150)
    reading = read_aggregate(write_aggregate(bad))
    assert (reading.lost, len(reading.problems)) == (150, 101)
    assert reading.problems[-1].why == "50 more problems"


def test_distinct_notes_are_no_more_than_a_hundred() -> None:
    odd = [replace(RECORD, source_ip=f"192.0.2.{n}") for n in range(150)]
    octets = write_aggregate(with_records(*odd))
    for n in range(150):
        octets = octets.replace(b"<disposition>pass", b"<disposition>odd%d" % n, 1)
    assert len(read_aggregate(octets).notes) == 100


def test_records_in_front_of_who_reports_are_held_in_number() -> None:
    head = ONE[ONE.index(b"  <report_metadata>") : ONE.index(b"  <record>")]
    record = ONE[ONE.index(b"  <record>") : ONE.index(b"</feedback>")]
    turned = ONE.replace(head, b"").replace(record, record + head)
    assert counts(turned) == [2]
    with pytest.raises(ReportFault, match="in front of"):
        read_aggregate(turned.replace(record, record * 4), limits=LIMITS)


def words() -> Iterator[tuple[bytes, bytes, object]]:
    yield b"<disposition>pass", b"<disposition>None", Disposition.NONE
    yield b"<disposition>pass", b"<disposition>quarantined", Disposition.QUARANTINE
    yield b"<disposition>pass", b"<disposition>who knows", None


@pytest.mark.parametrize(("before", "after", "meant"), list(words()))
def test_odd_words_are_mapped_and_told(before: bytes, after: bytes, meant: object) -> None:
    reading = read_aggregate(within(before, after))
    assert reading.report.records[0].disposition is meant
    assert reading.notes == (
        (f'disposition "{after[13:].decode()}" read as {meant or "nothing"}', 1),
    )


def test_words_in_capitals_are_their_words() -> None:
    octets = within(b"<result>pass", b"<result>Pass").replace(b"<dkim>pass", b"<dkim>Pass")
    (record,) = read_aggregate(octets).report.records
    assert (record.dkim, record.dkim_results[0].result) == (Aligned.PASS, Result.PASS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"<feedback xmlns=", b"<d:feedback xmlns:d=", id="prefix"),
        pytest.param(b' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', b"", id="none"),
        pytest.param(b"dmarc-2.0", b"something-else", id="another"),
        pytest.param(b"<row>", b'<row xmlns:x="u"><x:count>7</x:count>', id="extension"),
        pytest.param(b'encoding="UTF-8"', b'encoding="iso-8859-1"', id="latin-1"),
        pytest.param(b"<feedback", b"<schema><feedback", id="wrapped"),
    ],
)
def test_name_spaces_change_nothing(before: bytes, after: bytes) -> None:
    octets = within(before, after)
    if b"<d:" in after:
        octets = octets.replace(b"</feedback", b"</d:feedback")
        for name in (b"record", b"row", b"count"):
            octets = octets.replace(b"<" + name + b">", b"<d:" + name + b">")
            octets = octets.replace(b"</" + name + b">", b"</d:" + name + b">")
    assert counts(octets) == [2]


def test_utf_16_is_read() -> None:
    octets = ONE.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert counts(octets) == [2]


def test_references_are_read() -> None:
    assert counts(within(b"<count>2", b"<count>&#50;")) == [2]


def test_a_draft_without_signers_is_read() -> None:
    octets = within(b"<reason>", b"<reason>") if b"<reason>" in ONE else ONE
    octets = octets.replace(b"</policy_evaluated>", b"<reason><type/></reason></policy_evaluated>")
    (record,) = read_aggregate(octets).report.records
    assert record.reasons == ()


def test_a_reason_in_other_words_is_read() -> None:
    reason = b"<reason><type>mailing-list</type><comment>l</comment></reason></policy_evaluated>"
    (record,) = read_aggregate(within(b"</policy_evaluated>", reason)).report.records
    assert [one.type for one in record.reasons] == [OverrideType.MAILING_LIST]


def test_an_organisation_without_a_name_goes_by_its_address() -> None:
    octets = within(b"<org_name>mail.example", b"<org_name>")
    assert read_aggregate(octets).report.metadata.org_name == "mail.example"
