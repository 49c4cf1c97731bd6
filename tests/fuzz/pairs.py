"""The target for work: over inputs that meet each other it grows no faster than they do.

A piece is repeated to one size and to four times that size, and the calls that the interpreter
makes are counted: a number, not a time.  What is told of real seconds stands in
tests/test_worst_pairs.py.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

from tests.fuzz.claims import IDS
from tests.fuzz.policies import EVERYTHING
from tests.fuzz.targets import CUT, ED25519, KEYS, NOW, Says, expect, parts

from avowal import verify, verify_chain
from avowal.authres import forged, read
from avowal.calls.sign import sign
from avowal.cli import sources
from avowal.dkim.intent import Intent
from avowal.dns.chain import Chain
from avowal.dns.chain import read as read_reply
from avowal.dns.reply import DnsReply
from avowal.dns.wire import name_octets
from avowal.errors import UsageError
from avowal.lookup import Answer, run
from avowal.message import Header
from avowal.policy.engine import Engine
from avowal.policy.evidence import candidates
from avowal.policy.spf import SpfRequest, check_identity
from avowal.testing import record_for

SMALL = 2_000  # octets of repetitions
TIMES = 4
SLACK = 1.5  # what short inputs leave out
FREE = (
    40 * SMALL * TIMES
)  # calls that nobody asks about: beyond a limit more is done for each octet
ASKED = name_octets("example.com") or b""
INTENT = Intent(domain="example.com", selector="e", key=KEYS["e"], copy_fields=True)
CLIENT = ip_address("192.0.2.1")


def pairs(octets: bytes) -> None:
    """Octet 0: the pair.  What stands before, cut, the piece to be repeated."""
    (first,), before, piece = parts(octets, 1)
    if not piece:
        return
    work = WORKS[first % len(WORKS)]
    _calls(work, before, b"")  # what is remembered is remembered
    few, many = (
        _calls(work, before, piece * max(1, size // len(piece))) for size in (SMALL, SMALL * TIMES)
    )
    name = work.__name__
    expect(many <= SLACK * TIMES * few + FREE, f"{name}: {few} calls become {many}")


def _calls(work: Callable[[bytes, bytes], object], before: bytes, repeated: bytes) -> int:
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    old = sys.getprofile()
    sys.setprofile(called)
    try:
        with suppress(UsageError):  # what cannot be signed
            work(before, repeated)
    finally:
        sys.setprofile(old)
    return count


def record_and_envelope(before: bytes, repeated: bytes) -> None:
    request = SpfRequest(client=CLIENT, mail_from=before[:100] + b"@example.com")
    record = b"v=spf1 " + before[100:] + repeated
    run(check_identity(request, explain=True), Says(Answer.found(record)))


def envelope_and_record(before: bytes, repeated: bytes) -> None:
    request = SpfRequest(client=CLIENT, mail_from=repeated + b"@example.com")
    run(check_identity(request, explain=True), Says(Answer.found(b"v=spf1 " + before)))


def reply_and_question(before: bytes, repeated: bytes) -> None:
    count = min(0xFFFF, repeated.count(b"\xc0\x0c"))
    head = struct.pack("!HHHHHH", 1, 0x8180, 1, count, 0, 0)
    found = read_reply(head + ASKED + struct.pack("!HH", 15, 1) + before + repeated)
    if isinstance(found, DnsReply):
        for rrtype in (15, 16, 12):
            Chain(ASKED, rrtype).take(found, trusted=False)


def results_and_ids(before: bytes, repeated: bytes) -> None:
    header = Header.parse(b"Authentication-Results:" + before + repeated + b"\r\n")
    forged(header, IDS)
    read(header, trusted=IDS, own_hops=1)


def authors_and_policies(before: bytes, repeated: bytes) -> None:
    header = Header.parse(b"From:" + before + repeated + b"\r\n")
    passing = [replace(signature, result="pass") for signature in candidates(header)]
    found = Engine(header, EVERYTHING).evaluate(passing)
    "".join(map(str, run(found, Says(Answer.found(b"v=DMARC1; p=reject"))).trace))


def header_and_signing(before: bytes, repeated: bytes) -> None:
    header = b"From: a@example.com\r\nSubject: " + before + repeated
    sign(header + b"\r\n\r\n", INTENT, now=NOW, accept_malformed=True)


def body_and_signing(before: bytes, repeated: bytes) -> None:
    for line_ends in ("wire", "stored"):
        sign(
            b"From: a@example.com\r\n\r\n" + before + repeated,
            INTENT,
            now=NOW,
            line_ends=line_ends,  # type: ignore[arg-type]
        )


def header_and_verifying(before: bytes, repeated: bytes) -> None:
    key = Says(Answer.found(record_for(ED25519).encode()))
    octets = before + repeated + b"From: a@example.com\r\n\r\nHi\r\n"
    verify(octets, key, now=NOW)
    verify_chain(octets, key, now=NOW)


def mailbox_file(before: bytes, repeated: bytes) -> None:
    file = io.BytesIO(b"From " + before + repeated)
    for _, chunks in sources.messages_in(file, "file", range):  # type: ignore[arg-type]
        for _ in chunks:
            pass


WORKS = (
    record_and_envelope,
    envelope_and_record,
    reply_and_question,
    results_and_ids,
    authors_and_policies,
    header_and_signing,
    body_and_signing,
    header_and_verifying,
    mailbox_file,
)
PIECES: tuple[tuple[bytes, ...], ...] = (
    (b"a:%{l}%{d}.example ", b"include:%{l1r-}.x ", b"ip4:192.0.2.0/24 ", b"x=%{s}"),
    (b"a.", b'"', b"%", b"-=+"),
    (b"\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\4\0\1\xc0\x0c", b"\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\2\1x"),
    (b"()", b"x ", "ﷺ".encode(), b";\r\n dkim=pass header.d=a.example", b"=?utf-8?b?YQ==?="),
    (b"@", b"<a@b.example>, ", b"(", b"=?utf-8?q?a?= ", b"\r\n ", b"a@b.c, "),
    (b"words \r\n ", b"\xc3\xbc", b";", b"|", b"\r\n ", b"a"),
    (b"the quick brown fox\r\n", b"\r", b"\n", b" ", b" \r\n", b"\xff"),
    (b"DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=e; h=from; bh=eA==; b=eA==\r\n",
     b"ARC-Seal: i=1; cv=none; a=ed25519-sha256; d=e.example; s=e; b=eA==\r\n", b"X:\r\n", b"a:a:"),
    (b"\nFrom ", b"\n\nFrom \n", b"\n>From ", b"a", b"\n"),
)  # fmt: skip
BEFORE = (b"", b" mx.example.org; a:%{l}.example ")


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    for number, pieces in enumerate(PIECES):
        for piece in pieces:
            for before in BEFORE:
                yield bytes((number,)) + before + CUT + piece


TARGETS: dict[str, Callable[[bytes], None]] = {"pairs": pairs}
