"""What is asked of the MTA: the order, the limits, and what is never asked."""

from __future__ import annotations

import pytest

from avowal.errors import UsageError
from avowal.milter import actions
from avowal.milter.packets import (
    AddHeader,
    ChangeHeader,
    ChangeSender,
    InsertHeader,
    Modification,
    Quarantine,
    ReplaceBody,
)


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        pytest.param(b"X: v", b"X", b" v", id="a space"),
        pytest.param(b"X:v", b"X", b"v", id="no space"),
        pytest.param(b"X: a\r\n\tb\r\n", b"X", b" a\n\tb", id="CRLF folds leave as LF"),
        pytest.param(b"X: a\n b", b"X", b" a\n b", id="LF folds stay"),
        pytest.param(b"X: \xc3\xa9", b"X", b" \xc3\xa9", id="8-bit octets pass"),
        pytest.param(b"X:" + b"a" * 996, b"X", b"a" * 996, id="a line of 998 octets"),
    ],
)
def test_a_field_becomes_name_and_value(field: bytes, name: bytes, value: bytes) -> None:
    assert actions.parts(field) == (name, value)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"no field", id="no colon"),
        pytest.param(b": v", id="no name"),
        pytest.param(b"X : v", id="a space in the name"),
        pytest.param(b"X\xc3\xa9: v", id="8-bit name"),
        pytest.param(b"X: a\0b", id="NUL"),
        pytest.param(b"X: a\rb", id="bare CR"),
        pytest.param(b"X: a\nEvil: b", id="another field"),
        pytest.param(b"X: a\r\n\r\nbody", id="an end of the header"),
        pytest.param(b"X: a\n \n b", id="a blank line in a fold"),
        pytest.param(b"X: a\n \t", id="a blank line at the end"),
        pytest.param(b"X:" + b"a" * 997, id="a line of 999 octets"),
        pytest.param(b"X: a\n " + b"a" * 998, id="a folded line of 999 octets"),
        pytest.param(b"X:" + b"\n aaaaaaaaa" * 6000, id="more than an MTA takes"),
    ],
)
def test_what_an_mta_would_garble_is_refused(field: bytes) -> None:
    with pytest.raises(UsageError):
        actions.parts(field)


def test_fields_on_top_read_in_the_given_order() -> None:
    """Each insertion at 0 pushes the one before down."""
    assert actions.on_top([b"A: 1", b"B: 2"]) == (
        InsertHeader(0, b"B", b" 2"),
        InsertHeader(0, b"A", b" 1"),
    )


def test_fields_are_deleted_from_the_highest_index_down() -> None:
    assert actions.delete(b"X", [1, 3, 3]) == (
        ChangeHeader(3, b"X", b""),
        ChangeHeader(1, b"X", b""),
    )


def test_changes_go_before_insertions_and_quarantine_last() -> None:
    """An insertion makes the MTA's own Received count in the indices of changes."""
    wanted: list[Modification] = [
        Quarantine(b"why"),
        ReplaceBody(b"1"),
        InsertHeader(0, b"A", b" 1"),
        ChangeHeader(1, b"X", b""),
        ReplaceBody(b"2"),
        InsertHeader(0, b"B", b" 2"),
        AddHeader(b"C", b" 3"),
        ChangeSender(b"<>"),
        ChangeHeader(2, b"X", b""),
    ]
    assert actions.arrange(wanted) == [
        ChangeHeader(2, b"X", b""),
        ChangeHeader(1, b"X", b""),
        AddHeader(b"C", b" 3"),
        InsertHeader(0, b"A", b" 1"),
        InsertHeader(0, b"B", b" 2"),
        ChangeSender(b"<>"),
        ReplaceBody(b"1"),
        ReplaceBody(b"2"),
        Quarantine(b"why"),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [((1, b"X"), (1, b"x")), ((0, b"X"), (1, b"X"))],
    ids=["the same but for case", "0 means 1"],
)
def test_one_field_cannot_be_changed_twice(
    first: tuple[int, bytes], second: tuple[int, bytes]
) -> None:
    with pytest.raises(UsageError, match="two changes"):
        actions.arrange([ChangeHeader(*first, b""), ChangeHeader(*second, b"v")])


@pytest.mark.parametrize("index", [0, -1])
def test_fields_are_counted_from_1(index: int) -> None:
    with pytest.raises(UsageError, match="counted from 1"):
        actions.delete(b"X", [index])


def test_a_field_is_given_another_value() -> None:
    assert actions.replace_field(2, b"X: new") == ChangeHeader(2, b"X", b" new")


@pytest.mark.parametrize("field", [b"X:", b"X: ", b"X:\t"])
def test_an_empty_value_would_delete_and_is_refused(field: bytes) -> None:
    with pytest.raises(UsageError, match="delete"):
        actions.replace_field(1, field)


def test_a_name_that_is_none_cannot_be_deleted() -> None:
    with pytest.raises(UsageError, match="not the name"):
        actions.delete(b"X:", [1])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param((550, "5.7.20", "no signature"), b"550 5.7.20 no signature", id="a line"),
        pytest.param((451, None, "later"), b"451 later", id="no enhanced code"),
        pytest.param((550, "5.7.1", "100% bad"), b"550 5.7.1 100%% bad", id="percent is doubled"),
        pytest.param(
            (550, "5.7.1", "a\nb"), b"550-5.7.1 a\r\n550 5.7.1 b", id="two lines, each with codes"
        ),
        pytest.param((550, None, "a\r\n250 ok"), b"550-a\r\n550 250 ok", id="no line of its own"),
        pytest.param((550, None, "tab\tnul\0 \x7f."), b"550 tab nul   .", id="controls"),
        pytest.param((550, None, "caf\xe9"), b"550 caf?", id="what is not ASCII"),
        pytest.param((550, None, "\n \n"), b"550 refused", id="nothing to say"),
    ],
)
def test_a_reply_is_safe_to_hand_to_an_mta(
    arguments: tuple[int, str | None, str], text: bytes
) -> None:
    assert actions.reply_code(*arguments).text == text


def test_a_long_reply_is_cut_to_what_libmilter_takes() -> None:
    reply = actions.reply_code(550, "5.7.1", "\n".join(["x" * 5000] * 100)).text
    lines = reply.split(b"\r\n")
    assert len(lines) == 32
    assert max(map(len, lines)) <= 984


@pytest.mark.parametrize(
    ("code", "enhanced"),
    [(250, None), (600, None), (550, "4.7.1"), (451, "5.7.1"), (550, "5.7"), (550, "x")],
)
def test_a_code_that_an_mta_would_not_take_is_refused(code: int, enhanced: str | None) -> None:
    with pytest.raises(UsageError):
        actions.reply_code(code, enhanced, "text")


def test_a_quarantine_says_why_in_plain_ascii() -> None:
    assert actions.quarantine("d\xe9j\xe0\r\nvu").reason == b"d?j?  vu"
    with pytest.raises(UsageError, match="reason"):
        actions.quarantine(" \n")


def test_every_modification_names_the_action_it_needs() -> None:
    assert set(actions.NEEDED) == set(actions._CLASSES)
