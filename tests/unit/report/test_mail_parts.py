"""Which parts of a mail may be reports."""

from __future__ import annotations

import gzip

import pytest
from tests.aggregates import REPORT
from tests.bombs import zipped
from tests.reportmails import HEAD, attached, feedback

from avowal.message import Message
from avowal.report.aggregate_xml import write_aggregate
from avowal.report.mail_parts import attachments, has_feedback

XML = write_aggregate(REPORT)


def found(mail: bytes) -> list[bytes]:
    return [one.octets for one in attachments(Message.from_stored(mail))]


@pytest.mark.parametrize("octets", [XML, gzip.compress(XML), zipped(("r", XML)), b'{"a": 1}'])
@pytest.mark.parametrize("kind", [b"application/gzip", b"text/xml", b"application/octet-stream"])
def test_a_report_is_told_by_its_octets(octets: bytes, kind: bytes) -> None:
    assert found(attached(octets, kind=kind, name=b"picture.png")) == [octets]


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(HEAD + b"\r\n<p>Hello\r\n", id="a-text"),
        pytest.param(HEAD + b"Content-Type: text/html\r\n\r\n<p>Hello\r\n", id="html"),
        pytest.param(attached(b"\x89PNG", kind=b"image/png"), id="a-picture"),
        pytest.param(attached(b"<p>", kind=b"text/html", name=b"x.html"), id="a-page"),
    ],
)
def test_other_parts_are_passed_over(mail: bytes) -> None:
    assert found(mail) == []


def test_a_mail_that_is_nothing_but_a_report_is_one() -> None:
    assert found(HEAD + b"Content-Type: application/xml\r\n\r\n" + XML) == [
        XML.replace(b"\n", b"\r\n")
    ]


def test_a_mail_within_a_mail_is_looked_into() -> None:
    inner = attached(gzip.compress(XML))
    outer = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + inner
    assert found(outer) == [gzip.compress(XML)]


def test_mails_within_mails_end() -> None:
    mail = attached(XML)
    for _ in range(40):
        mail = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + mail
    assert found(mail) == []


def test_a_failure_report_is_known() -> None:
    assert has_feedback(Message.from_stored(feedback()))
    assert not has_feedback(Message.from_stored(attached(XML)))


def test_a_long_name_is_shown_so_far_only() -> None:
    (one,) = attachments(Message.from_stored(attached(XML, name=b"n" * 300)))
    assert one.name == "n" * 200
