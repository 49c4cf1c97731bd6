"""The rule for work that a stranger can cause, over pairs of inputs that meet each other.

At most 4 times the processor time of a harmless input of equal size and equal signatures,
sets and questions.  Both are measured in one process, each at its best of several times, so that
a busy machine slows both alike; what takes less than `FLOOR` is not compared.
"""

from __future__ import annotations

import io
import itertools
import re
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.crafting import SIGNED_AT, ZONE, craft
from tests.fuzz.policies import EVERYTHING

from avowal import seal, sign, verify, verify_chain
from avowal._fast import COMPILED
from avowal.authres import forged, read
from avowal.cli.sources import messages_in
from avowal.dns.chain import Chain
from avowal.dns.chain import read as read_reply
from avowal.dns.reply import DnsReply
from avowal.dns.wire import name_octets
from avowal.lists.author import Rewriting, restore
from avowal.lookup import run
from avowal.message import Header
from avowal.policy.engine import Engine
from avowal.policy.spf import SpfRequest, check_identity, macros
from avowal.policy.spf.record import read_record
from avowal.report.aggregate_reader import read_aggregate
from avowal.report.redaction import Redactor, redacted_header
from avowal.testing import ED25519, Zone, message

TIMES = 4
FLOOR = 0.010  # seconds; below it a ratio says nothing
TRIES = 4  # measurements before a pair counts as too dear
ROUNDS = 4
LONG_TIME = 1.0  # seconds in all after which a time is no longer a chance


class Pair(NamedTuple):
    """What is done with an input, the harmless one, and the worst that are known."""

    work: Callable[[bytes], object]
    harmless: bytes
    worst: Mapping[str, bytes]
    times: int = TIMES


def seconds(work: Callable[[bytes], object], octets: bytes, enough: float) -> float:
    best, spent = float("inf"), 0.0
    for _ in range(ROUNDS):
        started = time.process_time()
        work(octets)
        taken = time.process_time() - started
        best, spent = min(best, taken), spent + taken
        if best <= enough or spent > LONG_TIME:
            break
    return best


# -- record x envelope, macros ---------------------------------------------------------------------


def delimiters() -> Iterator[str]:
    sets = (itertools.combinations(".-+,/_=", size) for size in range(1, 8))
    return itertools.cycle(map("".join, itertools.chain.from_iterable(sets)))


def nine(terms: Iterator[str]) -> bytes:
    return ("v=spf1 " + " ".join(itertools.islice(terms, 9))).encode()


def distinct(macros_in_each: int) -> bytes:
    cuts = delimiters()
    return nine(
        "a:" + "".join(f"%{{l{n + 1}r{next(cuts)}}}" for n in range(macros_in_each)) + ".example"
        for _ in range(9)
    )


def spf(local_part: bytes) -> Callable[[bytes], object]:
    def check(record: bytes) -> None:
        zone = Zone(
            {"example.com": record, "*.example": {"A": ["192.0.2.9"], "TXT": ["%{l}" * 16]}}
        )
        request = SpfRequest(client=ip_address("192.0.2.1"), mail_from=local_part + b"@example.com")
        for _ in range(10):
            read_record.cache_clear()
            macros._macro.cache_clear()
            run(check_identity(request, explain=True), zone)

    return check


PLAIN_TERMS = nine(itertools.repeat("a:" + "label." * 85 + "example"))
TERMS = {
    "one-macro-repeated": nine(itertools.repeat("a:" + "%{l}" * 16 + "." + "a." * 190 + "example")),
    "too-many-macros": nine(itertools.repeat("a:" + "%{l}" * 130 + ".example")),
    "distinct-macros": distinct(16),
    "too-many-distinct-macros": distinct(60),
    "upper-case": nine(itertools.repeat("a:" + "%{L}" * 16 + "." + "a." * 190 + "example")),
    "domain-repeated": nine(
        itertools.repeat("a:" + "%{d}%{o}" * 8 + "." + "a." * 190 + "x.example")
    ),
    "explanation": PLAIN_TERMS[:-9] + b" exp=x.example -all",
}


# -- DNS reply x question --------------------------------------------------------------------------


