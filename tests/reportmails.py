"""Mails that carry reports, for tests."""

from __future__ import annotations

import base64

HEAD = (
    b"From: Reports <dmarc@Mail.Example>\r\nTo: owner@example.org\r\n"
    b"Subject: Report Domain: example.org Submitter: mail.example Report-ID: <7>\r\n"
    b"Message-ID: <7@mail.example>\r\nMIME-Version: 1.0\r\n"
)
FEEDBACK = (
    b"Feedback-Type: auth-failure\r\nUser-Agent: x/1\r\nVersion: 1\r\nAuth-Failure: dmarc\r\n"
    b"Original-Mail-From: <anna@Bounce.example>\r\nArrival-Date: Thu, 1 Jan 1970 00:01:40 +0000\r\n"
    b"Source-IP: 192.0.2.1\r\nReported-Domain: Example.org\r\nDelivery-Result: reject\r\n"
    b"Identity-Alignment: dkim, spf\r\nDKIM-Domain: example.org\r\nDKIM-Selector: s1\r\n"
)
REPORTED = b"From: Anna <anna@example.org>\r\nSubject: private\r\n"


def attached(
    octets: bytes,
    *,
    kind: bytes = b"application/gzip",
    name: bytes = b"r.xml.gz",
    head: bytes = HEAD,
) -> bytes:
    """Return a mail with a text and an attachment in base64."""
    return (
        head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nA report.\r\n--b\r\n'
        b'Content-Type: %s; name="%s"\r\nContent-Disposition: attachment; filename="%s"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--\r\n"
        % (kind, name, name, base64.encodebytes(octets).replace(b"\n", b"\r\n"))
    )


def feedback(
    fields: bytes = FEEDBACK,
    *,
    reported: bytes = REPORTED,
    extra: bytes = b"",
    kind: bytes = b"multipart/report; report-type=feedback-report",
) -> bytes:
    """Return a mail with a failure report."""
    return (
        HEAD + b'Content-Type: %s; boundary="b"\r\n\r\n--b\r\n\r\nText.\r\n--b\r\n'
        b"Content-Type: message/feedback-report\r\n%s\r\n%s\r\n--b\r\n"
        b"Content-Type: text/rfc822-headers\r\n\r\n%s\r\n--b--\r\n"
        % (kind, extra, fields, reported)
    )
