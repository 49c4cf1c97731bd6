"""What Postfix and Sendmail make of modifications: the index facts, as measured."""

from __future__ import annotations

import pytest
from tests.mta.spool import POSTFIX, SENDMAIL, Flavour, Spool

from avowal.errors import PeerError
from avowal.milter import actions
from avowal.milter.packets import (
    AddHeader,
    ChangeHeader,
    HeaderField,
    InsertHeader,
    Modification,
    ReplaceBody,
)

BOTH = [pytest.param(POSTFIX, id="Postfix"), pytest.param(SENDMAIL, id="Sendmail")]
RECEIVED = HeaderField(b"Received", b" own")
FIELDS = (
    HeaderField(b"From", b" a"),
    HeaderField(b"X", b" 1"),
    HeaderField(b"Received", b" earlier"),
    HeaderField(b"X", b" 2"),
    HeaderField(b"X", b" 3"),
)


def left(flavour: Flavour, *modifications: Modification) -> list[bytes]:
    """Return the fields that leave."""
    spool = Spool(flavour=flavour, received=RECEIVED, fields=FIELDS, body=b"b\r\n")
    spool.apply(modifications)
    return list(spool.header)


UNTOUCHED = [b"Received: own", b"From: a", b"X: 1", b"Received: earlier", b"X: 2", b"X: 3"]
NEW = b"New: n"


def insert(index: int) -> InsertHeader:
    return InsertHeader(index, b"New", b" n")


@pytest.mark.parametrize("flavour", BOTH)
def test_nothing_asked_nothing_changed(flavour: Flavour) -> None:
    assert left(flavour) == UNTOUCHED


@pytest.mark.parametrize(
    ("flavour", "index", "place"),
    [
        pytest.param(POSTFIX, 0, 0, id="Postfix 0: above the own Received"),
        pytest.param(POSTFIX, 1, 1, id="Postfix 1: below it"),
        pytest.param(POSTFIX, 2, 2, id="Postfix 2: below the first field"),
        pytest.param(POSTFIX, 99, 6, id="Postfix 99: at the end"),
        pytest.param(SENDMAIL, 0, 0, id="Sendmail 0: above the own Received"),
        pytest.param(SENDMAIL, 1, 1, id="Sendmail 1: below it"),
        pytest.param(SENDMAIL, 3, 1, id="Sendmail 3: still below it"),
        pytest.param(SENDMAIL, 99, 6, id="Sendmail 99: at the end"),
    ],
)
def test_an_insertion_lands_where_it_was_measured(flavour: Flavour, index: int, place: int) -> None:
    assert left(flavour, insert(index)).index(NEW) == place


@pytest.mark.parametrize("flavour", BOTH)
def test_fields_on_top_stand_in_the_given_order_above_all(flavour: Flavour) -> None:
    header = left(flavour, *actions.on_top([b"A: 1", b"B: 2"]))
    assert header == [b"A: 1", b"B: 2", *UNTOUCHED]


@pytest.mark.parametrize(
    ("flavour", "place"),
    [
        pytest.param(POSTFIX, 6, id="Postfix: at the end"),
        pytest.param(SENDMAIL, 2, id="Sendmail: beside its namesake"),
    ],
)
def test_an_added_field_of_a_name_that_exists(flavour: Flavour, place: int) -> None:
    assert left(flavour, AddHeader(b"X", b" new")).index(b"X: new") == place


@pytest.mark.parametrize("flavour", BOTH)
@pytest.mark.parametrize(("index", "changed"), [(0, b"X: 1"), (1, b"X: 1"), (3, b"X: 3")])
def test_a_change_counts_the_fields_of_a_name_from_1(
    flavour: Flavour, index: int, changed: bytes
) -> None:
    expected = [b"X: new" if field == changed else field for field in UNTOUCHED]
    assert left(flavour, ChangeHeader(index, b"x", b" new")) == expected


@pytest.mark.parametrize("flavour", BOTH)
def test_the_own_received_does_not_count(flavour: Flavour) -> None:
    expected = [field for field in UNTOUCHED if field != b"Received: earlier"]
    assert left(flavour, *actions.delete(b"Received", [1])) == expected


@pytest.mark.parametrize("flavour", BOTH)
def test_the_own_received_counts_once_something_stands_above_it(flavour: Flavour) -> None:
    """Why `arrange` puts changes before insertions."""
    assert b"Received: own" not in left(flavour, insert(0), ChangeHeader(1, b"Received", b""))


@pytest.mark.parametrize("flavour", BOTH)
def test_arranged_deletions_hit_what_was_meant(flavour: Flavour) -> None:
    wanted = [*actions.on_top([NEW]), *reversed(actions.delete(b"X", [1, 2]))]
    header = left(flavour, *actions.arrange(wanted))
    assert header == [NEW, b"Received: own", b"From: a", b"Received: earlier", b"X: 3"]


def test_in_postfix_a_deletion_shifts_the_fields_below() -> None:
    header = left(POSTFIX, ChangeHeader(1, b"X", b""), ChangeHeader(2, b"X", b""))
    assert [field for field in header if field.startswith(b"X")] == [b"X: 2"]


@pytest.mark.parametrize(
    ("flavour", "place"),
    [pytest.param(POSTFIX, 6, id="Postfix"), pytest.param(SENDMAIL, 2, id="Sendmail")],
)
def test_a_change_beyond_the_last_adds(flavour: Flavour, place: int) -> None:
    assert left(flavour, ChangeHeader(9, b"X", b" new")).index(b"X: new") == place


@pytest.mark.parametrize("flavour", BOTH)
def test_a_deletion_beyond_the_last_is_nothing(flavour: Flavour) -> None:
    assert left(flavour, ChangeHeader(9, b"X", b"")) == UNTOUCHED


@pytest.mark.parametrize("flavour", BOTH)
def test_a_crlf_inside_a_value_leaves_spoilt(flavour: Flavour) -> None:
    """Why folds of fields we add are bare LF."""
    header = left(flavour, InsertHeader(0, b"X", b" a\r\n\tb"))
    assert header[0] == b"X: a\r\r\n\tb"


def test_postfix_wants_the_chunks_of_a_body_in_one_row() -> None:
    with pytest.raises(PeerError, match="mixed"):
        left(POSTFIX, ReplaceBody(b"1"), insert(0), ReplaceBody(b"2"))
    assert left(SENDMAIL, ReplaceBody(b"1"), insert(0), ReplaceBody(b"2"))


@pytest.mark.parametrize("flavour", BOTH)
def test_a_body_gets_its_final_line_end(flavour: Flavour) -> None:
    spool = Spool(flavour=flavour, received=RECEIVED, fields=(), body=b"old\r\n")
    spool.apply([ReplaceBody(b"new\r\n"), ReplaceBody(b"end")])
    assert spool.octets == b"Received: own\r\n\r\nnew\r\nend\r\n"