ASKED = name_octets("example.com") or b""
LONG = b"\1a" * 126 + b"\0"
POINTER = b"\xc0\x0c"  # to the name of the question


def reply(name: bytes, rrtype: int, record: Callable[[int], bytes]) -> bytes:
    """A reply of 64 kB; a record is owner and RDATA, the type between them."""
    records: list[bytes] = []
    size = len(name) + 16
    while size < 65_000:
        records.append(record(len(records)))
        size += len(records[-1])
    header = struct.pack("!HHHHHH", 1, 0x8180, 1, len(records), 0, 0)
    return header + name + struct.pack("!HH", rrtype, 1) + b"".join(records)


def rr(owner: bytes, rrtype: int, rdata: bytes) -> bytes:
    return owner + struct.pack("!HHIH", rrtype, 1, 300, len(rdata)) + rdata


def take(octets: bytes) -> None:
    for name, rrtype in ((ASKED, 15), (LONG, 15), (LONG, 16), (LONG, 12)):
        found = read_reply(octets)
        if isinstance(found, DnsReply):
            Chain(name, rrtype).take(found, trusted=False)


def mx(number: int, target: int = 12) -> bytes:
    return rr(POINTER, 15, struct.pack("!HH", number & 0xFFFF, 0xC000 | target))


REPLIES = {
    "long-names": reply(LONG, 15, mx),
    "every-end-of-a-long-name": reply(LONG, 15, lambda n: mx(n, 12 + 2 * (n % 126))),
    "long-owners": reply(ASKED, 16, lambda n: rr(LONG, 16, b"\1x")),
    "long-names-written-out": reply(LONG, 12, lambda n: rr(POINTER, 12, LONG)),
    "many-tiny-records": reply(LONG, 16, lambda n: rr(POINTER, 16, b"\2" + struct.pack("!H", n))),
    "a-rare-type": reply(LONG, 33, lambda n: rr(POINTER, 33, bytes(6) + POINTER)),
}


# -- Authentication-Results x ids ------------------------------------------------------------------


IDS = {"mx.example.org", "bücher.example"}
SIZE = 64_000


