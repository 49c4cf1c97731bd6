"""What stands beyond a limit of a header is counted, and its From fields are kept."""

from __future__ import annotations

import pytest

from avowal.mailbox import Authors, Problem
from avowal.message import Field, Header
from avowal.overflow import Beyond, Surplus

FROM = b"From: a@example.com"


def taken(*names: bytes, kept: tuple[bytes, ...] = ()) -> Beyond:
    surplus = Surplus("header_fields", kept, author_octets=9999, author_fields=9)
    for name in names:
        surplus.take(name, 20)
    return surplus.beyond(len(kept))


def test_all_fields_are_counted() -> None:
    assert taken(b"x-junk", b"", b"from", kept=(b"to",)).fields == 4


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        pytest.param(b"authentication-results", 1, id="results"),
        pytest.param(b"arc-seal", 1, id="seals"),
        pytest.param(b"dkim-signature", 1, id="signatures"),
        pytest.param(b"subject", 1, id="what-stands-within-the-limit-too"),
        pytest.param(b"x-junk", 0, id="nothing-else"),
        pytest.param(b"", 0, id="no-lines-that-are-no-fields"),
        pytest.param(b"from", 0, id="no-From-field-that-was-kept"),
    ],
)
def test_instances_are_counted_by_name(name: bytes, counted: int) -> None:
    assert taken(name, kept=(b"subject", b"")).count(name) == counted


def test_names_of_strangers_take_no_memory() -> None:
    beyond = taken(*(b"x-%d" % number for number in range(10_000)))
    assert dict(beyond.counts) == {}


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"author_octets": 50, "author_fields": 9}, id="octets"),
        pytest.param({"author_octets": 9999, "author_fields": 2}, id="fields"),
    ],
)
def test_from_fields_are_kept_up_to_a_limit(limits: dict[str, int]) -> None:
    surplus = Surplus("header_octets", (), **limits)
    assert [surplus.take(b"from", 20) for _ in range(3)] == [True, True, False]
    assert not surplus.take(b"from", 1)
    beyond = surplus.beyond(0)
    assert (beyond.count(b"from"), beyond.authors_dropped) == (2, True)


def test_authors_that_were_dropped_leave_the_rest_incomplete() -> None:
    beyond = Beyond(limit="header_fields", fields=9, counts={b"from": 1}, authors_dropped=True)
    authors = Authors.of(Header.of([Field.of(FROM)], beyond=beyond))
    assert Problem.TOO_MANY in authors.problems
    assert not authors.complete


def test_authors_that_were_all_kept_are_complete() -> None:
    beyond = Beyond(limit="header_fields", fields=9, counts={})
    assert Authors.of(Header.of([Field.of(FROM)], beyond=beyond)).complete
