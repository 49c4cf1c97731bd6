"""No parser takes much longer over 1 MB of its worst input than over 1 MB
of harmless input.  What grows with the square of the input shows here at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.crafting import ZONE

from avowal import KeyRecord, Limits, Signature, quoted, verify
from avowal.arc import fields as arc
from avowal.authres import grammar as results
from avowal.canonical import BODY_FORMS, DOMAINKEYS_BODY_FORMS, HEADER_FORMS
from avowal.diagnose.mime_lines import part_header
from avowal.dkim.authors import Authors
from avowal.dkim.legacy import DomainKeysVerifier
from avowal.dns.zonefile import read_zone
from avowal.errors import ConfigError, SyntaxFault
from avowal.examine.shown_names import shown_domains
from avowal.header_reader import HeaderReader
from avowal.line_ends import WireForm
from avowal.lists import encoded_words, mime_parameters
from avowal.mailbox import Authors as AllAuthors
from avowal.mailbox import mailboxes
from avowal.message import Field, Header, split
from avowal.names import DomainName, Identity
from avowal.policy import vbr
from avowal.report.redaction import Redactor, redacted_header
from avowal.taglist import TagList

SIZE = 1 << 20
SMALL = 1 << 16
SLOWER = 30  # times; a square would be thousands
FLOOR = 0.030  # seconds; below it a ratio says nothing
UNLIMITED = Limits(
    header_octets=1 << 30,
    author_octets=1 << 30,
    signature_field_octets=1 << 30,
    key_record_octets=1 << 30,
    tags=1 << 30,
    signed_names=1 << 30,
    authres_octets=1 << 30,
    authres_results=1 << 30,
)


class Parser(NamedTuple):
    read: Callable[[bytes], Any]
    harmless: bytes  # repeated to 1 MB
    worst: tuple[bytes, ...]
    around: tuple[bytes, bytes] = (b"", b"")
    size: int = SIZE  # SMALL where each token costs a step of Python: a square shows as well


def body_form(form: Any) -> Callable[[bytes], None]:
    def read(octets: bytes) -> None:
        canonicalizer = form(lambda piece: None)
        for start in range(0, len(octets), 4096):
            canonicalizer.feed(octets[start : start + 4096])
        canonicalizer.finish()

    return read


def header_in_chunks(octets: bytes, limits: Limits = UNLIMITED) -> None:
    reader = HeaderReader(limits=limits)
    for start in range(0, len(octets), 4096):
        if reader.feed(octets[start : start + 4096]) is not None:
            return
    reader.finish()


def header_beyond_a_limit(octets: bytes) -> None:
    header_in_chunks(octets, Limits(header_octets=100_000))


def wire_form(octets: bytes) -> None:
    form = WireForm(bare_cr=True)
    for start in range(0, len(octets), 4096):
        form.feed(octets[start : start + 4096])
    form.finish()


def signature(octets: bytes) -> Any:
    read = Signature.parse(Field.of(octets), limits=UNLIMITED)
    return read.copied_fields, read.other_tags, read.unsigned_field


SIGNATURE = (b"DKIM-Signature: v=1; a=rsa-sha256; d=e.com; s=s; bh=aGFzaA==; b=c2ln; ", b"")
FOLDS = (b"\r\n ", b"\r\n\t", b"\r\n", b"\r", b"\n", b" ", b"\t", b"\r\n \r\n", b" \r\n")
LINE = b"the quick brown fox jumps over the lazy dog\r\n"

PARSERS = {
    "header": Parser(Header.parse, b"X: " + LINE, (*FOLDS, b":", b"a", b"a:", b"\x00", b"a:\r\n")),
    "header-in-chunks": Parser(header_in_chunks, b"X: " + LINE, FOLDS),
    "header-beyond-a-limit": Parser(
        header_beyond_a_limit, b"X: " + LINE, (*FOLDS, b"a:\r\n", b"From: a\r\n")
    ),
    "split": Parser(split, b"X: " + LINE, FOLDS),
    "wire-form": Parser(wire_form, LINE, FOLDS),
    "part-header": Parser(
        lambda octets: part_header(octets.split(b"\r\n")),
        b"X: a\r\n",
        (b" a\r\n", b"\ta\r\n", b"a:\r\n", b":\r\n", b" :\r\n"),
    ),
    "tag-list": Parser(
        lambda octets: TagList.parse(octets, most=1 << 30),
        b"a=some value; ",
        (*FOLDS, b";", b"=", b"a", b"a;", b"a=", b"a=;", b"a b", b"\x00", b"a_"),
    ),
    "tag-list-salvaged": Parser(
        lambda octets: TagList.salvage(octets, most=1 << 30),
        b"a=some value; ",
        (*FOLDS, b";", b"=", b"a=;", b"\x00"),
    ),
    "encoded-words": Parser(
        encoded_words.decode, LINE, (*FOLDS, b"=?", b"=?utf-8?q?=FF?= ", b"=?utf-8?b?a?=")
    ),
    "mime-parameters": Parser(
        mime_parameters.parameters, LINE, (*FOLDS, b";", b'"', b'\\"', b"(", b"()", b"a=b;")
    ),
    "quoted-printable": Parser(
        quoted.decode, b"some=20value", (*FOLDS, b"=", b"=2", b"=20", b"==20", b"=\r\n ")
    ),
    "signature-h": Parser(
        signature, b"from:", (*FOLDS, b":", b" :", b"a :", b"a b:"), (SIGNATURE[0] + b"h=", b"x")
    ),
    "signature-z": Parser(
        signature,
        b"From:a=20b and then some more|",
        (*FOLDS, b"=", b":", b"a:=|"),
        (SIGNATURE[0] + b"h=from; z=", b""),
    ),
    "signature-i": Parser(
        signature,
        b"a",
        (*FOLDS, b"@", b'"', b'"\\', b".", b"=40"),
        (SIGNATURE[0] + b"h=x;i=", b"@"),
    ),
    "key-record": Parser(
        lambda octets: KeyRecord.parse(octets, limits=UNLIMITED),
        b"QUJD",
        (*FOLDS, b";", b"=", b"A =", b":"),
        (b"v=DKIM1; p=", b""),
    ),
    "key-record-lists": Parser(
        lambda octets: KeyRecord.parse(octets, limits=UNLIMITED),
        b"sha256:",
        (*FOLDS, b":", b" :"),
        (b"v=DKIM1; p=; h=", b""),
    ),
    "domain-name": Parser(DomainName.parse, b"a.", (b".", b"a", b"-", b"\xc3\xbc", b"\xff")),
    "identity": Parser(Identity.parse, b"a", (b"@", b'"', b"\\", b'"\\', b"\xff", b"a@")),
    "mailboxes": Parser(
        mailboxes,
        b"Some Body <a@example.com>, ",
        (
            *FOLDS,
            b"a.",
            b"a@",
            b"@.",
            b'"',
            b'\\"',
            b"\\a",
            b'"\\',
            b'"a" ',
            b"<",
            b"<@",
            b",@a",
            b"[",
            b"(",
            b":",
        ),
        size=SMALL,
    ),
    "mailboxes-quoted": Parser(
        mailboxes, b"a", (b"\\a", b'\\"', b"\\", b"\r\n "), (b'"', b""), size=SMALL
    ),
    "mailboxes-route": Parser(
        mailboxes,
        b"@example.com,",
        (b",", b"@a,", b"@a.", b"@a", b".", b"[l]"),
        (b"<", b":a@b>"),
        size=SMALL,
    ),
    "results": Parser(
        lambda octets: results.parse(octets, limits=UNLIMITED),
        b" spf=pass smtp.mailfrom=a@example.com;",
        (*FOLDS, b";", b"=", b"(", b"()", b"a", b"a.b=", b"\r\n (a)"),
        (b"e.com;", b""),
        size=SMALL,
    ),
    "results-quoted": Parser(
        lambda octets: results.parse(octets, limits=UNLIMITED),
        b"a",
        (*FOLDS, b"\\a", b'\\"', b"\\", b'"', b" \r\n"),
        (b'e.com; spf=pass reason="', b'"'),
        size=SMALL,
    ),
    "results-local-part": Parser(
        lambda octets: results.parse(octets, limits=UNLIMITED),
        b"a",
        (b".", b"a.", b"..a", b"\xc3\xbc."),
        (b"e.com; spf=pass smtp.mailfrom=", b"@e.com"),
        size=SMALL,
    ),
    "arc-instance": Parser(
        arc.split_instance, b" ", (*FOLDS, b"()", b"(", b"\r\n ()"), (b"i=1", b";"), size=SMALL
    ),
    "vbr-record": Parser(
        lambda octets: vbr.vouches(octets, "all"), b"list ", (b" ", b"a", b"a ", b"a  ")
    ),
    "zone-file": Parser(
        lambda octets: read_zone(octets.decode("latin-1"), "e.com", ""),
        b'"abc" ',
        (b"\\a", b'"', b'\\"', b";", b"a ", b'"\\a', b"\\", b"\n", b"\\097"),
        (b"a TXT (", b")"),
        size=SMALL,
    ),
    "relaxed-field": Parser(
        lambda octets: HEADER_FORMS["relaxed"](octets, 1), b"a b ", FOLDS, (b"X:", b"")
    ),
    "relaxed-body": Parser(body_form(BODY_FORMS["relaxed"]), LINE, (*FOLDS, b" \t", b" \r\na")),
    "simple-body": Parser(body_form(BODY_FORMS["simple"]), LINE, (*FOLDS, b"\r\na")),
    "nofws-body": Parser(body_form(DOMAINKEYS_BODY_FORMS["nofws"]), LINE, (*FOLDS, b" \r\na")),
    "authors": Parser(
        lambda octets: Authors(Header.parse(octets)).distance(DomainName.parse(b"e.com")),
        b"Some Body <a@example.com>, ",
        (b"@", b"@.", b"@a", b"a@\xff", b"@-.", b"\r\n "),
        (b"From: ", b""),
    ),
    "authors-of-policy": Parser(
        lambda octets: AllAuthors.parse(octets, limits=UNLIMITED),
        b"Some Body <a@example.com>, ",
        (b"@", b"@a", b"a@b ", b"a@b,", b"<", b'"', b"(", b"=?", b"=?a?q?", b'"\\', b"\r\n "),
        size=SMALL,
    ),
    "authors-within-limits": Parser(
        AllAuthors.parse, b"a@b.example, ", (b"@", b"@a", b"a@b ", b"\r", b"=?a?q?@")
    ),
    "names-shown-in-from": Parser(
        lambda octets: shown_domains(Header.parse(b"From: " + octets)),
        b"Some Body <a@example.com>, ",
        (
            b"@",
            b"@a.b",
            b"(",
            b")",
            b"()",
            b"\\",
            b"(@a.b",
            b"=?",
            b"=?a?q?",
            b"=?a?q?=40?=",
            b"\xff",
        ),
        size=SMALL,
    ),
    "redaction": Parser(
        Redactor(b"key").text,
        b"for <a@b.example>; ",
        (b"@", b"a", b'"', b'"@', b'a"@', b"\xff"),
        size=SMALL,
    ),
    "redacted-header": Parser(
        lambda octets: redacted_header(Header.parse(octets), Redactor(b"key")),
        b"a@b.example, ",
        (b"@", b'"@', b"[", b"(", b";", b"=", b"from ", b"\r\n "),
        (b"Received: ", b"\r\n"),
        size=SMALL,
    ),
    "domainkeys-sender": Parser(
        lambda octets: DomainKeysVerifier(Header.parse(octets)),
        b"Some Body <a@example.com>, ",
        (*FOLDS, b"a", b"a.", b"@", b"a@", b"@-", b"<", b"\xff", b'"'),
        (b"DomainKey-Signature: c=nofws; d=e.com; s=s; b=c2ln\r\nSender: ", b"\r\n"),
        size=SMALL,
    ),
    "verify": Parser(
        lambda octets: verify(octets, ZONE, now=0, limits=UNLIMITED),
        b"X: " + LINE,
        (*FOLDS, b"DKIM-Signature:\r\n", b"DKIM-Signature: v=1;b=;\r\n", b"From: @a.b\r\n"),
    ),
}


def made(parser: Parser, piece: bytes) -> bytes:
    before, behind = parser.around
    return before + (piece * (parser.size // len(piece))) + behind


def seconds(parser: Parser, octets: bytes, enough: float) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        with contextlib.suppress(SyntaxFault, ConfigError):
            parser.read(octets)
        best = min(best, time.process_time() - started)
        if best <= enough:
            break
    return best


@pytest.mark.parametrize("name", PARSERS)
def test_the_worst_megabyte_costs_little_more_than_a_harmless_one(name: str) -> None:
    parser = PARSERS[name]
    bound = max(seconds(parser, made(parser, parser.harmless), FLOOR), FLOOR) * SLOWER
    slow = {
        piece: taken
        for piece in parser.worst
        if (taken := seconds(parser, made(parser, piece), bound)) > bound
    }
    assert slow == {}