def fields(beginning: bytes, piece: bytes = b"a=b ") -> bytes:
    value = beginning + piece * ((SIZE - len(beginning)) // len(piece))
    return (b"Authentication-Results: " + value + b"\r\n") * 15


def claims(octets: bytes) -> None:
    header = Header.parse(octets)
    forged(header, IDS)


REASON = b'reason="words and words, as some write them, up to the end of the line and beyond"'
HARMLESS_RESULTS = fields(
    b"mx.example.net; spf=pass " + b"(a comment) " * 120 + b"smtp.mailfrom=a.example",
    b";\r\n dkim=pass header.d=a.example " + REASON,
)
RESULTS = {
    "comments": fields(b"", b"()"),
    "comments-behind-the-id": fields(b"mx.example.net", b"()"),
    "comments-within-the-limit": fields(b"()" * 250 + b"mx.example.net "),
    "nested": fields(b"(" * 125 + b")" * 125 + b"x "),
    "never-closed": fields(b"", b"("),
    "long-comments": fields(b"", b"(" + b"a" * 250 + b")"),
    "ligatures": fields(b"x ", "ﷺ".encode()),
    "ligatures-within-the-limit": fields(b"x " + "ﷺ".encode() * 80),
    "ligatures-in-the-id": fields(b"", "ﷺ".encode()),
    "escapes": fields(b'"', b"\\a"),
    "encoded-words": fields(b"x ", b"=?utf-8?b?YQ==?="),
    "a-mention": fields(b"x mx.example.org; ", "ü a ".encode()),
    "near-mentions": fields(b"x ", b"xmx.example.org"),
    "a-long-id": fields(b"", b"a."),
}


# -- header x signing, body x signing, l= x signatures ---------------------------------------------


HEADER = b"From: a@example.com\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: "
MEGABYTE = 1_000_000
BODY = 3_000_000  # long enough for a time that says something


def signs(octets: bytes) -> None:
    for line_ends in ("wire", "stored"):
        sign(
            octets,
            domain="example.com",
            selector="s1",
            key=ED25519,
            now=SIGNED_AT,
            copy_fields=True,
            line_ends=line_ends,  # type: ignore[arg-type]
        )


def subject(piece: bytes) -> bytes:
    return HEADER + piece * (MEGABYTE // len(piece)) + b"x\r\n\r\nHi\r\n"


def body(piece: bytes) -> bytes:
    return HEADER + b"x\r\n\r\n" + piece * (BODY // len(piece))


def signed_to(lengths: Iterator[int]) -> bytes:
    octets = message(body="the quick brown fox jumps over the lazy dog\r\n" * 22_000)
    for _, length in zip(range(50), lengths, strict=False):
        octets = craft(octets, tags={"l": str(length)})
    return octets


# -- From x policy ---------------------------------------------------------------------------------


POLICIES = Zone({"*.example": {"TXT": ["v=DMARC1; p=reject"]}})


def policies(octets: bytes) -> None:
    run(Engine(Header.parse(octets), EVERYTHING).evaluate(), POLICIES)


def authors(piece: bytes, size: int = SIZE, among: int = 1) -> bytes:
    return (b"From: " + piece * (size // among // len(piece)) + b"\r\n") * among


MAILBOX = b"Joe <a@example.com>, "
CHINESE = "".join(chr(0x4E00 + n * 97 % 20_000) for n in range(313 * 7 + 60))
AUTHORS = {
    "signs": authors(b"@"),
    "signs-beyond-the-limit": authors(b"@", MEGABYTE),
    "dots-behind-domains": authors(b"a@b."),
    "routes": authors(b"<@a:"),
    "angles": authors(b"<"),
    "quotes": authors(b'"'),
    "escapes": authors(b"\\"),
    "no-names": authors("a@\ufdfa.example, ".encode()),
    "different-no-names": b"From: "
    + b"".join(f"a@\ufdfa{n}.example, ".encode() for n in range(SIZE // 22))
    + b"\r\n",
    "comments": authors(b"()"),
    "comments-never-closed": authors(b"("),
    "words": authors(b"a "),
    "commas": authors(b","),
    "groups": authors(b"a:;"),
    "literals": authors(b"a@[1],"),
    "short-addresses": authors(b"a@b.c, "),
    "nul": authors(b"a@b\0, "),
    "bare-breaks": authors(b"\r a@b"),
    "inner-fields": authors(b"\nFrom:a@b"),
    "encoded-words": authors(b"=?utf-8?q?a?= "),
    "ligatures": authors("ﷺ".encode()),
    "each-its-own-domain": b"From: " + b"".join(b"a@d%d.example, " % n for n in range(3500)),
    "many-fields": authors(b"a@b.example, ", among=1000),
    "labels-that-do-not-fit": b"From: "
    + b"".join(b"a@%s.example, " % bytes(CHINESE[n * 7 : n * 7 + 60], "utf-8") for n in range(313)),
}


def sets(beginning: bytes, piece: bytes) -> bytes:
    """Forty results of ARC sets, of 25 kB each."""
    field = b"ARC-Authentication-Results: " + beginning + piece * (25_000 // len(piece)) + b"\r\n"
    return field * 40 + b"From: a@b.example\r\n\r\n"


# -- signatures of a header ------------------------------------------------------------------------


def signatures(tags: bytes, count: int = 4000) -> bytes:
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.example; s=s; " + tags + b"\r\n"
    return b"".join([field % number for number in range(count)]) + message()


def judged(octets: bytes) -> None:
    verify(octets, ZONE, now=SIGNED_AT)
    verify_chain(octets, ZONE, now=SIGNED_AT)


def sealed(octets: bytes) -> None:
    where: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519}
    seal(octets, ZONE, authserv_id="mx.example.org", now=SIGNED_AT, **where)


HARMLESS_SIGNATURES = signatures(b"h=from:to; bh=YWFh; b=YWFh", 1000)
SIGNATURES = {
    "four-thousand": signatures(b"h=from; bh=YWFh; b=YWFh"),
    "cut-off": signatures(b"h"),
    "the-same-tag": signatures(b"x=1; x=1; h=from; bh=YWFh; b=YWFh", 1000),
    "many-names": signatures(b"h=" + b"a:" * 60 + b"from; bh=YWFh; b=YWFh", 1000),
    "many-tags": signatures(b"".join(b"x%d=;" % n for n in range(30)), 1000),
}


# -- mailbox files ---------------------------------------------------------------------------------


def mailbox(octets: bytes) -> None:
    """Take the messages out of a file and verify each."""
    file = io.BufferedReader(io.BytesIO(octets))  # type: ignore[arg-type]
    for _, chunks in messages_in(file, "file", lambda _: None):
        verify(b"".join(chunks), ZONE, now=SIGNED_AT)


SEPARATOR = b"From a@example.com Tue Nov 24 12:00:00 2026\n"
POST = b"From: a@example.com\nSubject: s\n\n"


def mbox(content: bytes, size: int = BODY) -> bytes:
    return SEPARATOR + POST + content * (size // len(content)) + b"\n"


MBOX_OF_MANY = (SEPARATOR + POST + b"a line\n\n") * 20_000
MANY = {
    "empty": SEPARATOR * 20_000,
    "no-header": (SEPARATOR + b"\n\n") * 20_000,
    "quoted": (SEPARATOR + POST + b">From \n\n") * 20_000,
    "wire": ((SEPARATOR + POST + b"a line\n\n") * 20_000).replace(b"\n", b"\r\n"),
}
LARGE = {
    "one-line": mbox(b"a"),
    "one-quoted-line": mbox(b">"),
    "quoted-lines": mbox(b">From here on there is more\n"),
    "deeply-quoted-lines": mbox(b">" * 70 + b"From \n"),
    "From-in-each-line": mbox(b"words From words and words\n"),
    "one-From-and-empty-lines": mbox(b"\n" * 250_000 + b" From \n"),
    "one-From-and-short-lines": mbox(b"a\n" * 125_000 + b" From \n"),
}


# -- lists: a post and what is changed in it -------------------------------------------------------


REWRITING = Rewriting(address=b"bees@lists.example", name="Bees")


def rewritten(octets: bytes) -> None:
    restore(REWRITING.apply(Header.parse(b"From: Alice <a@example.com>\r\n" + octets)))


def aside(times: int, count: int = 1) -> bytes:
    """Fields that were set aside so often."""
    return (b"X-Original-" * times + b"From: a@example.com\r\n") * count


# -- failure reports: a header and what is hidden of it --------------------------------------------


REDACTOR = Redactor(b"k" * 32)


def redacted(octets: bytes) -> None:
    for _ in range(5):
        redacted_header(Header.parse(octets), REDACTOR)


def of_fields(name: bytes, piece: bytes) -> bytes:
    return (name + b": " + piece * (5000 // len(piece)) + b"\r\n") * (MEGABYTE // 5000)


# -- aggregate reports: records that are not plain -------------------------------------------------


def report_of(record: bytes) -> bytes:
    return ABOUT + record * (100_000 // len(record)) + b"</feedback>"


ABOUT = (
    b"<feedback><report_metadata><org_name>x</org_name><email>a@b.example</email>"
    b"<report_id>1</report_id><date_range><begin>1700000000</begin><end>1700086400</end>"
    b"</date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p>"
    b"</policy_published>"
)


PAIRS: dict[str, Callable[[], Pair]] = {
    "records-x-broken-text": lambda: Pair(
        read_aggregate,
        report_of(b"<record><a/></record>"),
        {
            "references": report_of(b"<record>&#65;</record>"),
            "no-utf-8": report_of(b"<record>\xe9</record>"),
            "in-a-leaf": report_of(b"<record><x>a</record>").replace(b"<p>", b"<p>\xe9<p>"),
        },
    ),
    "header-x-redaction": lambda: Pair(
        redacted,
        of_fields(b"To", b"Bob Smith <bob@example.com>, "),
        {
            "signs": of_fields(b"To", b"a@"),
            "quoted": of_fields(b"To", b'"a"@'),
            "hosts": of_fields(b"Received", b"[a] "),
            "tags": of_fields(b"DKIM-Signature", b"s=a;"),
            "signs-in-a-tag": of_fields(b"DKIM-Signature", b"s=a@"),
        },
    ),
    "record-x-envelope": lambda: Pair(spf(b"joe"), PLAIN_TERMS, TERMS),
    "record-x-long-envelope": lambda: Pair(spf(b"a." * 150), PLAIN_TERMS, TERMS),
    "record-x-endless-envelope": lambda: Pair(spf(b"a." * 30_000), PLAIN_TERMS, TERMS),
    "reply-x-question": lambda: Pair(take, reply(ASKED, 15, mx), REPLIES),
    "results-x-ids": lambda: Pair(claims, HARMLESS_RESULTS, RESULTS),
    "results-read": lambda: Pair(
        lambda octets: read(Header.parse(octets), IDS),
        fields(b"mx.example.net; spf=pass", b";\r\n dkim=pass header.d=a.example"),
        RESULTS,
    ),
    "header-x-signing": lambda: Pair(
        signs,
        subject(b"words and more words\r\n "),
        {
            "beyond-ascii": subject(b"\xc3\xbc"),
            "to-be-encoded": subject(b";"),
            "bars": subject(b"|"),
            "blanks": subject(b" "),
            "folds": subject(b"\r\n "),
            "one-letter": subject(b"a"),
        },
    ),
    "body-x-signing": lambda: Pair(
        signs,
        body(b"the quick brown fox jumps over the lazy dog\r\n"),
        {
            "lf": body(b"\n"),
            "cr": body(b"\r"),
            "lf-and-letters": body(b"\na"),
            "cr-and-letters": body(b"\ra"),
            "cr-crlf": body(b"\r\r\n"),
            "blanks": body(b" "),
            "blank-lines": body(b" \r\n"),
            "beyond-ascii": body(b"\xff"),
        },
        TIMES if COMPILED else 3 * TIMES,
    ),
    "results-x-instance": lambda: Pair(
        lambda octets: verify_chain(octets, {}),
        sets(b"i=1; a.example; ", b"(a long remark and another long remark) "),
        {
            "comments": sets(b"", b"()"),
            "nested-comments": sets(b"", b"("),
            "folds": sets(b"", b"\r\n "),
            "comments-behind-the-mark": sets(b"i=", b"()"),
        },
    ),
    "from-x-policy": lambda: Pair(policies, authors(MAILBOX), AUTHORS),
    "signatures-x-verifying": lambda: Pair(judged, HARMLESS_SIGNATURES, SIGNATURES),
    "signatures-x-sealing": lambda: Pair(sealed, HARMLESS_SIGNATURES, SIGNATURES),
    "mailbox-of-many": lambda: Pair(mailbox, MBOX_OF_MANY, MANY),
    "mailbox-of-one": lambda: Pair(
        mailbox, mbox(b"the quick brown fox jumps over the lazy dog\n"), LARGE
    ),
    "names-x-rewriting": lambda: Pair(
        rewritten,
        aside(1, MEGABYTE // 32),
        {"one-name": aside(MEGABYTE // 11), "long-names": aside(1000, MEGABYTE // 11_000)},
    ),
    "lengths-x-signatures": lambda: Pair(
        lambda octets: verify(octets, ZONE, now=SIGNED_AT),
        signed_to(itertools.repeat(900_000)),
        {"each-its-own": signed_to(itertools.count(900_000))},
    ),
}


def test_every_pair_has_its_row_on_the_page() -> None:
    page = Path(__file__).parents[1] / "docs" / "reference" / "performance.md"
    table = page.read_text(encoding="utf-8").partition("| pair | harmless")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| ([a-z-]+) \|", table, re.MULTILINE)) == set(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_the_worst_pair_costs_at_most_four_times_a_harmless_one(name: str) -> None:
    pair = PAIRS[name]()
    slow = dict.fromkeys(pair.worst, 0.0)
    for _ in range(TRIES):  # a neighbour's load slows one half of a pair: look again
        harmless = seconds(pair.work, pair.harmless, 0)
        bound = max(harmless, FLOOR) * pair.times
        slow = {
            variant: round(taken / harmless, 1)
            for variant in slow
            if (taken := seconds(pair.work, pair.worst[variant], bound)) > bound
        }
        if not slow:
            break
    assert slow == {}
