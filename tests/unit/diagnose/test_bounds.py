"""How far a search goes: beyond each bound nothing is tried, and nothing is called proven."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import avowal
from avowal.crypto.algorithms import ALGORITHMS
from avowal.diagnose import surroundings
from avowal.diagnose.address_words import MOST_ADDRESSES, split_addresses
from avowal.diagnose.body_matcher import Block, BodyMatcher
from avowal.diagnose.budget import Budget, Effort
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation, KeyState
from avowal.diagnose.field_mime import content_types
from avowal.diagnose.field_subject import subjects, tokens
from avowal.diagnose.keys_at_hand import KeyAtHand
from avowal.diagnose.mime_lines import delimiters, segments
from avowal.diagnose.quoted_writers import WRITERS, rewritten
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.key import KeyRecord
from avowal.dkim.signature import Signature
from avowal.message import Field, Header, Message
from avowal.names import DomainName, Selector
from avowal.testing import RSA_1024, RSA_2048, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_2048)}


def signed(octets: bytes) -> bytes:
    return avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets


def explained(octets: bytes) -> Explanation:
    (one,) = explain(Message.parse(octets), avowal.verify(octets, ZONE))
    return one


def multipart(count: int, *, footers: int) -> bytes:
    parts = "".join(f"--b\r\n\r\npart {n}\r\n" for n in range(count))
    octets = signed(message(parts + "--b--\r\n", content_type="multipart/mixed; boundary=b"))
    more = b"".join(b"--b\r\n\r\nfooter %d\r\n" % n for n in range(footers))
    return octets.replace(b"--b--\r\n", more + b"--b--\r\n")


def test_an_address_list_is_taken_apart_so_far() -> None:
    assert len(split_addresses(b"a@example.com," * 500)) == MOST_ADDRESSES
    assert split_addresses(b"x" * (1 << 20)) == [b"x" * (64 << 10)]


def test_so_many_added_parts_are_taken_off() -> None:
    assert explained(multipart(2, footers=6)).explained
    assert not explained(multipart(2, footers=7)).explained


def test_so_many_parts_are_looked_at() -> None:
    lines = [b"--b", b"", b"x"] * 500
    assert len(delimiters(lines, b"b")[0]) == 100


def test_multiparts_are_followed_so_deep() -> None:
    lines: list[bytes] = [b"deep"]
    for depth in range(9):
        kind = b"Content-Type: multipart/mixed; boundary=b%d" % depth
        lines = [b"--b%d" % (depth + 1), kind, b"", *lines, b"--b%d--" % (depth + 1)]
    leaf = [one for one in segments(lines, b"b9") if one.is_leaf]
    assert len(leaf) == 1
    assert len(leaf[0].lines) > 3


def test_so_many_lines_before_a_body_are_a_banner() -> None:
    octets = signed(message("Dear all,\r\n"))
    assert explained(octets.replace(b"Dear", b"new\r\n" * 24 + b"Dear")).explained
    assert not explained(octets.replace(b"Dear", b"new\r\n" * 25 + b"Dear")).explained


def test_a_subject_is_taken_apart_so_far() -> None:
    begins, rest = tokens(b"Re: " * 20 + b"Lunch")
    assert (len(begins), rest.count(b"Re:")) == (12, 8)
    removed = {value.octets for value in subjects(b"Subject: [a] [b] [c] [d] x", None)}
    assert b"[a] [b] [d] x" in removed
    assert b"[a] [b] [c] x" not in removed
    folded = b"Subject: " + b"\r\n ".join([b"word"] * 6)
    assert not any(value.step == "refolded" for value in subjects(folded, None))


def test_parameters_are_put_in_order_so_far() -> None:
    def orders(count: int) -> int:
        names = "; ".join(f"p{n}=v" for n in range(count))
        raw = f"Content-Type: multipart/mixed; boundary=b; {names}".encode()
        return sum(value.bits == 6 for value in content_types(raw, None))

    assert orders(3) > 20
    assert orders(6) < 5


def test_so_many_keys_are_tried() -> None:
    octets = signed(message("Hello\r\n"))
    algorithm = ALGORITHMS["rsa-sha256"]
    wrong, right = (
        KeyAtHand(KeyRecord.parse(record_for(key).encode()).public_key(algorithm), "archive")
        for key in (RSA_1024, RSA_2048)
    )

    def after(count: int) -> KeyState:
        def retired(domain: DomainName, selector: Selector) -> Sequence[KeyAtHand]:
            return (*[wrong] * count, right)

        (one,) = explain(Message.parse(octets), avowal.verify(octets, {}), retired=retired)
        return one.key

    assert (after(15), after(16)) == (KeyState.PROVEN, KeyState.LENGTH)


def test_so_much_of_other_messages_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_MOST_MESSAGES", 1)
    monkeypatch.setattr(surroundings, "_MOST_COPIES", 3)
    around = Surroundings()
    header = Message.parse(message()).header
    around.take(header, copies=True)
    around.take(Header.of([Field.of(b"Subject: other")]), copies=True)
    assert around.messages == 1
    names = (b"from", b"to", b"cc", b"subject", b"date")
    assert sum(len(list(around.copies(header, name))) for name in names) == 3


def threads_of(references: int, addresses: int) -> Surroundings:
    ids = b"".join(b" <%d>" % number for number in range(references))
    people = b", ".join(b"a%d@b.example" % number for number in range(addresses))
    around = Surroundings()
    around.take(Header.of([Field.of(b"References:" + ids), Field.of(b"Cc: " + people)]))
    return around


def test_so_many_messages_of_a_thread_are_looked_at_the_nearest_first() -> None:
    around = threads_of(1000, 1)
    assert set(around.threads) == {b"<%d>" % number for number in range(900, 1000)}


def test_so_many_addresses_are_kept_under_message_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_MOST_IN_THREADS", 10)
    assert sum(map(len, threads_of(100, 3).threads.values())) == 12


def matcher(text: bytes, **effort: int) -> BodyMatcher:
    field = Message.parse(signed(text)).header[0]
    return BodyMatcher(Signature.parse(field), Budget(Effort(**effort)))


def test_so_many_hashes_of_beginnings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avowal.diagnose.body_matcher._MOST_STATES", 1)
    body = matcher(message("one\r\ntwo\r\nthree\r\n"))
    blocks = [Block((line,)) for line in (b"one", b"two", b"three")]
    assert body.whole(blocks)
    assert body.whole(blocks)


def test_so_many_octets_are_hashed() -> None:
    body = matcher(message("one\r\n"), octets=3)
    assert not body.whole((Block((b"one",)),))  # its line end counts
    assert body.budget.met == ("octets",)


def test_so_many_spellings_are_tried() -> None:
    text = [b"=" * 40 + b"x" * n + b" .From" for n in range(60, 90)]
    body = matcher(message("other\r\n"), spellings=2)
    assert rewritten(body, (), text) is None
    assert body.budget.met == ("spellings",)
    assert len(WRITERS) > 500


def test_breaking_a_long_line_is_paid_for_by_each_writer() -> None:
    line = b"\xc3\xa9" * 5000
    body = matcher(message("other\r\n"))
    assert rewritten(body, (), [line], usual=True) is None
    written = sum(len(b"".join(writer.lines(line))) for writer in WRITERS[:16])
    assert body.budget.octets > 2 * written


def test_each_block_is_paid_for_however_short() -> None:
    body = matcher(message("other\r\n"), octets=1 << 20)
    assert not body.whole([Block((b"",)) for _ in range(1100)])
    assert body.budget.met == ("octets",)


def test_a_long_message_is_explained_no_further_than_its_bounds() -> None:
    octets = multipart(30, footers=9)
    octets = octets.replace(b"part 1\r\n", b"part 1 \xc3\xa4 =\r\n" * 3500)
    assert not explained(octets).explained
